"""The parameter maps of one call on their way into the plan: all at once, or as a generator yields them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from multirun.errors import StorageError
from multirun.files import LACKING
from multirun.planning import Planner
from multirun.run import COMPLETE, Run

if TYPE_CHECKING:
    from multirun.params import CheckedParams
    from multirun.plan import PlanWriter
    from multirun.request import Request
    from multirun.roll import Roll

_PLANNED_AT_ONCE = 500
_AGAIN_S = 1.0
Pull = Callable[[], Awaitable["Run | None"]]
"""Gives the next run that is to be executed, None if there is no more."""


class Host(Protocol):
    """Who owns the sweep."""

    def enlist(self, run: Run) -> None:
        """A run has been planned, or found in the plan."""

    def ask(self, candidates: Iterator[object]) -> object:
        """The next parameter map of the caller's generator."""
        ...

    def assure(self) -> None:
        """Nobody else owns the sweep, or this raises."""

    def is_broken(self) -> bool:
        """Whether the sweep cannot go on."""
        ...

    def close_plan(self) -> None:
        """All runs are known."""

    def fail(self, error: BaseException) -> None:
        """The sweep cannot go on."""

    def notice(self, index: int | None, text: str | None) -> None:
        """Something holds the sweep up; None takes that back."""


class Intake:
    """Where the runs of a call come from."""

    def __init__(self, request: Request, plan: PlanWriter, roll: Roll, host: Host, path: str) -> None:
        """Take nothing yet.

        Args:
            request: what was asked for.
            plan: where new runs are written.
            roll: the runs that the call has named.
            host: who owns the sweep.
            path: the file of the plan.
        """
        self._path = path
        self._request = request
        self._plan = plan
        self._roll = roll
        self._host = host

    async def begin(self, planned: list[CheckedParams] | None) -> Pull:
        """Give what there is to execute, run by run.

        Args:
            planned: all of it, if it was known beforehand; else it is pulled from the request.
        """
        return self._generator() if planned is None else await self.take_all(planned)

    async def take_all(self, planned: list[CheckedParams]) -> Pull:
        """Plan all runs at once.

        Args:
            planned: what was known beforehand.
        """
        for number, params in enumerate(planned, start=1):
            self._enroll(params)
            if number % _PLANNED_AT_ONCE == 0:
                await self._write_plan()
                await asyncio.sleep(0)
        await self._close_plan()
        runs = iter(run for run in self._roll.runs if run.status not in COMPLETE)

        async def pull() -> Run | None:
            return next(runs, None)

        return pull

    def _generator(self) -> Pull:
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
            if not self._host.is_broken():
                await self._close_plan()
            return None

        return pull

    def _next_params(self, candidates: Iterator[object], planner: Planner) -> CheckedParams | None:
        """Pull one parameter map; what goes wrong ends the pulling, and the sweep once the started runs have ended."""
        try:
            return planner.plan(len(self._roll.runs), self._host.ask(candidates))
        except StopIteration:
            return None
        except BaseException as error:  # noqa: BLE001 - whatever the caller's generator raises, sys.exit() included
            self._host.fail(error)
            return None

    def _enroll(self, params: CheckedParams) -> Run:
        run = self._roll.enroll(params)
        self._host.enlist(run)
        return run

    async def _close_plan(self) -> None:
        recalled = self._request.recalled
        if recalled is None:  # else it stays as it was: only a script knows whether there are more runs
            self._plan.finish()
        await self._write_plan()
        if recalled is None or recalled.total_known:
            self._host.close_plan()

    async def _write_plan(self) -> None:
        """Write to the plan what was added; while the machine lacks something, say so and try again.

        Raises:
            StorageError: the disk refuses for good.
            LockLostError: the plan is somebody else's by now.
        """
        while True:
            self._host.assure()
            try:
                self._plan.flush()
            except OSError as error:
                if error.errno not in LACKING:
                    raise StorageError(f"{self._path} cannot be written: {error.strerror}") from error
                self._host.notice(None, f"the plan waits: {error.strerror}")
                await asyncio.sleep(_AGAIN_S)
            else:
                self._host.notice(None, None)
                return
