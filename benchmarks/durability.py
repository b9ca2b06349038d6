#!/usr/bin/env python3
"""Measure what it costs to keep things: the steps that are paid for, and whole sweeps with each `durability`.

    python -m benchmarks.durability FOLDER [-n RUNS]

FOLDER is an existing directory on the disk in question. Prints one line for each figure: the median, and the 95th
percentile of single steps.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Literal

import multirun
from multirun import child
from multirun.files import publish
from multirun.journal import Journal
from multirun.records import ended, started_text
from multirun.verdict import SUCCESS

POST = ["sh", "-c", """echo '{"y": 1}' > results.json"""]
STEPS = 300


def measure(step: Callable[[int], object], times: int = STEPS) -> tuple[float, float]:
    """Median and 95th percentile of the microseconds that a step takes."""
    taken = []
    for number in range(times):
        begin = perf_counter()
        step(number)
        taken.append(1e6 * (perf_counter() - begin))
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def steps(folder: Path) -> dict[str, tuple[float, float]]:
    """The single steps."""
    plain = Journal(f"{folder}/plain.jsonl", "0" * 16, "plain", 0.0)
    synced = Journal(f"{folder}/synced.jsonl", "0" * 16, "synced", 0.0, synced=True)
    os.environ["MULTIRUN_RESULTS"] = f"{folder}/results.json"
    return {
        "record, process": measure(lambda n: plain.append(started_text(n, 1))),
        "record, power": measure(lambda n: synced.append(started_text(n, 1))),
        "end, process": measure(lambda n: plain.append(ended(n, 1, SUCCESS))),
        "end, power": measure(lambda n: synced.append(ended(n, 1, SUCCESS))),
        "postRunResults": measure(lambda n: child.postRunResults({"x": n})),
        "publish 1 kB": measure(lambda _: publish(f"{folder}/published", b"x" * 1024)),
    }


def sweep(folder: Path, durability: Literal["process", "power"], command: list[str], count: int) -> float:
    """Milliseconds per run of a whole sweep, two at a time."""
    with tempfile.TemporaryDirectory(dir=folder) as here:
        begin = perf_counter()
        result = multirun.multirun(
            runs=[{"x": x} for x in range(count)],
            cmd=command,
            output_path=f"{here}/sweep",
            runner=multirun.ParallelLocalRunner(max_parallel=2),
            display=False,
            durability=durability,
        )
        assert result.statistics.success_count == count
        return 1e3 * (perf_counter() - begin) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-n", type=int, default=400, help="runs of each sweep")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as here:
        for name, (median, high) in steps(Path(here)).items():
            print(f"{name:18} {median:8.1f} us  {high:8.1f} us")
    for name, command in (("true", ["true"]), ("with results", POST)):
        for durability in ("process", "power"):
            times = [sweep(args.folder, durability, command, args.n) for _ in range(3)]
            print(f"{name:12} {durability:8} {statistics.median(times):6.2f} ms per run")


if __name__ == "__main__":
    main()
