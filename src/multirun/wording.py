"""Sentences for people about runs and sweeps: what happened, to which run, why, where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.contract import CANCELLED, FIRST_FAILED, SAME_FAILURES, TOO_MANY_FAILURES
from multirun.durations import format_duration
from multirun.errors import UnknownNameError
from multirun.params import describe
from multirun.verdict import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multirun.run import Run
    from multirun.snapshot import FailedRun
    from multirun.statistics import RunStatistics


_LISTED = 10


def failure_line(run: Run | FailedRun) -> str:
    """What happened to a failed run, why, and where to look, in one line.

    Args:
        run: a run that failed.
    """
    params = f" ({describe(run.params)})" if run.params else ""
    why = why_in_words(run.reason or "", run.message)
    return printable(f"run {run.index}{params} failed: {why}{_evidence(run)}")


def why_in_words(reason: str, message: str | None) -> str:
    """Why a run failed, as a sentence; a message that says more than the reason stands alone.

    Args:
        reason: the reason code.
        message: the message of the run, if there is one.
    """
    if not message:
        return in_words(reason)
    return message if reason.partition(":")[0] in _SPEAKING else f"{in_words(reason)}: {message}"


_SPEAKING = frozenset({"no-result", "bad-result", "rule", "out-of-memory", "exec-failed"})
"""Reasons whose messages say all."""


def _evidence(run: Run | FailedRun) -> str:
    """Where to look: where the program complained, else where it should have been started."""
    if run.reason == "cancelled" and run.message:
        return ""
    return f"; see {run.path if run.reason in ('exec-failed', 'staging-failed') else run.stderr}"


def stopped_line(stopped: str) -> str:
    """Why a sweep was stopped although runs are left.

    Args:
        stopped: machine-readable word for why.
    """
    return _STOPPED.get(stopped, f"stopped: {stopped}")


_STOPPED = {
    FIRST_FAILED: "the first run failed, so no other run was started",
    CANCELLED: "it was cancelled by multirun cancel",
    TOO_MANY_FAILURES: "as many runs failed as max_failures allows, so no other run was started",
    SAME_FAILURES: "the first runs all failed at once and alike, so no other run was started",
}


def stopped_remark(stopped: str, advice: str) -> str:
    """Why a sweep was stopped although runs are left, and how to go on.

    Args:
        stopped: machine-readable word for why.
        advice: how to go on with it.
    """
    return f"{stopped_line(stopped)}{_REMARKS.get(stopped, '').format(advice)}"


_REMARKS = {
    TOO_MANY_FAILURES: "; {}",
    SAME_FAILURES: "; mend the cause, and {}; max_same_failures=None does not stop for this",
}


def counts_line(statistics: RunStatistics) -> str:
    """`3 running, 12 ok, 1 failed, 84 waiting of 100`; what is 0 is left out."""
    listed = ", ".join(f"{count} {word}" for word, count in counts_in_words(statistics).items() if count)
    return f"{listed} of {total_in_words(statistics)}" if listed else "no runs"


def counts_in_words(statistics: RunStatistics) -> dict[str, int]:
    """The five counts of statuses under the words that people see, in the order in which they are shown."""
    return {
        "running": statistics.running_count,
        "ok": statistics.success_count,
        "failed": statistics.failure_count,
        "skipped": statistics.skipped_count,
        "waiting": statistics.pending_count,
    }


def total_in_words(statistics: RunStatistics) -> str:
    """`100`, or `100 so far` while there may be more."""
    return f"{statistics.total_count}" if statistics.total_known else f"{statistics.total_count} so far"


def begin_line(statistics: RunStatistics, where: str) -> str:
    """That a sweep has begun, and where."""
    if not statistics.total_known:
        return f"runs in {where}"
    return f"{statistics.total_count} run{'' if statistics.total_count == 1 else 's'} in {where}"


def progress_line(statistics: RunStatistics, elapsed_s: float | None, remaining_s: float | None) -> str:
    """How far a sweep is.

    Args:
        statistics: its counts.
        elapsed_s: seconds since it began, None if that is not known.
        remaining_s: seconds that it will still take, None if that is not known.
    """
    after = "" if elapsed_s is None else f" after {format_duration(elapsed_s)}"
    left = "" if remaining_s is None else f", {remaining_in_words(remaining_s)}"
    return f"{counts_line(statistics)}{after}{left}"


def summary_line(statistics: RunStatistics, elapsed_s: float | None, where: str) -> str:
    """How a sweep ended.

    Args:
        statistics: its counts.
        elapsed_s: seconds that it took, None if that is not known.
        where: its directory.
    """
    took = "" if elapsed_s is None else f" in {format_duration(elapsed_s)}"
    return f"{counts_line(statistics)}{took}; see {where}"


def remaining_in_words(seconds: float) -> str:
    """`about 20 s left`; no more digits than an estimate deserves."""
    if seconds < 57.5:
        return f"about {max(5, 5 * round(seconds / 5))} s left"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min left"
    hours, minutes = divmod(10 * round(minutes / 10), 60)
    if hours < 24:
        return f"about {hours} h {minutes:02} min left"
    hours = round(seconds / 3600)
    return f"about {hours // 24} d {hours % 24} h left"


def clock(seconds: float) -> str:
    """Elapsed time that is seen to pass: `0:07`, `12:34`, `1:02:03`."""
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


def printable(text: str) -> str:
    """A text as one line, with whatever a terminal could take for an order written as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """A name that is known; the error for any other says which may be meant.

    Args:
        name: what was asked for.
        known: the names that there are.
        what: what they are names of, such as `parameter`.

    Raises:
        UnknownNameError: it is not known.
    """
    listed = list(known)
    if name in listed:
        return name
    from difflib import get_close_matches

    close = get_close_matches(str(name), listed, n=1)
    shown = ", ".join(listed[:_LISTED]) + (" …" if len(listed) > _LISTED else "")
    hint = f"did you mean {close[0]!r}?" if close else f"there is {shown or 'none'}"
    raise UnknownNameError(f"no {what} is called {name!r}; {hint}")
