"""A lane: takes one run after another, stages it, starts its program, ends all it started, judges, and reports.

A plain synchronous loop in a process of its own, so that nothing any run does can hold up another.
"""

from __future__ import annotations

import os
import select
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from multirun.files import LACKING, pauses_s
from multirun.launcher.attempt import Attempt
from multirun.launcher.facts import Facts
from multirun.launcher.memory import MemoryWatch
from multirun.launcher.messages import CANCEL, KILL, LARGEST_MESSAGE, SEPARATOR, Order, run_name
from multirun.launcher.wakeup import Wakeup
from multirun.launcher.workbench import Workbench
from multirun.processes import become_subreaper, set_name
from multirun.records import started_text

if TYPE_CHECKING:
    from multirun.journal import Record

_A = TypeVar("_A")
_T = TypeVar("_T")
_LONGEST_WAIT_S = 3600.0
"""`poll` cannot wait for a month; whoever waits longer looks again now and then."""
_PATIENCE_S = 1.0
"""How long a run that was told to stop still waits for what the machine lacks."""


class Lane:
    """One slot of a launcher.

    Attributes:
        memory: whether memory runs out.
    """

    def __init__(self, number: int, launcher_id: str, orders: socket.socket, life: int, facts: int) -> None:
        """Set up in the process that will be the lane.

        Args:
            number: number of the lane; no other lane of the launcher ever has it.
            launcher_id: random text that no other launcher has.
            orders: socket to the orchestrator.
            life: a pipe that is closed when the keeper is gone.
            facts: the pipe on which lanes report.
        """
        become_subreaper()
        set_name("multirun-lane")
        self._launcher_id = launcher_id
        self._number = number
        self._orders = orders
        self._life = life
        self._wakeup = Wakeup()
        self._benches: dict[int, Workbench] = {}
        self._waiting: deque[bytes] = deque()
        self._order: Order | None = None
        self._stop: str | None = None
        self._leaving = False
        self._poll = select.poll()
        self._facts = Facts(number, facts, self._poll)
        self.memory = MemoryWatch()
        for descriptor in (orders.fileno(), life, self._wakeup.descriptor):
            self._poll.register(descriptor, select.POLLIN)

    def work(self) -> None:
        """Execute orders until there is nobody left to give any."""
        while True:
            while not self._waiting and not self._leaving:
                self.listen(None)
            if self._leaving:
                return
            message = self._waiting.popleft()
            if message.startswith(b"run "):
                self._stop = None
                self._order = Order.decode(message)
                self._execute(self._order)
            elif message.startswith(b"forget "):
                self._forget(int(message.split()[1]))

    def listen(self, timeout_s: float | None) -> None:
        """Wait until something happens, and take in what was said.

        Args:
            timeout_s: seconds after which that is enough; None for no limit.
        """
        patience_s = self._facts.patience_s(timeout_s)
        pause_ms = None if patience_s is None else 1000 * min(max(0.0, patience_s), _LONGEST_WAIT_S)
        ready = [descriptor for descriptor, _ in self._poll.poll(pause_ms)]
        self._facts.flush(ready)
        if self._wakeup.descriptor in ready:
            self._wakeup.clear()
        if self._orders.fileno() in ready:
            self._hear()
        if self._life in ready:
            self._leave()

    def _hear(self) -> None:
        messages = self._orders.recv(LARGEST_MESSAGE)
        if not messages:
            self._leave()
            return
        for message in messages.split(SEPARATOR):
            if message == KILL:
                self._stop = "killed"
            elif message.startswith((b"run ", b"forget ")):
                self._waiting.append(message)
            else:
                self._give_up(*message.split(b" ", 1))

    def _give_up(self, word: bytes, name: bytes) -> None:
        """Give back a run that has not begun; one that has begun is ended if it was cancelled."""
        for message in self._waiting:
            if message.startswith(b"run %b " % name):
                self._waiting.remove(message)
                self._orders.send(name)
                return
        if word == CANCEL and self._order and name == run_name(self._order.key, self._order.run):
            self._stop = self._stop or "cancelled"

    def _leave(self) -> None:
        """The keeper or the orchestrator is gone."""
        if not self._leaving:
            self._leaving = True
            self._poll.unregister(self._orders.fileno())
            self._poll.unregister(self._life)

    def _forget(self, key: int) -> None:
        bench = self._benches.pop(key, None)
        if bench:
            bench.close()

    def _execute(self, order: Order) -> None:
        bench = self._benches.get(order.key) or self.insist(order, self._open_bench, order)
        if not self._waiting:
            self._facts.send_held()  # the next order shall be here before the lane has nothing to do
        if order.attempt > 1:
            self._set_aside(order, bench)
        self._facts.report_start(order.key, *self._record(order, bench, started_text(order.run, order.attempt)))
        record = Attempt(self, order, bench).make()
        self._facts.report_end(order.key, *self._record(order, bench, record), more=bool(self._waiting))

    def _open_bench(self, order: Order) -> Workbench:
        self._benches[order.key] = Workbench(os.fsdecode(order.root), self._launcher_id, self._number, order.session)
        return self._benches[order.key]

    def _set_aside(self, order: Order, bench: Workbench) -> None:
        """Move what the attempt before left, while no record yet speaks of this one: so its number is right."""
        with suppress(OSError):  # the staging of the attempt fails by the same, and has a record to say so
            self.insist(order, bench.set_aside, order)

    def _record(self, order: Order, bench: Workbench, fields: Record | str) -> tuple[int, bytes]:
        """Write a record into the journal; return where it begins, and its line."""
        offset = bench.journal.offset
        return offset, self.insist(order, bench.journal.append, fields)

    # -------------------------------------------------------------- what an attempt needs of its lane

    @property
    def is_impatient(self) -> bool:
        """Whether the run was told to end without any grace."""
        return self._stop == "killed"

    def why_stopped(self) -> str | None:
        """Why the run has to end, as a reason; None while it may go on."""
        return "lost" if self._leaving else "cancelled" if self._stop else None

    def attend(self, descriptor: int) -> None:
        """Let `listen` return also when a descriptor becomes readable."""
        self._poll.register(descriptor, select.POLLIN)

    def ignore(self, descriptor: int) -> None:
        """Undo `attend`."""
        self._poll.unregister(descriptor)

    def notice(self, order: Order, text: str) -> None:
        """Tell people what a run waits for."""
        self._facts.notice(order.key, order.run, text)

    def resume(self, order: Order) -> None:
        """Tell people that it waits no more."""
        self._facts.resume(order.key, order.run)

    def insist(self, order: Order, action: Callable[[_A], _T], argument: _A) -> _T:
        """Do what must not fail for want of space or descriptors: while it does, say so, wait and try again.

        Args:
            order: the run for which it is done.
            action: what to do.
            argument: with what.

        Raises:
            OSError: it failed for another reason, or there is no more time to wait.
        """
        try:
            return action(argument)
        except OSError as error:
            lack = error
        for pause_s in pauses_s():
            if lack.errno not in LACKING or self._leaving:
                break
            self.hold(order, lack, pause_s)
            if self._stop and pause_s >= _PATIENCE_S:
                break
            try:
                done = action(argument)
            except OSError as error:
                lack = error
            else:
                self.resume(order)
                return done
        raise lack

    def hold(self, order: Order, error: OSError, pause_s: float) -> None:
        """Say what the machine lacks, and wait."""
        self.notice(order, f"waits: {error.strerror}")
        self.pause(pause_s)

    def pause(self, pause_s: float) -> None:
        """Wait, unless the launcher leaves or the run was told to stop meanwhile."""
        until = monotonic() + pause_s
        before = self._stop
        while monotonic() < until and not self._leaving and self._stop == before:
            self.listen(until - monotonic())
