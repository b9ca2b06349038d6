"""`multirun logs`: what the programs of runs wrote, as it is, and as it comes."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from multirun.commandline import paper
from multirun.commandline.ending import open_output
from multirun.commandline.exits import OK
from multirun.commandline.finding import choose, open_sweep
from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.errors import SelectionError

if TYPE_CHECKING:
    from multirun.replay import RecordedRun

_FILES = {"stdout": STDOUT_FILE, "stderr": STDERR_FILE}


def logs(words: Sequence[str], *, follow: bool, failed: bool, stream: str | None) -> int:
    """Print what runs wrote; returns the exit code.

    Args:
        words: `[DIR] [RUN…]`.
        follow: whether to go on until the runs end.
        failed: whether to leave out runs that did not fail.
        stream: `"stdout"` or `"stderr"`; None for both.
    """
    if follow and failed:
        raise SelectionError("a run that failed writes nothing more; use either --follow or --failed")
    replay, selector = open_sweep(words)
    chosen = choose(replay, selector)
    names = [_FILES[stream]] if stream else list(_FILES.values())
    if follow:
        from multirun.commandline.following import follow_runs

        return follow_runs(replay, chosen, names, everything=not (selector.ranges or selector.values))
    runs = [run for run in chosen if run.status == "failure" or not failed]
    _print_runs(runs, names, one=len(runs) == 1 and len(names) == 1)
    if not runs:
        paper.talk("no run failed")
    return OK


def _print_runs(runs: list[RecordedRun], names: list[str], *, one: bool) -> None:
    silent = 0
    for run in runs:
        written = [name for name in names if _size(f"{run.path}/{name}")]
        silent += not written
        for name in written:
            if not one:
                paper.put(heading(run, name))
            _copy(f"{run.path}/{name}")
    if silent:
        paper.talk(_silence(runs, silent))


def _silence(runs: list[RecordedRun], silent: int) -> str:
    if len(runs) > 1:
        return f"{silent} of {len(runs)} runs wrote nothing"
    return f"run {runs[0].index} {'has not started' if not runs[0].record else 'wrote nothing'}"


def heading(run: RecordedRun, name: str) -> str:
    """The line above what a run wrote into a file."""
    return paper.paint(f"==> run {run.index} {name.removesuffix('.log')} <==", "strong")


def _size(path: str) -> int:
    try:
        found = os.stat(path)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _copy(path: str) -> None:
    """Copy a file to standard output, and see to it that what follows begins on a line of its own."""
    sys.stdout.flush()
    with open_output(path) as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
