"""The fold of the journals of a sweep: which record decides about each run, whoever writes more of them meanwhile."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.definition import read_definition
from multirun.encoding import TYPED
from multirun.errors import FormatError
from multirun.journal import JournalTail, Record
from multirun.plan import PlannedRun, read_plan
from multirun.processes import may_be_alive
from multirun.rundir import ORCHESTRATOR, SweepPaths

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


def is_alive(records: list[Record]) -> bool:
    """Whether the orchestrator that wrote these records may be executing the sweep.

    Args:
        records: its journal.
    """
    return bool(records) and records[-1]["event"] != "closed" and may_be_alive(records[0])


Rank = tuple[bool, int, bool]
"""The first part of what `rank` says; it mostly decides."""
Ranked = tuple[Rank, bytes]

_EVENT = re.compile(
    rb'\{"seq":\d+,"event":"(?:(started)|ended)","run":(\d+),"attempt":(\d+),'
    rb'(?:"time":[\d.]+,)?(?(1)|"status":"(?:(success)|failure)")'
)
"""The beginning of a record as multirun writes it: enough to tell which of two decides, without parsing JSON."""


def fold_lines(lines: Iterable[bytes], state: dict[int, Ranked]) -> None:
    """Do with the lines of journals what `fold` does with their records, several times as fast.

    Args:
        lines: checked lines of journals.
        state: for each run the rank of the record that decides about it, and its line; it is changed.
    """
    for line in lines:
        event = glance(line)
        if event is None:
            continue
        run, rank_ = event
        known = state.get(run)
        if known is None or rank_ > known[0] or (rank_ == known[0] and outranks(_parse(line), _parse(known[1]))):
            state[run] = rank_, line


def glance(line: bytes) -> tuple[int, Rank] | None:
    """The run that a line is about and the first part of its `rank`; None if it is about no run.

    Args:
        line: a checked line of a journal.
    """
    found = _EVENT.match(line)
    if found is None:
        record = _parse(line)
        return (record["run"], rank(record)[:3]) if record["event"] in ("started", "ended") else None
    started, run, attempt, success = found.groups()
    return int(run), (success is not None, int(attempt), started is None)


def _parse(line: bytes) -> Record:
    return cast("Record", json.loads(str(line, "ascii")))


class RecordedRun:
    """A run as the plan and the journals tell of it; nothing is parsed before it is asked for.

    Attributes:
        index: its number.
        status: its status.
    """

    __slots__ = ("_line", "_params_text", "_paths", "index", "status")

    def __init__(self, planned: PlannedRun, status: RunStatus, line: bytes | None, paths: SweepPaths) -> None:
        self.index = planned.run
        self.status = status
        self._paths = paths
        self._params_text = planned.params_text
        self._line = line

    @property
    def params_document(self) -> dict[str, Any]:
        """What `params.json` holds.

        Raises:
            FormatError: the plan is damaged here.
        """
        try:
            document = json.loads(self._params_text)
        except ValueError as error:
            raise FormatError(f"the plan is damaged: the parameters of run {self.index}: {error}") from error
        return cast("dict[str, Any]", document)

    @property
    def params(self) -> dict[str, Any]:
        """Its parameters as other languages see them."""
        document = self.params_document
        document.pop(TYPED, None)
        return document

    @property
    def record(self) -> Record:
        """The record that decides about it; empty if there is none."""
        return {} if self._line is None else _parse(self._line)

    @property
    def path(self) -> str:
        """Its directory."""
        return self._paths.run(self.index)

    @property
    def stdout(self) -> str:
        """The file with what it wrote to its standard output."""
        return f"{self.path}/{STDOUT_FILE}"

    @property
    def stderr(self) -> str:
        """The file with what it wrote to its standard error."""
        return f"{self.path}/{STDERR_FILE}"


class Replay:
    """What the journals of a sweep tell, folded while they are read; later calls of `refresh` read only what is new.

    Attributes:
        paths: where the sweep is.
        definition: what it executes.
        alive: whether somebody may be executing it.
        total_known: whether the plan was closed when `runs` came to its end.
    """

    def __init__(self, root: str) -> None:
        """Read a sweep; it may be running meanwhile.

        Args:
            root: the sweep directory.

        Raises:
            NotASweepError: there is no sweep.
            FormatError: another version wrote it.
            JournalDamagedError: a journal has damage that is not a torn last record.
        """
        self.paths = SweepPaths(root)
        self.definition = read_definition(self.paths)
        self.alive = self.total_known = False
        self._state: dict[int, Ranked] = {}
        self._tails: dict[str, JournalTail] = {}
        self._ends: list[Record] = []
        self.refresh()

    def refresh(self) -> None:
        """Take in what was recorded meanwhile.

        Raises:
            JournalDamagedError: a journal has damage that is not a torn last record.
        """
        # The orchestrator first: if it has not left yet, a run without an end is not taken for one that was cut off.
        lines = list(self._lines(f"{ORCHESTRATOR}.jsonl"))
        if lines:
            self._ends = [*(self._ends or [_parse(lines[0])])[:1], _parse(lines[-1])]
        self.alive = is_alive(self._ends)
        fold_lines(lines, self._state)
        for name in os.listdir(self.paths.journals):
            if name.endswith(".jsonl") and name != f"{ORCHESTRATOR}.jsonl":
                fold_lines(self._lines(name), self._state)

    def _lines(self, name: str) -> Iterator[bytes]:
        tail = self._tails.get(name)
        if tail is None:
            tail = self._tails[name] = JournalTail(f"{self.paths.journals}/{name}")
        return tail.lines()

    @property
    def interrupted_count(self) -> int:
        """How many attempts were started and never ended, though nobody executes the sweep any more."""
        return 0 if self.alive else sum(not ended for (_, _, ended), _ in self._state.values())

    @property
    def stopped(self) -> str | None:
        """Why the sweep was stopped on purpose although runs are left, None if it was not."""
        return self._ends[-1].get("stopped") if self._ends else None

    def runs(self) -> Iterator[RecordedRun]:
        """Every run of the plan in order.

        Raises:
            FormatError: the plan was written in another format, or is damaged.
        """
        self.total_known = False
        for planned in read_plan(self.paths.plan) if os.path.exists(self.paths.plan) else ():
            if planned is None:
                self.total_known = True
            else:
                yield self._recorded(planned)

    def _recorded(self, planned: PlannedRun) -> RecordedRun:
        known = self._state.get(planned.run)
        line = None if known is None else known[1]
        return RecordedRun(planned, self.status(planned.run), line, self.paths)

    def status(self, index: int) -> RunStatus:
        """The status of a run."""
        known = self._state.get(index)
        if known is None:
            return "pending"
        (success, _, ended), _ = known
        if not ended:
            return "running" if self.alive else "pending"
        return "success" if success else "failure"
