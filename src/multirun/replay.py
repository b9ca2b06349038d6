"""The fold of the journals of a sweep: which record decides about each run, whoever writes more of them meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.definition import read_definition
from multirun.encoding import TYPED
from multirun.errors import FormatError
from multirun.fold import SKIPPED, STARTED, Fold, parse_checked
from multirun.journal import JournalTail, Record
from multirun.plan import PlannedRun, read_plan
from multirun.processes import may_be_alive
from multirun.rundir import SweepPaths, orchestrator_of
from multirun.sessions import Seal, attempts_beyond, find_seal, sessions_of, writers_in

if TYPE_CHECKING:
    from multirun.run import RunStatus


def is_alive(records: list[Record]) -> bool:
    """Whether the orchestrator that wrote these records may be executing the sweep.

    Args:
        records: its journal.
    """
    return bool(records) and records[-1]["event"] != "closed" and may_be_alive(records[0])


class RecordedRun:
    """A run as the plan and the journals tell of it; nothing is parsed before it is asked for.

    Attributes:
        index: its number.
        status: its status.
        digest: of its parameters, as the plan has it.
    """

    __slots__ = ("_line", "_params_text", "_paths", "digest", "index", "status")

    def __init__(self, planned: PlannedRun, status: RunStatus, line: bytes | None, paths: SweepPaths) -> None:
        self.index = planned.run
        self.status = status
        self.digest = planned.digest
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
        return {} if self._line is None else parse_checked(self._line)

    @property
    def sweep(self) -> str:
        """The directory of its sweep."""
        return self._paths.root

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
        session: number of its latest session.
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
        self.session = 1
        self._ends: list[Record] = []
        self._begin(Seal())
        self.refresh()

    def _begin(self, seal: Seal) -> None:
        """Read everything from its beginning, as far as a seal lets it count."""
        self._seal = seal
        self._fold = Fold()
        self._tails: dict[str, JournalTail] = {}

    def refresh(self) -> None:
        """Take in what was recorded meanwhile.

        Raises:
            JournalDamagedError: a journal has damage that is not a torn last record.
        """
        writers = writers_in(self.paths.journals)
        seal = find_seal(self.paths.journals, writers)
        if seal.session != self._seal.session:
            self._begin(seal)
        # Orchestrators first: if the last one has not left yet, a run without an end is not taken for one that was cut
        # off. And only they reset runs.
        sessions = sessions_of(writers)
        lines = {session: list(self._lines(orchestrator_of(session))) for session in reversed(sessions)}
        if sessions:
            self._note_ends(sessions[-1], lines[sessions[-1]])
        news = [self._fold.reset(each) for each in lines.values()]
        if any(news) and self._fold.state:
            self._begin(seal)
            self.refresh()
            return
        for each in lines.values():
            self._fold.take(each)
        for writer in sorted(set(writers) - {orchestrator_of(session) for session in sessions}):
            self._fold.take(self._lines(writer))

    def _note_ends(self, session: int, lines: list[bytes]) -> None:
        """The first and the last record of the latest orchestrator tell whether it is alive."""
        if session != self.session:
            self.session, self._ends = session, []
        if lines:
            self._ends = [*(self._ends or [parse_checked(lines[0])])[:1], parse_checked(lines[-1])]
        self.alive = is_alive(self._ends)

    def _lines(self, writer: str) -> Iterator[bytes]:
        tail = self._tails.get(writer)
        if tail is None:
            tail = self._tails[writer] = JournalTail(self.paths.journal(writer))
        return tail.lines(self._seal.limit(writer))

    def lengths(self) -> dict[str, int]:
        """By writer, how many bytes of each journal were read: what the next session seals."""
        return {writer: tail.offset for writer, tail in self._tails.items()}

    def reset_of(self, index: int) -> Record | None:
        """The record by which the latest attempts of a run were reset, None if there is none."""
        return self._fold.resets.get(index)

    def attempts(self, index: int) -> int:
        """The number of the latest attempt of a run that counts or was reset, 0 if there is none."""
        return self._fold.attempts(index)

    def attempts_beyond(self) -> dict[int, int]:
        """The highest attempt of each run in records that do not count."""
        highest: dict[int, int] = {}
        for writer, tail in self._tails.items():
            path = self.paths.journal(writer)
            if os.stat(path).st_size > tail.offset:
                for run, attempt in attempts_beyond(path, tail.offset).items():
                    highest[run] = max(attempt, highest.get(run, 0))
        return highest

    def forget(self, reset: Record) -> None:
        """Take in a reset of all attempts of a run."""
        self._fold.forget(reset)

    @property
    def recorded_runs(self) -> list[int]:
        """The numbers of the runs of which something is recorded."""
        return sorted(self._fold.state)

    @property
    def reset_runs(self) -> list[int]:
        """The numbers of the runs that were reset."""
        return list(self._fold.resets)

    @property
    def any_success(self) -> bool:
        """Whether the success of any run is recorded."""
        return any(success for (success, _, _), _ in self._fold.state.values())

    @property
    def last_run(self) -> int:
        """The highest number of a run that is recorded, -1 if there is none."""
        return max(self._fold.state, default=-1)

    @property
    def interrupted_count(self) -> int:
        """How many attempts were started and never ended, though nobody executes the sweep any more."""
        return 0 if self.alive else sum(level == STARTED for (_, _, level), _ in self._fold.state.values())

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
        known = self._fold.state.get(planned.run)
        line = None if known is None else known[1]
        return RecordedRun(planned, self.status(planned.run), line, self.paths)

    def record(self, index: int) -> Record | None:
        """The record that decides about a run, None if there is none."""
        known = self._fold.state.get(index)
        return None if known is None else parse_checked(known[1])

    def status(self, index: int) -> RunStatus:
        """The status of a run."""
        known = self._fold.state.get(index)
        if known is None:
            return "pending"
        (success, _, level), _ = known
        if level == STARTED:
            return "running" if self.alive else "pending"
        return "skipped" if level == SKIPPED and not success else "success" if success else "failure"


def read_floors(paths: SweepPaths, seal: Seal) -> dict[int, int]:
    """Up to which attempt runs were reset; those that were not are left out.

    Args:
        paths: the sweep.
        seal: what counts of it.
    """
    fold_ = Fold()
    for session in sessions_of(writers_in(paths.journals)) if seal.session > 1 else ():
        writer = orchestrator_of(session)
        fold_.reset(JournalTail(paths.journal(writer)).lines(seal.limit(writer)))
    return {run: record["attempt"] for run, record in fold_.resets.items()}
