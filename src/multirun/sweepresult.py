"""What a sweep returns: its runs in order, what they posted, and the table of both."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from multirun.averages import Averages, average
from multirun.columns import Table, cell
from multirun.errors import UnknownNameError
from multirun.exports import Exports
from multirun.loading import load_runs
from multirun.markup import html_table, shown_items
from multirun.rundir import SweepPaths
from multirun.statistics import RunStatistics, Tally
from multirun.table import large_results, leaves_of, table_of
from multirun.wording import counts_line, nearest

if TYPE_CHECKING:
    from multirun.run import Run


class SweepResult(Sequence["Run"], Exports):
    """The runs of a sweep in the order of its parameter maps.

    Attributes:
        path: the sweep directory.
        statistics: how many runs have which status.
        stopped: machine-readable word for why runs were left on purpose, None if none were.
    """

    def __init__(self, path: Path, runs: Iterable[Run], statistics: RunStatistics, stopped: str | None = None) -> None:
        self.path = path
        self.statistics = statistics
        self.stopped = stopped
        self._runs = tuple(runs)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SweepResult:
        """Read a sweep back from its directory, be it finished, cut off or still running.

        The runs are as they are at this moment, parameters and results exactly as they were. They do not follow a sweep
        that goes on: load it again.

        Args:
            path: the directory of the sweep.

        Raises:
            NotASweepError: there is none.
            FormatError: a version wrote it that this one cannot read.
            JournalDamagedError: a journal is damaged.
            ParamsError: the parameters of a run cannot be rebuilt here, for example without numpy.
        """
        paths = SweepPaths(os.fspath(path))
        return cls(Path(paths.root), *load_runs(paths))

    @property
    def results(self) -> list[Any]:
        """What each run posted, in order; None where nothing was posted.

        Raises:
            ResultsDamagedError: the stored results of a run cannot be read back; the others can, one by one.
        """
        return [run.results for run in self._runs]

    @property
    def failed(self) -> list[Run]:
        """The runs that failed, in order."""
        return [run for run in self._runs if run.status == "failure"]

    def run(self, index: int) -> Run:
        """The run with a number, as in `runs/000007`.

        Args:
            index: the number, from 0.

        Raises:
            UnknownNameError: there is none.
        """
        with suppress(IndexError, TypeError):  # it mostly stands at the place that its number says
            if self._runs[index].index == index:
                return self._runs[index]
        for run in self._runs:
            if run.index == index:
                return run
        raise UnknownNameError(f"there is no run {index!r} here; {_numbers_in_words(self._runs)}")

    def where(self, params: Mapping[str, object] | None = None, /, **named: object) -> SweepResult:
        """The runs that have these parameters: `result.where(scheme="upwind", steps=10)`.

        `1` equals `1.0`, but not `True`.

        Args:
            params: parameters whose names are no Python names, such as `{"mesh.size": 3}`; a name with dots may also
                lead into a map.
            **named: all others.

        Raises:
            UnknownNameError: no run has a parameter of this name.
        """
        wanted = {**(params or {}), **named}
        kept = self._runs
        for name, value in wanted.items():
            self._check_parameter(name)
            kept = tuple(run for run in kept if _is_same(_look_up(run.params, name), value))
        tally = Tally()
        for run in kept:
            tally.add(run.status)
        return SweepResult(self.path, kept, tally.statistics(total_known=self.statistics.total_known))

    def _check_parameter(self, name: str) -> None:
        if self._runs and all(_look_up(run.params, name) is _ABSENT for run in self._runs):
            nearest(name, dict.fromkeys(key for run in self._runs for key in run.params), "parameter")

    def mean_by(self, *names: str, values: Iterable[str] | None = None) -> Averages:
        """Means over repetitions, with their standard errors: `result.mean_by("temperature")`.

        Runs that agree in these parameters make a group, whatever they have else, such as seeds. Only runs that
        succeeded count. The standard error is s / sqrt(n), where s is the standard deviation of the n values with
        divisor n - 1: the experimental standard deviation of the mean, section 4.2.3 of the *Guide to the expression of
        uncertainty in measurement*, JCGM 100:2008. True counts as 1 and False as 0, so that their mean is a fraction.

        Args:
            *names: the parameters, as columns of the table are called; without any, runs that agree in all of them.
            values: the results to average, as columns of the table are called; without it, every one that is a number.

        Raises:
            UnknownNameError: no run has such a parameter, or no such result that is a number.
        """
        wanted = None if values is None else [values] if isinstance(values, str) else values
        return average(leaves_of(self._runs, large_results(self._paths(), self._runs)), names, wanted)

    def _table(self) -> Table:
        """Names, rows and kinds of the columns, as in `results.csv`."""
        return table_of(self._paths(), self._runs)

    def _paths(self) -> SweepPaths:
        return SweepPaths(str(self.path))

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Run]: ...

    def __getitem__(self, index: int | slice) -> Run | Sequence[Run]:
        return self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __repr__(self) -> str:
        counts = self.statistics
        skipped = f"{counts.skipped_count} skipped, " if counts.skipped_count else ""
        ended = f"{skipped}{counts.success_count} ok, {counts.failure_count} failed of {counts.total_count}"
        return f"<SweepResult {ended} in {self.path}>"

    def _repr_html_(self) -> str:
        """The table for a notebook; of many runs the first and the last."""
        head, tail = shown_items(len(self))
        table = table_of(self._paths(), [self._runs[number] for number in (*head, *tail)])
        rows = [[str(cell(value)) for value in row] for row in table.rows]
        hidden = len(self) - len(rows)
        caption = f"{counts_line(self.statistics)} in {self.path}"
        return html_table(table.names, rows[: len(head)], rows[len(head) :], hidden=hidden, caption=caption)


_ABSENT = object()


def _look_up(params: Mapping[Any, Any], name: str) -> object:
    """The parameter of a name, which may lead into maps with dots."""
    if name in params:
        return params[name]
    cuts = (at for at, sign in enumerate(name) if sign == ".")
    inner = (_look_up(params[name[:at]], name[at + 1 :]) for at in cuts if isinstance(params.get(name[:at]), Mapping))
    return next((value for value in inner if value is not _ABSENT), _ABSENT)


def _is_same(value: object, wanted: object) -> bool:
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False
    both_nan = isinstance(value, float) and isinstance(wanted, float) and value != value and wanted != wanted  # noqa: PLR0124
    return both_nan or bool(value == wanted)


def _numbers_in_words(runs: Sequence[Run]) -> str:
    if not runs:
        return "there are no runs"
    return f"their numbers go from {min(run.index for run in runs)} to {max(run.index for run in runs)}"
