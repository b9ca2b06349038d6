"""The owner of one sweep: pulls parameter maps, has them executed, and records what no launcher saw."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from multirun import records
from multirun.asking import Asked, Inbox
from multirun.attempts import set_aside
from multirun.breaker import Breaker
from multirun.contract import CANCELLED, FIRST_FAILED
from multirun.entry import enter
from multirun.errors import LockLostError, StorageError
from multirun.failpoints import reach
from multirun.files import LACKING
from multirun.hints import going_on, next_command
from multirun.intake import Intake
from multirun.journal import Journal, Record
from multirun.plan import PlanWriter
from multirun.results import ResultsHome, forget_end, note_end
from multirun.retrying import Retrying
from multirun.roll import Roll
from multirun.run import COMPLETE, Run, RunStatus
from multirun.rundir import SweepPaths, orchestrator_of
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.skipping import ask as ask_about
from multirun.statistics import RunStatistics, Tally, is_over
from multirun.sweepresult import SweepResult
from multirun.table import write_table
from multirun.verdict import failure
from multirun.waiting import outlast
from multirun.wording import counts_line, stopped_remark

if TYPE_CHECKING:
    from multirun.creation import Entered
    from multirun.definition import Definition
    from multirun.intake import Pull
    from multirun.params import CheckedParams
    from multirun.request import Request
    from multirun.skipping import SkipIf

_AGAIN_S = 1.0
"""How long to wait for room for the end of a sweep before it is tried again."""


async def conduct(request: Request, planned: list[CheckedParams] | None, runner: AbstractRunner) -> SweepResult:
    """Execute a sweep from its first byte on disk to its table.

    Args:
        request: what was asked for.
        planned: all runs, if their number was known beforehand; else they are pulled from the request.
        runner: where to execute them.

    Returns:
        The runs in the order of the parameter maps.

    Raises:
        MultirunError: the sweep could not be set up or kept going; runs that were started have ended.
        asyncio.CancelledError: the call was cancelled; nothing of the sweep is alive.
    """
    entered = await enter(request, runner)
    with contextlib.closing(entered):
        try:
            conductor = Conductor(request, runner, entered)
        except OSError as error:
            where = f"{entered.opening.paths.root}: {error.strerror}"
            raise StorageError(f"the sweep could not be set up in {where}; nothing was started") from error
        return await conductor.conduct(planned)


class Conductor:
    """One sweep while it is executed; the observer of its runs."""

    def __init__(self, request: Request, runner: AbstractRunner, entered: Entered) -> None:
        opening = entered.opening
        self._request = request
        self._runner = runner
        self._paths = paths = opening.paths
        self._ownership = entered.ownership
        self._dispatching = anyio.CancelScope()
        past = opening.past
        self._goes_on = past is not None
        synced = opening.definition.options.survives_power_loss
        self._plan = PlanWriter(paths.plan, None if past is None else past.survey, synced=synced)
        self._home = ResultsHome(paths)
        self._roll = Roll(self._plan, past, self._home)
        self._intake = Intake(request, self._plan, self._roll, self, paths.plan)
        self._journal = opening.journal or _begin_journal(paths, opening.definition)
        self._unwritten: list[Record] = []
        self._runs, self._offsets = self._roll.runs, self._roll.offsets
        self._tally = Tally()
        self._fault: BaseException | None = None
        self._stopped: str | None = None
        self._total_known = False
        self._first_alone = request.first_alone and not self._roll.any_success
        self._task: asyncio.Task[Any] | None = None
        allowances = request.allowances
        self._retrying = Retrying(allowances.retry, allowances.retry_if)
        self._breaker = Breaker(allowances.max_failures, allowances.max_same_failures)
        self._ended = False

    async def conduct(self, planned: list[CheckedParams] | None) -> SweepResult:
        """Execute all runs."""
        self._task = asyncio.current_task()
        soon = asyncio.get_running_loop().call_soon_threadsafe
        self._inbox = Inbox(
            self._paths, self._ownership.session, lambda asked: soon(self._grant, asked), self._is_granted
        )
        self._ownership.watch(lambda error: soon(self._yield_to_other, error), self._inbox.look)
        self._runner.ledger.begin(self._paths.root)
        try:
            await self._serve(planned)
        except BaseException as error:  # noqa: BLE001 - raised again once everything is closed
            self._fault = error if isinstance(error, asyncio.CancelledError) else self._fault or error
        await self._finish()
        if self._fault is not None:
            self._fault.add_note(self._whereabouts())
            raise self._fault
        self._home.settle()
        return SweepResult(Path(self._paths.root), self._runs, self._statistics(), self._stopped)

    async def _serve(self, planned: list[CheckedParams] | None) -> None:
        pull = None
        if planned is not None and self._goes_on:
            pull = await self._intake.take_all(planned)
            if not self._statistics().pending_count:
                return
        await self._runner.open(self._paths)
        reach("launcher.started")
        try:
            await self._execute(pull or await self._intake.begin(planned))
        finally:
            await outlast(self._runner.close(self._paths))

    async def _execute(self, pull: Pull) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                with self._dispatching:
                    await self._dispatch_all(pull, group)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _dispatch_all(self, pull: Pull, group: asyncio.TaskGroup) -> None:
        while not self._ending() and (run := await pull()) is not None:
            await self._dispatch(run, group)
            if self._first_alone and run.task is not None:
                await self._outlast_first(run, run.task)

    def enlist(self, run: Run) -> None:
        """A run has been planned, or found in the plan."""
        self._tally.add(run.status)
        self._runner.ledger.enroll(run)

    def ask(self, candidates: Iterator[object]) -> object:
        """The next parameter map of the caller's generator."""
        with self._runner.ledger.pulling():
            candidate = next(candidates)
        self._ownership.assure()
        return candidate

    def is_broken(self) -> bool:
        """Whether the sweep cannot go on."""
        return self._fault is not None

    def close_plan(self) -> None:
        """All runs are known."""
        self._total_known = True
        self._runner.ledger.close_plan()

    # ------------------------------------------------------------------------------------------- one run

    async def _dispatch(self, run: Run, group: asyncio.TaskGroup) -> None:
        skip_if = self._request.skip_if
        if (skip_if is not None and await self._is_skipped(run, skip_if)) or not await self._admit(run):
            return
        run.task = group.create_task(self._attend(run), name=f"multirun run {run.index}")
        run.task.add_done_callback(partial(self._settled, run))

    async def _is_skipped(self, run: Run, skip_if: SkipIf) -> bool:
        """Whether a run need not be executed; also if nobody can tell, which ends the sweep."""
        try:
            reason = await ask_about(skip_if, run, self.notice)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the caller's function raises, sys.exit() included
            self.fail(error)
            return True
        if reason is not None and run.status not in COMPLETE:
            del self._offsets[run.index]
            self._conclude(run, self._written_skip(run, reason))
        return reason is not None

    def _written_skip(self, run: Run, reason: str) -> Record:
        """The record that a run is skipped; one of an earlier session stays, for nothing could tell which is later."""
        record = self._roll.former_end(run)
        if record is None or record["event"] != "skipped":
            record = records.skipped(run.index, self._roll.attempt_that_ends(run), reason)
            self._write(record)
        return record

    async def _outlast_first(self, run: Run, task: asyncio.Task[None]) -> None:
        """Let the first run come to its end; if it fails, no other one is started."""
        self._first_alone = False
        await asyncio.wait([task])
        if run.status == "failure" and self._has_more and not self._ending():
            self._stop(FIRST_FAILED)

    async def _admit(self, run: Run) -> bool:
        """Wait for a place for a run; False if it is not to be started any more."""
        await self._runner.admit()
        is_over = self._ending() or run.status in COMPLETE
        if is_over:
            self._runner.release()
        return not is_over

    async def _attend(self, run: Run) -> None:
        """Have a run executed, once or several times; if there will be no other time, it stays as it is."""
        offset = self._offsets.pop(run.index)
        reach("run.given")
        if self._roll.is_stale(run):  # also where directories are kept
            await anyio.to_thread.run_sync(set_aside, self._paths, run.index, run.attempts)
        while self._stopped is None:
            await self._runner.execute(Assignment(self._paths, run.index, run.attempts + 1, offset, self))
            if not self._retrying.is_resting(run.index):
                return
            await self._retrying.pause(run.index)
            if self._ending() or not await self._admit(run):
                return
            self._retrying.go_on(run.index)

    def _settled(self, run: Run, task: asyncio.Task[None]) -> None:
        """The task of a run is over, whatever ended it, be it before its first step."""
        run.task = None
        if run.status in COMPLETE:
            return
        if not self._retrying.is_resting(run.index):
            self._runner.release()
        if run.status == "pending" and self._retrying.knows(run.index):
            self._end_as_before(run)
        elif not self._stays_pending(run, task):
            reason = "cancelled" if task.cancelled() else "never-started"
            self._conclude(run, self._written_end(run, reason, "it was stopped before its program was started"))

    def _stays_pending(self, run: Run, task: asyncio.Task[None]) -> bool:
        """Whether a run is left as it is because nothing of it was begun, and nothing more is to be started."""
        is_called_off = task.cancelled() and self._is_called_off()
        return run.status == "pending" and (self._stopped is not None or is_called_off)

    def _is_called_off(self) -> bool:
        """Whether the whole sweep is being cancelled by its caller, or belongs to another."""
        by_caller = self._task is not None and self._task.cancelling() > 0
        return by_caller or self._ownership.lost

    def started(self, index: int, record: Record) -> None:
        """An attempt was started."""
        run = self._roll[index]
        run.attempts = record["attempt"]
        self._move(run, "running")

    def ended(self, index: int, record: Record) -> None:
        """An attempt ended; its place is free at once, although its task still has to hear of it."""
        self._runner.release()
        self.notice(index, None)
        run = self._roll[index]
        note_end(run, record)
        if record["status"] == "failure" and self._is_retried(run, record["reason"], record):
            return
        self._complete(run, record["status"])

    def _conclude(self, run: Run, record: Record) -> None:
        note_end(run, record)
        self._complete(run, record.get("status", "skipped"))

    def _complete(self, run: Run, status: RunStatus) -> None:
        self._move(run, status)
        stopped = self._breaker.after(run)
        if stopped is not None and self._has_more and not self._ending():
            self._stop(stopped)
        if self._request.on_result is not None:
            self._call_back(run)

    @property
    def _has_more(self) -> bool:
        return not self._total_known or self._statistics().pending_count > 0

    def _is_retried(self, run: Run, reason: str, end: Record) -> bool:
        """Whether a failed run will have another attempt; if so, it waits again."""
        try:
            after_s = self._retrying.consider(run, reason, end)
        except BaseException as error:  # noqa: BLE001 - whatever the caller's function raises, sys.exit() included
            error.add_note(f"retry_if raised this for run {run.index} in {self._paths.run(run.index)}")
            self.fail(error)
            after_s = None
        if after_s is not None:
            forget_end(run)
            self._tally.move(run.status, "pending")
            self._runner.ledger.retry(run)
        return after_s is not None

    def _end_as_before(self, run: Run) -> None:
        """A run that waited for another attempt will have none: how the last one ended decides."""
        self._conclude(run, self._retrying.end_of(run.index))

    def _call_back(self, run: Run) -> None:
        try:
            if self._request.on_result is not None:
                self._request.on_result(run)
        except BaseException as error:  # noqa: BLE001 - whatever the caller's function raises, sys.exit() included
            self.fail(error)

    def dropped(self, index: int, reason: str, message: str) -> None:
        """An attempt ended without a verdict."""
        run = self._roll[index]
        earlier = self._earlier_end(run)
        if earlier is None:
            self.ended(index, self._written_end(run, reason, message))
            return
        self._runner.release()
        if not self._is_retried(run, reason, earlier):
            self._conclude(run, earlier)

    def notice(self, index: int | None, text: str | None) -> None:
        """Something holds a run up."""
        ledger = self._runner.ledger
        if text is not None or ledger.notices:
            ledger.notice(f"{self._paths.root}/{index}", text)

    def _written_end(self, run: Run, reason: str, message: str) -> Record:
        record = self._roll.former_end(run)
        if record is None:
            record = records.ended(run.index, self._roll.attempt_that_ends(run), failure(reason, message))
            self._write(record)
            reach("run.dropped")
        return record

    def _earlier_end(self, run: Run) -> Record | None:
        """How the latest attempt of a run ended, if there was one and none has begun since: that is how it stays."""
        if run.status == "pending" and self._retrying.knows(run.index):
            return self._retrying.end_of(run.index)
        return self._roll.former_end(run)

    def _ending(self) -> bool:
        """Whether nothing more is to be started."""
        return self._fault is not None or self._stopped is not None

    def fail(self, error: BaseException) -> None:
        """The sweep cannot go on: what was started ends, then this is raised."""
        self._fault = self._fault or error
        self._retrying.halt()

    def _stop(self, why: str) -> None:
        """Start nothing more; what was started ends."""
        self._stopped = why
        self._retrying.halt()
        self._runner.withdraw(self._paths)
        self._runner.ledger.remark(stopped_remark(why, going_on(self._paths.root)))

    def _move(self, run: Run, status: RunStatus) -> None:
        before = run.status
        self._runner.ledger.move(run, status)
        self._tally.move(before, status)

    # ------------------------------------------------------------------------------- what others want of it

    def _grant(self, asked: Asked) -> None:
        """Somebody asks for the end of some runs, or of all."""
        if asked.runs is None:
            if self._stopped is None and not is_over(self._statistics()):
                self._stop(CANCELLED)
            self._stop_runs()
            return
        for run in map(self._roll.find, asked.runs):
            if run is not None:
                self._cancel(run)

    def _is_granted(self, asked: Asked) -> bool:
        """Whether these runs are over; called in a thread."""
        wanted = () if asked.runs is None else asked.runs
        over = all(run is None or run.status in COMPLETE for run in map(self._roll.find, wanted))
        return over and asked.runs is not None

    def _cancel(self, run: Run) -> None:
        if run.task is not None:
            run.task.cancel()
        elif run.status not in COMPLETE:
            self._offsets.pop(run.index, None)
            self._conclude(run, self._written_end(run, "cancelled", "it was cancelled before its program was started"))

    def _yield_to_other(self, error: LockLostError) -> None:
        """Somebody else owns the sweep: end what is still executed here, and leave."""
        self.fail(error)
        self._stop_runs()
        if len(self._runner.ledger.serving) == 1:
            self._runner.hasten()

    def _stop_runs(self) -> None:
        """Start no more runs, and end those that are executed, with grace."""
        self._dispatching.cancel()
        for run in self._runs:
            if run.task is not None:
                run.task.cancel()

    # ------------------------------------------------------------------------------------------- the end

    def _write(self, record: Record) -> None:
        if self._ownership.lost:
            return
        self._unwritten.append(record)
        try:
            self._flush()
        except OSError as error:
            if error.errno in LACKING:
                self.notice(None, f"the journal waits: {error.strerror}")
            else:
                self._fault = self._fault or StorageError(f"{self._journal.path} cannot be written: {error.strerror}")

    def _flush(self) -> None:
        while self._unwritten:
            self._journal.append(self._unwritten[0])
            del self._unwritten[0]

    async def _finish(self) -> None:
        """Write the end and the table, as soon as there is room for them, and close every file."""
        if not self._total_known:
            self._runner.ledger.close_plan()
        self._restore()
        try:
            await self._write_end_patiently()
        except asyncio.CancelledError as cancelled:
            self._fault = self._fault or cancelled
            await outlast(anyio.to_thread.run_sync(self._try_to_end))
        finally:
            await outlast(anyio.to_thread.run_sync(self._close_files))
            self._runner.ledger.end(self._paths.root)

    async def _write_end_patiently(self) -> None:
        """While the machine lacks something, say so and try again; a call that has to raise anyway does not wait."""
        while (error := await outlast(anyio.to_thread.run_sync(self._try_to_end))) is not None:
            if error.errno not in LACKING or self._fault is not None:
                problem = f"the end of the sweep could not be written to {self._paths.root}: {error.strerror}"
                self._fault = self._fault or StorageError(f"{problem}; what its runs did is in its journals")
                return
            self.notice(None, f"the end of the sweep waits: {error.strerror}")
            await asyncio.sleep(_AGAIN_S)

    def _try_to_end(self) -> OSError | None:
        """Write what is not written yet; return why that is impossible."""
        try:
            reach("sweep.ended")
            self._ownership.assure()
            if not self._ended:
                self._ended = True
                complete = self._fault is None and self._stopped is None
                self._unwritten.append(records.closed(complete=complete, stopped=self._stopped))
            self._flush()
            self._plan.flush()
            reach("sweep.closed")
            write_table(self._paths, self._roll.on_disk())
        except OSError as error:
            return error
        except LockLostError as error:
            self._fault = self._fault or error
        return None

    def _close_files(self) -> None:
        self._journal.close()
        self._plan.close()
        self._ownership.release()
        self._inbox.close()

    def _restore(self) -> None:
        """Runs that were left pending, and had ended in an earlier session, are what they were then."""
        for run, record in self._roll.unreached():
            note_end(run, record)
            self._move(run, record.get("status", "skipped"))

    def _statistics(self) -> RunStatistics:
        return self._tally.statistics(total_known=self._total_known)

    def _whereabouts(self) -> str:
        root = self._paths.root
        listing = f"they are in {root}; list them with: {next_command('results', root)}"
        advice = "" if self._ownership.lost else f"; {going_on(root)}"
        return f"{counts_line(self._statistics())}; {listing}{advice}"


def _begin_journal(paths: SweepPaths, definition: Definition) -> Journal:
    writer = orchestrator_of(paths.session)
    synced = definition.options.survives_power_loss
    journal = Journal(paths.journal(writer), definition.id, writer, time(), paths.session, synced=synced)
    if paths.session > 1:  # earlier ones were killed before there was a sweep
        journal.append(records.opened(paths.session, {}, ()))
    return journal
