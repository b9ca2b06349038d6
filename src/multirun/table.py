"""The table of a sweep: one row for each run, its parameters and results as columns."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from multirun.columns import FIRST, FIXED, LAST, Columns, KeyPath, Table, cell, leaves, unwrap, with_numbers
from multirun.encoding import encode_map
from multirun.failpoints import reach
from multirun.snapshot import read_documents

if TYPE_CHECKING:
    from multirun.run import Run
    from multirun.rundir import SweepPaths

RunLeaves = tuple["Run", dict[KeyPath, object], dict[KeyPath, object]]


class RunRows:
    """The rows of runs. No run directory is opened: what is too large to stay in memory is read from the journals.

    Attributes:
        columns: the names of the columns; `header` has been called.
        names: all of them in order.
    """

    def __init__(self, paths: SweepPaths, runs: Iterable[Run]) -> None:
        self._runs = list(runs)
        self._large = large_results(paths, self._runs)
        self.columns = columns_of(leaves_of(self._runs, self._large))
        self.names = [*FIRST, *self.columns.params.values(), *self.columns.results.values(), *LAST]

    def __iter__(self) -> Iterator[Sequence[object]]:
        for run, params, results in leaves_of(self._runs, self._large):
            yield [
                run.index,
                *map(params.get, self.columns.params),
                *map(results.get, self.columns.results),
                _status(run),
                run.reason,
                run.duration_s,
            ]


def _status(run: Run) -> str:
    """The status on disk: that a run need not be executed again is how the call sees it that goes on."""
    return "success" if run.status == "skipped" and run.reason is None else run.status


def large_results(paths: SweepPaths, runs: Iterable[Run]) -> Callable[[int], Any]:
    """A function that gives the results of those runs that do not have them in memory, as far as journals hold them."""
    return read_documents(paths, {run.index for run in runs if run.posted is True})


def leaves_of(runs: Iterable[Run], large: Callable[[int], Any]) -> Iterator[RunLeaves]:
    """Each run with its parameters and its results, by the keys that lead to them.

    Args:
        runs: the runs.
        large: what `large_results` gave for them.
    """
    for run in runs:
        params = leaves(with_numbers(encode_map(run.params)))
        yield run, params, leaves(unwrap(_document(run, large))) if run.posted else {}


def columns_of(rows: Iterable[RunLeaves]) -> Columns:
    """The columns that runs have."""
    columns = Columns()
    for _, params, results in rows:
        columns.see(params, results)
    columns.header()
    return columns


def _document(run: Run, large: Callable[[int], Any]) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(run.posted) if isinstance(run.posted, str) else large(run.index)


def table_of(paths: SweepPaths, runs: Iterable[Run]) -> Table:
    """The table of some runs.

    Args:
        paths: their sweep.
        runs: the runs in order.
    """
    rows = RunRows(paths, runs)
    return Table(rows.names, rows, FIXED)


class _UnixLines:
    """Lets lines end with a line feed alone; csv quotes both characters only where lines end with both."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        """Write one line."""
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_csv(file: TextIO, table: Table) -> None:
    """Write a table as CSV.

    Args:
        file: opened with `newline=""`.
        table: what to write.
    """
    writer = csv.writer(_UnixLines(file), lineterminator="\r\n")
    writer.writerow(table.names)
    writer.writerows(map(cell, row) for row in table.rows)


def write_table(paths: SweepPaths, runs: Iterable[Run]) -> None:
    """Write `results.csv`, whole or not at all.

    Args:
        paths: the sweep.
        runs: its runs in order.
    """
    table = table_of(paths, runs)
    temporary = f"{paths.table}.{os.getpid()}.tmp"
    try:
        with open_csv(temporary) as file:
            write_csv(file, table)
            file.flush()
            reach("table.written")
            os.fsync(file.fileno())
        reach("table.synced")
        os.replace(temporary, paths.table)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    reach("table.renamed")


def open_csv(path: str) -> TextIO:
    """Open a CSV file for writing: UTF-8, and escapes for what that lacks."""
    return open(path, "w", newline="", encoding="utf-8", errors="backslashreplace")
