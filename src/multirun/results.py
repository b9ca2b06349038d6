"""What a sweep returns: its runs in order, and what they posted."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from multirun.contract import RESULTS_FILE, is_pickle_name
from multirun.encoding import decode_document
from multirun.errors import ResultsDamagedError

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.run import Run
    from multirun.rundir import SweepPaths
    from multirun.statistics import RunStatistics

_KEPT_CHARACTERS = 512
"""Results up to this size stay in memory as JSON text; larger ones are read again when they are asked for."""


class SweepResult(Sequence["Run"]):
    """The runs of a sweep in the order of its parameter maps.

    Attributes:
        path: the sweep directory.
        statistics: how many runs have which status.
    """

    def __init__(self, path: Path, runs: Iterable[Run], statistics: RunStatistics) -> None:
        self.path = path
        self.statistics = statistics
        self._runs = tuple(runs)

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
        ended = f"{counts.success_count} ok, {counts.failure_count} failed of {counts.total_count}"
        return f"<SweepResult {ended} in {self.path}>"


class ResultsHome:
    """Where the runs of one sweep live, and how their results are read back."""

    def __init__(self, paths: SweepPaths) -> None:
        self._paths = paths

    def directory(self, index: int) -> str:
        """Path of the directory of a run."""
        return self._paths.run(index)

    def load_results(self, run: Run) -> Any:  # noqa: ANN401 - whatever the program posted
        """The results of a run, exactly as they were posted; None if there are none.

        Raises:
            ResultsDamagedError: they cannot be read back.
        """
        if not run.posted:
            return None
        if isinstance(run.posted, str):
            return decode_document(json.loads(run.posted))
        return load_results(self.directory(run.index))


def posted_of(record: Record) -> str | bool:
    """What a run keeps in memory of the results in its `ended` record.

    Args:
        record: the record.

    Returns:
        False if nothing was posted, the JSON text if it is whole and small, else True.
    """
    if "results_digest" not in record:
        return False
    document = record["results"]
    if "results_complete" in record or (isinstance(document, dict) and "$pickle" in document):
        return True
    text = json.dumps(document)
    return text if len(text) <= _KEPT_CHARACTERS else True


def load_results(run_dir: str) -> Any:  # noqa: ANN401 - whatever the program posted
    """Read results back from a run directory; only here, and only when a caller asks, is a pickle loaded.

    Args:
        run_dir: the directory of the run.

    Raises:
        ResultsDamagedError: they are missing, damaged, or cannot be unpickled here.
    """
    try:
        with open(f"{run_dir}/{RESULTS_FILE}", "rb") as file:
            document = json.load(file)
        if isinstance(document, dict) and "$pickle" in document:
            return _unpickle(run_dir, document["$pickle"])
        return decode_document(document)
    except ResultsDamagedError:
        raise
    except Exception as error:
        raise ResultsDamagedError(
            f"the results in {run_dir} cannot be read back: {type(error).__name__}: {error}"
        ) from error


def _unpickle(run_dir: str, name: object) -> Any:  # noqa: ANN401 - whatever the program posted
    if not isinstance(name, str) or not is_pickle_name(name):
        raise ResultsDamagedError(
            f"{run_dir}/{RESULTS_FILE} names {name!r} as its pickle, which postRunResults never does"
        )
    path = os.path.join(run_dir, name)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest not in name:
            raise ResultsDamagedError(f"{path} is damaged: its content does not match its name; run the program again")
        file.seek(0)
        return pickle.load(file)
