"""Lines for a log: no control characters, and few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from multirun.display.outlet import Outlet
from multirun.durations import format_duration
from multirun.wording import begin_line, progress_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multirun.display.moment import Moment
    from multirun.statistics import RunStatistics
    from multirun.styled import Line

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 10.0, 600.0
_PATIENCE_S = 1.0
_UNKNOWN_S = 1.0
_NAMED_SLOW = 2


def pause_after_s(elapsed_s: float) -> float:
    """Seconds from one progress line to the next: 10 at first, ever more in a long sweep, never above 10 minutes."""
    return min(max(_SHORTEST_PAUSE_S, elapsed_s / 20), _LONGEST_PAUSE_S)


class PlainLines:
    """A line when a sweep begins, when something happens, now and then, and at the end; all begin with `multirun: `."""

    pause_s = 0.25
    here = ""  # a log is read by whoever, wherever
    width = None

    def __init__(self, stream: TextIO | None) -> None:
        """Say nothing yet.

        Args:
            stream: where to write.
        """
        self._outlet = Outlet(stream)
        self._due_s: float | None = None
        self._shown: RunStatistics | None = None
        self._shown_s = 0.0

    def say(self, line: Line, more: Line | None = None) -> None:
        """One line."""
        self._put(line.plain if more is None else f"{line.plain}; {more.plain}")

    def _put(self, text: str) -> None:
        self._outlet.put(f"multirun: {text}\n")

    def update(self, moment: Moment) -> None:
        """A line if one is due and there is something new to say."""
        self._outlet.drain()
        elapsed_s = moment.elapsed_s or 0.0
        if self._due_s is None:
            self._begin(moment, elapsed_s)
        elif elapsed_s >= self._due_s and self._is_news(moment, elapsed_s) and self._outlet.drain():
            self._shown, self._shown_s = moment.statistics, elapsed_s
            self._due_s = elapsed_s + pause_after_s(elapsed_s)
            line = progress_line(moment.statistics, moment.elapsed_s, moment.remaining_s)
            retried = [moment.retried] if moment.retries else []
            self._put("; ".join([line, *retried, *moment.notices, *_slow_runs(moment)]))

    def _is_news(self, moment: Moment, elapsed_s: float) -> bool:
        return moment.statistics != self._shown or elapsed_s - self._shown_s >= _LONGEST_PAUSE_S

    def _begin(self, moment: Moment, elapsed_s: float) -> None:
        """The first line, as soon as it is known how many runs there are, or that this will not be known soon."""
        if moment.statistics.total_known or moment.statistics.complete_count or elapsed_s >= _UNKNOWN_S:
            self._due_s = elapsed_s + pause_after_s(0)
            self._put(begin_line(moment.statistics, moment.where))

    def close(self, lines: Sequence[Line]) -> None:
        """The last lines."""
        for line in lines:
            self.say(line)
        self._outlet.drain(_PATIENCE_S)


def _slow_runs(moment: Moment) -> list[str]:
    """Of the runs that take much longer than others, the first few."""
    slow = [(run, run.others_s) for run in moment.active if run.others_s is not None][:_NAMED_SLOW]
    return [
        f"slow: {run.name} ({run.params}), {format_duration(run.elapsed_s)}, others take {format_duration(others_s)}"
        for run, others_s in slow
    ]
