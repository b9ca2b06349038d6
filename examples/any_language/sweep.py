"""A sweep over a program that is not Python: integrate.sh, a shell script with awk in it.

It integrates exp(-x*x) from -b to b by Simpson's rule. The integral is known, sqrt(pi) * erf(b), and so is the largest
error that the rule may make: 2 * b * width**4 / 180 * 12, where 12 is the largest fourth derivative.

Exit status: 0 if all integrals are that good, 1 if one is not or if a run failed.
"""

from __future__ import annotations

import argparse
import math
import sys
from itertools import product
from pathlib import Path

from multirun import ParamMap, Run, multirun

PROGRAM = Path(__file__).resolve().with_name("integrate.sh")

RUNS: list[ParamMap] = [
    {"bound": bound, "steps": steps} for bound, steps in product((0.5, 1.0, 2.0), (16, 32, 64, 128))
]


def judge(run: Run) -> bool:
    """Print a line about a run; whether its integral is as good as Simpson's rule promises."""
    bound, steps = run.params["bound"], run.params["steps"]
    integral, width = run.results["integral"], run.results["width"]
    error = abs(integral - math.sqrt(math.pi) * math.erf(bound))
    allowed = 2 * bound * width**4 / 180 * 12
    print(f"{bound:5} {steps:6} {integral:16.12f} {error:10.1e} {allowed:10.1e}")
    return bool(error <= allowed)


def main() -> int:
    """Sweep, print a table, judge; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, help="new directory for the sweep (default: one named after the time)")
    sweep = multirun(
        runs=RUNS,
        cmd=["sh", PROGRAM.name],
        input_files=[PROGRAM],
        required_results=["integral", "width"],
        output_path=parser.parse_args().output,
    )
    if sweep.failed:
        print(f"{len(sweep.failed)} runs failed; to see why: multirun status {sweep.path}")
        return 1
    print(f"{'bound':>5} {'steps':>6} {'integral':>16} {'error':>10} {'allowed':>10}")
    verdicts = [judge(run) for run in sweep]
    print(f"\n{sum(verdicts)} of {len(verdicts)} integrals are as good as Simpson's rule promises.")
    print(f"Numbers: {sweep.path / 'results.csv'}")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
