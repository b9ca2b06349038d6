"""A table for people: aligned columns that fit the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from multirun.commandline.byhand import as_text
from multirun.wording import printable

_GAP = "  "
_MISSING = "-"
_LONGEST_TEXT = 24
"""Longer texts are cut when the table does not fit otherwise."""


class Table(NamedTuple):
    """A table as it is shown.

    Attributes:
        header: the line of names.
        lines: a line for each row.
        hidden: names of columns for which there is no room.
    """

    header: str
    lines: list[str]
    hidden: list[str]


def lay_out(columns: Sequence[str], rows: Sequence[Mapping[str, object]], room: int, kept: Iterable[str] = ()) -> Table:
    """Align a table, and leave out what does not fit.

    First the columns without any value go, then long texts are cut, then the columns go that have one value throughout,
    then those furthest to the right.

    Args:
        columns: names of the columns.
        rows: their values.
        room: how many characters a line may have.
        kept: columns that never go.
    """
    cells = {name: [_cell(row.get(name)) for row in rows] for name in columns}
    texts = [name for name in columns if any(isinstance(row.get(name), str | list | dict) for row in rows)]
    filled = [name for name in columns if name in kept or not rows or any(each != _MISSING for each in cells[name])]
    widths = _widths(filled, cells)
    if _total(filled, widths) > room:
        cells |= {name: [_cut(each) for each in cells[name]] for name in texts}
        widths = _widths(filled, cells)
    shown = _fitting(filled, cells, widths, room, frozenset(kept))
    header = _line([(printable(name), widths[name], name in texts) for name in shown])
    lines = [_line([(cells[name][place], widths[name], name in texts) for name in shown]) for place in range(len(rows))]
    return Table(header, lines, [name for name in filled if name not in shown])


def _fitting(
    filled: list[str], cells: Mapping[str, list[str]], widths: Mapping[str, int], room: int, kept: frozenset[str]
) -> list[str]:
    """The columns for which there is room."""
    shown = list(filled)
    dull = [name for name in filled if len(cells[name]) > 1 and len(set(cells[name])) == 1]
    for name in [*reversed(dull), *reversed([name for name in filled if name not in dull])]:
        if name not in kept and _total(shown, widths) > room:
            shown.remove(name)
    return shown


def _widths(names: list[str], cells: Mapping[str, list[str]]) -> dict[str, int]:
    return {name: max(len(printable(name)), *map(len, cells[name]), 0) for name in names}


def _total(shown: list[str], widths: Mapping[str, int]) -> int:
    return sum(widths[name] + len(_GAP) for name in shown) - len(_GAP)


def _line(parts: list[tuple[str, int, bool]]) -> str:
    return _GAP.join(text.ljust(width) if is_text else text.rjust(width) for text, width, is_text in parts).rstrip()


def _cell(value: object) -> str:
    """A value on the screen: numbers with six digits, which the files that are written have in full."""
    if value is None or value == "":
        return _MISSING
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(as_text(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}..."
