"""The table of a sweep: one row for each run, its parameters and results as columns."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from multirun.encoding import TYPED, encode_map
from multirun.snapshot import read_documents

if TYPE_CHECKING:
    from multirun.run import Run
    from multirun.rundir import SweepPaths

FIRST, LAST = ("index",), ("status", "reason", "duration_s")


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
        if key.startswith("$") and not prefix:
            if key == "$value":
                yield from flatten(value)
            continue
        yield from flatten(value, f"{prefix}.{key}" if prefix else str(key))


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
        for key in params:
            self.params.setdefault(key, f"params.{key}" if key in FIRST + LAST else key)
        for key in results:
            self.results.setdefault(key, key)

    def header(self) -> list[str]:
        """All names in order; call it when every run was seen."""
        taken = {*FIRST, *LAST, *self.params.values()}
        self.results = {key: f"results.{key}" if key in taken else key for key in self.results}
        return [*FIRST, *self.params.values(), *self.results.values(), *LAST]


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
        writer = csv.writer(file, lineterminator="\n")
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
        yield _leaves(params, "params"), _leaves(_document(run, large), "results") if run.posted else {}


def _leaves(document: object, lone: str) -> dict[str, object]:
    return dict(flatten(document, lone=lone))


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
