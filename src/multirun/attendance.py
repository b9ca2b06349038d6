"""The care for single runs of a sweep, from their dispatch to their last end; the observer of their attempts."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread

from multirun import records
from multirun.attempts import set_aside
from multirun.breaker import Breaker
from multirun.errors import StorageError
from multirun.failpoints import reach
from multirun.files import LACKING
from multirun.results import forget_end, note_end
from multirun.run import COMPLETE, Run, RunStatus
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.skipping import ask as ask_about
from multirun.verdict import failure

if TYPE_CHECKING:
    from multirun.course import Course
    from multirun.journal import Record
    from multirun.logbook import Logbook
    from multirun.request import Request
    from multirun.retrying import Retrying
    from multirun.roll import Roll
    from multirun.rundir import SweepPaths
    from multirun.skipping import SkipIf

_AGAIN_S = 0.5


class Attendant:
    """Has runs executed, hears how they end, and decides what follows from it."""

    def __init__(
        self,
        request: Request,
        runner: AbstractRunner,
        paths: SweepPaths,
        roll: Roll,
        course: Course,
        log: Logbook,
        retrying: Retrying,
    ) -> None:
        """Attend no run yet.

        Args:
            request: what was asked for.
            runner: where runs are executed.
            paths: the sweep.
            roll: its runs.
            course: whether it goes on.
            log: where ends are recorded that no launcher saw.
            retrying: which runs wait for another attempt.
        """
        self._skip_if = request.skip_if
        self._on_result = request.on_result
        self._runner = runner
        self._paths = paths
        self._roll = roll
        self._course = course
        self._log = log
        self._retrying = retrying
        self._breaker = Breaker(request.allowances.max_failures, request.allowances.max_same_failures)

    async def dispatch(self, run: Run, group: asyncio.TaskGroup) -> None:
        """Wait for a place for a run and make its task, unless it need not be executed.

        Args:
            run: the run.
            group: what waits for its task.
        """
        skip_if = self._skip_if
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
            self._course.fail(error)
            return True
        if reason is not None and run.status not in COMPLETE:
            del self._roll.offsets[run.index]
            self.conclude(run, self._written_skip(run, reason))
        return reason is not None

    def _written_skip(self, run: Run, reason: str) -> Record:
        """The record that a run is skipped; one of an earlier session stays, for nothing could tell which is later."""
        record = self._roll.former_end(run)
        if record is None or record["event"] != "skipped":
            record = records.skipped(run.index, self._roll.attempt_that_ends(run), reason)
            self._log.write(record)
        return record

    async def _admit(self, run: Run) -> bool:
        """Wait for a place for a run; False if it is not to be started any more."""
        await self._runner.admit()
        is_over = self._course.is_ending or run.status in COMPLETE
        if is_over:
            self._runner.release()
        return not is_over

    async def _attend(self, run: Run) -> None:
        """Have a run executed, once or several times; if there will be no other time, it stays as it is."""
        offset = self._roll.offsets.pop(run.index)
        reach("run.given")
        if self._roll.is_stale(run):  # also where directories are kept
            await self._set_aside(run)
        while self._course.stopped is None:
            await self._runner.execute(Assignment(self._paths, run.index, run.attempts + 1, offset, self))
            if not self._retrying.is_resting(run.index):
                return
            await self._retrying.pause(run.index)
            if self._course.is_ending or not await self._admit(run):
                return
            self._retrying.go_on(run.index)

    async def _set_aside(self, run: Run) -> None:
        """Move what the latest attempt of a run left; while the machine lacks something, say so and try again."""
        while True:
            try:
                await anyio.to_thread.run_sync(set_aside, self._paths, run.index, run.attempts)
            except OSError as error:
                if error.errno not in LACKING:
                    raise StorageError(f"{self._paths.run(run.index)} cannot be moved: {error.strerror}") from error
                self.notice(run.index, f"waits: {error.strerror}")
            else:
                return
            await asyncio.sleep(_AGAIN_S)
            self.notice(run.index, None)

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
            self.conclude(run, self._written_end(run, reason, "it was stopped before its program was started"))

    def _stays_pending(self, run: Run, task: asyncio.Task[None]) -> bool:
        """Whether a run is left as it is because nothing of it was begun, and nothing more is to be started."""
        is_called_off = task.cancelled() and self._course.is_called_off
        return run.status == "pending" and (self._course.stopped is not None or is_called_off)

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

    def conclude(self, run: Run, record: Record) -> None:
        """A run is complete, and this record says how."""
        if run.status == "pending" and self._retrying.knows(run.index):
            self._runner.ledger.waive()
        note_end(run, record)
        self._complete(run, record.get("status", "skipped"))

    def restore(self, run: Run, record: Record) -> None:
        """A run was not reached by this call: it is what it was in an earlier session."""
        note_end(run, record)
        self._move(run, record.get("status", "skipped"))

    def _complete(self, run: Run, status: RunStatus) -> None:
        self._move(run, status)
        stopped = self._breaker.after(run)
        if stopped is not None and self._roll.has_more and not self._course.is_ending:
            self._course.stop(stopped)
        if self._on_result is not None:
            self._call_back(run)

    def _is_retried(self, run: Run, reason: str, end: Record) -> bool:
        """Whether a failed run will have another attempt; if so, it waits again."""
        try:
            after_s = self._retrying.consider(run, reason, end)
        except BaseException as error:  # noqa: BLE001 - whatever the caller's function raises, sys.exit() included
            error.add_note(f"retry_if raised this for run {run.index} in {self._paths.run(run.index)}")
            self._course.fail(error)
            after_s = None
        if after_s is not None:
            forget_end(run)
            self._roll.move(run.status, "pending")
            self._runner.ledger.retry(run)
        return after_s is not None

    def _end_as_before(self, run: Run) -> None:
        """A run that waited for another attempt will have none: how the last one ended decides."""
        self.conclude(run, self._retrying.end_of(run.index))

    def _call_back(self, run: Run) -> None:
        try:
            if self._on_result is not None:
                self._on_result(run)
        except BaseException as error:  # noqa: BLE001 - whatever the caller's function raises, sys.exit() included
            self._course.fail(error)

    def dropped(self, index: int, reason: str, message: str) -> None:
        """An attempt ended without a verdict."""
        run = self._roll[index]
        earlier = self._earlier_end(run)
        if earlier is None:
            self.ended(index, self._written_end(run, reason, message))
            return
        self._runner.release()
        if not self._is_retried(run, reason, earlier):
            self.conclude(run, earlier)

    def notice(self, index: int | None, text: str | None) -> None:
        """Something holds a run up."""
        self._course.notice(index, text)

    def _written_end(self, run: Run, reason: str, message: str) -> Record:
        record = self._roll.former_end(run)
        if record is None:
            record = records.ended(run.index, self._roll.attempt_that_ends(run), failure(reason, message))
            self._log.write(record)
            reach("run.dropped")
        return record

    def _earlier_end(self, run: Run) -> Record | None:
        """How the latest attempt of a run ended, if there was one and none has begun since: that is how it stays."""
        if run.status == "pending" and self._retrying.knows(run.index):
            return self._retrying.end_of(run.index)
        return self._roll.former_end(run)

    def _move(self, run: Run, status: RunStatus) -> None:
        before = run.status
        self._runner.ledger.move(run, status)
        self._roll.move(before, status)

    def cancel(self, run: Run) -> None:
        """End a run, or see to it that it never begins."""
        if run.task is not None:
            run.task.cancel()
        elif run.status not in COMPLETE:
            self._roll.offsets.pop(run.index, None)
            self.conclude(run, self._written_end(run, "cancelled", "it was cancelled before its program was started"))
