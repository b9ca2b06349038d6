"""Tells a screen, a few times per second, what the runs of a runner do.

Driven by timers of the event loop: there is no task that a cancellation could leave behind.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from multirun.display.activity import Variation, name_run, observe
from multirun.display.conclusion import conclude
from multirun.display.moment import Moment, estimate_remaining_s, executed_count, subtract
from multirun.display.news import News, cancelled_news, failure_news, flood_news, latest_failure
from multirun.display.notebook import NotebookCell, is_notebook
from multirun.display.plain import PlainLines
from multirun.display.watch import Watch
from multirun.statistics import RunStatistics
from multirun.styled import Line
from multirun.wording import printable

if TYPE_CHECKING:
    from multirun.display.moment import Active
    from multirun.display.screen import Screen
    from multirun.run import Run
    from multirun.runners.ledger import Ledger

_SHORTEST_PAUSE_S = 0.2
_NAMED_NOTICES = 100
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
        self._variation = Variation()
        self._flood_said = self._faulty = False
        # What an idle runner did before is over and not shown again; what a busy one did belongs to what it does.
        self._before = _NO_RUNS if ledger.serving else ledger.statistics()
        self._served_before = len(ledger.served)
        self._remarked = len(ledger.remarks)
        self._retries_before = 0 if ledger.serving else ledger.retries
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
        self._say_news(self._screen, last=last)
        if last:
            runs = self._ledger.runs[self._before.total_count :]
            self._screen.close(conclude(self._moment(), runs, self._roots(), self._screen))

    def _say_news(self, screen: Screen, *, last: bool) -> None:
        for notice in self._notices():
            if notice not in self._said and len(self._said) < _NAMED_NOTICES:
                self._said.add(notice)
                screen.say(Line.of((notice, "notice")))
        for line, more in self._news(screen, last=last):
            screen.say(line, more)

    def _news(self, screen: Screen, *, last: bool) -> Iterator[News]:
        is_repeated = last and screen.width is not None  # a log has one line for each run, whatever else it has
        failed, roots, here = self._newly_failed(without_repeated=is_repeated), self._roots(), screen.here
        cancelled = [run for run in failed if run.reason == "cancelled"]
        for run in failed:
            if len(cancelled) < 2 or run.reason != "cancelled":
                yield failure_news(run, run.params if screen.width is None else self._telling(run), roots, here)
        if len(cancelled) > 1:
            yield cancelled_news(cancelled)
        if self._watch.flooded and not self._flood_said and (failed or not is_repeated):
            self._flood_said = True
            yield flood_news(roots, here)
        for remark in self._ledger.remarks[self._remarked :]:
            self._remarked += 1
            yield News(Line.of((printable(remark), "notice")))

    def _newly_failed(self, *, without_repeated: bool) -> list[Run]:
        """The runs to be named that failed since the last look, perhaps without those that a summary names as well."""
        failed = self._watch.take()
        if not without_repeated:
            return failed
        is_alone = self._statistics().failure_count == 1
        return [run for run in failed if not is_alone and run.reason != "cancelled"]

    def _statistics(self) -> RunStatistics:
        return subtract(self._ledger.statistics(), self._before)

    def _notices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(printable(text) for text in reversed(tuple(self._ledger.notices.values()))))

    def _moment(self) -> Moment:
        statistics = self._statistics()
        notices = self._notices()
        now = monotonic()
        active = observe(self._ledger, self._variation, self._roots(), now)
        return Moment(
            statistics,
            tuple(map(printable, self._roots())),
            now - self._ledger.busy_since,
            None if notices else self._remaining_s(statistics, active, now),
            notices,
            active,
            self._latest_failure(),
            self._ledger.retries - self._retries_before,
        )

    def _remaining_s(self, statistics: RunStatistics, active: Sequence[Active], now: float) -> float | None:
        executed = executed_count(statistics) - self._executed_before
        watched_s = now - max(self._began, self._ledger.busy_since)
        overdue = any(run.others_s is not None for run in active)
        return estimate_remaining_s(statistics, executed, watched_s, overdue=overdue)

    def _latest_failure(self) -> str | None:
        run = self._watch.latest
        if run is None or not self._watch.flooded:
            return None
        return latest_failure(run, name_run(run, self._roots()), self._telling(run))

    def _telling(self, run: Run) -> Mapping[str, Any]:
        """Those parameters of a run that tell it from others; all as long as nobody knows what others there will be."""
        self._variation.note(run.params)
        return self._variation.select(run.params) if self._ledger.is_plan_closed else run.params


def recount(ledger: Ledger) -> None:
    """Show the summary of a runner that has ended all of its sweeps."""
    screen = open_screen(sys.stderr)
    moment = Moment(ledger.statistics(), tuple(map(printable, ledger.served)), retries=ledger.retries)
    screen.close(conclude(moment, ledger.runs, ledger.served, screen))


def open_screen(stream: TextIO | None) -> Screen:
    """Live rows if a stream is a terminal that can move its cursor, a cell in a notebook, else plain lines.

    Args:
        stream: where to write; None and closed ones are borne in silence.
    """
    if stream is not None and _is_capable(stream):
        from multirun.display.live import LiveBar

        return LiveBar(stream)
    if stream is not None and is_notebook(stream):
        return NotebookCell()
    return PlainLines(stream)


def _is_capable(stream: TextIO) -> bool:
    try:
        return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    except ValueError:
        return False
