"""The keeper: forks lanes, replaces nothing by itself, and makes sure that nothing outlives its lane."""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress
from errno import EMFILE
from time import monotonic

from multirun.failpoints import become, reach
from multirun.launcher.lane import Lane
from multirun.launcher.messages import LARGEST_MESSAGE, SEPARATOR
from multirun.launcher.wakeup import Wakeup
from multirun.processes import become_subreaper, children_of, set_name, signal_descendants

_SWEEPING_S = 0.005
"""How long orphans that were just killed may take until they are looked at again."""
_AGAIN_S = 0.5
"""How long to wait when the machine refuses another lane."""
_LEAVING_S = 5.0
"""How long a lane may take to leave when the orchestrator is gone; it needs about 1 s."""
_SPARE_DESCRIPTORS = 4
"""What the keeper itself must always be able to open."""


class Keeper:
    """The process that all lanes of a launcher belong to.

    A lane dies only through a fault. What it left then becomes children of the keeper, which kills until its list of
    children holds nothing but lanes, and only then reports the lane as lost.
    """

    def __init__(self, control: int, facts: int, gone: int, launcher_id: str) -> None:
        """Take over what the sentinel prepared.

        Args:
            control: a socket to the orchestrator.
            facts: the pipe on which lanes report.
            gone: becomes readable when the orchestrator is gone.
            launcher_id: random text that no other launcher has.
        """
        self._control = socket.socket(fileno=control)
        self._facts = facts
        self._gone = gone
        self._launcher_id = launcher_id
        self._life, self._life_held = os.pipe()
        set_name("multirun-keeper")
        become_subreaper()
        self._wakeup = Wakeup()
        self._wanted: list[tuple[int, socket.socket]] = []
        self._lanes: dict[int, tuple[int, socket.socket]] = {}
        self._fallen: list[tuple[int, socket.socket]] = []
        self._refusal = ""

    def work(self) -> None:
        """Serve until the orchestrator is gone, then end everything and leave."""
        reach("keeper.ready")
        self._tell(b"ready")
        poll = select.poll()
        for descriptor in (self._control.fileno(), self._wakeup.descriptor, self._gone):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(self._pause_ms())}
            if self._gone in ready or (self._control.fileno() in ready and not self._obey()):
                break
            self._open_lanes()
            self._wakeup.clear()
            self._reap()
            self._sweep()
        self._leave()

    def _pause_ms(self) -> float | None:
        if self._fallen:
            return _SWEEPING_S * 1000
        return _AGAIN_S * 1000 if self._wanted else None

    def _obey(self) -> bool:
        """Take a lane that the orchestrator asks for, or end one; False if there is no orchestrator any more."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, LARGEST_MESSAGE, 1)
        except OSError:
            return False
        if message in (b"", b"leave"):
            return False
        word, number = message.split()[0], int(message.split()[1])
        if word == b"kill":
            self._kill(number)
            return True
        orders = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        if orders and _can_open(_SPARE_DESCRIPTORS):
            self._wanted.append((number, orders[0]))
        else:
            self._turn_away(number, orders)
        return True

    def _kill(self, number: int) -> None:
        for pid, (lane, _) in self._lanes.items():
            if lane == number:
                os.kill(pid, signal.SIGKILL)

    def _turn_away(self, number: int, orders: list[socket.socket]) -> None:
        """Let the orchestrator ask again later for a lane that there are no descriptors for."""
        for received in orders:
            received.close()
        self._explain(os.strerror(EMFILE))
        self._tell(b"refused %d" % number)

    def _open_lanes(self) -> None:
        """Fork the lanes that are wanted, or say why that has to wait."""
        while self._wanted:
            try:
                pid = os.fork()
            except OSError as error:
                self._explain(error.strerror or "")
                return
            number, orders = self._wanted.pop(0)
            if pid == 0:
                self._become_lane(number, orders)
            self._lanes[pid] = (number, orders)
            reach("keeper.forked")
            self._explain("")

    def _explain(self, refusal: str) -> None:
        """Tell why the machine refuses another lane, or, without words, that it does not any more."""
        if refusal != self._refusal:
            self._refusal = refusal
            self._tell(b"notice %b" % os.fsencode(refusal and f"fewer runs than asked for at once: {refusal}"))

    def _become_lane(self, number: int, orders: socket.socket) -> None:
        try:
            for descriptor in (self._control.fileno(), self._gone, self._life_held):
                os.close(descriptor)
            for _, other in [*self._lanes.values(), *self._fallen, *self._wanted]:
                other.close()
            self._wakeup.close()
            become("lane")
            Lane(number, self._launcher_id, orders, self._life, self._facts).work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(70)
        os._exit(0)

    def _reap(self) -> None:
        """Collect the dead; a lane among them has fallen unless it left in good order."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._lanes:
                number, orders = self._lanes.pop(pid)
                if status == 0:
                    orders.close()
                else:
                    self._fallen.append((number, orders))

    def _sweep(self) -> None:
        """Kill what fallen lanes left; report the lanes once nothing is left."""
        if not self._fallen:
            return
        if self._has_orphans():
            signal_descendants(signal.SIGKILL, spare=self._lanes)
            return
        reach("keeper.swept")
        for number, orders in self._fallen:
            self._tell(b"lost %d %d" % (number, _unread(orders)))
            orders.close()
        self._fallen.clear()

    def _has_orphans(self) -> bool:
        return any(child not in self._lanes for child in children_of(os.getpid()))

    def _tell(self, message: bytes) -> None:
        try:
            self._control.send(message)
        except OSError:
            return  # nobody is there to be told

    def _leave(self) -> None:
        """Let the lanes end their runs, kill what they leave, and wait for all."""
        os.close(self._life_held)
        for _, orders in [*self._lanes.values(), *self._wanted]:
            orders.close()
        self._signal_lanes(signal.SIGCONT)  # whoever was stopped cannot end anything
        poll, until = select.poll(), monotonic() + _LEAVING_S
        poll.register(self._wakeup.descriptor, select.POLLIN)
        while children_of(os.getpid()):
            poll.poll(_SWEEPING_S * 1000)
            self._wakeup.clear()
            self._reap()
            if monotonic() > until:
                self._signal_lanes(signal.SIGKILL)
            if self._has_orphans():
                signal_descendants(signal.SIGKILL, spare=self._lanes)

    def _signal_lanes(self, signum: int) -> None:
        for pid in self._lanes:
            os.kill(pid, signum)


def _can_open(count: int) -> bool:
    """Whether this process may open some more descriptors."""
    opened: list[int] = []
    try:
        opened.extend(os.dup(0) for _ in range(count))
    except OSError:
        return False
    else:
        return True
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _unread(orders: socket.socket) -> int:
    """How many orders a lane had not taken when it died."""
    count = 0
    with suppress(OSError):
        while message := orders.recv(LARGEST_MESSAGE, socket.MSG_DONTWAIT):
            count += sum(order.startswith(b"run ") for order in message.split(SEPARATOR))
    return count
