"""Two sweeps and other work in one event loop.

An asyncio application estimates pi in two ways at once: by throwing darts on two slots, by adding a series on a third.
Meanwhile its heart goes on beating, and each beat asks the runners how far they are. That they answer at once, and that
the heart never stops for long, shows that a sweep does not block the loop it runs in.

Exit status: 0 if both estimates are as good as theory says, 1 if not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from multirun import AbstractRunner, ParallelLocalRunner, ParamMap, SweepResult, multirunAsync

PROGRAM = Path(__file__).resolve().with_name("estimate_pi.py")

DARTS: list[ParamMap] = [{"method": "darts", "seed": seed, "darts": 500_000} for seed in range(1, 13)]
SERIES: list[ParamMap] = [{"method": "series", "terms": 10**exponent} for exponent in range(1, 7)]


@dataclass
class Heart:
    """The other work of the application: a regular beat, and a line whenever the runners got further."""

    runners: Mapping[str, AbstractRunner]
    beats: int = 0
    longest_pause: float = 0.0
    shown: str = field(default="", repr=False)

    async def beat(self, interval: float = 0.05) -> None:
        """Beat every `interval` seconds until cancelled."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(interval)
            now = time.monotonic()
            self.longest_pause = max(self.longest_pause, now - before)
            self.beats += 1
            before = now
            self.show_progress()

    def show_progress(self) -> None:
        """Print how far the runners are, if that has changed."""
        line = "    ".join(f"{name}: {progress(runner)}" for name, runner in self.runners.items())
        if line != self.shown:
            print(f"beat {self.beats:3}    {line}", flush=True)
            self.shown = line


def progress(runner: AbstractRunner) -> str:
    """What a runner says about its runs, in words."""
    now = runner.computeStatistics()
    return f"{now.complete_count:2} of {now.total_count:2} done, {now.running_count} running"


async def estimate(runs: list[ParamMap], runner: AbstractRunner, output: Path) -> SweepResult:
    """Sweep over one of the two methods."""
    return await multirunAsync(
        runs=runs,
        cmd=[sys.executable, PROGRAM.name],
        input_files=[PROGRAM],
        required_results=["pi"],
        output_path=output,
        runner=runner,
        check=True,
    )


async def run_application(output: Path) -> bool:
    """Run both sweeps beside the heart; whether the estimates are as good as theory says."""
    for_darts, for_series = ParallelLocalRunner(max_parallel=2), ParallelLocalRunner(max_parallel=1)
    heart = Heart({"darts": for_darts, "series": for_series})
    beating = asyncio.create_task(heart.beat())
    try:
        async with asyncio.TaskGroup() as sweeps:
            darts = sweeps.create_task(estimate(DARTS, for_darts, output / "darts"))
            series = sweeps.create_task(estimate(SERIES, for_series, output / "series"))
    finally:
        beating.cancel()
    heart.show_progress()
    print(f"The heart beat {heart.beats} times; its longest pause was {heart.longest_pause * 1000:.0f} ms.\n")
    return all([judge_darts(darts.result()), judge_series(series.result())])


def judge_darts(sweep: SweepResult) -> bool:
    """Whether all darts together are within four standard errors of pi."""
    pi: float = sum(results["pi"] for results in sweep.results) / len(sweep)
    darts: int = sum(run.params["darts"] for run in sweep)
    error = math.sqrt(math.pi * (4 - math.pi) / darts)
    print(f"darts:  {pi:.5f} ± {error:.5f}, which is {(pi - math.pi) / error:+.1f} standard errors from pi")
    return abs(pi - math.pi) < 4 * error


def judge_series(sweep: SweepResult) -> bool:
    """Whether each sum is closer to pi than the first term that it leaves out."""
    errors = [abs(run.results["pi"] - math.pi) for run in sweep]
    print("series: ten times as many terms, a tenth of the error:", ", ".join(f"{error:.0e}" for error in errors))
    return all(error < 4 / (2 * run.params["terms"] + 1) for run, error in zip(sweep, errors, strict=True))


def main() -> int:
    """Read the command line and run the application; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, help="directory for both sweeps (default: a temporary one)")
    output: Path | None = parser.parse_args().output
    with tempfile.TemporaryDirectory() as temporary:
        try:
            good = asyncio.run(run_application(output or Path(temporary)))
        except KeyboardInterrupt:
            return 130
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
