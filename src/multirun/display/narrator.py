"""Tells a screen, a few times per second, what the runs of a runner do.

Driven by timers of the event loop: there is no task that a cancellation could leave behind.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TextIO

from multirun.display.moment import Moment, estimate_remaining_s, executed_count, subtract
from multirun.display.plain import PlainLines
from multirun.display.watch import Watch
from multirun.statistics import RunStatistics
from multirun.wording import cancelled_line, printable

if TYPE_CHECKING:
    from multirun.display.screen import Screen
    from multirun.runners.ledger import Ledger

_SHORTEST_PAUSE_S = 0.05
_NO_RUNS = RunStatistics(0, 0, 0, 0, 0, 0, 0)


class Narrator:
    """One display of one ledger, shared by all who want it in one event loop."""

    _active: ClassVar[dict[tuple[Ledger, asyncio.AbstractEventLoop], Narrator]] = {}

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._stream: TextIO | None = sys.stderr
        self._screen: Screen | None = None
        self._watch = Watch(self._wake)
        self._users = 0
        self._began = self._told = monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._said: set[str] = set()
        self._flood_said = self._faulty = False
        # What an idle runner did before is over and not shown again; what a busy one did belongs to what it does.
        self._before = _NO_RUNS if ledger.serving else ledger.statistics()
        self._served_before = len(ledger.served)
        self._remarked = len(ledger.remarks)
        self._executed_before = executed_count(subtract(ledger.statistics(), self._before))

    @classmethod
    def join(cls, ledger: Ledger) -> Narrator:
        """The display of a ledger in this event loop; whoever joins it has to leave it."""
        key = ledger, asyncio.get_running_loop()
        narrator = cls._active.get(key)
        if narrator is None:
            narrator = cls._active[key] = cls(ledger)
            ledger.listeners.append(narrator._watch)
            narrator._schedule(0)
        narrator._users += 1
        return narrator

    def leave(self) -> None:
        """The last one who leaves makes it show a summary and end."""
        self._users -= 1
        if self._users:
            return
        del self._active[self._ledger, self._loop]
        self._ledger.listeners.remove(self._watch)
        if self._timer is not None:
            self._timer.cancel()
        self._tell(last=True)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed, nobody looks any more
            self._loop.call_soon_threadsafe(self._hurry)

    def _hurry(self) -> None:
        if self._users:
            self._schedule(max(0.0, self._told + _SHORTEST_PAUSE_S - monotonic()))

    def _schedule(self, pause_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(pause_s, self._tick)

    def _tick(self) -> None:
        self._tell(last=False)
        if self._screen is not None and not self._faulty:
            self._schedule(self._screen.pause_s)

    def _tell(self, *, last: bool) -> None:
        """Bring the screen up to date; whatever goes wrong with that is no reason to lose a sweep."""
        self._told = monotonic()
        self._watch.rearm()
        try:
            if self._roots() and not self._faulty:
                self._report(last=last)
        except Exception as error:  # noqa: BLE001
            self._faulty = True
            self._loop.call_exception_handler({"message": "multirun cannot show what it does", "exception": error})

    def _roots(self) -> list[str]:
        return self._ledger.served[self._served_before :] + self._ledger.serving

    def _report(self, *, last: bool) -> None:
        if self._screen is None:
            self._screen = open_screen(self._stream)
        self._screen.update(self._moment())
        self._say_news(self._screen)
        if last:
            self._screen.close(self._moment())

    def _say_news(self, screen: Screen) -> None:
        failed = self._watch.take()
        cancelled = [run for run in failed if run.reason == "cancelled"]
        for run in failed:
            if len(cancelled) < 2 or run.reason != "cancelled":
                screen.say_failure(run)
        if len(cancelled) > 1:
            screen.say(cancelled_line(cancelled))
        if self._watch.flooded and not self._flood_said:
            self._flood_said = True
            listing = " or ".join(f"multirun status {shlex.quote(root)}" for root in self._roots())
            screen.say(f"further failures are counted only; list them with: {listing}")
        for remark in self._ledger.remarks[self._remarked :]:
            self._remarked += 1
            screen.say(printable(remark))
        for notice in self._notices():
            if notice not in self._said:
                self._said.add(notice)
                screen.say_notice(notice)

    def _notices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(printable(text) for text in reversed(tuple(self._ledger.notices.values()))))

    def _moment(self) -> Moment:
        statistics = subtract(self._ledger.statistics(), self._before)
        notices = self._notices()
        now = monotonic()
        executed = executed_count(statistics) - self._executed_before
        watched_s = now - max(self._began, self._ledger.busy_since)
        remaining_s = None if notices else estimate_remaining_s(statistics, executed, watched_s)
        elapsed_s = now - self._ledger.busy_since
        return Moment(statistics, tuple(map(printable, self._roots())), elapsed_s, remaining_s, notices)


def recount(ledger: Ledger) -> None:
    """Show the summary of a runner that has ended all of its sweeps."""
    open_screen(sys.stderr).close(Moment(ledger.statistics(), tuple(map(printable, ledger.served))))


def open_screen(stream: TextIO | None) -> Screen:
    """A live line if a stream is a terminal that can move its cursor, else plain lines.

    Args:
        stream: where to write; None and closed ones are borne in silence.
    """
    if stream is None or not _is_capable(stream):
        return PlainLines(stream)
    from multirun.display.live import LiveLine  # it costs more than all the rest, and only a terminal needs it

    return LiveLine(stream)


def _is_capable(stream: TextIO) -> bool:
    try:
        return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    except ValueError:
        return False
