"""What runs posted: where it is, and how it is read back."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from typing import TYPE_CHECKING, Any

from multirun.contract import EXTRACTED, RESULTS_FILE, is_pickle_name
from multirun.encoding import decode_document, decode_tagged
from multirun.errors import ResultsDamagedError
from multirun.evidence import evidence_of
from multirun.snapshot import Place, find_places, read_place

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.run import Run
    from multirun.rundir import SweepPaths

_KEPT_CHARACTERS = 512
"""Results up to this size stay in memory as JSON text; larger ones are read again when they are asked for."""


class ResultsHome:
    """Where the runs of one sweep live, and how their results are read back."""

    def __init__(self, paths: SweepPaths) -> None:
        self._paths = paths
        self._settled = False
        self._places: dict[int, Place] | None = None

    def settle(self) -> None:
        """From now on no run changes: whole results in journals need not be looked up in the directories of runs."""
        self._settled = True

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
        record = self._recorded(run.index) if self._settled else {}
        if "results" in record and _is_whole(record):
            return decode_document(record["results"])
        return load_results(self.directory(run.index), record.get("results_digest"))

    def _recorded(self, index: int) -> Record:
        """What a journal holds of the results of a run; empty if it cannot be read."""
        try:
            if self._places is None:
                self._places = find_places(self._paths, lambda _: True)
            return read_place(self._places[index])
        except (OSError, LookupError, ValueError):
            return {}


def note_end(run: Run, record: Record) -> None:
    """Let a run know what its `ended` record says, apart from its status."""
    run.attempts = record["attempt"]
    run.reason = record["reason"]
    run.message = record.get("message")
    run.evidence = evidence_of(record)
    run.exit_code = record.get("exit_code")
    run.duration_s = record.get("duration_s")
    run.posted = posted_of(record)


def forget_end(run: Run) -> None:
    """Let a run that will have another attempt forget how the last one ended."""
    run.reason = run.message = run.evidence = run.exit_code = run.duration_s = None
    run.posted = False


def posted_of(record: Record) -> str | bool:
    """What a run keeps in memory of the results in its `ended` record.

    Args:
        record: the record.

    Returns:
        False if nothing was posted, the JSON text if it is whole and small, else True.
    """
    if "results_digest" not in record:
        return False
    if not _is_whole(record):
        return True
    text = json.dumps(record["results"])
    return text if len(text) <= _KEPT_CHARACTERS else True


def _is_whole(record: Record) -> bool:
    """Whether the results in a record are all there is, and need no pickle."""
    document = record["results"]
    return "results_complete" not in record and not (isinstance(document, dict) and "$pickle" in document)


def load_results(run_dir: str, digest: str | None = None) -> Any:  # noqa: ANN401 - whatever the program posted
    """Read results back from a run directory; only here, and only when a caller asks, is a pickle loaded.

    Args:
        run_dir: the directory of the run.
        digest: SHA-256 of the file when it was judged, None if that is not known.

    Raises:
        ResultsDamagedError: they are missing, damaged, or cannot be unpickled here.
    """
    try:
        with open(f"{run_dir}/{RESULTS_FILE}", "rb") as file:
            data = file.read()
        if digest is not None and hashlib.sha256(data).hexdigest() != digest:
            raise ResultsDamagedError(
                f"the results in {run_dir} are damaged: {RESULTS_FILE} is not what was judged when the run ended; "
                "run the program again"
            )
        document = json.loads(data)
        if isinstance(document, dict) and "$pickle" in document:
            return _with_extracted(_unpickle(run_dir, document["$pickle"]), document)
        return decode_document(document)
    except ResultsDamagedError:
        raise
    except Exception as error:
        raise ResultsDamagedError(
            f"the results in {run_dir} cannot be read back: {type(error).__name__}: {error}"
        ) from error


def _with_extracted(value: Any, document: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the program posted
    """An unpickled map with what rules of the sweep found beside it."""
    for name, found in _extracted(document).items():
        value[name] = found
    return value


def _extracted(document: dict[str, Any]) -> dict[str, Any]:
    found = decode_tagged(document[EXTRACTED]) if EXTRACTED in document else {}
    if not isinstance(found, dict):
        raise ResultsDamagedError(f"{EXTRACTED} in {RESULTS_FILE} is no map")
    return found


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
