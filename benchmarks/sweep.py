#!/usr/bin/env python3
"""Measure one sweep of multirun and print one JSON line, comparable with that of the C floor.

    python -m benchmarks.sweep ROOT [-n N] [-p P] [--files] [--from-generator] [--display] [-- COMMAND [ARG...]]

ROOT is an existing directory that holds no `sweep` yet; nothing in it is ever deleted. The exit
status is 1 if any run failed, so that a broken sweep cannot pass for a fast one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.meter import measure

import multirun

BLOB = b"x" * 10_240


def maps(count: int) -> Iterator[multirun.ParamMap]:
    """The parameter maps of the floor."""
    for index in range(count):
        yield {"x": index, "y": 0.5, "name": "run"}


def write_inputs(folder: Path) -> list[multirun.FileResource]:
    """Two 10 kB files, given to every run as a copy, a symlink and a shared copy."""
    folder.mkdir()
    for name in ("input.dat", "table.dat"):
        (folder / name).write_bytes(BLOB)
    return [
        multirun.FileResource(folder / "input.dat", linkage="copy"),
        multirun.FileResource(folder / "input.dat", linkage="link", rename="link.dat"),
        multirun.FileResource(folder / "table.dat", linkage="shared"),
    ]


def sweep(args: argparse.Namespace) -> int:
    """Run the sweep and return how many runs did not succeed."""
    root = Path(args.root).resolve()
    runs = maps(args.n)
    result = multirun.multirun(
        runs=runs if args.from_generator else list(runs),
        cmd=args.command,
        output_path=root / "sweep",
        input_files=write_inputs(root / "originals") if args.files else None,
        runner=multirun.ParallelLocalRunner(max_parallel=args.p),
        display=args.display,
    )
    return int(args.n) - result.statistics.success_count


def warm_up() -> None:
    """Import what `multirun` imports lazily: a process pays that once, whatever it sweeps."""
    for name in multirun.__all__:
        getattr(multirun, name)


def parse(argv: list[str]) -> argparse.Namespace:
    """Arguments, with the command made an absolute path as for the floor."""
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root")
    parser.add_argument("-n", type=int, default=2_000, help="number of runs")
    parser.add_argument("-p", type=int, default=2, help="runs at a time")
    parser.add_argument("--files", action="store_true", help="three input files of 10 kB per run")
    parser.add_argument("--from-generator", action="store_true", help="hand over an iterator, not a list")
    parser.add_argument("--display", action="store_true", help="with the display of a sweep in the foreground")
    args = parser.parse_args(argv[:cut])
    words = argv[cut + 1 :] or ["true"]
    args.command = [shutil.which(words[0]) or words[0], *words[1:]]
    return args


def main() -> int:
    """Measure and print."""
    args = parse(sys.argv[1:])
    warm_up()
    record = measure("multirun", args.n, args.p, lambda: sweep(args))
    print(json.dumps(record), flush=True)
    return 1 if record["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
