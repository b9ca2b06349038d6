"""Counts of runs by status, kept as an O(1) fold over changes of status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from multirun.run import COMPLETE, STATUSES

if TYPE_CHECKING:
    from multirun.run import RunStatus


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """How many runs have which status at one moment.

    The five status counts add up to `total_count`; `complete_count` is `skipped_count + success_count + failure_count`.

    Attributes:
        skipped_count: runs that need not be executed.
        pending_count: runs that wait.
        running_count: runs whose program is alive.
        success_count: runs that succeeded.
        failure_count: runs that failed.
        complete_count: runs that need nothing more.
        total_count: runs known so far.
        total_known: whether `total_count` is final; False while a generator may still yield parameter maps.
    """

    skipped_count: int
    pending_count: int
    running_count: int
    success_count: int
    failure_count: int
    complete_count: int
    total_count: int
    total_known: bool = True


def is_over(statistics: RunStatistics) -> bool:
    """Whether no run is left.

    Args:
        statistics: the counts.
    """
    return statistics.total_known and statistics.complete_count == statistics.total_count


class Tally:
    """Counts runs by status; each change costs the same however many runs there are."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[RunStatus, int] = dict.fromkeys(STATUSES, 0)

    def add(self, status: RunStatus, count: int = 1) -> None:
        """Count runs that were not known before."""
        self._counts[status] += count

    def move(self, before: RunStatus, after: RunStatus) -> None:
        """Count one run under its new status."""
        self._counts[before] -= 1
        self._counts[after] += 1

    def statistics(self, *, total_known: bool) -> RunStatistics:
        """The counts as they are now."""
        counts = self._counts
        return RunStatistics(
            skipped_count=counts["skipped"],
            pending_count=counts["pending"],
            running_count=counts["running"],
            success_count=counts["success"],
            failure_count=counts["failure"],
            complete_count=sum(counts[status] for status in COMPLETE),
            total_count=sum(counts.values()),
            total_known=total_known,
        )
