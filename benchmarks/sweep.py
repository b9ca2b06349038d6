#!/usr/bin/env python3
"""Measure one sweep of multirun and print one JSON line, comparable with that of the C floor.

    sweep.py ROOT [-n N] [-p P] [--files] [--from-generator] [--display] [-- COMMAND [ARG...]]

ROOT is an existing directory that holds no `sweep` yet; nothing in it is ever deleted. The exit
status is 1 if any run failed, so that a broken sweep cannot pass for a fast one.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import multirun

PR_SET_CHILD_SUBREAPER = 36
BLOB = b"x" * 10_240
REAP_DEADLINE_S = 20.0


def become_subreaper() -> None:
    """Adopt descendants that outlive their parent, so that their CPU time is counted here."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("this kernel has no child subreapers")


def reap_everything() -> int:
    """Wait until no descendant is left and return how many had to be waited for.

    Raises:
        TimeoutError: something outlived the sweep, so its CPU time is unknown.
    """
    end = time.monotonic() + REAP_DEADLINE_S
    reaped = 0
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return reaped
        reaped += bool(pid)
        if not pid:
            time.sleep(0.002)
    raise TimeoutError(f"a process of the sweep was alive {REAP_DEADLINE_S:.0f} s after its end")


def cpu_us(who: int) -> float:
    """User and system time in microseconds."""
    usage = resource.getrusage(who)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def peak_rss_mb() -> float:
    """Peak resident memory of this process; `ru_maxrss` would count the image before the exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmHWM in /proc/self/status")


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


def measure(args: argparse.Namespace) -> dict[str, object]:
    """Run the sweep as this process's only work and account for all of its CPU time."""
    become_subreaper()
    own, below = cpu_us(resource.RUSAGE_SELF), cpu_us(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    failed = sweep(args)
    wall = time.perf_counter() - begin
    left_behind = reap_everything()
    own = cpu_us(resource.RUSAGE_SELF) - own
    below = cpu_us(resource.RUSAGE_CHILDREN) - below
    return {
        "who": "multirun",
        "n": args.n,
        "p": args.p,
        "failed": failed,
        "wall_s": round(wall, 4),
        "runs_per_s": round(args.n / wall, 1),
        "cpu_us_per_run": round((own + below) / args.n, 1),
        "own_us_per_run": round(own / args.n, 1),
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "left_behind": left_behind,
    }


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
    record = measure(args)
    print(json.dumps(record), flush=True)
    return 1 if record["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
