"""Site percolation on the square lattice: a sweep whose answer is known.

Open every site of a large square lattice with probability p. Below the threshold p_c = 0.592746 no cluster of
neighbouring open sites reaches from the top to the bottom, above it one almost surely does, and exactly at p_c that
happens on every second lattice (R. M. Ziff, "Spanning probability in 2D percolation", Phys. Rev. Lett. 69, 2670, 1992).
On a lattice of finite side L the step from 0 to 1 is smooth, and about L ** (-3/4) wide.

The sweep runs percolate.py at several p, with several replicas of its own seed each. Then this program prints a table,
draws a picture, and compares the table with theory.

Exit status: 0 if theory agrees with the table, 1 if it does not or if a run failed, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.bar import Bar
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from multirun import Estimate, Group, ParallelLocalRunner, ParamMap, multirun

PROGRAM = Path(__file__).resolve().with_name("percolate.py")

P_C = 0.592746
PROBABILITIES = (0.5, 0.52, 0.54, 0.55, 0.56, 0.57, 0.58, P_C, 0.6, 0.61, 0.62, 0.63, 0.64, 0.66, 0.68, 0.7)


@dataclass(frozen=True)
class Point:
    """What all replicas at one probability say together."""

    p: float
    spanning: Estimate
    largest_cluster: Estimate


@dataclass(frozen=True)
class Finding:
    """One comparison with theory, in words."""

    agrees: bool
    sentence: str


def parameter_maps(arguments: argparse.Namespace) -> list[ParamMap]:
    """One map for each replica at each p. Everything random about a run follows from the seed in its map."""
    replicas = [(p, replica) for p in PROBABILITIES for replica in range(arguments.replicas)]
    seeds = np.random.SeedSequence(arguments.seed).generate_state(len(replicas))
    size = {"side": arguments.side, "lattices": arguments.lattices}
    return [
        {"p": p, "replica": replica, "seed": int(seed), **size}
        for (p, replica), seed in zip(replicas, seeds, strict=True)
    ]


def estimate_fraction(successes: float, trials: int) -> Estimate:
    """Estimate a probability from independent trials.

    The error is the standard deviation of the Beta distribution behind Laplace's rule of succession. For many trials
    that is the binomial standard error, but it is not 0 where all trials agree.
    """
    guess = (successes + 1) / (trials + 2)
    return Estimate(successes / trials, math.sqrt(guess * (1 - guess) / (trials + 3)), trials)


def estimate_point(group: Group, lattices: int) -> Point:
    """Put the replicas at one probability together; each is the mean over as many lattices."""
    trials = len(group.runs) * lattices
    return Point(
        group.params["p"],
        spanning=estimate_fraction(group["spanning"].mean * trials, trials),
        largest_cluster=group["largest_cluster"],
    )


def compare_with_theory(points: Sequence[Point], side: int) -> list[Finding]:
    """Hold the spanning probability against 0 below the transition, 1/2 at p_c, and 1 above the transition."""
    half_width = 1.2 * side**-0.75
    below = [point for point in points if point.p < P_C - half_width]
    above = [point for point in points if point.p > P_C + half_width]
    highest = max(point.spanning.mean for point in below)
    lowest = min(point.spanning.mean for point in above)
    middle = next(point.spanning for point in points if point.p == P_C)
    allowed = 4 * middle.error + 1 / side  # for chance, and for the lattice being finite
    return [
        Finding(highest < 0.1, f"near 0 below the transition: at most {highest:.3f} for p ≤ {below[-1].p:.2f}"),
        Finding(abs(middle.mean - 0.5) < allowed, f"1/2 at p_c: {middle:.3f}"),
        Finding(lowest > 0.9, f"near 1 above the transition: at least {lowest:.3f} for p ≥ {above[0].p:.2f}"),
    ]


def table_of(points: Sequence[Point]) -> Table:
    """Both quantities with their standard errors: a row for each p, the one at p_c in bold."""
    table = Table("p", "spanning", "", "largest cluster", box=SIMPLE_HEAD)
    for point in points:
        critical = point.p == P_C
        table.add_row(
            f"{point.p} = p_c" if critical else f"{point.p:.2f}",
            f"{point.spanning:.3f}",
            Bar(1, 0, point.spanning.mean, width=24, color="cyan"),
            f"{point.largest_cluster:.4f}",
            style="bold" if critical else "",
        )
    return table


def draw(points: Sequence[Point], title: str, path: Path) -> None:
    """Draw both quantities over p, with their standard errors, as a PNG file."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    p = [point.p for point in points]
    for label, color, estimates in (
        ("spanning probability", "tab:blue", [point.spanning for point in points]),
        ("sites in the largest cluster", "tab:orange", [point.largest_cluster for point in points]),
    ):
        means, errors = [estimate.mean for estimate in estimates], [estimate.error for estimate in estimates]
        axes.errorbar(p, means, errors, label=label, color=color, marker="o", markersize=3, capsize=3, linewidth=1)
    axes.axvline(P_C, color="gray", linestyle="--", linewidth=1, label=f"$p_c$ = {P_C}")
    axes.axhline(0.5, color="lightgray", linewidth=0.8, zorder=0)
    axes.set(title=title, xlabel="probability $p$ that a site is open", ylabel="fraction ± standard error")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, help="new directory for the sweep (default: one named after the time)")
    parser.add_argument("--side", type=int, default=128, help="sites along one side of a lattice (default: 128)")
    parser.add_argument("--lattices", type=int, default=150, help="lattices per run (default: 150)")
    parser.add_argument("--replicas", type=int, default=6, help="runs per probability (default: 6)")
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1, help="runs at once (default: all cores)")
    parser.add_argument("--seed", type=int, default=1957, help="what all seeds are derived from (default: 1957)")
    arguments = parser.parse_args()
    if arguments.side < 32 or arguments.lattices < 10 or arguments.replicas < 2:
        parser.error("the comparison with theory needs --side 32, --lattices 10, --replicas 2, or more")
    return arguments


def main() -> int:
    """Sweep, report, compare; the exit status."""
    arguments = parse_arguments()
    try:
        sweep = multirun(
            runs=parameter_maps(arguments),
            cmd=[sys.executable, PROGRAM.name],
            input_files=[PROGRAM],
            required_results=["spanning", "largest_cluster"],
            output_path=arguments.output,
            runner=ParallelLocalRunner(max_parallel=arguments.parallel),
        )
    except KeyboardInterrupt as interruption:
        print(interruption, file=sys.stderr)
        return 130
    if sweep.failed:
        print(f"{len(sweep.failed)} runs failed, so there is no table; to see why: multirun status {sweep.path}")
        return 1

    points = [estimate_point(group, arguments.lattices) for group in sweep.mean_by("p")]
    size = f"{arguments.side} x {arguments.side} sites, {arguments.replicas} replicas of {arguments.lattices} lattices"
    console = Console(highlight=False)
    console.print(f"\n[bold]Site percolation[/], {size}")
    console.print(table_of(points))

    findings = compare_with_theory(points, arguments.side)
    console.print("What theory says about the spanning probability, and what was found:")
    for finding in findings:
        console.print("  [green]✓[/]" if finding.agrees else "  [red]✗[/]", finding.sentence)

    picture = sweep.path / "percolation.png"
    draw(points, f"Site percolation, {size}", picture)
    print(f"\nPicture: {picture}\nNumbers: {sweep.path / 'results.csv'}")
    return 0 if all(finding.agrees for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
