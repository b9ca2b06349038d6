"""A column of a CSV file, read line by line: the first or last cell, or the smallest, largest or mean number."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, TextIO

from multirun.extraction import Extraction, MissingError, UnusableError
from multirun.extraction.conversion import number_in, show

LONGEST_LINE = 1 << 20
"""Characters in a line; a file without line breaks must not fill the memory."""
_LISTED = 8
_SEARCHED = 2000


class _Row(NamedTuple):
    line: int
    cells: list[str]


def take_column(rule: Extraction, file: TextIO) -> str | int | float:
    """What a rule takes from a column.

    Empty lines and cells count for nothing, nor do lines that begin with `#`, except that such a line above the first
    row may hold the names of the columns.

    Args:
        rule: a rule of kind `"csv"`.
        file: the open file, with its line breaks as they are.

    Raises:
        MissingError: there is no such column, or nothing in it.
        UnusableError: it is no text in columns, or a cell is no number where numbers are compared.
    """
    rows = _rows(file, rule.delimiter)
    column, rest = _place(rule, rows)
    cells = ((row.line, row.cells[column]) for row in rest if -len(row.cells) <= column < len(row.cells))
    found = _TAKES[str(rule.take)]((line, cell) for line, cell in cells if cell)
    if found is None:
        raise MissingError(f"has nothing in column {rule.target!r}")
    return found


def _rows(file: TextIO, delimiter: str) -> Iterator[_Row]:
    if delimiter == " ":
        for line, text in enumerate(_lines(file), start=1):
            yield _Row(line, text.split())
        return
    reader = csv.reader(_lines(file), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            yield _Row(reader.line_num, [cell.strip() for cell in cells])
    except csv.Error as error:
        raise UnusableError(f"cannot be read as CSV at line {reader.line_num}: {error}") from error


def _lines(file: TextIO) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise UnusableError(f"has more than {LONGEST_LINE} characters in line {number}")
        yield line


def _place(rule: Extraction, rows: Iterator[_Row]) -> tuple[int, Iterator[_Row]]:
    """Where the column is, counted from 0, and the rows that hold data."""
    comments: list[list[str]] = []
    rows = (row for row in rows if any(row.cells))
    for row in rows:
        if not row.cells[0].startswith("#"):
            rest = (later for later in rows if not later.cells[0].startswith("#"))
            if isinstance(rule.target, int):
                return rule.target, rest if _is_header(row, rule.target) else chain([row], rest)
            return _place_name(str(rule.target), comments, row, rest)
        comments = [*comments[-_LISTED:], _uncommented(row.cells)]
    raise MissingError("has no rows" if comments else "is empty")


def _is_header(row: _Row, column: int) -> bool:
    """Whether the first row names the columns: none of its cells is a number."""
    if not -len(row.cells) <= column < len(row.cells):
        raise MissingError(f"has no column {column}: its first row has {len(row.cells)}, counted from 0")
    return all(number_in(cell) is None for cell in row.cells)


def _place_name(name: str, comments: list[list[str]], first: _Row, rest: Iterator[_Row]) -> tuple[int, Iterator[_Row]]:
    for names in reversed(comments):
        if name in names:
            return names.index(name), chain([first], rest)
    if name not in first.cells:
        raise MissingError(f"has no column {name!r}{options(name, first.cells)}{_other_delimiter(first.cells)}")
    return first.cells.index(name), rest


def _uncommented(cells: list[str]) -> list[str]:
    first = cells[0].lstrip("# ")
    return [first, *cells[1:]] if first else cells[1:]


def _other_delimiter(cells: list[str]) -> str:
    """A hint, where a line has one cell that looks as if it were several."""
    found = [sign for sign in (";", "\t", ",", " ") if sign in cells[0]] if len(cells) == 1 else []
    return f" (is its delimiter {found[0]!r}?)" if found else ""


def options(wanted: str, names: list[str], way: str = "") -> str:
    """Which names there are instead: the nearest, with the dotted way to it, or some of those that are there."""
    from difflib import get_close_matches

    close = get_close_matches(wanted, names[:_SEARCHED], n=1)
    if close:
        nearest = f"{way}.{close[0]}" if way else close[0]
        return f"; did you mean {nearest!r}?"
    where = repr(way) if way else "it"
    more = ", …" if len(names) > _LISTED else ""
    return f"; {where} has {', '.join(map(show, names[:_LISTED]))}{more}" if names else f"; {where} is empty"


# ---------------------------------------------------------------------------------------- which of them

_Cells = Iterable[tuple[int, str]]


def _first(cells: _Cells) -> str | None:
    return next((cell for _, cell in cells), None)


def _last(cells: _Cells) -> str | None:
    found = None
    for _, found in cells:  # noqa: B007 - the last one counts
        pass
    return found


def _numbers(cells: _Cells) -> Iterator[int | float]:
    for line, cell in cells:
        number = number_in(cell)
        if number is None:
            raise UnusableError(f"has {show(cell)} in line {line}, which is no number")
        yield number


def _extreme(better: Callable[[float, float], bool]) -> Callable[[_Cells], int | float | None]:
    """A function that gives the best number; NaN if there is one, for nobody knows what it stands for."""

    def take(cells: _Cells) -> int | float | None:
        best: int | float | None = None
        for number in _numbers(cells):
            if best is None or number != number or better(number, best):  # noqa: PLR0124 - NaN
                best = number
        return best

    return take


def _mean(cells: _Cells) -> float | None:
    """The mean; rounding errors are summed too (Neumaier), so the number of rows does not matter."""
    total, lost, count = 0.0, 0.0, 0
    for count, number in enumerate(map(_as_float, _numbers(cells)), start=1):  # noqa: B007 - the last number counts
        together = total + number
        if math.isfinite(together):
            lost += (total - together) + number if abs(total) >= abs(number) else (number - together) + total
        total = together
    return (total + lost) / count if count else None


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


_TAKES: dict[str, Callable[[_Cells], str | int | float | None]] = {
    "first": _first,
    "last": _last,
    "min": _extreme(lambda new, best: new < best),
    "max": _extreme(lambda new, best: new > best),
    "mean": _mean,
}
