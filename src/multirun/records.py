"""The records of a journal that tell the life of a run."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from multirun.posted import NOTHING, Posted, journal_fields
from multirun.verdict import signal_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from multirun.evidence import Evidence
    from multirun.journal import Record
    from multirun.verdict import Outcome


def started(run: int, attempt: int) -> Record:
    """An attempt is about to be made; written before anything of it exists.

    Args:
        run: number of the run.
        attempt: number of the attempt, from 1.
    """
    return {"event": "started", "run": run, "attempt": attempt, "time": round(time(), 3)}


def started_text(run: int, attempt: int) -> str:
    """The text of `started`, which every run needs at once."""
    return f'"event":"started","run":{run},"attempt":{attempt},"time":{time():.3f}'


def plain_end_text(run: int, attempt: int, exit_code: int, duration_s: float, cpu_s: float, rss_bytes: int) -> str:
    """The text of the `ended` of a success without results, which most runs of a fast sweep need.

    Args:
        run: number of the run.
        attempt: number of the attempt, from 1.
        exit_code: exit code of the program.
        duration_s: seconds from the start until nothing of it was alive.
        cpu_s: seconds of processor time.
        rss_bytes: peak memory of its largest process.
    """
    return (
        f'"event":"ended","run":{run},"attempt":{attempt},"time":{time():.3f},"status":"success","reason":null,'
        f'"exit_code":{exit_code},"duration_s":{duration_s:.6f},"cpu_s":{cpu_s:.6f},"max_rss_bytes":{rss_bytes}'
    )


def ended(
    run: int,
    attempt: int,
    outcome: Outcome,
    *,
    exit_status: int | None = None,
    duration_s: float | None = None,
    posted: Posted = NOTHING,
    evidence: Evidence | None = None,
) -> Record:
    """An attempt is over, nothing of it is alive, and this is the verdict.

    Args:
        run: number of the run.
        attempt: number of the attempt, from 1.
        outcome: the verdict.
        exit_status: exit code of the program, minus the number of the signal that ended it, None if it never started.
        duration_s: seconds from the start until nothing of it was alive.
        posted: what the program posted.
        evidence: the line of its output that says most about a failure.
    """
    fields: Record = {
        "event": "ended",
        "run": run,
        "attempt": attempt,
        "time": round(time(), 3),
        "status": "success" if outcome.success else "failure",
        "reason": outcome.reason,
        "exit_code": exit_status if exit_status is not None and exit_status >= 0 else None,
    }
    if exit_status is not None and exit_status < 0:
        fields["signal"] = signal_name(-exit_status)
    if outcome.message is not None:
        fields["message"] = outcome.message
    if evidence is not None:
        fields["evidence"] = evidence._asdict()
    if duration_s is not None:
        fields["duration_s"] = round(duration_s, 6)
    return fields | journal_fields(posted)


def opened(session: int, sealed: Mapping[str, int], changes: Sequence[str]) -> Record:
    """A session takes the sweep over.

    Args:
        session: its number.
        sealed: by writer, how many bytes of each journal of earlier sessions count.
        changes: what of the definition changes, one sentence each.
    """
    return {"event": "opened", "session": session, "sealed": dict(sealed), "changes": list(changes)}


def reset(run: int, attempt: int, reason: str, **more: object) -> Record:
    """The attempts of a run decide no more.

    Args:
        run: number of the run.
        attempt: number of the latest of them.
        reason: machine-readable word for why.
        **more: what else there is to say.
    """
    return {"event": "reset", "run": run, "attempt": attempt, "reason": reason, **more}


def skipped(run: int, attempt: int, reason: str) -> Record:
    """A run need not be executed.

    Args:
        run: number of the run.
        attempt: the highest number of an attempt that it has had, 0 if there was none.
        reason: why not, as a sentence.
    """
    return {"event": "skipped", "run": run, "attempt": attempt, "time": round(time(), 3), "reason": reason}


def closed(*, complete: bool, stopped: str | None = None) -> Record:
    """The orchestrator leaves the sweep.

    Args:
        complete: whether every run it knows of is complete.
        stopped: why it leaves runs pending on purpose, None if it does not.
    """
    record = {"event": "closed", "time": round(time(), 3), "complete": complete}
    return record if stopped is None else record | {"stopped": stopped}
