"""Runs on this machine, a limited number at a time."""

from __future__ import annotations

import asyncio
from errno import EAGAIN
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from multirun.errors import ConfigurationError, LauncherError
from multirun.files import LACKING
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.runners.link import LauncherLink
from multirun.runners.places import Places
from multirun.waiting import outlast

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths
    from multirun.runners.seat import Pending

_CATCH_UP_S = 0.02
_AGAIN_S = 0.5
_STARTS = 3


class _Venue:
    """What belongs to one event loop: the limit, the launcher and those that died before it, and who needs them."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.places.on_inherited = self._even_out
        self.withdrawn: set[str] = set()
        self.link: LauncherLink | None = None
        self.fallen: list[LauncherLink] = []
        self.sweeps = 0

    def vacant(self) -> int:
        """How many lanes more could be at work, going by the tokens that runs hold."""
        links = [*self.fallen, self.link] if self.link else self.fallen
        return self.places.held - sum(link.seats.busy for link in links)

    def _even_out(self) -> None:
        if self.link is not None:
            self.link.even_out()


class ParallelLocalRunner(AbstractRunner):
    """Executes runs on this machine, at most `max_parallel` at once.

    The limit holds for the runner, also while it serves several sweeps of one event loop.
    """

    uses_this_machine = True

    def __init__(self, *, max_parallel: int = 4) -> None:
        """Make a runner; nothing is started yet.

        Args:
            max_parallel: how many runs may be alive at once, at least 1.

        Raises:
            ConfigurationError: `max_parallel` is no whole number above 0.
        """
        if type(max_parallel) is not int or max_parallel < 1:
            raise ConfigurationError([f"max_parallel is {max_parallel!r}; it must be a whole number of at least 1"])
        super().__init__()
        self.max_parallel = max_parallel
        self._venues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Venue] = WeakKeyDictionary()
        self._spare: Places | None = None

    @property
    def semaphore(self) -> asyncio.Semaphore:
        """The limit: one token for each living run. There is one semaphore for each event loop.

        Outside an event loop this is the semaphore that the next loop will use.
        """
        try:
            return self._venue().places
        except RuntimeError:
            if self._spare is None:
                self._spare = Places(self.max_parallel)
            return self._spare

    def _venue(self) -> _Venue:
        loop = asyncio.get_running_loop()
        venue = self._venues.get(loop)
        if venue is None:
            venue = _Venue(self._spare or Places(self.max_parallel))
            self._spare = None
            self._venues[loop] = venue
        return venue

    async def open(self, paths: SweepPaths) -> None:
        """Start the launcher unless it is already there."""
        venue = self._venue()
        venue.sweeps += 1
        try:
            await self._link(venue)
        except BaseException:
            await outlast(self.close(paths))
            raise

    async def _link(self, venue: _Venue) -> LauncherLink:
        """The launcher, a new one if there is none that lives; if that is killed before it is ready, another one."""
        for _ in range(_STARTS - 1):
            link = self._latest(venue)
            try:
                await link.ready()
            except LauncherError:
                if link.alive:
                    raise
            else:
                return link
        link = self._latest(venue)
        await link.ready()
        return link

    def _latest(self, venue: _Venue) -> LauncherLink:
        if venue.link is not None and not venue.link.alive:
            venue.fallen.append(venue.link)
            venue.link = None
        if venue.link is None:
            venue.link = LauncherLink(venue.vacant)
        return venue.link

    async def admit(self) -> None:
        """Take a token of the semaphore, or go ahead to wait in a lane whose runs are short."""
        venue = self._venue()
        await venue.places.admit(lambda: self._room(venue))

    def _room(self, venue: _Venue) -> int:
        """How many runs may be ahead; a generator is never more than 2 x `max_parallel` runs ahead of their ends."""
        room = venue.link.seats.room(venue.places.held) if venue.link else 0
        if room and venue.link and venue.link.seats.is_waited_in and venue.vacant() > 0:
            room = min(room, venue.places.ahead)  # who is ahead already gets the free lane first
        return room if self.ledger.is_plan_closed else min(room, self.max_parallel - 1)

    def release(self) -> None:
        """Give the token of a run back, unless a run that is ahead takes it over."""
        self._venue().places.leave()

    async def execute(self, assignment: Assignment) -> None:
        """Have a lane execute an attempt, as soon as this process has what a new lane takes."""
        venue = self._venue()
        while True:
            link = venue.link
            if link is None or not link.alive:
                await self._link(venue)
                continue  # it may be gone again before this goes on
            try:
                pending = link.assign(assignment)
            except OSError as error:
                await _wait_for_more(assignment, error)
                continue
            await _outlast(link, pending)
            if pending.again_s is None:
                return
            if pending.again_s and not pending.stopping:
                await asyncio.sleep(pending.again_s)
            if pending.stopping or assignment.paths.root in venue.withdrawn:
                raise asyncio.CancelledError

    def hasten(self) -> None:
        """Kill what is still being executed."""
        link = self._venue().link
        if link is not None:
            link.kill_all()

    def withdraw(self, paths: SweepPaths) -> None:
        """Take the runs of a sweep back that are ahead."""
        venue = self._venue()
        venue.withdrawn.add(paths.root)
        if venue.link is not None:
            venue.link.withdraw(paths.root)

    async def close(self, paths: SweepPaths) -> None:
        """Let go of a sweep; the launcher leaves with the last one."""
        venue = self._venue()
        venue.sweeps -= 1
        venue.withdrawn.discard(paths.root)
        links = [*venue.fallen, venue.link] if venue.link else venue.fallen
        if venue.sweeps:
            for link in links:
                link.forget(paths.root)
            return
        venue.fallen, venue.link = [], None
        for link in links:
            await link.close()


async def _wait_for_more(assignment: Assignment, error: OSError) -> None:
    """Wait a moment for what a new lane takes; a launcher that only has to catch up is nothing to be told about."""
    if error.errno not in LACKING:
        raise error
    if error.errno == EAGAIN:
        await asyncio.sleep(_CATCH_UP_S)
        return
    assignment.observer.notice(assignment.run, f"waits: {error.strerror}")
    try:
        await asyncio.sleep(_AGAIN_S)
    finally:
        assignment.observer.notice(assignment.run, None)


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
