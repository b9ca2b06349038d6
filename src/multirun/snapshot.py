"""A reader's view of a sweep on disk: the fold of its journals, whoever writes them meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multirun.contract import STDERR_FILE
from multirun.definition import Definition, read_definition
from multirun.errors import NotASweepError
from multirun.evidence import evidence_of
from multirun.journal import Record, read_all
from multirun.plan import PlannedRun, read_plan
from multirun.processes import may_be_alive
from multirun.rundir import ORCHESTRATOR, SWEEP_FILE, SweepPaths
from multirun.statistics import RunStatistics, Tally

if TYPE_CHECKING:
    from multirun.run import RunStatus


def rank(record: Record) -> tuple[bool, int, bool, bool, bool]:
    """How much a record says about its run: a success is final, then the latest attempt, an end more than a start.

    Of two ends of one attempt a verdict counts more than the news that it was lost, and more if a launcher saw it end.
    """
    ended = record["event"] == "ended"
    success = ended and record["status"] == "success"
    return success, record["attempt"], ended, record.get("reason") != "lost", "duration_s" in record


def outranks(record: Record, known: Record) -> bool:
    """Whether a record decides about its run rather than another; of two that say as much, always the same one."""
    ours, theirs = rank(record), rank(known)
    return ours > theirs or (ours == theirs and _text(record) > _text(known))


def _text(record: Record) -> str:
    """What a record says, wherever it stands."""
    return json.dumps({key: value for key, value in record.items() if key not in ("seq", "crc")}, sort_keys=True)


def fold(records: Iterable[Record]) -> dict[int, Record]:
    """The record that decides about each run; neither the order of the records nor any clock matters.

    Args:
        records: the records of all journals.
    """
    state: dict[int, Record] = {}
    for record in records:
        if record["event"] in ("started", "ended"):
            known = state.get(record["run"])
            if known is None or outranks(record, known):
                state[record["run"]] = record
    return state


def status_of(record: Record | None, *, alive: bool) -> RunStatus:
    """The status of a run.

    Args:
        record: the record that decides about it, None if there is none.
        alive: whether somebody may be executing the sweep.
    """
    if record is None:
        return "pending"
    if record["event"] == "started":
        return "running" if alive else "pending"
    status: RunStatus = record["status"]
    return status


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A failed run as `multirun status` shows it.

    Attributes:
        index: number of the run.
        params: its parameters as other languages see them.
        reason: machine-readable word for why.
        message: a sentence, where there is one.
        path: directory of the run.
        evidence: the line of its output that says most about why, if there is one.
    """

    index: int
    params: dict[str, Any]
    reason: str
    message: str | None
    path: str
    evidence: str | None = None

    @property
    def stderr(self) -> str:
        """The file with what it wrote to its standard error."""
        return f"{self.path}/{STDERR_FILE}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A sweep at one moment.

    Attributes:
        definition: what it executes.
        paths: where it is.
        statistics: how many runs have which status.
        failed: the failed runs in order.
        alive: whether somebody may be executing it.
        interrupted_count: how many attempts were started and never ended, though nobody executes the sweep any more.
        succeeded: gives the parameters of each run that succeeded, read from the plan when it is called.
        stopped: why it was stopped on purpose although runs are left, None if it was not.
    """

    definition: Definition
    paths: SweepPaths
    statistics: RunStatistics
    failed: list[FailedRun]
    alive: bool
    interrupted_count: int
    succeeded: Callable[[], Iterator[dict[str, Any]]]
    stopped: str | None = None


def take_snapshot(root: str) -> Snapshot:
    """Read a sweep; it may be running meanwhile.

    Args:
        root: the sweep directory.

    Raises:
        NotASweepError: there is no sweep.
        FormatError: another version wrote it.
        JournalDamagedError: a journal has damage that is not a torn last record.
    """
    paths = SweepPaths(root)
    definition = read_definition(paths)
    journals = read_all(paths.journals)
    alive = is_alive(journals.get(ORCHESTRATOR, []))
    state = fold(record for records in journals.values() for record in records)
    tally, failed, known = Tally(), [], False
    for planned in read_plan(paths.plan) if os.path.exists(paths.plan) else ():
        if planned is None:
            known = True
            continue
        record = state.get(planned.run)
        status = status_of(record, alive=alive)
        tally.add(status)
        if record is not None and status == "failure":
            failed.append(_failed_run(planned, record, paths))
    interrupted = 0 if alive else sum(record["event"] == "started" for record in state.values())
    succeeded = {run for run, record in state.items() if status_of(record, alive=alive) == "success"}
    last = journals.get(ORCHESTRATOR, [])[-1:]
    stopped = last[0].get("stopped") if last else None
    return Snapshot(
        definition,
        paths,
        tally.statistics(total_known=known),
        failed,
        alive,
        interrupted,
        lambda: _params_of(paths, succeeded),
        stopped,
    )


def _params_of(paths: SweepPaths, indexes: set[int]) -> Iterator[dict[str, Any]]:
    for planned in read_plan(paths.plan):
        if planned is not None and planned.run in indexes:
            yield _shown_params(planned)


def _shown_params(planned: PlannedRun) -> dict[str, Any]:
    return {key: value for key, value in json.loads(planned.params_text).items() if key != "$typed"}


def _failed_run(planned: PlannedRun, record: Record, paths: SweepPaths) -> FailedRun:
    params = _shown_params(planned)
    path = paths.run(planned.run)
    return FailedRun(planned.run, params, record["reason"], record.get("message"), path, evidence_of(record))


def is_alive(records: list[Record]) -> bool:
    """Whether the orchestrator that wrote these records may be executing the sweep.

    Args:
        records: its journal.
    """
    return bool(records) and records[-1]["event"] != "closed" and may_be_alive(records[0])


def read_documents(paths: SweepPaths, indexes: set[int]) -> Callable[[int], Any]:
    """A function that gives the results in the journals of some runs, as much of them as the journals hold.

    Args:
        paths: the sweep.
        indexes: numbers of the runs; only where their records are is kept in memory.
    """
    places = find_places(paths, lambda record: record["run"] in indexes) if indexes else {}
    return lambda index: read_place(places[index])


Place = tuple[str, int]
"""Where a record is: the path of a journal and a byte offset."""


def find_places(paths: SweepPaths, wanted: Callable[[Record], bool]) -> dict[int, Place]:
    """Where the results of runs are in the journals; of several attempts, those of the one that decides.

    Args:
        paths: the sweep.
        wanted: tells which records with results to look at.
    """
    found: dict[int, tuple[object, Place]] = {}
    for record, place in _posted_records(paths):
        if wanted(record) and (record["run"] not in found or (rank(record), place) > found[record["run"]]):
            found[record["run"]] = rank(record), place
    return {index: place for index, (_, place) in found.items()}


def read_place(place: Place) -> Any:  # noqa: ANN401 - any JSON value
    """The results in the record at a place."""
    path, offset = place
    with open(path, "rb") as file:
        file.seek(offset)
        return json.loads(file.readline()).get("results")


def _posted_records(paths: SweepPaths) -> Iterator[tuple[Record, Place]]:
    """The records with results, each with its place; a record that is being written is none yet."""
    for name in sorted(os.listdir(paths.journals)):
        path = f"{paths.journals}/{name}"
        offset = 0
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if b'"results_digest"' in line and "results_digest" in (record := json.loads(line)):
                    yield record, (path, offset)
                offset += len(line)


def find_sweep(start: str) -> str:
    """The sweep that a user in directory `start` most likely means: the directory itself, else the newest below it.

    Raises:
        NotASweepError: there is none.
    """
    if os.path.isfile(f"{start}/{SWEEP_FILE}"):
        return start
    sweeps = [folder for folder in _folders_in(start) if os.path.isfile(f"{folder}/{SWEEP_FILE}")]
    if not sweeps:
        raise NotASweepError(
            f"there is no sweep in {start}; give the directory of one, or change to the directory that holds it"
        )
    return max(sweeps, key=lambda path: os.stat(f"{path}/{SWEEP_FILE}").st_mtime_ns)


def _folders_in(start: str) -> list[str]:
    try:
        with os.scandir(start) as found:
            return [entry.path for entry in found if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
