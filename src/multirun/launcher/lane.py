"""A lane: takes one run after another, stages it, starts its program, ends all it started, judges, and reports.

A plain synchronous loop in a process of its own, so that nothing any run does can hold up another.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
from collections import deque
from collections.abc import Callable, Iterator
from errno import ETXTBSY
from time import monotonic
from typing import NamedTuple, TypeVar, TYPE_CHECKING

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.launcher.facts import Facts
from multirun.launcher.messages import CANCEL, KILL, LARGEST_MESSAGE, Order
from multirun.launcher.spawn import LACKING, TEXT_BUSY_TRIES, CannotExecuteError, spawn
from multirun.launcher.tree import Tree
from multirun.launcher.wakeup import Wakeup
from multirun.launcher.workbench import Workbench
from multirun.posted import NOTHING, Posted, read_posted
from multirun.processes import become_subreaper, set_name
from multirun.records import ended, started
from multirun.staging import InputChangedError
from multirun.verdict import Outcome, failure, judge

if TYPE_CHECKING:
    from multirun.journal import Record

_T = TypeVar("_T")
_PAUSES_S = (0.05, 0.2, 1.0, 5.0)


class _StoppedError(Exception):
    """The run was cancelled, or the launcher is leaving, before its program was started."""


class _End(NamedTuple):
    """How an attempt ended, before it is written down."""

    outcome: Outcome
    tree: Tree | None = None
    posted: Posted = NOTHING


class Lane:
    """One slot of a launcher."""

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
        self._facts = Facts(number, facts)
        self._wakeup = Wakeup()
        self._benches: dict[int, Workbench] = {}
        self._waiting: deque[bytes] = deque()
        self._stop: str | None = None
        self._leaving = False
        self._poll = select.poll()
        for descriptor in (orders.fileno(), life, self._wakeup.descriptor):
            self._poll.register(descriptor, select.POLLIN)

    def work(self) -> None:
        """Execute orders until there is nobody left to give any."""
        while True:
            while not self._waiting and not self._leaving:
                self._listen(None)
            if self._leaving:
                return
            message = self._waiting.popleft()
            if message.startswith(b"run "):
                self._stop = None
                self._execute(Order.decode(message))
            elif message.startswith(b"forget "):
                self._forget(int(message.split()[1]))

    def _listen(self, timeout_s: float | None) -> None:
        """Wait until something happens, and take in what was said."""
        self._facts.offer(self._poll)
        ready = [
            descriptor for descriptor, _ in self._poll.poll(None if timeout_s is None else max(0.0, timeout_s * 1000))
        ]
        self._facts.flush(ready)
        if self._wakeup.descriptor in ready:
            self._wakeup.clear()
        if self._orders.fileno() in ready:
            self._hear()
        if self._life in ready:
            self._leave()

    def _hear(self) -> None:
        message = self._orders.recv(LARGEST_MESSAGE)
        if message == CANCEL:
            self._stop = self._stop or "cancelled"
        elif message == KILL:
            self._stop = "killed"
        elif message:
            self._waiting.append(message)
        else:
            self._leave()

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
        bench = self._insist(order, lambda: self._bench(order))
        self._record(order, bench, started(order.run, order.attempt))
        begin = monotonic()
        end = self._attempt(order, bench)
        self._record(order, bench, _ended_record(order, end, monotonic() - begin))

    def _bench(self, order: Order) -> Workbench:
        if order.key not in self._benches:
            self._benches[order.key] = Workbench(os.fsdecode(order.root), self._launcher_id, self._number)
        return self._benches[order.key]

    def _record(self, order: Order, bench: Workbench, fields: Record) -> None:
        offset, line = self._insist(order, lambda: (bench.journal.offset, bench.journal.append(fields)))
        self._facts.report(order.key, offset, line)

    def _insist(self, order: Order, action: Callable[[], _T]) -> _T:
        """Do what must not fail for want of space or descriptors: tell, wait and try again until there is nobody to tell."""
        for pause_s in _pauses():
            try:
                done = action()
            except OSError as error:
                if error.errno not in LACKING or self._leaving:
                    raise
                self._hold(order, error, pause_s)
            else:
                self._facts.resume(order.key, order.run)
                return done
        raise AssertionError("pauses never end")

    def _hold(self, order: Order, error: OSError, pause_s: float) -> None:
        self._facts.notice(order.key, order.run, f"waits: {error.strerror}")
        until = monotonic() + pause_s
        while monotonic() < until and not self._leaving:
            self._listen(until - monotonic())

    def _attempt(self, order: Order, bench: Workbench) -> _End:
        try:
            pid = self._start(order, bench)
        except CannotExecuteError as error:
            return _End(failure("exec-failed", str(error)))
        except _StoppedError as error:
            return _End(failure(str(error), "it was stopped before its program was started"))
        except (OSError, InputChangedError, ValueError, EOFError) as error:
            return _End(failure("staging-failed", str(error)))
        options = bench.definition.options
        tree = Tree(pid, options.timeout_s, options.grace_s, lambda left: self._tell_stuck(order, left))
        self._watch(tree)
        posted = self._insist(order, lambda: read_posted(bench.paths.run(order.run)))
        rules = bench.definition.rules
        missing = bench.missing_files(order.run)
        return _End(judge(tree.exit_status or 0, tree.stopped, posted, missing, rules), tree, posted)

    def _start(self, order: Order, bench: Workbench) -> int:
        """Stage the run and start its program, waiting for what the machine lacks."""
        busy = 0
        for pause_s in _pauses():
            if self._stop or self._leaving:
                raise _StoppedError("lost" if self._leaving else "cancelled")
            try:
                return self._start_once(order, bench)
            except OSError as error:
                busy += error.errno == ETXTBSY
                if error.errno not in LACKING and error.errno != ETXTBSY:
                    raise
                self._clear_away(bench, order)
                if error.errno == ETXTBSY and busy <= TEXT_BUSY_TRIES:
                    self._listen(0.001 * 2**busy)
                else:
                    self._hold(order, error, pause_s)
        raise AssertionError("pauses never end")

    def _start_once(self, order: Order, bench: Workbench) -> int:
        argv, env = bench.prepare(order)
        os.chdir(bench.paths.run(order.run))
        pid = spawn(argv, env, STDOUT_FILE, STDERR_FILE)
        self._facts.resume(order.key, order.run)
        return pid

    def _clear_away(self, bench: Workbench, order: Order) -> None:
        """Remove a directory in which nothing was executed yet."""
        os.chdir("/")
        shutil.rmtree(bench.paths.run(order.run), ignore_errors=True)

    def _watch(self, tree: Tree) -> None:
        """Wait until nothing of the run is left, and end it when it has to end."""
        while not tree.reap():
            if self._leaving:
                tree.stop("lost")
            elif self._stop == "killed":
                tree.kill()
            elif self._stop:
                tree.stop("cancelled")
            self._listen(tree.advance())

    def _tell_stuck(self, order: Order, left: list[int]) -> None:
        self._facts.notice(
            order.key, order.run, f"processes {left} survive SIGKILL; they wait for a device or belong to another user"
        )


def _pauses() -> Iterator[float]:
    yield from _PAUSES_S
    while True:
        yield _PAUSES_S[-1]


def _ended_record(order: Order, end: _End, duration_s: float) -> Record:
    tree = end.tree
    status = tree.exit_status if tree else None
    usage = {"cpu_s": round(tree.cpu_s, 6), "max_rss_bytes": tree.max_rss_bytes} if tree else {}
    fields = ended(order.run, order.attempt, end.outcome, exit_status=status, duration_s=duration_s, posted=end.posted)
    return fields | usage
