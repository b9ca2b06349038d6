#!/usr/bin/env python3
"""Measure multirun against the C floor and print Markdown tables. `make bench` calls this.

    run.py [-n N] [--rounds R] [--files] [--scratch DIR] [--keep]

Floor and multirun take turns, and every measurement of multirun is divided by the mean of the two
floors around it. All directories stay until the very end: on ext4 a deletion between rounds would
slow the file creations of the next minutes (README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
MEASUREMENT_DEADLINE_S = 900
QUIET_SPREAD = 1.2
Record = dict[str, float]


class Case(NamedTuple):
    """One sweep to measure."""

    label: str
    command: tuple[str, ...]
    n: int
    p: int
    files: bool = False


class Pair(NamedTuple):
    """A measurement of multirun and the mean of the floors directly before and after it."""

    floor: Record
    ours: Record

    def ratio(self, key: str) -> float:
        """multirun divided by the floor."""
        return self.ours[key] / self.floor[key]


class Bench:
    """Starts measurements, each in a directory of its own below the scratch directory."""

    def __init__(self, scratch: Path, floor: Path) -> None:
        self.scratch, self.floor_program = scratch, floor
        self.log = scratch / "measurements.jsonl"
        self.count = 0

    def floor(self, case: Case) -> Record:
        """Measure the C program."""
        mode = "files" if case.files else "full"
        words = [str(self.floor_program), str(case.n), str(case.p), str(self._root()), mode]
        return self._measure([*words, *absolute(case.command)])

    def ours(self, case: Case) -> Record:
        """Measure multirun in a fresh interpreter."""
        words = [
            sys.executable,
            "-m",
            "benchmarks.sweep",
            str(self._root()),
            "-n",
            str(case.n),
            "-p",
            str(case.p),
        ]
        return self._measure([*words, *(["--files"] if case.files else []), "--", *case.command])

    def _root(self) -> Path:
        self.count += 1
        root = self.scratch / f"{self.count:03d}"
        root.mkdir()
        return root

    def _measure(self, words: Sequence[str]) -> Record:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPATH"] = str(HERE.parent)
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=environment, timeout=MEASUREMENT_DEADLINE_S
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
        text = done.stdout.splitlines()[-1]
        with self.log.open("a") as log:
            log.write(text + "\n")
        record: Record = json.loads(text)
        return record


def absolute(command: Sequence[str]) -> list[str]:
    """The command with its program as a path: the floor does not search."""
    return [shutil.which(command[0]) or command[0], *command[1:]]


def mean(before: Record, after: Record) -> Record:
    """The floor that stands between two measurements of it."""
    keys = ("runs_per_s", "cpu_us_per_run", "own_us_per_run")
    return {key: (before[key] + after[key]) / 2 for key in keys}


def alternate(bench: Bench, case: Case, rounds: int) -> list[Pair]:
    """Measure a case: floor, multirun, floor, multirun, ..., floor."""
    pairs = []
    before = bench.floor(case)
    for number in range(rounds):
        print(f"{case.label}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        ours = bench.ours(case)
        after = bench.floor(case)
        pairs.append(Pair(mean(before, after), ours))
        before = after
    return pairs


def median(pairs: Sequence[Pair], value: Callable[[Pair], float]) -> float:
    """The median of a value over the rounds."""
    return statistics.median(value(pair) for pair in pairs)


def row(case: Case, pairs: Sequence[Pair]) -> str:
    """A line of the main table."""
    cells = [case.label, str(case.n), str(case.p)]
    for key in ("cpu_us_per_run", "runs_per_s"):
        floor = median(pairs, lambda pair, key=key: pair.floor[key])  # type: ignore[misc]
        ours = median(pairs, lambda pair, key=key: pair.ours[key])  # type: ignore[misc]
        ratios = sorted(pair.ratio(key) for pair in pairs)
        cells += [f"{floor:.0f}", f"{ours:.0f}"]
        cells.append(f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    own = median(pairs, lambda pair: pair.ours["own_us_per_run"])
    cells += [f"{own:.0f}", f"{max(pair.ours['peak_rss_mb'] for pair in pairs):.0f}"]
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| sweep | n | p | floor CPU µs/run | multirun | ratio (range) | floor runs/s | multirun | ratio (range)"
    " | of it orchestrator µs/run | its peak MB |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def unrest(case: Case, pairs: Sequence[Pair]) -> str | None:
    """A warning if the floor itself moved too much to be a measure."""
    floors = [pair.floor["cpu_us_per_run"] for pair in pairs]
    spread = max(floors) / min(floors)
    if spread < QUIET_SPREAD:
        return None
    return f'Not comparable: the floor of "{case.label}" moved by a factor {spread:.2f} between rounds.'


def sweeps(bench: Bench, cases: Sequence[Case], rounds: int) -> None:
    """Print the table of sweeps and what makes it doubtful."""
    print(HEAD, flush=True)
    doubts = []
    for case in cases:
        pairs = alternate(bench, case, rounds)
        print(row(case, pairs), flush=True)
        doubts.append(unrest(case, pairs))
    print(*(f"\n{doubt}" for doubt in doubts if doubt), sep="\n")


def fixed_cost(bench: Bench, rounds: int) -> None:
    """Print what a sweep costs before and after its runs: that of a single run of `true`."""
    case = Case("one run", ("true",), 1, 1)
    records = [bench.ours(case) for _ in range(rounds)]
    cpu = statistics.median(record["cpu_us_per_run"] for record in records) / 1e3
    wall = statistics.median(record["wall_s"] for record in records) * 1e3
    print(
        f"A whole sweep of one run: {cpu:.0f} ms CPU, {wall:.0f} ms, multirun already imported.\n",
        flush=True,
    )


def planned(n: int, files: bool) -> list[Case]:
    """The sweeps of the table."""
    trues = [Case("`true`", ("true",), n, p) for p in (2, 8)]
    staged = [Case("`true`, 3 input files", ("true",), n, p, files=True) for p in (2, 8)]
    naps = Case("`sleep 0.01`", ("sleep", "0.01"), max(n // 4, 8), 8)
    return [*trues, *(staged if files else []), naps]


def compile_floor(folder: Path) -> Path:
    """Compile the floor; not in the scratch directory, which may forbid programs."""
    program = folder / "floor"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "floor.c")], check=True)
    return program


def file_system(path: Path) -> str:
    """The type of the file system that holds a path."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    holders = [(len(point), kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(holders, default=(0, "unknown"))[1]


def describe(scratch: Path) -> str:
    """One line on the machine, without which the absolute figures mean nothing."""
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    return f"{machine}, scratch on {file_system(scratch)}, load {load}.\n"


def import_cost(scratch: Path, rounds: int) -> None:
    """Let the other script print its table."""
    words = [
        sys.executable,
        str(HERE / "import_cost.py"),
        "--rounds",
        str(rounds),
        "--scratch",
        str(scratch),
    ]
    subprocess.run(words, check=True)


def parse() -> argparse.Namespace:
    """Arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "-n",
        type=int,
        default=10_000,
        help="runs of `true` in a sweep (a quarter of it for the sleeps)",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", action="store_true", help="also with three input files of 10 kB per run")
    parser.add_argument(
        "--scratch",
        type=Path,
        help="where to work, e.g. /dev/shm (default: the temporary directory)",
    )
    parser.add_argument("--keep", action="store_true", help="leave all sweeps in the scratch directory")
    return parser.parse_args()


def main() -> int:
    """Measure and print; a failure leaves the scratch directory for a look at it."""
    args = parse()
    scratch = Path(tempfile.mkdtemp(prefix="multirun-bench-", dir=args.scratch)).resolve()
    print(f"working in {scratch}", file=sys.stderr)
    print(describe(scratch), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(scratch, compile_floor(Path(folder)))
        sweeps(bench, planned(args.n, args.files), args.rounds)
        fixed_cost(bench, max(args.rounds, 3))
    import_cost(scratch, 5 * args.rounds)
    if not args.keep:
        shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
