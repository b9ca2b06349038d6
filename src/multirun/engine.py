"""The owner of one sweep: pulls parameter maps, has them executed, and sees to the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from multirun.asking import Asked, Inbox
from multirun.attendance import Attendant
from multirun.contract import CANCELLED, FIRST_FAILED
from multirun.course import Course
from multirun.entry import enter
from multirun.errors import LockLostError, StorageError
from multirun.failpoints import reach
from multirun.files import LACKING
from multirun.hints import going_on, next_command
from multirun.intake import Intake
from multirun.logbook import Logbook, begin_journal
from multirun.plan import PlanWriter
from multirun.results import ResultsHome
from multirun.retrying import Retrying
from multirun.roll import Roll
from multirun.run import COMPLETE, Run
from multirun.statistics import is_over
from multirun.sweepresult import SweepResult
from multirun.table import write_table
from multirun.waiting import outlast
from multirun.wording import counts_line

if TYPE_CHECKING:
    from multirun.creation import Entered
    from multirun.intake import Pull
    from multirun.params import CheckedParams
    from multirun.request import Request
    from multirun.runners.abstract import AbstractRunner

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
            entered.abandon()
            where = f"{entered.opening.paths.root}: {error.strerror}"
            raise StorageError(f"the sweep could not be set up in {where}; nothing was started") from error
        return await conductor.conduct(planned)


class Conductor:
    """One sweep while it is executed."""

    def __init__(self, request: Request, runner: AbstractRunner, entered: Entered) -> None:
        opening = entered.opening
        self._runner = runner
        self._paths = paths = opening.paths
        self._ownership = entered.ownership
        self._dispatching = anyio.CancelScope()
        self._is_over = False
        past = opening.past
        self._goes_on = past is not None
        synced = opening.definition.options.survives_power_loss
        self._plan = PlanWriter(paths.plan, None if past is None else past.survey, synced=synced)
        self._home = ResultsHome(paths)
        self._roll = Roll(self._plan, past, self._home)
        self._intake = Intake(request, self._plan, self._roll, self, paths.plan)
        self._first_alone = request.first_alone and not self._roll.any_success
        retrying = Retrying(request.allowances.retry, request.allowances.retry_if)
        self._course = Course(paths, runner, self._ownership, retrying)
        self._log = Logbook(opening.journal or begin_journal(paths, opening.definition), self._course)
        self._attendant = Attendant(request, runner, paths, self._roll, self._course, self._log, retrying)

    async def conduct(self, planned: list[CheckedParams] | None) -> SweepResult:
        """Execute all runs."""
        self._course.task = asyncio.current_task()
        soon = asyncio.get_running_loop().call_soon_threadsafe
        self._inbox = Inbox(
            self._paths, self._ownership.session, lambda asked: soon(self._grant, asked), self._is_granted
        )
        self._ownership.watch(lambda error: soon(self._yield_to_other, error), self._inbox.look)
        self._runner.ledger.begin(self._paths.root)
        try:
            await self._serve(planned)
        except BaseException as error:  # noqa: BLE001 - raised again once everything is closed
            self._course.fault = error if isinstance(error, asyncio.CancelledError) else self._course.fault or error
        await self._finish()
        if self._course.fault is not None:
            self._course.fault.add_note(self._whereabouts())
            raise self._course.fault
        self._home.settle()
        return SweepResult(Path(self._paths.root), self._roll.runs, self._roll.statistics(), self._course.stopped)

    async def _serve(self, planned: list[CheckedParams] | None) -> None:
        pull = None
        if planned is not None and self._goes_on:
            pull = await self._intake.take_all(planned)
            if not self._roll.statistics().pending_count:
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
        while not self._course.is_ending and (run := await pull()) is not None:
            await self._attendant.dispatch(run, group)
            if self._first_alone and run.task is not None:
                await self._outlast_first(run, run.task)

    def enlist(self, run: Run) -> None:
        """A run has been planned, or found in the plan."""
        self._runner.ledger.enroll(run)

    def assure(self) -> None:
        """Nobody else owns the sweep, or this raises."""
        self._ownership.assure()

    def ask(self, candidates: Iterator[object]) -> object:
        """The next parameter map of the caller's generator."""
        with self._runner.ledger.pulling():
            candidate = next(candidates)
        self._ownership.assure()
        return candidate

    def is_broken(self) -> bool:
        """Whether the sweep cannot go on."""
        return self._course.fault is not None

    def close_plan(self) -> None:
        """All runs are known."""
        self._roll.total_known = True
        self._runner.ledger.close_plan()

    def fail(self, error: BaseException) -> None:
        """The sweep cannot go on."""
        self._course.fail(error)

    def notice(self, index: int | None, text: str | None) -> None:
        """Something holds the sweep up."""
        self._course.notice(index, text)

    async def _outlast_first(self, run: Run, task: asyncio.Task[None]) -> None:
        """Let the first run come to its end; if it fails, no other one is started."""
        self._first_alone = False
        await asyncio.wait([task])
        if run.status == "failure" and self._roll.has_more and not self._course.is_ending:
            self._course.stop(FIRST_FAILED)

    # ------------------------------------------------------------------------------- what others want of it

    def _grant(self, asked: Asked) -> None:
        """Somebody asks for the end of some runs, or of all; once all is over, nothing is done or recorded any more."""
        if self._is_over:
            return
        if asked.runs is None:
            if self._course.stopped is None and not is_over(self._roll.statistics()):
                self._course.stop(CANCELLED)
            self._stop_runs()
            return
        for run in map(self._roll.find, asked.runs):
            if run is not None:
                self._attendant.cancel(run)

    def _is_granted(self, asked: Asked) -> bool:
        """Whether these runs are over; called in a thread."""
        wanted = () if asked.runs is None else asked.runs
        over = all(run is None or run.status in COMPLETE for run in map(self._roll.find, wanted))
        return over and asked.runs is not None

    def _yield_to_other(self, error: LockLostError) -> None:
        """Somebody else owns the sweep: end what is still executed here, and leave."""
        self.fail(error)
        self._stop_runs()
        if len(self._runner.ledger.serving) == 1:
            self._runner.hasten()

    def _stop_runs(self) -> None:
        """Start no more runs, and end those that are executed, with grace."""
        self._dispatching.cancel()
        for run in self._roll.runs:
            if run.task is not None:
                run.task.cancel()

    # ------------------------------------------------------------------------------------------- the end

    async def _finish(self) -> None:
        """Write the end and the table, as soon as there is room for them, and close every file."""
        self._is_over = True
        if not self._roll.total_known:
            self._runner.ledger.close_plan()
        self._restore()
        try:
            await self._write_end_patiently()
        except asyncio.CancelledError as cancelled:
            self._course.fault = self._course.fault or cancelled
            await outlast(anyio.to_thread.run_sync(self._try_to_end))
        finally:
            await outlast(anyio.to_thread.run_sync(self._close_files))
            self._runner.ledger.end(self._paths.root)

    async def _write_end_patiently(self) -> None:
        """While the machine lacks something, say so and try again; a call that has to raise anyway does not wait."""
        while (error := await outlast(anyio.to_thread.run_sync(self._try_to_end))) is not None:
            if error.errno not in LACKING or self._course.fault is not None:
                problem = f"the end of the sweep could not be written to {self._paths.root}: {error.strerror}"
                self._course.fault = self._course.fault or StorageError(
                    f"{problem}; what its runs did is in its journals"
                )
                return
            self.notice(None, f"the end of the sweep waits: {error.strerror}")
            await asyncio.sleep(_AGAIN_S)

    def _try_to_end(self) -> OSError | None:
        """Write what is not written yet; return why that is impossible."""
        try:
            reach("sweep.ended")
            self._ownership.assure()
            self._log.conclude()
            self._plan.flush()
            reach("sweep.closed")
            write_table(self._paths, self._roll.on_disk())
        except OSError as error:
            return error
        except LockLostError as error:
            self._course.fault = self._course.fault or error
        return None

    def _close_files(self) -> None:
        self._log.close()
        self._plan.close()
        self._ownership.release()
        self._inbox.close()

    def _restore(self) -> None:
        """Runs that were left pending, and had ended in an earlier session, are what they were then."""
        for run, record in self._roll.unreached():
            self._attendant.restore(run, record)

    def _whereabouts(self) -> str:
        root = self._paths.root
        listing = f"they are in {root}; list them with: {next_command('results', root)}"
        advice = "" if self._ownership.lost else f"; {going_on(root)}"
        return f"{counts_line(self._roll.statistics())}; {listing}{advice}"
