"""What there is to show at one moment; pure."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from multirun.statistics import RunStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_RUNS = 5
"""How many running runs have a row; if there are more, the last row counts them."""
_FEWEST_RUNS = 5
_SHORTEST_S = 2.0
_SLOW_TIMES, _SLOW_MORE_S = 3.0, 2.0
_NAMED_SWEEPS = 3


@dataclass(frozen=True, slots=True)
class Active:
    """A run that has been running for a while.

    Attributes:
        name: which one, such as `run 7`.
        params: its parameters as text, those that vary.
        elapsed_s: seconds since it began.
        others_s: seconds that others take, if it takes much longer than they do.
    """

    name: str
    params: str
    elapsed_s: float
    others_s: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a display shows.

    Attributes:
        statistics: the counts.
        places: the directories of the sweeps.
        elapsed_s: seconds since the first of them began, None if that is not known.
        remaining_s: seconds that they will still take, None as long as that would be a guess.
        notices: why something cannot go on for now, the latest first, each once.
        active: the runs that have been running longest, the oldest first; not all of them.
        latest_failure: the failure that came last, once there are too many to name them all.
        retries: how many failed attempts are followed by another one.
    """

    statistics: RunStatistics
    places: tuple[str, ...]
    elapsed_s: float | None = None
    remaining_s: float | None = None
    notices: tuple[str, ...] = ()
    active: tuple[Active, ...] = ()
    latest_failure: str | None = None
    retries: int = 0

    @property
    def where(self) -> str:
        """The directories as text, not too many of them."""
        return _list(self.places)

    @property
    def retried(self) -> str:
        """`2 retries`, or nothing if there were none."""
        return f"{self.retries} retr{'y' if self.retries == 1 else 'ies'}" if self.retries else ""

    @property
    def names(self) -> str:
        """The names of the directories as text."""
        return _list([os.path.basename(place) for place in self.places])


def _list(texts: Sequence[str]) -> str:
    listed = ", ".join(texts[:_NAMED_SWEEPS])
    return f"{listed} and {len(texts) - _NAMED_SWEEPS} more" if len(texts) > _NAMED_SWEEPS else listed


def subtract(now: RunStatistics, before: RunStatistics) -> RunStatistics:
    """The counts of those runs that were not counted before."""
    counts = {
        field.name: getattr(now, field.name) - getattr(before, field.name)
        for field in fields(RunStatistics)
        if field.name.endswith("_count")
    }
    return RunStatistics(**counts, total_known=now.total_known)


def executed_count(statistics: RunStatistics) -> int:
    """How many runs took their time and are over."""
    return statistics.success_count + statistics.failure_count


def is_slow(elapsed_s: float, typical_s: float | None) -> bool:
    """Whether a run takes much longer than others.

    Args:
        elapsed_s: seconds that it has taken.
        typical_s: seconds that others took, None if that is not known.
    """
    return typical_s is not None and elapsed_s > max(_SLOW_TIMES * typical_s, typical_s + _SLOW_MORE_S)


def estimate_remaining_s(now: RunStatistics, executed: int, watched_s: float, *, overdue: bool = False) -> float | None:
    """How many seconds the runs that are not over will still take, if there is ground for saying so.

    A running run counts as half done, which is right on average and keeps the estimate from jumping when many end at
    once.

    Args:
        now: the counts.
        executed: how many runs ended while they were watched.
        watched_s: for how many seconds they were watched.
        overdue: whether a running run takes much longer than others, so that nobody knows when it will end.

    Returns:
        None while too few have ended, or more may come, or only runs are left of which one is overdue; also when
        nothing is left to do.
    """
    if overdue and not now.pending_count:
        return None
    if not now.total_known or watched_s < _SHORTEST_S or executed < max(_FEWEST_RUNS, now.running_count):
        return None
    under_way = now.running_count / 2
    left = now.pending_count + under_way
    return watched_s * left / (executed + under_way) if left else None
