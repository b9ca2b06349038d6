"""What earlier attempts of a run left, and where it is kept."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

from multirun.contract import RESULTS_FILE, STDERR_FILE, STDOUT_FILE, is_pickle_name

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths

_OUTPUT = (STDOUT_FILE, STDERR_FILE, RESULTS_FILE)


def set_aside(paths: SweepPaths, run: int, attempt: int, *, keep_directory: bool = False) -> None:
    """Make room for another attempt of a run; nothing is done if there is nothing in its way.

    Nothing is ever overwritten: if what an attempt of this number left is there already, a number is added to the name.

    Args:
        paths: the sweep.
        run: number of the run.
        attempt: number of the attempt whose directory it is, 0 if it belongs to none.
        keep_directory: whether the directory stays, and only what multirun itself reads is moved.

    Raises:
        OSError: it could not be moved; its `filename` says what.
    """
    here = paths.run(run)
    left = _output(here) if keep_directory else None
    if left == [] or not os.path.lexists(here):
        return
    there = _free(paths.attempt(run, attempt))
    if left is None:
        os.makedirs(os.path.dirname(there), exist_ok=True)
        os.rename(here, there)
        return
    os.makedirs(there)
    for name in left:
        os.rename(f"{here}/{name}", f"{there}/{name}")


def prune(paths: SweepPaths, run: int, latest: int, keep: int) -> None:
    """Remove what attempts left that are too old to be kept; what cannot be removed stays.

    Args:
        paths: the sweep.
        run: number of the run.
        latest: number of the latest attempt whose directory was set aside.
        keep: how many to keep.
    """
    for attempt in range(latest - keep, 0, -1):
        old = paths.attempt(run, attempt)
        if os.path.lexists(old):
            import shutil

            shutil.rmtree(old, ignore_errors=True)


def _output(run_dir: str) -> list[str]:
    try:
        names = os.listdir(run_dir)
    except FileNotFoundError:
        return []
    return [name for name in names if name in _OUTPUT or is_pickle_name(name)]


def _free(path: str) -> str:
    """A name that nothing has: an empty directory of this name would be replaced."""
    if not os.path.lexists(path):
        return path
    return next(name for name in (f"{path}.{number}" for number in count(2)) if not os.path.lexists(name))
