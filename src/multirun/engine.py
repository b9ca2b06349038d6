"""The owner of one sweep: pulls parameter maps, has them executed, and records what no launcher saw."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from multirun import records
from multirun.asking import Asked, Inbox
from multirun.attempts import set_aside
from multirun.contract import CANCELLED, FIRST_FAILED
from multirun.entry import enter
from multirun.errors import LockLostError, StorageError
from multirun.files import LACKING
from multirun.hints import next_command
from multirun.journal import Journal, Record
from multirun.plan import PlanWriter
from multirun.planning import Planner
from multirun.results import ResultsHome, note_end
from multirun.roll import Roll
from multirun.run import COMPLETE, Run, RunStatus
from multirun.rundir import SweepPaths, orchestrator_of
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.statistics import RunStatistics, Tally, is_over
from multirun.sweepresult import SweepResult
from multirun.table import write_table
from multirun.verdict import failure
from multirun.waiting import outlast
from multirun.wording import GOING_ON, counts_line, stopped_line

if TYPE_CHECKING:
    from multirun.creation import Entered
    from multirun.definition import Definition
    from multirun.params import CheckedParams
    from multirun.request import Request

_PLANNED_AT_ONCE = 500
_AGAIN_S = 1.0
_Pull = Callable[[], Awaitable[Run | None]]


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
            root = entered.opening.paths.root
            raise StorageError(f"the sweep could not be set up in {root}: {error.strerror}") from error
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
        self._plan = PlanWriter(paths.plan, None if past is None else past.survey)
        self._home = ResultsHome(paths)
        self._roll = Roll(self._plan, past, self._home)
        self._journal = opening.journal or _begin_journal(paths, opening.definition)
        self._unwritten: list[Record] = []
        self._runs, self._offsets = self._roll.runs, self._roll.offsets
        self._tally = Tally()
        self._fault: BaseException | None = None
        self._stopped: str | None = None
        self._total_known = False
        self._task: asyncio.Task[Any] | None = None

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
        await outlast(self._finish())
        if self._fault is not None:
            self._fault.add_note(self._whereabouts())
            raise self._fault
        self._home.settle()
        return SweepResult(Path(self._paths.root), self._runs, self._statistics(), self._stopped)

    async def _serve(self, planned: list[CheckedParams] | None) -> None:
        pull = None
        if planned is not None and self._goes_on:
            pull = await self._enroll_all(planned)
            if not self._statistics().pending_count:
                return
        await self._runner.open(self._paths)
        try:
            await self._execute(pull or (self._generator() if planned is None else await self._enroll_all(planned)))
        finally:
            await outlast(self._runner.close(self._paths))

    async def _execute(self, pull: _Pull) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                with self._dispatching:
                    await self._dispatch_all(pull, group)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _dispatch_all(self, pull: _Pull, group: asyncio.TaskGroup) -> None:
        first_alone = self._request.first_alone and not self._roll.any_success
        while self._fault is None and self._stopped is None and (run := await pull()) is not None:
            await self._dispatch(run, group)
            if first_alone and run.task is not None:
                first_alone = False
                await self._outlast_first(run, run.task)

    async def _enroll_all(self, planned: list[CheckedParams]) -> _Pull:
        for number, params in enumerate(planned, start=1):
            self._enroll(params)
            if number % _PLANNED_AT_ONCE == 0:
                await self._write_plan()
                await asyncio.sleep(0)
        await self._close_plan()
        runs = iter(run for run in self._runs if run.status not in COMPLETE)

        async def pull() -> Run | None:
            return next(runs, None)

        return pull

    def _generator(self) -> _Pull:
        """A function that pulls one parameter map after another until there is none left or something goes wrong."""
        planner = Planner.of(self._request)
        candidates = iter(self._request.runs)

        async def pull() -> Run | None:
            await asyncio.sleep(0)  # the generator may take its time: first let what was dispatched begin
            while (params := self._next_params(candidates, planner)) is not None:
                run = self._enroll(params)
                if run.status not in COMPLETE:
                    await self._write_plan()
                    return run
                await asyncio.sleep(0)
            if self._fault is None:
                await self._close_plan()
            return None

        return pull

    def _next_params(self, candidates: Iterator[object], planner: Planner) -> CheckedParams | None:
        """Pull one parameter map; what goes wrong ends the pulling, and the sweep once the started runs have ended."""
        try:
            with self._runner.ledger.pulling():
                candidate = next(candidates)
            self._ownership.assure()
            return planner.plan(len(self._runs), candidate)
        except StopIteration:
            return None
        except BaseException as error:  # noqa: BLE001 - whatever the caller's generator raises, sys.exit() included
            self._fault = error
            return None

    def _enroll(self, params: CheckedParams) -> Run:
        run = self._roll.enroll(params)
        self._tally.add(run.status)
        self._runner.ledger.enroll(run)
        return run

    async def _close_plan(self) -> None:
        if self._request.redo is None:  # else only who started the sweep knows whether there are more runs
            self._plan.finish()
        await self._write_plan()
        self._total_known = True
        self._runner.ledger.close_plan()

    async def _write_plan(self) -> None:
        """Write to the plan what was added; while the machine lacks something, say so and try again.

        Raises:
            StorageError: the disk refuses for good.
        """
        while True:
            try:
                self._plan.flush()
            except OSError as error:
                if error.errno not in LACKING:
                    raise StorageError(f"{self._paths.plan} cannot be written: {error.strerror}") from error
                self.notice(None, f"the plan waits: {error.strerror}")
                await asyncio.sleep(_AGAIN_S)
            else:
                self.notice(None, None)
                return

    # ------------------------------------------------------------------------------------------- one run

    async def _dispatch(self, run: Run, group: asyncio.TaskGroup) -> None:
        await self._runner.admit()
        if self._fault is not None or self._stopped is not None or run.status in COMPLETE:
            self._runner.release()
            return
        run.task = group.create_task(self._attend(run), name=f"multirun run {run.index}")
        run.task.add_done_callback(partial(self._settled, run))

    async def _outlast_first(self, run: Run, task: asyncio.Task[None]) -> None:
        """Let the first run come to its end; if it fails, no other one is started."""
        await asyncio.wait([task])
        alone = self._total_known and not self._statistics().pending_count
        if run.status == "failure" and self._fault is None and not alone:
            self._stopped = FIRST_FAILED
            self._runner.ledger.remark(stopped_line(self._stopped))

    async def _attend(self, run: Run) -> None:
        offset = self._offsets.pop(run.index)
        if self._roll.is_stale(run):  # also where directories are kept
            await anyio.to_thread.run_sync(set_aside, self._paths, run.index, run.attempts)
        await self._runner.execute(Assignment(self._paths, run.index, run.attempts + 1, offset, self))

    def _settled(self, run: Run, task: asyncio.Task[None]) -> None:
        """The task of a run is over, whatever ended it, be it before its first step."""
        run.task = None
        if run.status in COMPLETE:
            return
        if task.cancelled() and self._is_called_off():
            self._runner.release()  # what was not begun stays pending
        else:
            reason = "cancelled" if task.cancelled() else "never-started"
            self._record_end(run, reason, "it was stopped before its program was started")

    def _is_called_off(self) -> bool:
        """Whether the whole sweep is being cancelled, by its caller or from elsewhere."""
        by_caller = self._task is not None and self._task.cancelling() > 0
        return by_caller or self._stopped == CANCELLED or self._ownership.lost

    def started(self, index: int, record: Record) -> None:
        """An attempt was started."""
        run = self._roll[index]
        run.attempts = record["attempt"]
        self._move(run, "running")

    def ended(self, index: int, record: Record) -> None:
        """An attempt ended; its place is free at once, although its task still has to hear of it."""
        self._runner.release()
        self.notice(index, None)
        self._conclude(self._roll[index], record)

    def _conclude(self, run: Run, record: Record) -> None:
        note_end(run, record)
        self._move(run, record.get("status", "skipped"))
        if self._request.on_result is not None:
            self._call_back(run)

    def _call_back(self, run: Run) -> None:
        try:
            if self._request.on_result is not None:
                self._request.on_result(run)
        except BaseException as error:  # noqa: BLE001 - whatever the caller's function raises, sys.exit() included
            self._fault = self._fault or error

    def dropped(self, index: int, reason: str, message: str) -> None:
        """An attempt ended without a verdict."""
        self._record_end(self._roll[index], reason, message)

    def notice(self, index: int | None, text: str | None) -> None:
        """Something holds a run up."""
        ledger = self._runner.ledger
        if text is not None or ledger.notices:
            ledger.notice(f"{self._paths.root}/{index}", text)

    def _record_end(self, run: Run, reason: str, message: str) -> None:
        self.ended(run.index, self._written_end(run, reason, message))

    def _written_end(self, run: Run, reason: str, message: str) -> Record:
        record = self._roll.former_end(run)
        if record is None:
            record = records.ended(run.index, self._roll.attempt_that_ends(run), failure(reason, message))
            self._write(record)
        return record

    def _move(self, run: Run, status: RunStatus) -> None:
        before = run.status
        self._runner.ledger.move(run, status)
        self._tally.move(before, status)

    # ------------------------------------------------------------------------------- what others want of it

    def _grant(self, asked: Asked) -> None:
        """Somebody asks for the end of some runs, or of all."""
        if asked.runs is None:
            if self._stopped is None and not is_over(self._statistics()):
                self._stopped = CANCELLED
                self._runner.ledger.remark(stopped_line(CANCELLED))
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
        self._fault = self._fault or error
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
        with contextlib.suppress(OSError):
            self._flush()

    def _flush(self) -> None:
        while self._unwritten:
            self._journal.append(self._unwritten[0])
            del self._unwritten[0]

    async def _finish(self) -> None:
        """Close every file and write the table."""
        if not self._total_known:
            self._runner.ledger.close_plan()
        self._restore()
        try:
            await anyio.to_thread.run_sync(self._close_files)
        except OSError as error:
            problem = f"the end of the sweep could not be written to {self._paths.root}: {error.strerror}"
            self._fault = self._fault or StorageError(f"{problem}; what its runs did is in its journals")
        except LockLostError as error:
            self._fault = self._fault or error
        finally:
            self._runner.ledger.end(self._paths.root)

    def _close_files(self) -> None:
        try:
            self._ownership.assure()
            self._write(records.closed(complete=self._fault is None and self._stopped is None, stopped=self._stopped))
            self._flush()
            self._plan.flush()
            write_table(self._paths, self._roll.on_disk())
        finally:
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
        going_on = "" if self._ownership.lost else f"; {GOING_ON}"
        return f"{counts_line(self._statistics())}; {listing}{going_on}"


def _begin_journal(paths: SweepPaths, definition: Definition) -> Journal:
    writer = orchestrator_of(paths.session)
    journal = Journal(paths.journal(writer), definition.id, writer, time(), paths.session)
    if paths.session > 1:  # earlier ones were killed before there was a sweep
        journal.append(records.opened(paths.session, {}, ()))
    return journal
