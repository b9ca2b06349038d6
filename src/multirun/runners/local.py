"""Runs on this machine, a limited number at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from multirun.errors import ConfigurationError
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.runners.link import LauncherLink, Pending

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths


class _Venue:
    """What belongs to one event loop: the limit, the launcher, and how many sweeps need it."""

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self.semaphore = semaphore
        self.link: LauncherLink | None = None
        self.sweeps = 0


class ParallelLocalRunner(AbstractRunner):
    """Executes runs on this machine, at most `max_parallel` at once.

    The limit holds for the runner, also while it serves several sweeps of one event loop.
    """

    def __init__(self, *, max_parallel: int = 4) -> None:
        """Make a runner; nothing is started yet.

        Args:
            max_parallel: how many runs may be alive at once, at least 1.

        Raises:
            ConfigurationError: `max_parallel` is no whole number above 0.
        """
        if not isinstance(max_parallel, int) or isinstance(max_parallel, bool) or max_parallel < 1:
            raise ConfigurationError([f"max_parallel is {max_parallel!r}; it must be a whole number of at least 1"])
        super().__init__()
        self.max_parallel = max_parallel
        self._venues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Venue] = WeakKeyDictionary()
        self._spare: asyncio.Semaphore | None = None

    @property
    def semaphore(self) -> asyncio.Semaphore:
        """The limit: one token for each living run. There is one semaphore for each event loop.

        Outside an event loop this is the semaphore that the next loop will use.
        """
        try:
            return self._venue().semaphore
        except RuntimeError:
            if self._spare is None:
                self._spare = asyncio.Semaphore(self.max_parallel)
            return self._spare

    def _venue(self) -> _Venue:
        loop = asyncio.get_running_loop()
        venue = self._venues.get(loop)
        if venue is None:
            venue = _Venue(asyncio.Semaphore(self.max_parallel) if self._spare is None else self._spare)
            self._spare = None
            self._venues[loop] = venue
        return venue

    async def open(self, paths: SweepPaths) -> None:  # noqa: ARG002 - one launcher serves all sweeps
        """Start the launcher unless it is already there."""
        venue = self._venue()
        venue.sweeps += 1
        await self._link(venue)

    async def _link(self, venue: _Venue) -> LauncherLink:
        """The launcher, a new one if there is none that lives."""
        if venue.link is None or not venue.link.alive:
            venue.link = LauncherLink()
        link = venue.link
        await link.ready()
        return link

    async def admit(self) -> None:
        """Take a token of the semaphore."""
        await self.semaphore.acquire()

    def release(self) -> None:
        """Give a token back."""
        self.semaphore.release()

    async def execute(self, assignment: Assignment) -> None:
        """Have a lane execute an attempt."""
        venue = self._venue()
        link = venue.link
        if link is None or not link.alive:
            link = await self._link(venue)
        await _outlast(link, link.assign(assignment))

    def hasten(self) -> None:
        """Kill what is still being executed."""
        link = self._venue().link
        if link is not None:
            link.kill_all()

    async def close(self, paths: SweepPaths) -> None:
        """Let go of a sweep; the launcher leaves with the last one."""
        venue = self._venue()
        venue.sweeps -= 1
        if venue.link is None:
            return
        if venue.sweeps:
            venue.link.forget(paths.root)
            return
        link, venue.link = venue.link, None
        await link.close()


async def _outlast(link: LauncherLink, pending: Pending) -> None:
    """Wait until an attempt is over; a cancellation ends the attempt, and is passed on after that."""
    cancelled: asyncio.CancelledError | None = None
    while not pending.over:
        try:
            await pending.wait()
        except asyncio.CancelledError as error:
            if cancelled is None:
                link.stop(pending)
            cancelled = error
    if cancelled is not None:
        raise cancelled
