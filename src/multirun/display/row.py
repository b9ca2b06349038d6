"""One row of a terminal for one moment; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from multirun.wording import clock, counts_in_words, remaining_in_words, summary_line, total_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multirun.display.moment import Moment
    from multirun.statistics import RunStatistics

STYLES = {"running": "cyan", "ok": "green", "failed": "bold red", "skipped": "dim", "waiting": "dim"}
NOTICE_STYLE = "bold yellow"
_GAP = "  "
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


def render_summary(moment: Moment) -> Text:
    """How things stand at the end, however wide that is."""
    line = Text(summary_line(moment.statistics, moment.elapsed_s, moment.where))
    end = 0
    for word, count in counts_in_words(moment.statistics).items():
        if count:
            begin, end = end, end + len(f"{count} {word}")
            line.stylize(STYLES[word], begin, end)
            end += len(", ")
    return line


def render_row(moment: Moment, width: int, marks: Marks = UNICODE, label: str = "") -> Text:
    """One row for a moment: the counts first, then whatever else there is room for.

    Args:
        moment: what to show.
        width: how many cells the row may take, at least 1.
        marks: the characters of the bar.
        label: what the row begins with if it is not alone.
    """
    row = _first_that_fits(_count_forms(moment.statistics, label), width, marks)
    for part in _details(moment):
        if row.cell_len + cell_len(_GAP) + part.cell_len <= width:
            row.append(_GAP).append_text(part)
        elif part.style == NOTICE_STYLE and width - row.cell_len >= _SHORTEST_NOTICE:
            row.append(_GAP).append_text(_cut(part, width - row.cell_len, marks))
    room = min(width - row.cell_len - cell_len(_GAP), _LONGEST_BAR)
    if moment.statistics.total_known and room >= _SHORTEST_BAR:
        row = render_bar(moment.statistics, room, marks).append(_GAP).append_text(row)
    return row


def _first_that_fits(forms: Iterator[Text], width: int, marks: Marks) -> Text:
    form = Text()
    for form in forms:
        if form.cell_len <= width:
            return form
    return _cut(form, width, marks)


def _cut(text: Text, width: int, marks: Marks) -> Text:
    if text.cell_len <= width:
        return text
    kept = set_cell_size(text.plain, max(0, width - cell_len(marks.ellipsis))).rstrip()
    return Text(kept + marks.ellipsis, style=text.style)


def _details(moment: Moment) -> Iterator[Text]:
    if moment.elapsed_s is not None:
        yield Text(clock(moment.elapsed_s))
    if moment.remaining_s is not None:
        yield Text(remaining_in_words(moment.remaining_s), style="dim")
    if moment.notices:
        more = f" (and {len(moment.notices) - 1} more)" if len(moment.notices) > 1 else ""
        yield Text(moment.notices[0] + more, style=NOTICE_STYLE)


def _count_forms(statistics: RunStatistics, label: str) -> Iterator[Text]:
    """The counts in words, the longest form first."""
    counts = {word: count for word, count in counts_in_words(statistics).items() if count}
    yield _join_counts(counts, label).append(f" of {total_in_words(statistics)}")
    plus = "" if statistics.total_known else "+"
    brief = {word: count for word, count in counts.items() if word in ("running", "ok", "failed")}
    if brief:
        yield _join_counts(brief, label).append(f" of {statistics.total_count}{plus}")
    failed = _join_counts({"failed": counts["failed"]}, "") if "failed" in counts else Text()
    comma = ", " if failed else ""
    done = f"{statistics.complete_count}/{statistics.total_count}{plus}"
    for form in (f"{label}{done} done{comma}", f"{done} done{comma}", f"{done}{comma}"):
        yield Text(form).append_text(failed)
    yield Text(done)


def _join_counts(counts: dict[str, int], label: str) -> Text:
    line = Text(label)
    for number, (word, count) in enumerate(counts.items()):
        line.append(", " if number else "").append(f"{count} {word}", style=STYLES[word])
    return line


def render_bar(statistics: RunStatistics, width: int, marks: Marks) -> Text:
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
    bar = Text()
    for word, cells in parts.items():
        bar.append(getattr(marks, word) * cells, style=STYLES[word])
    return bar


def _share(count: int, total: int, width: int) -> int:
    return max(1, count * width // total) if count else 0
