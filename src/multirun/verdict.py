"""The verdict on an attempt: a pure function of what was observed and the rules of the sweep."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NamedTuple

from multirun.posted import lacking_keys

if TYPE_CHECKING:
    from multirun.definition import Rules
    from multirun.posted import Posted

REASONS = (
    "exit:N",
    "signal:NAME",
    "timeout",
    "lost",
    "cancelled",
    "exec-failed",
    "staging-failed",
    "no-result",
    "bad-result",
    "never-started",
)
"""Every reason a failure can have; N is an exit code, NAME a signal such as SIGSEGV."""


class Outcome(NamedTuple):
    """How an attempt ended.

    Attributes:
        success: whether it counts.
        reason: machine-readable word for a failure, None for a success.
        message: a sentence, where the reason alone does not say enough.
    """

    success: bool
    reason: str | None = None
    message: str | None = None


SUCCESS = Outcome(success=True)


def failure(reason: str, message: str | None = None) -> Outcome:
    """A failed outcome."""
    return Outcome(success=False, reason=reason, message=message)


def judge(exit_status: int, stopped: str | None, posted: Posted, missing_files: list[str], rules: Rules) -> Outcome:
    """Judge an attempt whose program was started and whose processes are all gone.

    Args:
        exit_status: exit code of the program, or minus the number of the signal that ended it.
        stopped: why multirun ended it (`"timeout"`, `"cancelled"` or `"lost"`), None if it ended by itself.
        posted: what it posted.
        missing_files: those of the required files that are missing or empty.
        rules: when an attempt is a success.
    """
    if stopped is not None:
        return failure(stopped)
    if exit_status not in rules.success_codes:
        return failure(reason_of_exit(exit_status))
    if posted.problem is not None:
        return failure("bad-result", posted.problem)
    lacking = _lacking(posted, missing_files, rules)
    return failure("no-result", lacking) if lacking else SUCCESS


def reason_of_exit(exit_status: int) -> str:
    """The reason code of an exit status."""
    if exit_status >= 0:
        return f"exit:{exit_status}"
    return f"signal:{signal_name(-exit_status)}"


def signal_name(signum: int) -> str:
    """`SIGSEGV` for 11; real-time and unknown signals by number."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return str(signum)


def _lacking(posted: Posted, missing_files: list[str], rules: Rules) -> str | None:
    if (rules.results_required or rules.required_keys) and not posted.found:
        return "the program ended well but posted no results"
    absent = lacking_keys(posted, rules.required_keys)
    if absent:
        return f"the results lack {', '.join(map(repr, absent))}"
    if missing_files:
        return f"missing or empty: {', '.join(map(repr, missing_files))}"
    return None
