"""All rows of a live display for one moment; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from multirun.display.cells import cut, cut_text, pad
from multirun.display.moment import SHOWN_RUNS
from multirun.display.row import UNICODE, Marks, render_notice, render_row
from multirun.durations import format_duration
from multirun.styled import Line

if TYPE_CHECKING:
    from multirun.display.moment import Active, Moment

MOST_ROWS = 8
_NARROWEST = 24
_INDENT = "  "
_GAP = "  "
_SHORTEST_PARAMS = 4


def render_rows(
    moment: Moment, width: int, height: int = MOST_ROWS, marks: Marks = UNICODE, label: str = ""
) -> list[Line]:
    """The bar, and below it what else there is room for.

    Args:
        moment: what to show.
        width: how many cells a row may take, at least 1.
        height: how many rows there may be, at least 1.
        marks: the characters of the bar, and for what is cut.
        label: what the bar begins with if it is not alone.
    """
    height = min(height, MOST_ROWS) if width >= _NARROWEST else 1
    below = _urgent_rows(moment)[: height - 1]
    rows = [render_row(moment, width, marks, label, with_notice=not (moment.notices and below))]
    rows += [cut(row, width, marks.ellipsis) for row in below]
    return rows + render_active(moment, width, height - len(rows), marks)


def _urgent_rows(moment: Moment) -> list[Line]:
    rows = []
    if moment.notices:
        rows.append(Line.of(_INDENT) + render_notice(moment))
    if moment.latest_failure is not None:
        rows.append(Line.of(_INDENT, ("latest failure: ", "failed"), moment.latest_failure))
    return rows


def render_active(moment: Moment, width: int, height: int, marks: Marks) -> list[Line]:
    """The runs that have been running longest, one row each, and how many more there are.

    Args:
        moment: what to show.
        width: how many cells a row may take.
        height: how many rows there may be.
        marks: what stands for what is cut.
    """
    if height <= 0 or not moment.active:
        return []
    running = max(moment.statistics.running_count, len(moment.active))
    most = min(height, SHOWN_RUNS)
    shown = moment.active[: most if running <= most else most - 1]
    rows = _active_rows(shown, width, marks)
    if running > len(shown):
        rows.append(cut(Line.of((f"{_INDENT}and {running - len(shown)} more", "dim")), width, marks.ellipsis))
    return rows


def _active_rows(shown: tuple[Active, ...], width: int, marks: Marks) -> list[Line]:
    """One row for each run, in columns: which, with what, for how long, and whether that is long."""
    times = [_elapsed(run) for run in shown]
    names = max((cell_len(run.name) for run in shown), default=0)
    clocks = max(map(len, times), default=0)
    notes = [_slowness(run, width - len(_INDENT) - names - clocks - 2 * len(_GAP)) for run in shown]
    room = width - len(_INDENT) - names - clocks - 2 * len(_GAP) - max(map(len, notes), default=0)
    params = [cut_text(run.params, room, marks.ellipsis) if room >= _SHORTEST_PARAMS else "" for run in shown]
    column = max(map(cell_len, params), default=0)
    rows = []
    for run, text, time, note in zip(shown, params, times, notes, strict=True):
        middle = f"{_GAP}{pad(text, column)}" if column else ""
        row = Line.of(_INDENT, (pad(run.name, names), "running"), middle, _GAP + time.rjust(clocks), (note, "slow"))
        rows.append(cut(row, width, marks.ellipsis))
    return rows


def _elapsed(run: Active) -> str:
    """Whole seconds: what changes with each frame cannot be read."""
    return format_duration(int(run.elapsed_s)) if run.elapsed_s >= 10 else f"{int(run.elapsed_s)} s"


def _slowness(run: Active, room: int) -> str:
    if run.others_s is None:
        return ""
    note = f"{_GAP}slow: others take {format_duration(run.others_s)}"
    return note if len(note) + 2 * _SHORTEST_PARAMS <= room else f"{_GAP}slow"
