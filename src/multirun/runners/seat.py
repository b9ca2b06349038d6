"""Who sits where: the lanes of a launcher as the orchestrator sees them, and what each of them was told to execute."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING

from multirun.launcher.messages import LARGEST_MESSAGE, SEPARATOR

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.runners.abstract import Assignment

_AHEAD_S = 0.05
"""As many runs may wait in a lane as take so long together, going by its last run."""
_AGAIN_S = 0.5
_STALLED_S = 0.1
"""Nothing more is sent ahead while a run has waited for so long behind another."""
_AHEAD = 8
"""But never more than that."""


class Pending:
    """An attempt that a lane was told to execute.

    Attributes:
        assignment: what is executed.
        begun: whether the lane has recorded its start.
        stopping: whether it was told to end.
        over: whether the lane has nothing to do with it any more, and the observer was told how it ended if it did.
        again_s: the seconds after which it has to be assigned again because no lane has begun it, else None.
    """

    __slots__ = ("_done", "again_s", "assignment", "begun", "over", "stopping")

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.begun = False
        self.stopping = False
        self.over = False
        self.again_s: float | None = None
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

    def give_back(self, again_s: float = 0.0) -> None:
        """No lane has begun it, and none will; it may be assigned again after some seconds."""
        self.again_s = again_s
        self.finish()


class Seat:
    """One lane, seen from here.

    Attributes:
        number: its number.
        queue: what it was told to execute, in this order, without what has ended.
        room: how many runs may wait in it behind another.
        since: when what it executes came to be the first of its queue, on the monotonic clock in seconds.
        asked: whether it was asked to give back what waits behind that.
        fault: why it cannot be followed any more and is being killed, None if all is well.
    """

    __slots__ = ("_loop", "_orders", "_unsent", "asked", "fault", "number", "queue", "room", "since")

    def __init__(self, number: int, orders: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """A lane that is free.

        Args:
            number: its number.
            orders: our end of its socket.
            loop: where it is seen from.
        """
        orders.setblocking(False)
        self.number = number
        self._orders = orders
        self._loop = loop
        self._unsent: list[bytes] = []
        self.queue: list[Pending] = []
        self.room = 0
        self.since = monotonic()
        self.asked = False
        self.fault: str | None = None

    @property
    def unsent_orders(self) -> int:
        """How many orders were not even sent."""
        return sum(message.startswith(b"run ") for message in self._unsent)

    def say(self, message: bytes) -> None:
        """Send a message together with all others of this turn: nothing begins between two that belong together."""
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(message)

    def _send(self) -> None:
        try:
            self._orders.send(SEPARATOR.join(self._unsent))
        except BlockingIOError:
            self._loop.call_later(_AGAIN_S, self._send)
        except OSError:
            return  # the lane is gone; the keeper tells
        else:
            self._unsent.clear()

    def given_back(self) -> Iterator[list[int]]:
        """Each run that it has given back since the last call, as the numbers of sweep and run."""
        try:
            while name := self._orders.recv(LARGEST_MESSAGE):
                yield [int(number) for number in name.split()]
        except BlockingIOError:
            return
        except OSError:
            pass
        self._loop.remove_reader(self._orders)  # the lane is gone; the keeper tells

    def close(self) -> None:
        """Let go of its socket."""
        if self._orders.fileno() >= 0:
            self._loop.remove_reader(self._orders)
            self._orders.close()

    def begin(self, pending: Pending, order: bytes) -> None:
        """Give it one more thing to execute."""
        if not self.queue:
            self.since = monotonic()
        self.queue.append(pending)
        self.say(order)

    def find(self, root: str, run: int) -> Pending | None:
        """The attempt of a run that it was told to execute."""
        for pending in self.queue:
            if pending.assignment.run == run and pending.assignment.paths.root == root:
                return pending
        return None

    def settle(self, pending: Pending, record: Record) -> None:
        """An attempt has ended; behind one that failed nothing waits, for the sweep may have to be stopped."""
        self.queue.remove(pending)
        duration_s = record.get("duration_s") or _AHEAD_S
        self.room = min(_AHEAD, int(_AHEAD_S / duration_s)) if record["status"] == "success" else 0
        self.since = monotonic()
        self.asked = False


class Seats:
    """All lanes of a launcher.

    Attributes:
        by_number: those that live.
        idle: those of them that have nothing to do.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.by_number: dict[int, Seat] = {}
        self.idle: list[Seat] = []
        self._loop = loop
        self._next_number = 0

    def open(self, control: socket.socket, on_given_back: Callable[[Seat], None]) -> Seat:
        """Ask the keeper for one more lane.

        Args:
            control: our end of its socket.
            on_given_back: called when the lane gives runs back.

        Raises:
            OSError: this process lacks what a lane takes, or the keeper has to catch up first.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(control, [b"lane %d" % self._next_number], [theirs.fileno()])
            except ConnectionError:
                pass  # the keeper is gone; the end of its socket tells
            except OSError:
                ours.close()
                raise
        seat = Seat(self._next_number, ours, self._loop)
        self._next_number += 1
        self.by_number[seat.number] = seat
        self._loop.add_reader(ours, on_given_back, seat)
        return seat

    @property
    def busy(self) -> int:
        """How many have something to do."""
        return len(self.by_number) - len(self.idle)

    @property
    def is_waited_in(self) -> bool:
        """Whether a run waits behind another."""
        return any(len(seat.queue) > 1 for seat in self.by_number.values())

    def pending(self) -> list[Pending]:
        """Everything that lanes were told to execute."""
        return [pending for seat in self.by_number.values() for pending in seat.queue]

    def room(self, tokens: int) -> int:
        """How many runs may wait behind others, if others hold so many tokens; 0 while one of them waits for long."""
        stalled_since = monotonic() - _STALLED_S
        rooms = []
        for seat in self.by_number.values():
            if len(seat.queue) > 1 and seat.since < stalled_since:
                return 0
            rooms.append(seat.room)
        return sum(rooms if tokens >= len(rooms) else sorted(rooms, reverse=True)[:tokens])

    def best(self) -> Seat | None:
        """The busy lane in which a run will wait for the shortest time."""
        busy = [seat for seat in self.by_number.values() if seat.queue and seat.fault is None]
        return min(busy, key=lambda seat: len(seat.queue) - seat.room, default=None)

    def slowest(self) -> Seat | None:
        """Of the lanes that were not asked yet, that in which a run has waited behind another for the longest time."""
        waited_in = [seat for seat in self.by_number.values() if len(seat.queue) > 1 and not seat.asked]
        return min(waited_in, key=lambda seat: seat.since, default=None)
