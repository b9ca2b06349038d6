"""A reader's view of a sweep on disk: its counts and failures at one moment, and where to find one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multirun.contract import STDERR_FILE
from multirun.errors import NotASweepError
from multirun.evidence import evidence_of
from multirun.fold import rank
from multirun.replay import RecordedRun, Replay, read_floors
from multirun.rundir import SWEEP_FILE, SweepPaths
from multirun.sessions import Seal, find_seal, writers_in
from multirun.statistics import RunStatistics, Tally

if TYPE_CHECKING:
    from multirun.definition import Definition
    from multirun.journal import Record


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A failed run as `multirun status` shows it.

    Attributes:
        index: number of the run.
        params: its parameters as other languages see them.
        reason: machine-readable word for why.
        message: a sentence, where there is one.
        path: directory of the run.
        evidence: the line of its output that says most about why.
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
    replay = Replay(root)
    tally, failed = Tally(), []
    for run in replay.runs():
        tally.add(run.status)
        if run.status == "failure":
            failed.append(_failed_run(run))
    statistics = tally.statistics(total_known=replay.total_known)
    return Snapshot(
        replay.definition,
        replay.paths,
        statistics,
        failed,
        replay.alive,
        replay.interrupted_count,
        lambda: (run.params for run in replay.runs() if run.status == "success"),
        replay.stopped,
    )


def _failed_run(run: RecordedRun) -> FailedRun:
    record = run.record
    return FailedRun(run.index, run.params, record["reason"], record.get("message"), run.path, evidence_of(record))


def read_documents(paths: SweepPaths, indexes: set[int]) -> Callable[[int], Any]:
    """A function that gives the results in the journals of some runs, as much of them as the journals hold.

    Args:
        paths: the sweep.
        indexes: numbers of the runs; only where their records are is kept in memory.
    """
    places = find_places(paths, lambda record: record["run"] in indexes) if indexes else {}
    return lambda index: read_place(places[index]).get("results")


Place = tuple[str, int]
"""Where a record is: the path of a journal and a byte offset."""


def find_places(paths: SweepPaths, wanted: Callable[[Record], bool]) -> dict[int, Place]:
    """Where the results of runs are in the journals; of several attempts, those of the one that decides.

    Args:
        paths: the sweep.
        wanted: tells which records with results to look at.
    """
    found: dict[int, tuple[object, Place]] = {}
    seal = find_seal(paths.journals, writers_in(paths.journals))
    floors = read_floors(paths, seal)
    for record, place in _posted_records(paths, seal):
        if record["attempt"] <= floors.get(record["run"], -1):
            continue
        if wanted(record) and (record["run"] not in found or (rank(record), place) > found[record["run"]]):
            found[record["run"]] = rank(record), place
    return {index: place for index, (_, place) in found.items()}


def read_place(place: Place) -> Record:
    """The record at a place."""
    path, offset = place
    with open(path, "rb") as file:
        file.seek(offset)
        record: Record = json.loads(file.readline())
    return record


def _posted_records(paths: SweepPaths, seal: Seal) -> Iterator[tuple[Record, Place]]:
    """The records with results that count, each with its place; a record that is being written is none yet."""
    for writer in sorted(writers_in(paths.journals)):
        path, limit = paths.journal(writer), seal.limit(writer)
        offset = 0
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n") or (limit is not None and offset >= limit):
                    break
                if b'"results_digest"' in line and "results_digest" in (record := json.loads(line)):
                    yield record, (path, offset)
                offset += len(line)


def locate(directory: str | None) -> str:
    """The sweep that is meant: a directory, or without one what `find_sweep` finds from the current one.

    Raises:
        NotASweepError: there is none.
    """
    return find_sweep(os.getcwd()) if directory is None else directory


def find_sweep(start: str) -> str:
    """The sweep that a user in directory `start` most likely means: it, else the newest in it, else the one around it.

    Raises:
        NotASweepError: there is none.
    """
    if os.path.isfile(f"{start}/{SWEEP_FILE}"):
        return start
    sweeps = [folder for folder in _folders_in(start) if os.path.isfile(f"{folder}/{SWEEP_FILE}")]
    if sweeps:
        return max(sweeps, key=lambda path: os.stat(f"{path}/{SWEEP_FILE}").st_mtime_ns)
    around = _sweep_around(start)
    if around is None:
        raise NotASweepError(
            f"there is no sweep in {start}; give the directory of one, or change to the directory that holds it"
        )
    return around


def _sweep_around(start: str) -> str | None:
    """The innermost sweep in which a directory lies."""
    parent = os.path.dirname(start)
    while parent != start and not os.path.isfile(f"{parent}/{SWEEP_FILE}"):
        start, parent = parent, os.path.dirname(parent)
    return parent if parent != start else None


def _folders_in(start: str) -> list[str]:
    try:
        with os.scandir(start) as found:
            return [entry.path for entry in found if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
