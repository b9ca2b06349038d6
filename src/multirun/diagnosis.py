"""Finds out why the runs of a sweep failed: groups the failures, and reads the last lines of one run of each group."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from multirun.causes import Failure, constant_names, find_causes
from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.evidence import find_evidence, read_lines, read_tails, shorten, tells
from multirun.summary import Place, Tail, choose, lines_for, summarise

if TYPE_CHECKING:
    from multirun.run import Run
    from multirun.snapshot import Snapshot
    from multirun.styled import Line

MOST_CAUSES = 5
"""How many causes are shown at the end of a sweep."""


def explain(
    failed: Sequence[Failure],
    succeeded: Callable[[], Iterable[Mapping[str, Any]]],
    place: Place,
    most: int = MOST_CAUSES,
) -> list[Line]:
    """Why runs failed, as lines for people; none if none failed.

    Args:
        failed: the failed runs of one sweep.
        succeeded: gives the parameters of its runs that went well; not called if none failed.
        place: where the lines are shown.
        most: how many causes to show; the others are counted.
    """
    if not failed:
        return []
    hidden = constant_names(chain((run.params for run in failed), succeeded()))
    causes = find_causes(failed, succeeded(), hidden)
    shown = choose(causes, most)
    tails = {
        cause.first.index: read_last_lines(os.fspath(cause.first.path), count)
        for cause in shown
        if tells(cause.reason) and (count := lines_for(cause, len(shown)))
    }
    return summarise(causes, tails, place, most)


def explain_runs(runs: Iterable[Run], place: Place, most: int = MOST_CAUSES) -> list[Line]:
    """Why some of these runs of one sweep failed.

    Args:
        runs: the runs; the others are what the failed ones are compared with.
        place: where the lines are shown.
        most: how many causes to show.
    """
    listed = list(runs)
    failed = [run for run in listed if run.status == "failure"]
    return explain(failed, lambda: (run.params for run in listed if _went_well(run)), place, most)


def _went_well(run: Run) -> bool:
    """Whether a run succeeded, in this call or before; of one that `skip_if` left out nobody knows."""
    return run.status == "success" or (run.status == "skipped" and run.reason is None)


def explain_snapshot(snapshot: Snapshot, *, here: str, width: int | None, most: int = MOST_CAUSES) -> list[Line]:
    """Why runs of a sweep on disk failed.

    Args:
        snapshot: the sweep.
        here: the directory where the user is.
        width: how many columns there are; None where that does not matter.
        most: how many causes to show.
    """
    place = Place(snapshot.paths.root, here, width)
    return explain(snapshot.failed, snapshot.succeeded, place, most)


def read_last_lines(run_dir: str, count: int) -> Tail:
    """The last lines that the program of a run wrote, to the stream that says most about its failure.

    Args:
        run_dir: the directory of the run.
        count: how many lines at most.
    """
    stderr, stdout = read_tails(run_dir)
    found = find_evidence(stderr, stdout)
    if found is None:
        return Tail(f"{run_dir}/{STDERR_FILE}", [], readable=not (stderr.strip() or stdout.strip()))
    name, tail = (STDERR_FILE, stderr) if found.stream == "stderr" else (STDOUT_FILE, stdout)
    return Tail(f"{run_dir}/{name}", [shorten(line) for line in read_lines(tail)[-count:]])
