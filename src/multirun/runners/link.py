"""The orchestrator's side of a launcher: starts it, gives out orders, and turns what comes back into facts."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio.to_thread

from multirun.errors import LauncherError, MultirunError
from multirun.files import LACKING
from multirun.journal import JournalTail, Record
from multirun.launcher.messages import CANCEL, KILL, LARGEST_MESSAGE, LOOK, NOTICE, Fact, Order, forget, parse_notice
from multirun.runners.process import LEAVING_S, LauncherProcess
from multirun.runners.seat import Pending, Seat

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths
    from multirun.runners.abstract import Assignment

_PIPE_READ = 1 << 16
_READY_S = 60.0
_AGAIN_S = 0.5


class LauncherLink:
    """One launcher on this machine, owned by one event loop.

    Attributes:
        alive: whether it takes orders.
    """

    def __init__(self) -> None:
        """Start the launcher.

        Raises:
            LauncherError: the machine refuses.
        """
        if sys.platform != "linux":
            raise LauncherError(f"runs can be executed on Linux only; this is {sys.platform}")
        self.alive = True
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._seats: dict[int, Seat] = {}
        self._idle: list[Seat] = []
        self._next_number = 0
        self._next_key = 0
        self._keys: dict[str, int] = {}
        self._paths: dict[int, SweepPaths] = {}
        self._tails: dict[tuple[int, int], JournalTail] = {}
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None
        self._turned_away: dict[Pending, asyncio.TimerHandle] = {}
        try:
            self._process = LauncherProcess()
        except OSError as error:
            raise LauncherError(
                f"the launcher cannot be started: {error}; free processes or descriptors and try again"
            ) from error
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
        """Have an attempt executed by a free lane, by a new one if none is free.

        Raises:
            OSError: this process lacks what a new lane takes, or the launcher has to catch up first.
        """
        pending = Pending(assignment)
        self._give(self._free_seat(), pending)
        return pending

    def _free_seat(self) -> Seat:
        return self._idle.pop() if self._idle else self._open_seat()

    def _give(self, seat: Seat, pending: Pending) -> None:
        seat.pending = pending
        assignment = pending.assignment
        key = self._key(assignment.paths)
        order = Order(key, assignment.run, assignment.attempt, assignment.offset, os.fsencode(assignment.paths.root))
        self._send(seat, order.encode())

    def _key(self, paths: SweepPaths) -> int:
        if paths.root not in self._keys:
            self._keys[paths.root] = self._next_key
            self._paths[self._next_key] = paths
            self._next_key += 1
        return self._keys[paths.root]

    def _open_seat(self) -> Seat:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            try:
                socket.send_fds(self._control, [b"lane %d" % self._next_number], [theirs.fileno()])
            except ConnectionError:
                pass  # the keeper is gone; the end of its socket tells
            except OSError:
                ours.close()
                raise
        seat = Seat(self._next_number, ours)
        self._next_number += 1
        self._seats[seat.number] = seat
        return seat

    def _send(self, seat: Seat, message: bytes) -> None:
        try:
            seat.orders.send(message)
        except OSError:
            return  # the lane is gone; the keeper tells

    def stop(self, pending: Pending) -> None:
        """End an attempt with grace."""
        pending.stopping = True
        if pending in self._turned_away:
            self._give_again(pending)
        for seat in self._seats.values():
            if seat.pending is pending:
                self._send(seat, CANCEL)

    def kill_all(self) -> None:
        """End everything without grace."""
        for pending in self._pending():
            self.stop(pending)
        for seat in self._seats.values():
            if seat.pending is not None:
                self._send(seat, KILL)

    def forget(self, root: str) -> None:
        """Let go of a sweep."""
        key = self._keys.pop(root, None)
        if key is None:
            return
        del self._paths[key]
        for number, seat in self._seats.items():
            self._tails.pop((key, number), None)
            self._send(seat, forget(key))

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
        seat = self._seats.get(fact.lane)
        if seat is None or fact.key not in self._paths:
            return
        if fact.kind == NOTICE:
            self._pass_notice(seat, fact.body)
            return
        tail = self._tail(fact.key, seat.number)
        if fact.kind == LOOK or fact.offset > tail.offset:
            self._catch_up(seat, fact.key, tail)
        elif fact.offset == tail.offset:
            self._apply(seat, fact.key, tail.accept(fact.body + b"\n"))

    def _pass_notice(self, seat: Seat, body: bytes) -> None:
        notice = parse_notice(body)
        if seat.pending and seat.pending.assignment.run == notice["run"]:
            seat.pending.assignment.observer.notice(notice["run"], notice["text"])

    def _tail(self, key: int, number: int) -> JournalTail:
        tail = self._tails.get((key, number))
        if tail is None:
            tail = JournalTail(self._paths[key].journal(f"{self._process.id}-{number}"))
            self._tails[(key, number)] = tail
        return tail

    def _catch_up(self, seat: Seat, key: int, tail: JournalTail) -> None:
        try:
            records = tail.read()
            if not records:
                os.stat(tail.path)
        except MultirunError as error:
            self._disown(seat, str(error))
        except OSError as error:
            if error.errno in LACKING:
                self._loop.call_later(_AGAIN_S, self._catch_up, seat, key, tail)
            else:
                self._disown(seat, f"its journal {tail.path} cannot be read: {error.strerror}")
        else:
            for record in records:
                self._apply(seat, key, record)

    def _disown(self, seat: Seat, why: str) -> None:
        """What a lane does cannot be followed any more: have it killed; it is lost once nothing of its run is alive."""
        seat.fault = why
        with suppress(OSError):
            self._control.send(b"kill %d" % seat.number)

    def _apply(self, seat: Seat, key: int, record: Record) -> None:
        if seat.pending is None:
            return
        assignment = seat.pending.assignment
        if (key, record.get("run"), record.get("attempt")) != (
            self._key(assignment.paths),
            assignment.run,
            assignment.attempt,
        ):
            return
        if record["event"] == "started":
            assignment.observer.started(assignment.run, record)
        elif record["event"] == "ended":
            assignment.observer.ended(assignment.run, record)
            self._settle(seat)

    def _settle(self, seat: Seat) -> None:
        if seat.pending is not None:
            seat.pending.finish()
            seat.pending = None
        if seat.number in self._seats:
            self._idle.append(seat)

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
            self._on_lost_lane(self._seats.pop(number), unread=bool(unread))
        elif word == b"notice":
            self._warn(rest.decode(errors="replace") or None)
        elif not message:
            self._on_keeper_gone()

    def _warn(self, text: str | None) -> None:
        for pending in self._pending():
            pending.assignment.observer.notice(None, text)

    def _pending(self) -> list[Pending]:
        seated = [seat.pending for seat in self._seats.values() if seat.pending is not None]
        return [*seated, *self._turned_away]

    def _on_lost_lane(self, seat: Seat, *, unread: bool) -> None:
        seat.orders.close()
        if seat in self._idle:
            self._idle.remove(seat)
        self._read_last_words(seat)
        pending, seat.pending = seat.pending, None
        if pending is None:
            return
        if unread:
            self._turned_away[pending] = self._loop.call_later(_AGAIN_S, self._give_again, pending)
            if pending.stopping:
                self._give_again(pending)
        else:
            self._lose(pending, seat.fault or f"the lane that executed it was killed{self._process.complaint()}")

    def _give_again(self, pending: Pending) -> None:
        """Find another lane for an attempt that no lane has begun, unless it was told to end meanwhile."""
        self._turned_away.pop(pending).cancel()
        if pending.stopping:
            assignment = pending.assignment
            assignment.observer.dropped(assignment.run, "cancelled", "it was stopped before its program was started")
            pending.finish()
            return
        try:
            self._give(self._free_seat(), pending)
        except OSError as error:
            self._lose(pending, f"its lane was killed, and the machine refuses another: {error.strerror}")

    def _read_last_words(self, seat: Seat) -> None:
        if seat.pending is not None:
            key = self._key(seat.pending.assignment.paths)
            self._catch_up(seat, key, self._tail(key, seat.number))

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
        if self._pending():
            self._burial = self._loop.create_task(self._bury())

    async def _bury(self) -> None:
        """Make sure that nothing of the lost runs is alive, then say that they are lost."""
        await anyio.to_thread.run_sync(self._process.wait_for_sentinel)
        for seat in self._seats.values():
            self._read_last_words(seat)
        lost = self._pending()
        for timer in self._turned_away.values():
            timer.cancel()
        self._turned_away.clear()
        for pending in lost:
            self._lose(pending, f"the launcher was killed{self._process.complaint()}")

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
        for seat in self._seats.values():
            seat.orders.close()
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
