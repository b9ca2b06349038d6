"""Listeners on a ledger. They are called for every change of every run, so they do next to nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multirun.run import Run
    from multirun.runners.ledger import Ledger

NAMED_FAILURES = 20
"""How many failed runs are shown one by one; further ones are only counted."""


class Watch:
    """Remembers which runs failed, and wakes its owner when there is something to say.

    Attributes:
        flooded: whether more runs failed than are named.
        latest: the run that failed last, None before.
    """

    __slots__ = ("_failures", "_left", "_rung", "_wake", "flooded", "latest")

    def __init__(self, wake: Callable[[], None]) -> None:
        """Make a listener.

        Args:
            wake: called when there is something to say, once until it is rearmed; perhaps in another thread.
        """
        self.flooded = False
        self.latest: Run | None = None
        self._wake = wake
        self._failures: deque[Run] = deque()  # the ledger may be moved on in another thread
        self._left = NAMED_FAILURES
        self._rung = False

    def __call__(self, run: Run | None) -> None:
        """Take note of a change."""
        if run is not None:
            if run.status != "failure":
                return
            self.latest = run
            if self.flooded:
                return
            self._note(run)
        if not self._rung:
            self._rung = True
            self._wake()

    def _note(self, run: Run) -> None:
        if self._left:
            self._left -= 1
            self._failures.append(run)
        else:
            self.flooded = True

    def rearm(self) -> None:
        """Be ready to wake the owner again."""
        self._rung = False

    def take(self) -> list[Run]:
        """The failed runs to be named that were not taken yet."""
        return [self._failures.popleft() for _ in range(len(self._failures))]


def is_complete(ledger: Ledger) -> bool:
    """Whether every sweep that a runner began has ended, and there was one."""
    return bool(ledger.served) and not ledger.serving


async def wait_until_complete(ledger: Ledger) -> None:
    """Wait until every sweep of a runner has ended, for the first one if it has none yet."""
    loop = asyncio.get_running_loop()
    complete = asyncio.Event()

    def listen(run: Run | None) -> None:
        if run is None and is_complete(ledger):
            with suppress(RuntimeError):  # another thread still works though our loop is closed
                loop.call_soon_threadsafe(complete.set)

    ledger.listeners.append(listen)
    try:
        listen(None)
        await complete.wait()
    finally:
        ledger.listeners.remove(listen)
