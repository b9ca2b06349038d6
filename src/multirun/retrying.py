"""Runs between two attempts: which of them get another one, and how they wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import random
from typing import TYPE_CHECKING

from multirun.retry import INFRASTRUCTURE, RetryPolicy, Used, decide

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.run import Run


class _Case:
    """A run that had a failed attempt which was not its last.

    Attributes:
        used: further attempts that it has had.
        end: the record that decides about it if no other attempt begins.
        after_s: seconds to wait before the next attempt.
        resting: whether the next attempt has not been asked for yet.
    """

    __slots__ = ("after_s", "end", "resting", "used")

    def __init__(self, used: Used, end: Record, after_s: float) -> None:
        self.used = used
        self.end = end
        self.after_s = after_s
        self.resting = True


class Retrying:
    """What the engine knows of runs that get more than one attempt; other runs leave nothing here."""

    def __init__(self, policy: RetryPolicy, wanted: Callable[[Run], object] | None) -> None:
        """Begin with no such run.

        Args:
            policy: what is allowed.
            wanted: the caller's word on whether a failure of the program is worth another attempt, None for all.
        """
        self._policy = policy
        self._wanted = wanted
        self._cases: dict[int, _Case] = {}
        self._halt = asyncio.Event()

    def consider(self, run: Run, reason: str, end: Record) -> float | None:
        """Decide whether a run that failed gets another attempt; if so, it rests from now on.

        Args:
            run: the run; what its last attempt left is noted in it.
            reason: why it needs another.
            end: the record that decides about it if there will be no other.

        Returns:
            The seconds before the next attempt, None if there will be none.

        Raises:
            BaseException: whatever the caller's function raises.
        """
        known = self._cases.get(run.index)
        used = Used() if known is None else known.used
        retry = None if self._halt.is_set() else decide(self._policy, used, reason, random())
        if retry is None or not self._is_wanted(run, reason):
            return None
        self._cases[run.index] = _Case(retry.used, end, retry.after_s)
        return retry.after_s

    def _is_wanted(self, run: Run, reason: str) -> bool:
        return reason in INFRASTRUCTURE or self._wanted is None or bool(self._wanted(run))

    def knows(self, index: int) -> bool:
        """Whether a run has had an attempt that was not to be its last."""
        return index in self._cases

    def end_of(self, index: int) -> Record:
        """The end of the last attempt that was not to be the last one of a run."""
        return self._cases[index].end

    def is_resting(self, index: int) -> bool:
        """Whether a run waits for another attempt, and thus takes up no place."""
        case = self._cases.get(index)
        return case is not None and case.resting

    async def pause(self, index: int) -> None:
        """Wait until the time of the next attempt has come, or until there will be none any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._cases[index].after_s):
                await self._halt.wait()

    def go_on(self, index: int) -> None:
        """The next attempt of a run is asked for."""
        self._cases[index].resting = False

    def halt(self) -> None:
        """From now on no attempt is followed by another; those who wait for one are woken."""
        self._halt.set()
