"""What the live bar costs: share of one core while runs are planned, run, fail and end; as a JSON line per size.

    python benchmarks/bar.py                      # 10,000 and 100,000 planned runs, 10 s each
    python benchmarks/bar.py 1000000 --seconds 5

No program is executed: a ledger is moved on as a sweep would do it, with a real terminal at the other end. The same is
done without a display, and the CPU time of that is subtracted.
"""

import argparse
import asyncio
import json
import os
import sys
import termios
import threading
from collections import deque
from contextlib import suppress
from time import monotonic, thread_time
from types import SimpleNamespace
from typing import TextIO, cast

from multirun.display import narrate
from multirun.run import Run
from multirun.runners.abstract import AbstractRunner
from multirun.runners.ledger import Ledger

_STEP_S = 0.02


class Home:
    """Where the runs would be."""

    def directory(self, index: int) -> str:
        return f"/sweeps/study/runs/{index:06}"

    def load_results(self, run: Run) -> object:
        raise NotImplementedError


def plan(ledger: Ledger, count: int) -> None:
    """Make all runs known."""
    ledger.begin("/sweeps/study")
    home = Home()
    for index in range(count):
        ledger.enroll(Run(index, {"voltage": index % 97 / 10, "width": index // 97, "model": "bsim4"}, home))
    ledger.close_plan()


async def move_on(ledger: Ledger, at_once: int, per_s: float, seconds: float) -> None:
    """Let runs start and end as time passes, one in a hundred with a failure; the first ones never end."""
    waiting = iter(list(ledger.runs))
    running: deque[Run] = deque()
    stuck = [next(waiting) for _ in range(2)]
    for run in stuck:
        ledger.move(run, "running")
    began, ended = monotonic(), 0
    while monotonic() < began + seconds:
        while len(running) < at_once - len(stuck) and (following := next(waiting, None)) is not None:
            ledger.move(following, "running")
            running.append(following)
        while running and ended < (monotonic() - began) * per_s:
            run = running.popleft()
            ended += 1
            failed = run.index % 100 == 0
            run.duration_s, run.reason = 0.5, "exit:1" if failed else None
            ledger.move(run, "failure" if failed else "success")
        await asyncio.sleep(_STEP_S)


async def measure(ledger: Ledger, given: argparse.Namespace, *, draw: bool) -> float:
    """CPU seconds of this thread per second."""
    before, began = thread_time(), monotonic()
    async with narrate(cast("AbstractRunner", SimpleNamespace(ledger=ledger)), draw=draw):
        await move_on(ledger, given.at_once, given.per_s, given.seconds)
    return (thread_time() - before) / (monotonic() - began)


def open_terminal(columns: int) -> TextIO:
    """A terminal that somebody reads."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(ours, (40, columns))

    def read() -> None:
        with suppress(OSError):
            while os.read(ours, 1 << 16):
                pass

    threading.Thread(target=read, daemon=True).start()
    return os.fdopen(theirs, "w", encoding="utf-8", buffering=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--per-s", type=float, default=100.0, help="runs that end per second")
    parser.add_argument("--columns", type=int, default=120)
    given = parser.parse_args()
    os.environ.update(TERM="xterm-256color", PYTHONIOENCODING="utf-8")
    sys.stderr = open_terminal(given.columns)
    for count in given.counts:
        shares = []
        for draw in (False, True):
            ledger = Ledger()
            plan(ledger, count)
            shares.append(asyncio.run(measure(ledger, given, draw=draw)))
        without, with_bar = (round(100 * share, 2) for share in shares)
        print(json.dumps({"runs": count, "bar_percent": round(with_bar - without, 2), "without_percent": without}))


if __name__ == "__main__":
    main()
