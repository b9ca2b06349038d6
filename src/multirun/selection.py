"""Choosing runs by what a user typed: numbers and values, conditions on columns, orders.

Everything here is a pure function: text in, a function of a row or a run out. A row maps the names of columns to
values; what a run does not have is None there.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from multirun.errors import SelectionError, UnknownNameError

Row = Mapping[str, object]
Condition = Callable[[Row], bool]

_CLOSE = 1e-12
"""Relative distance at which floating-point numbers count as equal: `0.1 + 0.2` is what somebody means by 0.3."""
_DEEPEST = 50

# ------------------------------------------------------------------------------------------------- values


def number_of(value: object) -> float | None:
    """A value as a number, None if it is none; NaN and infinities, which JSON lacks, stand there as text."""
    if isinstance(value, int | float):
        return value
    return float(value) if isinstance(value, str) and value in ("inf", "-inf", "nan") else None


def is_equal(one: object, other: object) -> bool:
    """Whether two values are the same for a person: floating-point numbers to 12 digits, all else exactly."""
    if one == other:
        return True
    if isinstance(one, float) or isinstance(other, float):
        first, second = number_of(one), number_of(other)
        if first is None or second is None:
            return False
        return math.isclose(first, second, rel_tol=_CLOSE) or str(one) == other or one == str(other)
    return False


def is_less(one: object, other: object) -> bool:
    """Whether one value comes before another; False for values of different kinds, and for what is missing."""
    first, second = number_of(one), number_of(other)
    if first is not None and second is not None:
        return first < second and not is_equal(first, second)
    return isinstance(one, str) and isinstance(other, str) and one < other


def is_in(one: object, other: object) -> bool:
    """Whether a value is in a list, or a text in a text."""
    if isinstance(other, str):
        return isinstance(one, str) and one in other
    return isinstance(other, list) and any(is_equal(one, each) for each in other)


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?` with the nearest of some names, else what there is."""
    from difflib import get_close_matches

    known = list(names)
    close = get_close_matches(name, known, n=1) or [each for each in known if each.lower() == name.lower()]
    if close:
        return f"; did you mean {close[0]!r}?"
    listed = ", ".join(known[:12])
    return f"; there are {listed}{' and more' if len(known) > 12 else ''}." if known else "."


# --------------------------------------------------------------------------------------------- conditions

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |`(?P<quoted>[^`]+)`
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*(?:\.\w+)*)
    |(?P<sign>[<>=!]=|[<>()\[\],+-]|\s+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"and", "or", "not", "in", "is", "True", "False", "None"}
_LOWER = {"true": "True", "false": "False", "null": "None", "none": "None"}
_SIGNS = {"=": "write == for equal", "&": "write and", "|": "write or", "!": "write not, or != for not equal"}


def parse_condition(text: str, columns: Sequence[str]) -> Condition:
    """The function that says whether a row satisfies a condition such as `x > 1 and mode == "fast"`.

    Columns are compared with each other and with numbers, texts in quotes, True, False, None and lists of these, by
    `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `not in`, joined by `and`, `or`, `not` and parentheses. A column
    whose name is no word stands between backticks. A column alone means that it is neither missing nor zero nor empty.

    Args:
        text: the condition.
        columns: the names of all columns.

    Raises:
        SelectionError: it is no condition.
        UnknownNameError: it names a column that is not there.
    """
    known = {name: f"_{number}" for number, name in enumerate(columns)}
    spelled = "".join(_spell(match, known, text) for match in _TOKEN.finditer(text.strip()))
    names = {placeholder: name for name, placeholder in known.items()}
    try:
        return _condition(ast.parse(spelled, mode="eval").body, names, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, SelectionError):
            raise SelectionError(f"the condition {text!r} cannot be used: {error}") from None
        raise SelectionError(f'the condition {text!r} cannot be read; write it like x > 1 and mode == "fast"') from None


def _spell(match: re.Match[str], known: Mapping[str, str], text: str) -> str:
    """A piece of a condition in Python; columns get names that cannot be anything else."""
    piece, kind = match.group(), match.lastgroup
    name = match["quoted"] or match["name"]
    if kind == "other":
        hint = _SIGNS.get(piece, f"{piece!r} means nothing here")
        raise SelectionError(f"the condition {text!r} cannot be read: {hint}")
    if not name or (kind == "name" and piece in _WORDS):
        return piece if kind != "sign" or piece.strip() else " "
    if name in known:
        return known[name]
    if piece in _LOWER:
        return _LOWER[piece]
    raise UnknownNameError(
        f"the condition {text!r} cannot be used: no column is called {name!r}{nearest(name, known)}"
        f' If it is a text, it needs quotes: "{name}"'
    )


def _condition(node: ast.expr, names: Mapping[str, str], depth: int) -> Condition:
    if depth > _DEEPEST:
        raise SelectionError("it is nested too deeply")
    if isinstance(node, ast.BoolOp):
        parts = [_condition(value, names, depth + 1) for value in node.values]
        return _join(parts, every=isinstance(node.op, ast.And))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _condition(node.operand, names, depth + 1)
        return lambda row: not inner(row)
    if isinstance(node, ast.Compare):
        return _comparison(node, names)
    if isinstance(node, ast.Name):
        column = names[node.id]
        return lambda row: bool(row.get(column))
    raise SelectionError("something is not compared with anything")


def _join(parts: list[Condition], *, every: bool) -> Condition:
    if every:
        return lambda row: all(part(row) for part in parts)
    return lambda row: any(part(row) for part in parts)


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: is_equal,
    ast.NotEq: lambda one, other: not is_equal(one, other),
    ast.Lt: is_less,
    ast.LtE: lambda one, other: is_less(one, other) or (one is not None and is_equal(one, other)),
    ast.Gt: lambda one, other: is_less(other, one),
    ast.GtE: lambda one, other: is_less(other, one) or (one is not None and is_equal(one, other)),
    ast.In: is_in,
    ast.NotIn: lambda one, other: not is_in(one, other),  # codespell:ignore notin
    ast.Is: is_equal,
    ast.IsNot: lambda one, other: not is_equal(one, other),
}


def _comparison(node: ast.Compare, names: Mapping[str, str]) -> Condition:
    operands = [_operand(each, names) for each in (node.left, *node.comparators)]
    steps = [(operands[place], _COMPARISONS[type(each)], operands[place + 1]) for place, each in enumerate(node.ops)]
    return lambda row: all(compare(one(row), other(row)) for one, compare, other in steps)


def _operand(node: ast.expr, names: Mapping[str, str]) -> Callable[[Row], object]:
    if isinstance(node, ast.Name):
        column = names[node.id]
        return lambda row: row.get(column)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        raise SelectionError("each side of a comparison is a column, a number, a text in quotes or a list") from None
    literal = list(value) if isinstance(value, tuple) else value
    return lambda _: literal


# -------------------------------------------------------------------------------------------------- orders


def parse_order(texts: Iterable[str], columns: Sequence[str]) -> list[tuple[str, bool]]:
    """Columns to sort by, each with whether the largest come first.

    Args:
        texts: names of columns, with `-` in front for the largest first; several may be joined by commas.
        columns: the names of all columns.

    Raises:
        UnknownNameError: there is no such column.
    """
    words = [word for text in texts for word in ([text] if text.lstrip("-") in columns else text.split(","))]
    return [_order(word.strip(), columns) for word in words]


def _order(word: str, columns: Sequence[str]) -> tuple[str, bool]:
    if word in columns:
        return word, False
    name = word.removeprefix("-")
    if name not in columns:
        raise UnknownNameError(f"cannot sort by {name!r}: no column is called so{nearest(name, columns)}")
    return name, True


def sort_rows(rows: list[Row], order: Iterable[tuple[str, bool]]) -> list[Row]:
    """Rows in an order that keeps those together that are equal; what is missing or NaN comes last either way."""
    for column, largest_first in reversed(list(order)):
        keyed = [(_sort_key(row.get(column)), row) for row in rows]
        known = sorted((pair for pair in keyed if pair[0]), key=operator.itemgetter(0), reverse=largest_first)
        rows = [row for _, row in known] + [row for key, row in keyed if not key]
    return rows


def _sort_key(value: object) -> tuple[int, Any] | None:
    number = number_of(value)
    if number is not None:
        return None if math.isnan(number) else (0, number)
    return None if value is None else (1, str(value))


# ---------------------------------------------------------------------------------------------------- runs

_NUMBERS = re.compile(r"\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*", re.ASCII)
_VALUE = re.compile(r"([^=/<>!]+)=(.*)", re.DOTALL)


class Selector(NamedTuple):
    """Runs by number and by parameters.

    Attributes:
        ranges: first and last number of each range; none at all means every number.
        values: names of parameters, each with the text of its value; a run must have all of them.
    """

    ranges: tuple[tuple[int, int], ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    def takes_number(self, index: int) -> bool:
        """Whether a run has one of the numbers."""
        return not self.ranges or any(first <= index <= last for first, last in self.ranges)

    def takes_values(self, params: Row) -> bool:
        """Whether a run has all the values.

        Args:
            params: its parameters, nested ones under dotted names.
        """
        return all(name in params and is_spelled(params[name], text) for name, text in self.values)


def is_selector(word: str) -> bool:
    """Whether a word of the command line says which runs: `17`, `3-9`, `3,5-7` or `x=0.3`."""
    return bool(_NUMBERS.fullmatch(word) or _VALUE.fullmatch(word))


def parse_selector(words: Iterable[str]) -> Selector:
    """The runs that some words mean: those with any of the numbers and with all the values.

    Raises:
        SelectionError: a word means no runs.
    """
    ranges: list[tuple[int, int]] = []
    values: list[tuple[str, str]] = []
    for word in words:
        value = _VALUE.fullmatch(word)
        if value:
            values.append((value[1].strip(), value[2].strip()))
        elif _NUMBERS.fullmatch(word):
            ranges += [_range(part) for part in word.split(",")]
        else:
            raise SelectionError(f"{word!r} is no run; write a number (17), a range (3-9) or a parameter (x=0.3)")
    return Selector(tuple(ranges), tuple(values))


def _range(part: str) -> tuple[int, int]:
    first, _, last = part.partition("-")
    low, high = int(first), int(last or first)
    if low > high:
        raise SelectionError(f"the range {part} is empty; write {high}-{low}")
    return low, high


def is_spelled(value: object, text: str) -> bool:
    """Whether a text is how somebody may write a value: `0.3`, `3e-1`, `true`, `fast`, `"fast"`, `[1, 2]`."""
    return text in (value, str(value)) or is_equal(value, _literal(text))


def _literal(text: str) -> object:
    try:
        value = ast.literal_eval(_LOWER.get(text, text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text
    return list(value) if isinstance(value, tuple) else value
