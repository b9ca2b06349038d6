"""The one place where tests wait: for a condition, with a deadline."""

import asyncio
import select
from collections.abc import Callable
from time import monotonic

LONG_S = 30.0
"""For what a loaded machine may delay, but must come."""
_LOOK_AGAIN_S = 0.01


def wait_until(condition: Callable[[], object], deadline_s: float = LONG_S, what: str = "") -> float:
    """Wait until something is true; return how many seconds that took.

    Raises:
        AssertionError: it did not come true in time.
    """
    began = monotonic()
    while not condition():
        _check(began, deadline_s, what or _name(condition))
        select.select((), (), (), _LOOK_AGAIN_S)
    return monotonic() - began


async def wait_until_async(condition: Callable[[], object], deadline_s: float = LONG_S, what: str = "") -> float:
    """`wait_until` for tests with an event loop, which goes on meanwhile."""
    began = monotonic()
    while not condition():
        _check(began, deadline_s, what or _name(condition))
        await asyncio.sleep(_LOOK_AGAIN_S)
    return monotonic() - began


def _check(began: float, deadline_s: float, what: str) -> None:
    assert monotonic() < began + deadline_s, f"{what} did not come true within {deadline_s} s"


def _name(condition: Callable[[], object]) -> str:
    return getattr(condition, "__qualname__", repr(condition))
