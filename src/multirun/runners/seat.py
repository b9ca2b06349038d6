"""Who sits where: the lanes of a launcher as the orchestrator sees them, and what each of them executes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from multirun.runners.abstract import Assignment


class Pending:
    """An attempt that is being executed.

    Attributes:
        assignment: what is executed.
        stopping: whether it was told to end.
        over: whether nothing of it is alive any more and the observer was told.
    """

    __slots__ = ("_done", "assignment", "over", "stopping")

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.stopping = False
        self.over = False
        self._done: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait until it is over; a cancelled wait can be repeated."""
        if not self.over:
            self._done = asyncio.get_running_loop().create_future()
            await self._done

    def finish(self) -> None:
        """It is over."""
        self.over = True
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


class Seat:
    """One lane, seen from here.

    Attributes:
        number: its number.
        orders: our end of its socket.
        pending: what it executes, if anything.
        fault: why it cannot be followed any more and is being killed, None if all is well.
    """

    __slots__ = ("fault", "number", "orders", "pending")

    def __init__(self, number: int, orders: socket.socket) -> None:
        self.number = number
        self.orders = orders
        self.pending: Pending | None = None
        self.fault: str | None = None
