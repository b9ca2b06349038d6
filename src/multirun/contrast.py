"""How the parameters of some runs differ from those of the runs that went well, said only where it is plain; pure.

The runs that went well are looked at once and kept as columns, so that each further question costs little.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from math import exp, isnan, lgamma
from pathlib import PurePath
from typing import Any, NamedTuple, TypeGuard

from multirun.params import NumpyScalar, describe

_FEWEST = 2
_MOST_VALUES = 3
_LIKELY, _UNLIKELY = 0.2, 0.01
"""The most by which chance may explain a difference that is complete, and one that is not."""
_LONGEST_SEQUENCE = 8
_MOST_PARAMETERS = 50
_MOST_PAIRED = 6
_MISSING = object()
_EXACT = 2**53


class Condition(NamedTuple):
    """Something that is true of the parameters of every run of a group.

    Attributes:
        text: what it says, such as `vp ≤ 0.4`.
        name: the parameter.
        test: whether it is true of a value.
        shared: of how many runs that went well it is true as well.
        choices: how many conditions of the kind there are that could have turned out to be true.
        complement: what is true of those that went well instead, if that can be said.
    """

    text: str
    name: str
    test: Callable[[object], bool]
    shared: int
    choices: float
    complement: str = ""


class Background:
    """The parameters of the runs that went well."""

    def __init__(self, params: Iterable[Mapping[str, Any]]) -> None:
        """Look at them once.

        Args:
            params: the parameters of each run.
        """
        self._columns: dict[str, list[object]] = {}
        self.count = 0
        for each in params:
            for name, value in each.items():
                self._column(name).append(simplify(value))
            self.count += 1
            if len(each) < len(self._columns):
                self._fill_up()
        self._fill_up()
        self._numbers: dict[str, array[float]] = {}
        self._values: dict[str, Counter[object]] = {}

    def _column(self, name: str) -> list[object]:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = [_MISSING] * self.count
        return column

    def _fill_up(self) -> None:
        for column in self._columns.values():
            column.extend([_MISSING] * (self.count - len(column)))

    def numbers(self, name: str) -> array[float]:
        """The numbers among the values of a parameter, in ascending order."""
        if name not in self._numbers:
            self._numbers[name] = array("d", sorted(v for v in self._columns.get(name, ()) if type(v) is float))
        return self._numbers[name]

    def values(self, name: str) -> Counter[object]:
        """How often each value of a parameter occurs."""
        if name not in self._values:
            self._values[name] = Counter(self._columns.get(name, ()))
        return self._values[name]

    def contrast(self, group: Sequence[Mapping[str, Any]]) -> str | None:
        """How the parameters of a group of failed runs differ, as a sentence; None where that is not plain.

        Args:
            group: the parameters of each run of the group.
        """
        if len(group) < _FEWEST or not self.count:
            return None
        conditions = [each for name in islice(group[0], _MOST_PARAMETERS) for each in self._about(name, group)]
        complete = [each for each in conditions if not each.shared]
        if complete:
            best = min(complete, key=lambda each: each.choices)
            return f"only with {best.text}{best.complement}" if self._is_plain(len(group), 0, best.choices) else None
        return self._contrast_two(conditions, len(group)) or self._contrast_in_part(conditions, len(group))

    def _is_plain(self, count: int, shared: int, choices: float) -> bool:
        """Whether chance does not explain that a condition, or two, tell the runs of a group from the others."""
        most = _UNLIKELY if shared else _LIKELY
        return shared * 2 <= self.count and choices * chance(count, shared, self.count) <= most

    def _contrast_two(self, conditions: list[Condition], count: int) -> str | None:
        """Two conditions of which no run that went well fulfils both."""
        rarest = sorted(conditions, key=lambda each: (each.shared, each.choices))[:_MOST_PAIRED]
        pairs = [
            (one, other)
            for one, other in combinations(rarest, 2)
            if one.name != other.name and self._is_plain(count, 0, one.choices * other.choices)
        ]
        for one, other in sorted(pairs, key=lambda pair: pair[0].choices * pair[1].choices):
            columns = zip(self._columns[one.name], self._columns[other.name], strict=True)
            if not any(one.test(value) and other.test(another) for value, another in columns):
                return f"only with {one.text} and {other.text}"
        return None

    def _contrast_in_part(self, conditions: list[Condition], count: int) -> str | None:
        """A condition that only a few of the others fulfil as well."""
        plain = [each for each in conditions if self._is_plain(count, each.shared, each.choices)]
        if not plain:
            return None
        best = min(plain, key=lambda each: each.shared)
        return f"all with {best.text}, like {best.shared} of the {self.count} ok runs"

    def _about(self, name: str, group: Sequence[Mapping[str, Any]]) -> Iterator[Condition]:
        """What is true of one parameter in a whole group."""
        if not all(name in params for params in group):
            return
        distinct = {simplify(params[name]): params[name] for params in group}
        if len(distinct) <= _MOST_VALUES and len(group) >= _FEWEST * len(distinct):
            yield self._among(name, distinct)
        if len(distinct) > 1 and all(type(value) is float for value in distinct):
            yield from self._within(name, [value for value in distinct if isinstance(value, float)], len(group))

    def _among(self, name: str, distinct: dict[object, object]) -> Condition:
        """The parameter has one of a few values."""
        others = self.values(name)
        shared = sum(others[value] for value in distinct)
        choices = _binomial(len(others) + sum(value not in others for value in distinct), len(distinct))
        texts = [in_short(value) if isinstance(value, float) else _shown(given) for value, given in distinct.items()]
        text = f"{_name(name)}={' or '.join(texts)}"
        return Condition(text, name, distinct.__contains__, shared, choices)

    def _within(self, name: str, values: list[float], count: int) -> Iterator[Condition]:
        """The parameter has a value in some range."""
        low, high = min(values), max(values)
        others = self.numbers(name)
        below, above = bisect_right(others, high), len(others) - bisect_left(others, low)
        shown = _name(name)

        def condition(text: str, test: Callable[[float], bool], shared: int, choices: float, rest: str) -> Condition:
            def holds(value: object) -> bool:
                return isinstance(value, float) and test(value)

            return Condition(text, name, holds, shared, choices, rest if len(others) == self.count else "")

        rest = "" if below else f"; every ok run has {shown} ≥ {in_short(others[0])}" if others else ""
        yield condition(f"{shown} ≤ {in_short(high)}", lambda value: value <= high, below, 2, rest)
        rest = "" if above else f"; every ok run has {shown} ≤ {in_short(others[-1])}" if others else ""
        yield condition(f"{shown} ≥ {in_short(low)}", lambda value: value >= low, above, 2, rest)
        within = bisect_right(others, high) - bisect_left(others, low)
        text = f"{in_short(low)} ≤ {shown} ≤ {in_short(high)}"
        yield condition(text, lambda value: low <= value <= high, within, self.count + count, "")


def chance(count: int, shared: int, others: int) -> float:
    """How likely `count` runs would all lie in a place where `shared` of the `others` lie, if they lay anywhere."""
    return exp(_log_binomial(count + shared, count) - _log_binomial(count + others, count))


def simplify(value: object) -> object:
    """A value that can be compared: a number becomes a float, and what has no simple equality something unique.

    Args:
        value: any parameter.
    """
    if type(value) is float:
        return ("nan",) if isnan(value) else value
    if isinstance(value, bool):
        return _Truth(value)
    if isinstance(value, int):
        return _whole(value)
    if value is None or isinstance(value, str | bytes | PurePath):
        return value
    if isinstance(value, list | tuple) and len(value) <= _LONGEST_SEQUENCE:
        parts = tuple(map(simplify, value))
        return _Unique() if any(isinstance(each, _Unique) for each in parts) else parts
    return simplify(value.item()) if _is_numpy(value) else _Unique()


class _Unique:
    """A value that equals no other."""


class _Truth(NamedTuple):
    """True or false, which as such would equal 1 or 0."""

    value: bool


def _whole(value: int) -> object:
    """A whole number as a float, or as text if there is none that equals it."""
    if abs(value) < _EXACT or (value.bit_length() < 1000 and float(value) == value):
        return float(value)
    return f"{value:#x}"


def _is_numpy(value: object) -> TypeGuard[NumpyScalar]:
    return type(value).__module__ == "numpy" and isinstance(value, sys.modules["numpy"].generic)


def _shown(value: object) -> str:
    return describe({"": value}).removeprefix("=")


def _name(name: str) -> str:
    return describe({name: None}).removesuffix("=None")


def in_short(number: float) -> str:
    """A number without the digits in which calculations differ: `0.3` for `0.1 + 0.2`."""
    return str(int(number)) if number.is_integer() and abs(number) < _EXACT else f"{number:.10g}"


def _log_binomial(count: int, chosen: int) -> float:
    return lgamma(count + 1) - lgamma(chosen + 1) - lgamma(count - chosen + 1)


def _binomial(count: int, chosen: int) -> float:
    return exp(_log_binomial(count, chosen))
