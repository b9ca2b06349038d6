"""Means over repetitions, each with its standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

from multirun.columns import NUMERIC, Columns, KeyPath, Kind, Table, converted, distinct, kind_of
from multirun.estimates import Estimate, estimate
from multirun.exports import Exports
from multirun.markup import html_table, shown_items, text_lines
from multirun.table import RunLeaves, columns_of
from multirun.wording import nearest

if TYPE_CHECKING:
    from multirun.run import Run

_SUCCESSFUL = ("success", "skipped")
_KINDS: Mapping[str, Kind] = {"mean": "float", "error": "float", "count": "int"}
"""The columns of each result in a table of means."""


class Group:
    """Runs that have some parameters in common, and the means of what they found.

    Attributes:
        params: the parameters that they have in common.
        runs: the runs, in order, also those that failed.
        estimates: for each result that is a number, the mean over the runs that succeeded.
    """

    __slots__ = ("estimates", "params", "runs")

    def __init__(self, params: Mapping[str, Any], runs: Sequence[Run], estimates: Mapping[str, Estimate]) -> None:
        self.params = dict(params)
        self.runs = tuple(runs)
        self.estimates = dict(estimates)

    def __getitem__(self, name: str) -> Estimate:
        """The mean of one result.

        Raises:
            UnknownNameError: no result that is a number has this name.
        """
        return self.estimates[nearest(name, self.estimates, "number in the results")]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        found = ", ".join(f"{name}: {value}" for name, value in self.estimates.items())
        return f"<Group {shown} of {len(self.runs)} runs: {found}>"


class Averages(Sequence[Group], Exports):
    """Groups of runs in the order of their first runs, each a row of a table.

    In the table every result has three columns: `y.mean`, `y.error` and `y.count`.

    Attributes:
        names: the parameters that the runs of a group have in common.
        values: the results of which there are means.
    """

    def __init__(self, names: Sequence[str], values: Sequence[str], groups: Sequence[Group]) -> None:
        self.names = tuple(names)
        self.values = tuple(values)
        self._groups = tuple(groups)

    @overload
    def __getitem__(self, index: int) -> Group: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Group]: ...

    def __getitem__(self, index: int | slice) -> Group | Sequence[Group]:
        return self._groups[index]

    def __len__(self) -> int:
        return len(self._groups)

    def _table(self) -> Table:
        """Names, rows and kinds of the columns."""
        taken = {"runs"}
        params = distinct({(name,): name for name in self.names}, "params", taken)
        columns = [(value, part) for value in self.values for part in _KINDS]
        results = distinct({column: ".".join(column) for column in columns}, "results", taken)
        rows = [
            [
                *group.params.values(),
                len(group.runs),
                *chain(*(_cells(group.estimates[value]) for value in self.values)),
            ]
            for group in self._groups
        ]
        kinds = {name: _KINDS[part] for (_, part), name in results.items()}
        return Table([*params.values(), "runs", *results.values()], rows, {"runs": "int", **kinds})

    def __repr__(self) -> str:
        return f"<Averages of {len(self)} groups by {', '.join(self.names)}>"

    def __str__(self) -> str:
        """The table as text, each mean with its error; of many groups the first and the last."""
        head, tail = self._shown()
        gap = [[*("…" for _ in self._heading())]] if tail else []
        return "\n".join(text_lines(self._heading(), [*head, *gap, *tail]))

    def _repr_html_(self) -> str:
        head, tail = self._shown()
        hidden = len(self) - len(head) - len(tail)
        return html_table(self._heading(), head, tail, hidden=hidden, caption="mean ± standard error")

    def _heading(self) -> list[str]:
        return [*self.names, "runs", *self.values]

    def _shown(self) -> tuple[list[list[str]], list[list[str]]]:
        head, tail = shown_items(len(self))
        return [self._line(self._groups[n]) for n in head], [self._line(self._groups[n]) for n in tail]

    def _line(self, group: Group) -> list[str]:
        estimates = (_with_count(group.estimates[value], len(group.runs)) for value in self.values)
        return [*map(str, group.params.values()), str(len(group.runs)), *estimates]


def _cells(found: Estimate) -> tuple[float | None, ...]:
    """Mean, error and count; what too few values do not give is missing."""
    mean, error, *_ = (*found.known(), None, None)
    return mean, error, found.count


def _with_count(found: Estimate, runs: int) -> str:
    """A mean, and over how many runs it was taken if not over all."""
    return f"{found}" if found.count == runs else f"{found} ({found.count} of {runs})".lstrip()


# ---------------------------------------------------------------------------------------------- grouping


def average(runs: Iterable[RunLeaves], names: Sequence[str], values: Iterable[str] | None) -> Averages:
    """Group runs by parameters and average their results.

    Args:
        runs: the runs with their parameters and results.
        names: the parameters by which to group, as columns are called; all if there are none.
        values: the results to average, as columns are called; every one that is a number if this is None.

    Returns:
        The groups; none where there are no runs, which have no names that could be wrong.

    Raises:
        UnknownNameError: there is no such parameter, or no such result that is a number.
    """
    listed = list(runs)
    if not listed:
        return Averages(names, list(values or ()), [])
    columns = columns_of(listed)
    by = _chosen(columns, names)
    numbers = _numbers(columns, listed)
    shown = list(numbers) if values is None else [nearest(each, numbers, "number in the results") for each in values]
    paths = {name: numbers[name] for name in shown}
    return Averages(list(by.values()), shown, [_group_of(members, by, paths) for members in _grouped(listed, by)])


def _chosen(columns: Columns, names: Sequence[str]) -> dict[KeyPath, str]:
    if not names:
        return columns.params
    paths = {name: path for path, name in columns.params.items()}
    return {paths[nearest(name, paths, "parameter")]: name for name in names}


def _numbers(columns: Columns, runs: Sequence[RunLeaves]) -> dict[str, KeyPath]:
    """The results of which all values are numbers, and where they are."""
    kinds = {name: (path, kind_of(_values_of(runs, path))) for path, name in columns.results.items()}
    return {name: path for name, (path, kind) in kinds.items() if kind in NUMERIC}


def _values_of(runs: Iterable[RunLeaves], path: KeyPath) -> list[object]:
    """The values of one result that are there, in the runs that succeeded."""
    found = [results.get(path) for run, _, results in runs if run.status in _SUCCESSFUL]
    return [value for value in found if value is not None]


def _floats_of(runs: Iterable[RunLeaves], path: KeyPath) -> list[Any]:
    return converted(_values_of(runs, path), "float")


def _grouped(runs: Iterable[RunLeaves], by: Iterable[KeyPath]) -> Iterable[list[RunLeaves]]:
    groups: dict[str, list[RunLeaves]] = {}
    for member in runs:
        common = [_comparable(member[1].get(path)) for path in by]
        groups.setdefault(repr(common), []).append(member)
    return groups.values()


def _comparable(value: object) -> object:
    """The same for values that count as equal: 1 and 1.0, but not 1 and True; NaN and NaN."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [json.dumps(value)] if isinstance(value, list | dict) else value


def _group_of(members: Sequence[RunLeaves], by: Mapping[KeyPath, str], values: Mapping[str, KeyPath]) -> Group:
    first, shown, _ = members[0]
    params = {name: _exact(first.params, path, shown.get(path)) for path, name in by.items()}
    estimates = {name: estimate(_floats_of(members, path)) for name, path in values.items()}
    return Group(params, [run for run, _, _ in members], estimates)


def _exact(params: object, path: KeyPath, shown: object) -> object:
    """The value of a parameter as it was given, for example a tuple, if the keys that lead to it are text."""
    for key in path:
        if not isinstance(params, Mapping) or key not in params:
            return shown
        params = params[key]
    return params
