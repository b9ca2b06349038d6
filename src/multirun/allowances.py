"""The keywords that say how a sweep goes on in spite of failures: further attempts, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from signal import Signals
from typing import TYPE_CHECKING, Any

from multirun.arguments import MistakeError, optional, parse_callable, parse_count, short
from multirun.durations import parse_duration
from multirun.retry import INFRASTRUCTURE, NEVER, RetryPolicy
from multirun.verdict import REASONS

if TYPE_CHECKING:
    from multirun.run import Run

Try = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Allowances:
    """What failures may cost.

    Attributes:
        retry: how many further attempts a run may have.
        retry_if: the caller's word on which failed runs are worth one, None if the policy says all.
        max_failures: how many runs may fail before no other is started, None for any number.
        max_same_failures: how many runs at the very beginning may fail at once and alike, None for any number.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retry_if: Callable[[Run], object] | None = None
    max_failures: int | None = None
    max_same_failures: int | None = None


def parse_allowances(attempt: Try, given: Mapping[str, Any]) -> Allowances:
    """The allowances in the keywords of a call.

    Args:
        attempt: calls a parser with a value, and notes its mistakes under the name of the keyword.
        given: the keywords.
    """
    wanted = attempt("retry_if", optional(_parse_retry_if), given["retry_if"])
    retries = attempt("retries", _parse_retries, given["retries"], 1)
    if retries == 0 and given["retry_if"] is not None:
        attempt("retry_if", _refuse_useless, None)
    policy = RetryPolicy(
        retries,
        attempt("infrastructure_retries", _parse_retries, given["infrastructure_retries"], 0),
        attempt("retry_delay", _parse_delay, given["retry_delay"], 0.0),
        wanted if isinstance(wanted, frozenset) else None,
    )
    return Allowances(
        policy,
        None if isinstance(wanted, frozenset) else wanted,
        attempt("max_failures", optional(parse_count), given["max_failures"]),
        attempt("max_same_failures", optional(parse_count), given["max_same_failures"]),
    )


def _parse_retries(count: object) -> int:
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        return count
    raise MistakeError(f"{short(count)} is no whole number of at least 0")


def _parse_delay(delay: object) -> float:
    return parse_duration(delay, zero=True)


def _refuse_useless(_: object) -> None:
    raise MistakeError("it chooses which failures are retried, but retries=0 allows none; add something like retries=2")


def _parse_retry_if(wanted: object) -> frozenset[str] | Callable[[Run], object]:
    """A function, or the reasons after which to try again."""
    if callable(wanted):
        return parse_callable(wanted)
    if isinstance(wanted, str | bytes | Mapping) or not isinstance(wanted, Iterable):
        told = f"{short(wanted)} is neither a function that takes a Run nor a list of reasons"
        raise MistakeError(f"{told} such as ['timeout', 'exit:75']")
    listed = list(wanted)
    mistakes = [mistake for reason in listed if (mistake := _mistake_in(reason))]
    if mistakes or not listed:
        raise MistakeError(*(mistakes or ["the list is empty; leave it out to retry after every failure"]))
    return frozenset(listed)


def _mistake_in(reason: object) -> str | None:
    """What is wrong with a reason, None if nothing is."""
    if not isinstance(reason, str):
        return f"{short(reason)} is no reason; write one such as 'timeout' or 'exit:75'"
    if reason in NEVER:
        return f"{reason!r} is never followed by another attempt: somebody asked for the end of the run"
    if reason in INFRASTRUCTURE:
        return f"{reason!r} is no failure of the program; infrastructure_retries says how often it is tried again"
    kind, colon, detail = reason.partition(":")
    known = {each.partition(":")[0]: ":" in each for each in REASONS if each not in INFRASTRUCTURE | NEVER}
    if kind in known and (not colon or (known[kind] and _is_detail(kind, detail))):
        return None
    return f"{reason!r} is no reason; {_advice(kind, detail, list(known))}"


def _advice(kind: str, detail: str, known: list[str]) -> str:
    if kind == "signal" and (near := get_close_matches(detail.upper(), _SIGNALS, n=1)):
        return f"did you mean 'signal:{near[0]}'?"
    close = get_close_matches(kind, known, n=1)
    if close and close[0] != kind:
        return f"did you mean {close[0]!r}?"
    return _EXAMPLES.get(kind) or f"there is {', '.join(known)}"


def _is_detail(kind: str, detail: str) -> bool:
    if kind == "exit":
        return detail.isdecimal() and int(detail) <= 255
    return bool(detail) if kind == "rule" else detail in _SIGNALS or detail.isdecimal()


_SIGNALS = frozenset(each.name for each in Signals)


_EXAMPLES = {
    "exit": "write 'exit' for every exit code, or 'exit:75' for one",
    "signal": "write 'signal' for every signal, or 'signal:SIGSEGV' for one",
    "rule": "write 'rule' for every rule, or 'rule:energy' for one",
}
