"""The table of a sweep: one row for each run, its parameters and results as columns."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, TextIO

from multirun.contract import PICKLED_KEYS
from multirun.encoding import PICKLE, TYPED, VALUE, encode_map
from multirun.snapshot import read_documents

if TYPE_CHECKING:
    from multirun.run import Run
    from multirun.rundir import SweepPaths

FIRST, LAST = ("index",), ("status", "reason", "duration_s")
_HIDDEN = frozenset({TYPED, PICKLE, PICKLED_KEYS})


def flatten(document: object, prefix: str = "", lone: str = "results") -> Iterator[tuple[str, object]]:
    """The leaves of nested maps, each under its dotted key; lists stay whole.

    Args:
        document: any JSON value.
        prefix: dotted key of the document itself.
        lone: the key of a document that is no map.
    """
    if not isinstance(document, Mapping):
        yield prefix or lone, document
        return
    for key, value in document.items():
        yield from flatten(value, f"{prefix}.{key}" if prefix else str(key))


def unwrap(document: object) -> object:
    """What a program posted, without what only says how to read it back.

    Args:
        document: the JSON value that a `results.json` holds, or an excerpt of it.
    """
    if not isinstance(document, Mapping):
        return document
    shown = {key: value for key, value in document.items() if key not in _HIDDEN}
    return shown[VALUE] if list(shown) == [VALUE] else shown


def cell(value: object) -> object:
    """A value as it stands in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(value)
    return value


class Columns:
    """Names of the columns: parameters and results keep their names unless they clash."""

    def __init__(self) -> None:
        self.params: dict[str, str] = {}
        self.results: dict[str, str] = {}

    def see(self, params: Iterable[str], results: Iterable[str]) -> None:
        """Take note of the keys of one run."""
        self.params.update(dict.fromkeys(params, ""))
        self.results.update(dict.fromkeys(results, ""))

    def header(self) -> list[str]:
        """All names in order, each once; call it when every run was seen."""
        taken = {*FIRST, *LAST}
        self.params = _distinct(self.params, "params", taken)
        self.results = _distinct(self.results, "results", taken)
        return [*FIRST, *self.params.values(), *self.results.values(), *LAST]


def _distinct(keys: Iterable[str], prefix: str, taken: set[str]) -> dict[str, str]:
    """A name for each key, which joins those that are taken: the key itself where it is free."""
    listed = list(keys)
    names = {key: key for key in listed if key not in taken}
    taken.update(names)
    for key in listed:
        if key not in names:
            name = f"{prefix}.{key}"
            while name in taken:
                name = f"{prefix}.{name}"
            names[key] = name
            taken.add(name)
    return {key: names[key] for key in listed}


class _UnixLines:
    """Lets lines end with a line feed alone; csv quotes both characters only where lines end with both."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_table(paths: SweepPaths, runs: Iterable[Run]) -> None:
    """Write `results.csv`, whole or not at all; no run directory is opened.

    Args:
        paths: the sweep.
        runs: its runs in order.
    """
    listed = list(runs)
    columns = Columns()
    for params, results in _pairs(paths, listed):
        columns.see(params, results)
    header = columns.header()
    temporary = f"{paths.table}.{os.getpid()}.tmp"
    with open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(_UnixLines(file), lineterminator="\r\n")
        writer.writerow(header)
        for run, (params, results) in zip(listed, _pairs(paths, listed), strict=True):
            writer.writerow(_row(run, params, results, columns))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, paths.table)


def _pairs(paths: SweepPaths, runs: list[Run]) -> Iterator[tuple[dict[str, object], dict[str, object]]]:
    large = read_documents(paths, {run.index for run in runs if run.posted is True})
    for run in runs:
        params = {key: value for key, value in encode_map(run.params).items() if key != TYPED}
        yield dict(flatten(params)), dict(flatten(unwrap(_document(run, large)))) if run.posted else {}


def _document(run: Run, large: Callable[[int], Any]) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(run.posted) if isinstance(run.posted, str) else large(run.index)


def _row(run: Run, params: dict[str, object], results: dict[str, object], columns: Columns) -> list[object]:
    values = chain(
        (run.index,),
        (cell(params.get(key)) for key in columns.params),
        (cell(results.get(key)) for key in columns.results),
        (run.status, run.reason or "", "" if run.duration_s is None else run.duration_s),
    )
    return list(values)
