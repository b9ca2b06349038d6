"""The exit codes of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.statistics import is_over

if TYPE_CHECKING:
    from multirun.statistics import RunStatistics

OK, SOME_FAILED, USAGE, INCOMPLETE, INTERNAL, STORAGE, LOCKED, INTERRUPTED = 0, 1, 2, 3, 70, 74, 75, 130


def code_of(counts: RunStatistics) -> int:
    """The exit code that tells how runs stand: incomplete before failed before ok."""
    if not is_over(counts):
        return INCOMPLETE
    return SOME_FAILED if counts.failure_count else OK
