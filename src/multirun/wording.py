"""Sentences for people about runs and sweeps: what happened, to which run, why, where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.durations import format_duration
from multirun.params import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multirun.run import Run
    from multirun.statistics import RunStatistics


def failure_line(run: Run) -> str:
    """What happened to a failed run, why, and where to look.

    Args:
        run: a run that failed.
    """
    return failed_run_line(run.index, run.params, run.reason, run.message, run.stderr)


def failed_run_line(
    index: int, params: Mapping[str, object], reason: str | None, message: str | None, stderr: object
) -> str:
    """The same for a run that is only known from disk.

    Args:
        index: number of the run.
        params: its parameters.
        reason: machine-readable word for why.
        message: a sentence, where there is one.
        stderr: the file with what it wrote to its standard error.
    """
    why = f"{reason}: {message}" if message else str(reason)
    return f"run {index} ({describe(params)}) failed: {why}; see {stderr}"


def counts_line(statistics: RunStatistics) -> str:
    """`3 running, 12 ok, 1 failed, 84 waiting of 100`; what is 0 is left out."""
    counts = {
        "running": statistics.running_count,
        "ok": statistics.success_count,
        "failed": statistics.failure_count,
        "skipped": statistics.skipped_count,
        "waiting": statistics.pending_count,
    }
    listed = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing yet"
    total = f"{statistics.total_count}" if statistics.total_known else f"{statistics.total_count} so far"
    return f"{listed} of {total}"


def summary_line(statistics: RunStatistics, elapsed_s: float, where: str) -> str:
    """How a sweep ended."""
    return f"{counts_line(statistics)} in {format_duration(elapsed_s)}; see {where}"
