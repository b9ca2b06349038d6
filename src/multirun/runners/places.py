"""How many runs a runner may have: a token for each that lives, and a few more that wait behind short ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal


class Places(asyncio.Semaphore):
    """The limit of a runner in one event loop.

    A run has a place if it holds a token or if it is *ahead*: admitted without a token, to wait in a lane until a run
    that holds one ends. There are as many lanes at work as runs hold tokens at most. Nobody may go ahead while anybody
    waits for a token.

    Attributes:
        held: how many tokens the runs hold; users of the semaphore may hold others.
        ahead: how many runs have a place without a token.
        on_inherited: called when one of them has got a token.
    """

    def __init__(self, count: int) -> None:
        """Make places for as many living runs."""
        super().__init__(count)
        self.held = 0
        self.ahead = 0
        self._waiting = 0
        self._change: asyncio.Future[None] | None = None
        self.on_inherited: Callable[[], None] = _nothing

    async def acquire(self) -> Literal[True]:
        """Take a token, in turn."""
        self._waiting += 1
        try:
            return await super().acquire()
        except asyncio.CancelledError:
            await self._pass_on()
            raise
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """Give back a token; if nobody waits for it, a run that is ahead gets it."""
        if self.ahead and not self._waiting:
            self.held += 1
            self._inherit()
        else:
            super().release()
        self._tell()

    async def admit(self, room: Callable[[], int]) -> None:
        """Take a place for a run.

        Args:
            room: how many runs may be ahead, as things are; 0 if none can be for some time.
        """
        while self.locked() and not self._waiting and self._change is None and (most := room()):
            if self.ahead < most:
                self.ahead += 1
                return
            await self._wait_for_change()
        await self.acquire()
        self.held += 1

    def leave(self) -> None:
        """Give back the place of a run; if it held a token and others are ahead, one of them has that token now."""
        if self.ahead:
            self._inherit()
        else:
            self.held -= 1
            super().release()
        self._tell()

    async def _pass_on(self) -> None:
        """Whoever waited has left, perhaps without a token that it had been given."""
        while self.ahead and not self.locked():
            await super().acquire()
            self.held += 1
            self._inherit()
        self._tell()

    def _inherit(self) -> None:
        self.ahead -= 1
        self.on_inherited()

    async def _wait_for_change(self) -> None:
        self._change = asyncio.get_running_loop().create_future()
        try:
            await self._change
        finally:
            self._change = None

    def _tell(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)


def _nothing() -> None:
    """Nobody needs to know."""
