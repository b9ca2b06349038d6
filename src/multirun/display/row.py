"""One row of a terminal for one moment; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from multirun.display.cells import cells, cut
from multirun.display.counts import ROLES, style_counts
from multirun.styled import Line
from multirun.wording import clock, counts_in_words, remaining_in_words, total_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multirun.display.moment import Moment
    from multirun.statistics import RunStatistics

_GAP = Line.of("  ")
_SHORTEST_BAR, _LONGEST_BAR = 8, 32
_SHORTEST_NOTICE = 10


class Marks(NamedTuple):
    """Characters, each one cell wide, whose shape says as much as their colour."""

    ok: str
    failed: str
    running: str
    waiting: str
    ellipsis: str


UNICODE = Marks("━", "╳", "╌", "·", "…")
ASCII = Marks("=", "x", "-", ".", "~")


def render_row(
    moment: Moment, width: int, marks: Marks = UNICODE, label: str = "", *, with_notice: bool = True
) -> Line:
    """One row for a moment: the counts first, then whatever else there is room for.

    Args:
        moment: what to show.
        width: how many cells the row may take, at least 1.
        marks: the characters of the bar.
        label: what the row begins with if it is not alone.
        with_notice: whether what cannot go on for now has to be on this row.
    """
    row = _first_that_fits(_count_forms(moment.statistics, label), width, marks)
    for part in _asides(moment):
        if cells(row) + cells(_GAP) + cells(part) <= width:
            row += _GAP + part
    room = width - cells(row) - cells(_GAP)
    if with_notice and moment.notices and room >= _SHORTEST_NOTICE - cells(_GAP):
        row += _GAP + cut(render_notice(moment), room, marks.ellipsis)
    room = min(width - cells(row) - cells(_GAP), _LONGEST_BAR)
    if moment.statistics.total_known and room >= _SHORTEST_BAR:
        row = render_bar(moment.statistics, room, marks) + _GAP + row
    return row


def render_notice(moment: Moment) -> Line:
    """What cannot go on for now, and why."""
    more = f" (and {len(moment.notices) - 1} more)" if len(moment.notices) > 1 else ""
    return Line.of((moment.notices[0] + more, "notice"))


def _first_that_fits(forms: Iterator[Line], width: int, marks: Marks) -> Line:
    form = Line()
    for form in forms:
        if cells(form) <= width:
            return form
    return cut(form, width, marks.ellipsis)


def _asides(moment: Moment) -> Iterator[Line]:
    if moment.elapsed_s is not None:
        yield Line.of(clock(moment.elapsed_s))
    if moment.remaining_s is not None:
        yield Line.of((remaining_in_words(moment.remaining_s), "dim"))
    if moment.retries:
        yield Line.of((moment.retried, "notice"))


def _count_forms(statistics: RunStatistics, label: str) -> Iterator[Line]:
    """The counts in words, the longest form first."""
    counts = {word: count for word, count in counts_in_words(statistics).items() if count}
    yield style_counts(counts, label) + Line.of(f" of {total_in_words(statistics)}")
    plus = "" if statistics.total_known else "+"
    brief = {word: count for word, count in counts.items() if word in ("running", "ok", "failed")}
    if brief:
        yield style_counts(brief, label) + Line.of(f" of {statistics.total_count}{plus}")
    failed = style_counts({"failed": counts["failed"]}, "") if "failed" in counts else Line()
    comma = ", " if failed else ""
    done = f"{statistics.complete_count}/{statistics.total_count}{plus}"
    for form in (f"{label}{done} done{comma}", f"{done} done{comma}", f"{done}{comma}"):
        yield Line.of(form) + failed
    yield Line.of(done)


def render_bar(statistics: RunStatistics, width: int, marks: Marks) -> Line:
    """A bar in which each status has its share, and whatever failed or runs is seen.

    Args:
        statistics: the counts.
        width: how many cells it takes.
        marks: its characters.
    """
    total = max(1, statistics.total_count)
    failed = _share(statistics.failure_count, total, width)
    running = min(_share(statistics.running_count, total, width), width - failed)
    ok = min((statistics.success_count + statistics.skipped_count) * width // total, width - failed - running)
    parts = {"ok": ok, "failed": failed, "running": running, "waiting": width - ok - failed - running}
    return Line.of(*((getattr(marks, word) * share, ROLES[word]) for word, share in parts.items()))


def _share(count: int, total: int, width: int) -> int:
    return max(1, count * width // total) if count else 0
