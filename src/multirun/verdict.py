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
    "output-limit",
    "lost",
    "cancelled",
    "exec-failed",
    "staging-failed",
    "no-result",
    "bad-result",
    "rule:NAME",
    "out-of-memory",
    "never-started",
)
"""Every reason a failure can have; N is an exit code, NAME a signal such as SIGSEGV or the name of a result."""

_SENTENCES = {
    "timeout": "took longer than its time limit",
    "output-limit": "wrote more than its limit",
    "lost": "whoever executed it was killed",
    "cancelled": "cancelled",
    "exec-failed": "its program could not be started",
    "staging-failed": "its directory could not be filled",
    "no-result": "lacks required results or files",
    "bad-result": "its results cannot be used",
    "out-of-memory": "ended by the system because memory ran out",
    "never-started": "the sweep broke off before its turn came",
}

_SIGNALS = {
    "SIGHUP": "its terminal was closed",
    "SIGINT": "interrupted",
    "SIGQUIT": "told to quit",
    "SIGILL": "illegal instruction, perhaps built for another processor",
    "SIGTRAP": "trap of a debugger or of the compiler",
    "SIGABRT": "it gave up by itself: a failed assertion or check",
    "SIGBUS": "access to memory that is not there, perhaps of a file that was cut",
    "SIGFPE": "floating-point error",
    "SIGKILL": "killed by hand, or because memory ran out",
    "SIGSEGV": "access to memory that is not its own",
    "SIGPIPE": "nobody read what it wrote",
    "SIGALRM": "its own alarm clock rang",
    "SIGTERM": "asked to end",
    "SIGXCPU": "limit of processor time reached",
    "SIGXFSZ": "limit of file size reached",
    "SIGSYS": "forbidden system call",
}

_EXIT_CODES = {
    126: "as shells say: a command could not be executed",
    127: "as shells say: a command was not found",
}

OUT_OF_MEMORY = "ended by the system because memory ran out; run fewer at once, or allow them more memory"


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


def is_accepted(exit_status: int, stopped: str | None, rules: Rules) -> bool:
    """Whether a program ended by itself in a way that counts as a success, so that its results matter."""
    return stopped is None and exit_status in rules.success_codes


def was_killed(exit_status: int, stopped: str | None) -> bool:
    """Whether somebody else killed the program, or it says so of one that it started."""
    return stopped is None and exit_status in (-signal.SIGKILL, 128 + signal.SIGKILL)


def judge(
    exit_status: int,
    stopped: str | None,
    posted: Posted,
    missing_files: list[str],
    rules: Rules,
    *,
    extracted: Outcome = SUCCESS,
    out_of_memory: bool = False,
) -> Outcome:
    """Judge an attempt whose program was started and whose processes are all gone.

    Args:
        exit_status: exit code of the program, or minus the number of the signal that ended it.
        stopped: why multirun ended it (`"timeout"`, `"cancelled"` or `"lost"`), None if it ended by itself.
        posted: what it posted.
        missing_files: those of the required files that are missing or empty.
        rules: when an attempt is a success.
        extracted: whether the rules for its results are met.
        out_of_memory: whether it was killed while memory ran out.
    """
    if stopped is not None:
        return failure(stopped)
    if exit_status not in rules.success_codes:
        return failure("out-of-memory", OUT_OF_MEMORY) if out_of_memory else failure(reason_of_exit(exit_status))
    if posted.problem is not None:
        return failure("bad-result", posted.problem)
    if not extracted.success:
        return extracted
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


def in_words(reason: str) -> str:
    """What a reason means, as a short sentence: `stopped by SIGFPE (floating-point error)`.

    Args:
        reason: any reason; one that this version does not know is returned as it is.
    """
    kind, _, detail = reason.partition(":")
    if kind == "exit" and detail.isdecimal():
        return _exit_in_words(int(detail))
    if kind == "signal":
        return f"stopped by {_signal_in_words(detail)}"
    if kind == "rule":
        return f"its result {detail!r} is not within its limits"
    return _SENTENCES.get(reason, reason)


def _exit_in_words(code: int) -> str:
    name = signal_name(code - 128) if 128 < code < 192 else ""
    if name.startswith("SIG"):
        return f"exit code {code} (as shells say: stopped by {_signal_in_words(name, '; ')})"
    return f"exit code {code} ({_EXIT_CODES[code]})" if code in _EXIT_CODES else f"exit code {code}"


def _signal_in_words(name: str, between: str = "") -> str:
    meaning = _SIGNALS.get(name)
    named = name if name.startswith("SIG") else f"signal {name}"
    if meaning is None:
        return named
    return f"{named}{between}{meaning}" if between else f"{named} ({meaning})"


def _lacking(posted: Posted, missing_files: list[str], rules: Rules) -> str | None:
    if (rules.results_required or rules.required_keys) and not posted.found:
        return "the program ended well but posted no results"
    absent = lacking_keys(posted, rules.required_keys)
    if absent:
        return f"the results lack {', '.join(map(repr, absent))}"
    if missing_files:
        return f"missing or empty: {', '.join(map(repr, missing_files))}"
    return None
