"""One attempt at a run: staged, started, watched until nothing of it is left, its results taken, and judged."""

from __future__ import annotations

import os
import signal
from errno import ETXTBSY
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.evidence import read_evidence
from multirun.failpoints import reach
from multirun.files import LACKING, pauses_s
from multirun.launcher.limits import Limits, limits_of
from multirun.launcher.spawn import TEXT_BUSY_TRIES, CannotExecuteError, spawn
from multirun.launcher.tree import Tree
from multirun.posted import NOTHING, Posted, keep_results, read_posted
from multirun.records import ended, plain_end_text
from multirun.staging import InputChangedError
from multirun.verdict import SUCCESS, Outcome, failure, is_accepted, judge, was_killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from multirun.journal import Record
    from multirun.launcher.lane import Lane
    from multirun.launcher.messages import Order
    from multirun.launcher.workbench import Workbench

_ASK_AGAIN_S = 0.1


class _StoppedError(BaseException):
    """The run was cancelled, or the launcher is leaving, before its program was started.

    What fills in templates takes any `Exception` for a mistake in them.
    """


class _End(NamedTuple):
    """How an attempt ended, before it is written down."""

    outcome: Outcome
    tree: Tree | None = None
    posted: Posted = NOTHING


class Attempt:
    """One try of a run in a lane."""

    def __init__(self, lane: Lane, order: Order, bench: Workbench) -> None:
        """Prepare.

        Args:
            lane: hears meanwhile what is said, and waits for what the machine lacks.
            order: the run.
            bench: its sweep.
        """
        self._lane = lane
        self._order = order
        self._bench = bench
        self._run_dir = bench.paths.run(order.run)
        self._begin = monotonic()
        self._duration_s: float | None = None
        self._rules_s: float | None = None

    def make(self) -> Record | str:
        """Make the attempt, and return the record of its end, or the text of that."""
        end = self._try()
        duration_s = monotonic() - self._begin if self._duration_s is None else self._duration_s
        return self._plain_end(end, duration_s) or self._ended(end, duration_s)

    def _try(self) -> _End:
        try:
            pid = self._start()
        except CannotExecuteError as error:
            return _End(failure("exec-failed", str(error)))
        except _StoppedError as error:
            return _End(failure(str(error), "it was stopped before its program was started"))
        except (OSError, InputChangedError, ValueError, EOFError) as error:
            return _End(failure("staging-failed", _why(error)))
        options = self._bench.definition.options
        tree = Tree(pid, options.timeout_s, options.grace_s, self._tell_stuck)
        limits = limits_of(options, pid)
        reach("lane.spawned")
        self._watch(tree, limits)
        reach("lane.empty")
        self._duration_s = monotonic() - self._begin
        return self._judge(tree, limits)

    def _judge(self, tree: Tree, limits: Limits | None) -> _End:
        excess = limits.excess() if limits is not None and tree.stopped in (None, "output-limit") else None
        if excess is not None:
            posted = self._lane.insist(self._order, read_posted, self._run_dir)
            return _End(failure("output-limit", excess), tree, posted)
        rules = self._bench.definition.rules
        ending = tree.exit_status or 0, tree.stopped
        extracted = self._extract() if rules.results and is_accepted(*ending, rules) else SUCCESS
        memory = was_killed(*ending) and self._lane.memory.has_run_out()
        posted = self._lane.insist(self._order, read_posted, self._run_dir)
        if self._bench.definition.options.survives_power_loss and posted.found and posted.problem is None:
            self._lane.insist(self._order, lambda found: keep_results(self._run_dir, found), posted)
        missing = self._bench.missing_files(self._order)
        reach("lane.judged")
        outcome = judge(*ending, posted, missing, rules, extracted=extracted, out_of_memory=memory)
        return _End(outcome, tree, posted)

    def _extract(self) -> Outcome:
        """Take results from what the program left; while the machine lacks something, wait and try again."""
        begin = monotonic()
        try:
            return self._lane.insist(self._order, self._evaluate_rules, None)
        except OSError as error:
            return failure(
                self._lane.why_stopped() or "bad-result", f"its results could not be taken: {error.strerror}"
            )
        finally:
            self._rules_s = monotonic() - begin

    def _evaluate_rules(self, _: None) -> Outcome:
        """The outcome of an extractor, which is ended when the run is told to stop or its time is over."""
        extractor = self._bench.start_extractor(self._order)
        self._lane.attend(extractor.descriptor)
        while (busy := extractor.read()) and extractor.patience_s() > 0 and not self._lane.why_stopped():
            self._lane.listen(extractor.patience_s())
        self._lane.ignore(extractor.descriptor)
        status = extractor.close()
        if not busy:
            return extractor.outcome(status)
        stopped = self._lane.why_stopped()
        return failure(stopped, "it was stopped while its results were taken") if stopped else extractor.overdue()

    def _start(self) -> int:
        """Stage the run and start its program, waiting for what the machine lacks."""
        busy = 0
        start, pauses = self._start_once, pauses_s()
        while self._lane.why_stopped() is None:
            try:
                return start()
            except OSError as error:
                busy += error.errno == ETXTBSY
                if error.errno not in LACKING and error.errno != ETXTBSY:
                    raise
                start = self._start_again
                if error.errno == ETXTBSY and busy <= TEXT_BUSY_TRIES:
                    self._lane.pause(0.001 * 2**busy)
                else:
                    self._lane.hold(self._order, error, next(pauses))
        raise _StoppedError(self._lane.why_stopped())

    def _check_in(self) -> None:
        """Hear what was said meanwhile: nobody may start a program for an orchestrator that is gone.

        Raises:
            _StoppedError: the program must not be started.
        """
        self._lane.listen(0.0)
        stopped = self._lane.why_stopped()
        if stopped is not None:
            raise _StoppedError(stopped)

    def _interruptibly(self, fill: Callable[[], None]) -> None:
        """Fill in templates, which can compute for ever without a pause, and check in from a timer meanwhile.

        A signal that is handled late, or while another is, must not raise: nobody would expect that there.
        """

        def check_in(_: int, frame: FrameType | None) -> None:
            if _innermost(frame, (fill.__code__, check_in.__code__)) is fill.__code__:
                self._check_in()

        signal.signal(signal.SIGALRM, check_in)
        signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_S, _ASK_AGAIN_S)
        try:
            fill()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _start_once(self) -> int:
        argv, env = self._bench.prepare(self._order, self._check_in, self._interruptibly)
        self._check_in()
        os.chdir(self._run_dir)
        pid = spawn(argv, env, STDOUT_FILE, STDERR_FILE, self._bench.definition.stdin)
        self._lane.resume(self._order)
        return pid

    def _start_again(self) -> int:
        """Start after removing the directory of an earlier try, in which nothing was executed."""
        self._bench.discard(self._order)
        return self._start_once()

    def _watch(self, tree: Tree, limits: Limits | None) -> None:
        """Wait until nothing of the run is left, and end it when it has to end."""
        self._lane.listen(_due_s(tree, limits))  # it takes its time: asking at once would be for nothing
        while not tree.reap():
            stopped = self._lane.why_stopped()
            if stopped == "cancelled" and self._lane.is_impatient:
                tree.kill()
            elif stopped is not None:
                tree.stop(stopped)
            self._lane.listen(_due_s(tree, limits))

    def _tell_stuck(self, left: list[int]) -> None:
        self._lane.notice(self._order, f"SIGKILL does not end {left}: they wait for a device or belong to another user")

    def _plain_end(self, end: _End, duration_s: float) -> str | None:
        """The text of the record of a success that there is nothing else to tell about, None for any other end."""
        tree = end.tree
        if tree is None or end.outcome is not SUCCESS or end.posted is not NOTHING:
            return None
        order, code = self._order, tree.exit_status or 0
        return plain_end_text(order.run, order.attempt, code, duration_s, tree.cpu_s, tree.max_rss_bytes)

    def _ended(self, end: _End, duration_s: float) -> Record:
        tree = end.tree
        rules = {} if self._rules_s is None else {"rules_s": round(self._rules_s, 6)}
        usage = {"cpu_s": round(tree.cpu_s, 6), "max_rss_bytes": tree.max_rss_bytes} if tree else {}
        fields = ended(
            self._order.run,
            self._order.attempt,
            end.outcome,
            exit_status=tree.exit_status if tree else None,
            duration_s=duration_s,
            posted=end.posted,
            evidence=read_evidence(self._run_dir, end.outcome.reason),
        )
        return fields | rules | usage


def _innermost(frame: FrameType | None, codes: tuple[CodeType, ...]) -> CodeType | None:
    """Which of these functions is being executed; of several the one that was called last."""
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    return frame and frame.f_code


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
