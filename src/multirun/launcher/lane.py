"""A lane: takes one run after another, stages it, starts its program, ends all it started, judges, and reports.

A plain synchronous loop in a process of its own, so that nothing any run does can hold up another.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ETXTBSY
from itertools import chain, repeat
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.evidence import read_evidence
from multirun.files import LACKING
from multirun.launcher.facts import Facts
from multirun.launcher.limits import Limits, limits_of
from multirun.launcher.memory import MemoryWatch
from multirun.launcher.messages import CANCEL, KILL, LARGEST_MESSAGE, Order
from multirun.launcher.spawn import TEXT_BUSY_TRIES, CannotExecuteError, spawn
from multirun.launcher.tree import Tree
from multirun.launcher.wakeup import Wakeup
from multirun.launcher.workbench import Workbench
from multirun.posted import NOTHING, Posted, read_posted
from multirun.processes import become_subreaper, set_name
from multirun.records import ended, plain_end_text, started_text
from multirun.staging import InputChangedError
from multirun.verdict import SUCCESS, Outcome, failure, is_accepted, judge, was_killed

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.launcher.extractor import Extractor

_A = TypeVar("_A")
_T = TypeVar("_T")
_LONGEST_WAIT_S = 3600.0
"""`poll` cannot wait for a month; whoever waits longer looks again now and then."""
_ASK_AGAIN_S = 0.1
_PATIENCE_S = 1.0
"""How long a run that was told to stop still waits for what the machine lacks."""


def _pauses_s() -> Iterator[float]:
    return chain((0.05, 0.2, 1.0), repeat(5.0))


class _StoppedError(BaseException):
    """The run was cancelled, or the launcher is leaving, before its program was started.

    What fills in templates takes any `Exception` for a mistake in them.
    """


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
        self._wakeup = Wakeup()
        self._benches: dict[int, Workbench] = {}
        self._waiting: deque[bytes] = deque()
        self._stop: str | None = None
        self._leaving = False
        self._poll = select.poll()
        self._facts = Facts(number, facts, self._poll)
        self._memory = MemoryWatch()
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
        bench = self._benches.get(order.key) or self._insist(order, self._open_bench, order)
        self._facts.report_start(order.key, *self._record(order, bench, started_text(order.run, order.attempt)))
        begin = monotonic()
        end = self._attempt(order, bench)
        duration_s = monotonic() - begin
        record = _plain_end(order, end, duration_s) or _ended_record(order, end, duration_s, bench)
        self._facts.report_end(order.key, *self._record(order, bench, record))

    def _open_bench(self, order: Order) -> Workbench:
        self._benches[order.key] = Workbench(os.fsdecode(order.root), self._launcher_id, self._number)
        return self._benches[order.key]

    def _record(self, order: Order, bench: Workbench, fields: Record | str) -> tuple[int, bytes]:
        """Write a record into the journal; return where it begins, and its line."""
        offset = bench.journal.offset
        return offset, self._insist(order, bench.journal.append, fields)

    def _insist(self, order: Order, action: Callable[[_A], _T], argument: _A) -> _T:
        """Do what must not fail for want of space or descriptors: while it does, say so, wait and try again."""
        try:
            return action(argument)
        except OSError as error:
            lack = error
        for pause_s in _pauses_s():
            if lack.errno not in LACKING or self._leaving:
                break
            self._hold(order, lack, pause_s)
            if self._stop and pause_s >= _PATIENCE_S:
                break
            try:
                done = action(argument)
            except OSError as error:
                lack = error
            else:
                self._facts.resume(order.key, order.run)
                return done
        raise lack

    def _hold(self, order: Order, error: OSError, pause_s: float) -> None:
        self._facts.notice(order.key, order.run, f"waits: {error.strerror}")
        self._pause(pause_s)

    def _pause(self, pause_s: float) -> None:
        """Wait, unless the launcher leaves or the run was told to stop meanwhile."""
        until = monotonic() + pause_s
        before = self._stop
        while monotonic() < until and not self._leaving and self._stop == before:
            self._listen(until - monotonic())

    def _attempt(self, order: Order, bench: Workbench) -> _End:
        try:
            pid = self._start(order, bench)
        except CannotExecuteError as error:
            return _End(failure("exec-failed", str(error)))
        except _StoppedError as error:
            return _End(failure(str(error), "it was stopped before its program was started"))
        except (OSError, InputChangedError, ValueError, EOFError) as error:
            return _End(failure("staging-failed", _why(error)))
        options = bench.definition.options
        tree = Tree(pid, options.timeout_s, options.grace_s, lambda left: self._tell_stuck(order, left))
        limits = limits_of(options, pid)
        self._watch(tree, limits)
        return self._judge(order, bench, tree, limits)

    def _judge(self, order: Order, bench: Workbench, tree: Tree, limits: Limits | None) -> _End:
        excess = limits.excess() if limits is not None and tree.stopped in (None, "output-limit") else None
        if excess is not None:
            posted = self._insist(order, read_posted, bench.paths.run(order.run))
            return _End(failure("output-limit", excess), tree, posted)
        rules = bench.definition.rules
        ending = tree.exit_status or 0, tree.stopped
        extracted = self._extract(order, bench) if rules.results and is_accepted(*ending, rules) else SUCCESS
        memory = was_killed(*ending) and self._memory.has_run_out()
        posted = self._insist(order, read_posted, bench.paths.run(order.run))
        missing = bench.missing_files(order.run)
        outcome = judge(*ending, posted, missing, rules, extracted=extracted, out_of_memory=memory)
        return _End(outcome, tree, posted)

    def _extract(self, order: Order, bench: Workbench) -> Outcome:
        """Take results from what the program left; while the machine lacks something, wait and try again."""
        try:
            return self._insist(order, lambda run: self._wait_for(bench.start_extractor(run)), order)
        except OSError as error:
            return failure(self._why_stopped() or "bad-result", f"its results could not be taken: {error.strerror}")

    def _wait_for(self, extractor: Extractor) -> Outcome:
        """The outcome of an extractor, which is ended when the run is told to stop or its time is over."""
        self._poll.register(extractor.descriptor, select.POLLIN)
        while (busy := extractor.read()) and extractor.patience_s() > 0 and not self._why_stopped():
            self._listen(extractor.patience_s())
        self._poll.unregister(extractor.descriptor)
        status = extractor.close()
        if not busy:
            return extractor.outcome(status)
        stopped = self._why_stopped()
        return failure(stopped, "it was stopped while its results were taken") if stopped else extractor.overdue()

    def _why_stopped(self) -> str | None:
        return "lost" if self._leaving else "cancelled" if self._stop else None

    def _start(self, order: Order, bench: Workbench) -> int:
        """Stage the run and start its program, waiting for what the machine lacks."""
        busy = 0
        start, pauses_s = self._start_once, _pauses_s()
        while not (self._stop or self._leaving):
            try:
                return start(order, bench)
            except OSError as error:
                busy += error.errno == ETXTBSY
                if error.errno not in LACKING and error.errno != ETXTBSY:
                    raise
                start = self._start_again
                if error.errno == ETXTBSY and busy <= TEXT_BUSY_TRIES:
                    self._pause(0.001 * 2**busy)
                else:
                    self._hold(order, error, next(pauses_s))
        raise _StoppedError("lost" if self._leaving else "cancelled")

    def _check_in(self) -> None:
        """Hear what was said meanwhile: nobody may start a program for an orchestrator that is gone.

        Raises:
            _StoppedError: the program must not be started.
        """
        self._listen(0.0)
        if self._stop or self._leaving:
            raise _StoppedError("lost" if self._leaving else "cancelled")

    @contextmanager
    def _interrupting(self) -> Iterator[None]:
        """Check in ten times per second from a timer: what happens meanwhile may compute for ever without a pause."""
        signal.signal(signal.SIGALRM, lambda *_: self._check_in())
        signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_S, _ASK_AGAIN_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _start_once(self, order: Order, bench: Workbench) -> int:
        argv, env = bench.prepare(order, self._check_in, self._interrupting)
        self._check_in()
        os.chdir(bench.paths.run(order.run))
        pid = spawn(argv, env, STDOUT_FILE, STDERR_FILE, bench.definition.stdin)
        self._facts.resume(order.key, order.run)
        return pid

    def _start_again(self, order: Order, bench: Workbench) -> int:
        """Start after removing the directory of an earlier try, in which nothing was executed."""
        import shutil

        os.chdir("/")
        try:
            shutil.rmtree(bench.paths.run(order.run))
        except FileNotFoundError:
            pass
        return self._start_once(order, bench)

    def _watch(self, tree: Tree, limits: Limits | None) -> None:
        """Wait until nothing of the run is left, and end it when it has to end."""
        self._listen(_due_s(tree, limits))  # it takes its time: asking at once would be for nothing
        while not tree.reap():
            if self._leaving:
                tree.stop("lost")
            elif self._stop == "killed":
                tree.kill()
            elif self._stop:
                tree.stop("cancelled")
            self._listen(_due_s(tree, limits))

    def _tell_stuck(self, order: Order, left: list[int]) -> None:
        self._facts.notice(
            order.key, order.run, f"SIGKILL does not end {left}: they wait for a device or belong to another user"
        )


def _due_s(tree: Tree, limits: Limits | None) -> float | None:
    """Do what is due for a run; return the seconds until something will be due, None if nothing will."""
    if limits is None:
        return tree.advance()
    look_s = limits.look(tree)
    due_s = tree.advance()
    return look_s if due_s is None else due_s if look_s is None else min(due_s, look_s)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def _plain_end(order: Order, end: _End, duration_s: float) -> str | None:
    """The text of the record of a success that there is nothing else to tell about, None for any other end."""
    tree = end.tree
    if tree is None or end.outcome is not SUCCESS or end.posted is not NOTHING:
        return None
    code = tree.exit_status or 0
    return plain_end_text(order.run, order.attempt, code, duration_s, tree.cpu_s, tree.max_rss_bytes)


def _ended_record(order: Order, end: _End, duration_s: float, bench: Workbench) -> Record:
    tree = end.tree
    status = tree.exit_status if tree else None
    usage = {"cpu_s": round(tree.cpu_s, 6), "max_rss_bytes": tree.max_rss_bytes} if tree else {}
    fields = ended(
        order.run,
        order.attempt,
        end.outcome,
        exit_status=status,
        duration_s=duration_s,
        posted=end.posted,
        evidence=read_evidence(bench.paths.run(order.run), end.outcome.reason),
    )
    return fields | usage
