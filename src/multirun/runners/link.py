"""The orchestrator's side of a launcher: starts it, gives out orders, and turns what comes back into facts."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from errno import EAGAIN
from typing import TYPE_CHECKING

import anyio.to_thread

from multirun.errors import LauncherError, MultirunError
from multirun.files import LACKING
from multirun.launcher.messages import (
    BACK,
    CANCEL,
    KILL,
    LARGEST_MESSAGE,
    LOOK,
    NOTICE,
    Fact,
    Order,
    forget,
    parse_notice,
    run_name,
)
from multirun.runners.journals import LaneJournals
from multirun.runners.process import LEAVING_S, LauncherProcess
from multirun.runners.seat import Pending, Seat, Seats

if TYPE_CHECKING:
    from multirun.journal import JournalTail, Record
    from multirun.runners.abstract import Assignment

_PIPE_READ = 1 << 16
_READY_S = 60.0
_AGAIN_S = 0.5
_EVEN_S = 0.001


class LauncherLink:
    """One launcher on this machine, owned by one event loop.

    Attributes:
        alive: whether it takes orders.
        seats: its lanes.
    """

    def __init__(self, vacant: Callable[[], int]) -> None:
        """Start the launcher.

        Args:
            vacant: how many lanes may begin to work, below 1 if none may.

        Raises:
            LauncherError: the machine refuses.
        """
        if sys.platform != "linux":
            raise LauncherError(f"runs can be executed on Linux only; this is {sys.platform}")
        try:
            self._process = LauncherProcess()
        except OSError as error:
            raise LauncherError(
                f"the launcher cannot be started: {error}; free processes or descriptors and try again"
            ) from error
        self.alive = True
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.seats = Seats(self._loop)
        self._vacant = vacant
        self._evening: asyncio.TimerHandle | None = None
        self._journals = LaneJournals(self._process.id)
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None
        self._control, self._facts = self._process.control, self._process.facts
        self._loop.add_reader(self._control, self._on_control)
        self._loop.add_reader(self._facts, self._on_facts)

    async def ready(self) -> None:
        """Wait until the launcher takes orders.

        Raises:
            LauncherError: it died first.
        """
        done, _ = await asyncio.wait((self._ready, self._gone), timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
        if self._ready not in done:
            raise LauncherError(
                f"the launcher did not start{self._process.complaint()}; see whether {sys.executable} works"
            )

    # ------------------------------------------------------------------------------------------- orders

    def assign(self, assignment: Assignment) -> Pending:
        """Have an attempt executed by a free lane, by a new one if none is free; if none may be, by a busy one.

        Raises:
            OSError: this process lacks what a new lane takes, or the launcher has to catch up first.
        """
        seat = self._seat()
        pending = Pending(assignment)
        key = self._journals.key(assignment.paths)
        session, root = assignment.paths.session, os.fsencode(assignment.paths.root)
        order = Order(key, assignment.run, assignment.attempt, assignment.offset, session, root)
        seat.begin(pending, order.encode())
        return pending

    def _seat(self) -> Seat:
        if self._vacant() > 0:
            return self.seats.idle.pop() if self.seats.idle else self.seats.open(self._control, self._on_given_back)
        seat = self.seats.best()
        if seat is None:
            raise BlockingIOError(EAGAIN, "every lane that may work belongs to a launcher that is gone")
        return seat

    def stop(self, pending: Pending) -> None:
        """End an attempt with grace."""
        pending.stopping = True
        self._tell(pending, CANCEL)

    def withdraw(self, root: str) -> None:
        """Have those runs of a sweep given back for good that no lane has begun."""
        for pending in self.seats.pending():
            if pending.assignment.paths.root == root and not pending.begun:
                pending.stopping = True
                self._tell(pending, BACK)

    def _tell(self, pending: Pending, word: bytes) -> None:
        assignment = pending.assignment
        for seat in self.seats.by_number.values():
            if pending in seat.queue:
                seat.say(b"%b %b" % (word, run_name(self._journals.key(assignment.paths), assignment.run)))

    def kill_all(self) -> None:
        """End everything without grace."""
        for pending in self.seats.pending():
            self.stop(pending)
        for seat in self.seats.by_number.values():
            if seat.queue:
                seat.say(KILL)

    def even_out(self) -> None:
        """Soon ask for a run that waits in a lane if another lane could execute it, unless that has work by then."""
        if self._evening is None and self.alive:
            self._evening = self._loop.call_later(_EVEN_S, self._even_out)

    def _even_out(self) -> None:
        self._evening = None
        seat = self.seats.slowest() if self._vacant() > 0 else None
        if seat is None:
            return
        seat.room, seat.asked = 0, True
        self._tell(seat.queue[1], BACK)
        self.even_out()

    def forget(self, root: str) -> None:
        """Let go of a sweep."""
        key = self._journals.forget(root)
        if key is not None:
            for seat in self.seats.by_number.values():
                seat.say(forget(key))

    # -------------------------------------------------------------------------------------------- facts

    def _on_facts(self) -> None:
        try:
            data = os.read(self._facts, _PIPE_READ)
        except BlockingIOError:
            return
        if not data:
            self._on_silence()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(Fact.decode(line))

    def _take(self, fact: Fact) -> None:
        seat = self.seats.by_number.get(fact.lane)
        if seat is None or fact.key not in self._journals:
            return
        if fact.kind == NOTICE:
            self._pass_notice(seat, fact.key, fact.body)
            return
        tail = self._journals.tail(fact.key, seat.number)
        if fact.kind == LOOK or fact.offset > tail.offset:
            self._catch_up(seat, fact.key, tail)
        elif fact.offset == tail.offset:
            self._apply(seat, fact.key, tail.accept(fact.body + b"\n"))

    def _pass_notice(self, seat: Seat, key: int, body: bytes) -> None:
        notice = parse_notice(body)
        pending = seat.find(self._journals.root(key), notice["run"])
        if pending is not None:
            pending.assignment.observer.notice(notice["run"], notice["text"])

    def _catch_up(self, seat: Seat, key: int, tail: JournalTail) -> None:
        """Apply what was recorded meanwhile, as soon as that can be read."""
        try:
            self._read(seat, key, tail)
        except OSError:
            self._loop.call_later(_AGAIN_S, self._catch_up, seat, key, tail)

    def _read(self, seat: Seat, key: int, tail: JournalTail) -> bool:
        """Apply what was recorded meanwhile; whether there is any hope to read it.

        Raises:
            OSError: this process lacks what that takes.
        """
        try:
            records = tail.read()
            if not records:
                os.stat(tail.path)
        except MultirunError as error:
            self._disown(seat, str(error))
            return False
        except OSError as error:
            if error.errno in LACKING:
                raise
            self._disown(seat, f"its journal {tail.path} cannot be read: {error.strerror}")
            return False
        for record in records:
            self._apply(seat, key, record)
        return True

    def _disown(self, seat: Seat, why: str) -> None:
        """What a lane does cannot be followed any more: have it killed; it is lost once nothing of its run is alive."""
        seat.fault = why
        with suppress(OSError):
            self._control.send(b"kill %d" % seat.number)

    def _apply(self, seat: Seat, key: int, record: Record) -> None:
        pending = seat.find(self._journals.root(key), record.get("run", -1))
        if pending is None or pending.assignment.attempt != record["attempt"]:
            return
        if record["event"] == "started":
            pending.begun = True
            pending.assignment.observer.started(pending.assignment.run, record)
        elif record["event"] == "ended":
            pending.assignment.observer.ended(pending.assignment.run, record)
            seat.settle(pending, record)
            pending.finish()
            self._go_on(seat)

    def _go_on(self, seat: Seat) -> None:
        """The queue of a lane has become shorter."""
        seat.asked = False
        if seat.queue:
            self.even_out()
        elif seat.number in self.seats.by_number:
            self.seats.idle.append(seat)

    def _on_given_back(self, seat: Seat) -> None:
        for key, run in seat.given_back():
            pending = seat.find(self._journals.root(key), run)
            if pending is not None:
                seat.queue.remove(pending)
                pending.give_back()
                self._go_on(seat)

    # -------------------------------------------------------------------------------------------- faults

    def _on_control(self) -> None:
        try:
            message = self._control.recv(LARGEST_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        word, _, rest = message.partition(b" ")
        if word == b"ready":
            self._ready.set_result(None)
        elif word == b"lost":
            number, unread = map(int, rest.split())
            self._on_lost_lane(number, unread)
        elif word == b"refused":
            self._on_lost_lane(int(rest), len(self.seats.by_number[int(rest)].queue))
        elif word == b"notice":
            self._warn(rest.decode(errors="replace") or None)
        elif not message:
            self._on_keeper_gone()

    def _warn(self, text: str | None) -> None:
        for pending in self.seats.pending():
            pending.assignment.observer.notice(None, text)

    def _on_lost_lane(self, number: int, unread: int) -> None:
        """A lane is dead and nothing of its runs is alive; so many orders it did not take."""
        seat = self.seats.by_number[number]
        self._on_given_back(seat)
        del self.seats.by_number[number]
        if seat in self.seats.idle:
            self.seats.idle.remove(seat)
        seat.close()
        self._vacate(seat, f"the lane that executed it was killed{self._process.complaint()}", unread)

    def _vacate(self, seat: Seat, why: str, unread: int | None) -> None:
        """Whoever had these orders is dead: what was begun is lost; the others are given back.

        Args:
            seat: the dead lane.
            why: what to say of the lost runs.
            unread: how many orders it did not take, None if that is not known because the keeper is dead too. If it is
                known and nothing was begun, the first order that was taken has killed the lane, and is lost.
        """
        taken = seat.queue[: max(0, len(seat.queue) - (unread or 0) - seat.unsent_orders)]
        try:
            known = self._read_last_words(seat)
        except OSError:
            self._loop.call_later(_AGAIN_S, self._vacate, seat, why, unread)
            return
        queue, seat.queue = seat.queue, []
        suspects = taken if not known else queue[:1] if unread is not None else []
        for pending in queue:
            if pending.begun or (pending in suspects and pending in taken):
                self._lose(pending, seat.fault or why)
            else:
                pending.assignment.observer.notice(pending.assignment.run, None)
                pending.give_back(_AGAIN_S)

    def _read_last_words(self, seat: Seat) -> bool:
        """Whether everything that a dead lane recorded about its runs is known now.

        Raises:
            OSError: this process lacks what that takes.
        """
        known = True
        for key in {self._journals.key(pending.assignment.paths) for pending in seat.queue}:
            known &= self._read(seat, key, self._journals.tail(key, seat.number))
        return known

    def _lose(self, pending: Pending, message: str) -> None:
        assignment = pending.assignment
        assignment.observer.dropped(assignment.run, "lost", message)
        pending.finish()

    def _on_keeper_gone(self) -> None:
        """The keeper is dead or has left; its lanes end their runs and then fall silent."""
        self.alive = False
        self._close_control()
        self._timer = self._loop.call_later(LEAVING_S, self._on_silence)

    def _on_silence(self) -> None:
        """Nobody is left who could report."""
        if self._gone.done():
            return
        self.alive = False
        self._loop.remove_reader(self._facts)
        self._close_control()
        self._gone.set_result(None)
        if self.seats.pending():
            self._burial = self._loop.create_task(self._bury())

    async def _bury(self) -> None:
        """Make sure that nothing of the lost runs is alive, then say that they are lost."""
        await anyio.to_thread.run_sync(self._process.wait_for_sentinel)
        for seat in self.seats.by_number.values():
            self._vacate(seat, f"the launcher was killed{self._process.complaint()}", None)
            if seat not in self.seats.idle:
                self.seats.idle.append(seat)

    # --------------------------------------------------------------------------------------------- end

    async def close(self) -> None:
        """Let the launcher leave and wait until it is gone."""
        self.abandon()
        try:
            await asyncio.wait_for(asyncio.shield(self._gone), LEAVING_S)
        except TimeoutError:
            self._process.kill()
        await anyio.to_thread.run_sync(self._process.wait)
        self._release()

    def abandon(self) -> None:
        """Tell the launcher to leave, without waiting: it ends what it still executes within 2 s."""
        self.alive = False
        for seat in self.seats.by_number.values():
            seat.close()
        with suppress(OSError):
            self._control.send(b"leave")  # a fork of this process may keep the socket open
        self._close_control()

    def _close_control(self) -> None:
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control)
            self._control.close()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._gone.done():
            self._loop.remove_reader(self._facts)
        self._process.release()
