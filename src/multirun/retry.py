"""Whether a failed attempt is followed by another, and when; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

INFRASTRUCTURE = frozenset({"lost", "never-started", "node-failure", "preempted"})
"""Reasons that say nothing about the program: the machine that executed the attempt let it down."""
NEVER = frozenset({"cancelled"})
"""Reasons after which nobody wants another attempt."""
LONGEST_PAUSE_S = 300.0
"""Seconds; no pause is longer."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many further attempts a run may have, and when.

    Attributes:
        retries: further attempts after failures of the program.
        infrastructure_retries: further attempts after failures of the machine.
        delay_s: seconds before the first further attempt, before jitter; they double with each.
        reasons: after which failures of the program: whole reasons such as `exit:75`, or kinds such as `exit`;
            None for all.
    """

    retries: int = 0
    infrastructure_retries: int = 3
    delay_s: float = 1.0
    reasons: frozenset[str] | None = None


class Used(NamedTuple):
    """Further attempts that a run has had.

    Attributes:
        program: after failures of its program.
        infrastructure: after failures of the machine.
    """

    program: int = 0
    infrastructure: int = 0


class Retry(NamedTuple):
    """One more attempt.

    Attributes:
        used: what the run will have had with it.
        after_s: seconds to wait before it.
    """

    used: Used
    after_s: float


def decide(policy: RetryPolicy, used: Used, reason: str, draw: float = 0.5) -> Retry | None:
    """Whether a failed attempt is followed by another one.

    The two budgets are separate, so that a run whose machine died has all its own retries left.

    Args:
        policy: what is allowed.
        used: what the run has had.
        reason: why the attempt failed.
        draw: a random number from 0 to below 1: pauses of runs that failed together differ.

    Returns:
        None if it is not.
    """
    if reason in NEVER:
        return None
    if reason in INFRASTRUCTURE:
        allowed, count = policy.infrastructure_retries, used.infrastructure
        after = used._replace(infrastructure=count + 1)
    else:
        allowed, count = policy.retries if is_wanted(policy, reason) else 0, used.program
        after = used._replace(program=count + 1)
    return Retry(after, pause_s(policy.delay_s, count, draw)) if count < allowed else None


def is_wanted(policy: RetryPolicy, reason: str) -> bool:
    """Whether a failure of the program is one that is retried at all.

    Args:
        policy: what is allowed.
        reason: why the attempt failed.
    """
    wanted = policy.reasons
    return wanted is None or reason in wanted or reason.partition(":")[0] in wanted


def pause_s(delay_s: float, count: int, draw: float) -> float:
    """Seconds before a further attempt: twice as long each time, half of it more or less by chance.

    Args:
        delay_s: the first of them.
        count: how many there were.
        draw: a random number from 0 to below 1.
    """
    doubled = delay_s * 2.0 ** min(count, 64)
    return min(doubled * (0.5 + draw), LONGEST_PAUSE_S)
