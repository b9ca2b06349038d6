"""What is wrong with the files of a sweep: looks at every one of them, changes none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multirun.contract import PARAMS_FILE, RESULTS_FILE, is_pickle_name
from multirun.definition import Input, read_definition
from multirun.encoding import PICKLE, Unencodable, decode_map
from multirun.errors import FormatError, MultirunError
from multirun.fold import fold
from multirun.params import digest_of
from multirun.plan import END_MARK, HEADER
from multirun.resources import FileResource
from multirun.rundir import PLAN_FILE, SWEEP_FILE, SweepPaths
from multirun.salvage import PlanCheck, SalvagedJournal, salvage_journal
from multirun.sessions import find_seal, writers_in
from multirun.staging import survey

if TYPE_CHECKING:
    from multirun.journal import Record


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written.

    Attributes:
        path: the file, relative to the sweep.
        what: what is wrong with it, as a clause.
        is_damage: False if every reader copes with it by itself, as with a torn end.
        run: number of the run whose results it spoils, None if it is not about one.
    """

    path: str
    what: str
    is_damage: bool = True
    run: int | None = None


class Examination:
    """A sweep, looked at as a whole.

    Attributes:
        paths: the sweep.
        findings: what is wrong.
        journals: what can be proven of each journal, by name of its file.
        records: the proven records of all journals.
    """

    def __init__(self, root: str) -> None:
        """Look at a sweep that nobody executes.

        Raises:
            NotASweepError: there is none.
            OSError: it cannot be read.
        """
        self.paths = SweepPaths(root)
        self.findings: list[Finding] = []
        self.journals: dict[str, SalvagedJournal] = {}
        self.records: list[Record] = []
        self._planned: dict[int, str] = {}
        self._definition()
        self._plan()
        writers = sorted(writers_in(self.paths.journals))
        seal = find_seal(self.paths.journals, writers)
        for writer in writers:
            self._journal(f"{writer}.jsonl", seal.limit(writer))
        self._runs()
        self._leftovers()

    @property
    def damage(self) -> list[Finding]:
        """The findings that are damage."""
        return [finding for finding in self.findings if finding.is_damage]

    @property
    def planned_count(self) -> int:
        """How many runs the plan is known to hold."""
        return len(self._planned)

    def undecided(self) -> list[int]:
        """The runs that have a directory, and of which no proven record says how they ended."""
        state = fold(self.records)
        ended = {run for run, record in state.items() if record["event"] != "started"}
        return [run for run in self._planned if run not in ended and os.path.lexists(self.paths.run(run))]

    def _add(self, path: str, what: str, *, is_damage: bool = True, run: int | None = None) -> None:
        self.findings.append(Finding(path, what, is_damage, run))

    def _definition(self) -> None:
        try:
            definition = read_definition(self.paths)
        except FormatError as error:
            self._add(SWEEP_FILE, str(error).removeprefix(f"{self.paths.sweep} "))
            return
        for each in definition.inputs:
            if each.digest is not None:
                self._input(each, definition.snapshot)

    def _input(self, described: Input, snapshot: int) -> None:
        shared = described.linkage == "shared"
        folder = self.paths.shared(snapshot) if shared else self.paths.inputs(snapshot)
        path = f"{folder}/{described.name}"
        try:
            (found,) = survey([FileResource(path, "shared" if shared else "copy")])
        except (OSError, ValueError) as error:
            self._add(os.path.relpath(path, self.paths.root), f"an input cannot be read: {error}")
        else:
            if found.digest != described.digest:
                self._add(os.path.relpath(path, self.paths.root), "it is not what it was when the sweep started")

    def _plan(self) -> None:
        try:
            with open(self.paths.plan, "rb") as file:
                header, *lines = file.read().split(b"\n")
        except FileNotFoundError:
            return
        torn = lines.pop() if lines else header
        if torn:
            self._add(PLAN_FILE, f"its last {len(torn)} bytes are half a line", is_damage=False)
        if lines and header + b"\n" != HEADER:
            self._add(PLAN_FILE, "line 1: it is no header of a plan")
        check = PlanCheck(digest_of_text)
        for number, line in enumerate(lines, start=2):
            if not line.startswith(END_MARK):
                self._plan_line(check, number, line)

    def _plan_line(self, check: PlanCheck, number: int, line: bytes) -> None:
        run, why = check.number, check.problem_of(line)
        check.take(line)
        self._planned[run] = str(line, "ascii", "replace").partition(',"params":')[2].removesuffix("}")
        if why is not None:
            self._add(PLAN_FILE, f"line {number}: {why}", run=run)

    def _journal(self, name: str, limit: int | None) -> None:
        """Look at as much of a journal as counts: what a superseded owner wrote behind that is nobody's business."""
        if limit == 0:
            return
        with open(f"{self.paths.journals}/{name}", "rb") as file:
            found = self.journals[name] = salvage_journal(file.read(limit))
        path = os.path.relpath(f"{self.paths.journals}/{name}", self.paths.root)
        self.records += [json.loads(f"{{{text}}}") for text in found.texts]
        for fault in found.faults:
            self._add(path, f"line {fault.line + 1} at byte {fault.offset}: {fault.why}")
        if found.torn:
            self._add(path, f"its last {found.torn} bytes are half a record", is_damage=False)

    def _runs(self) -> None:
        last = max((record["run"] for record in self.records if "run" in record), default=-1)
        if last >= self.planned_count:
            lists = f"it lists {self.planned_count} runs, but the journals tell of run {last}"
            self._add(PLAN_FILE, f"its end is lost: {lists}")
        for run, record in sorted(fold(self.records).items()):
            if record["event"] == "ended" and record.get("status") == "success":
                for path, what in self._wrong_in(run, record):
                    self._add(os.path.relpath(path, self.paths.root), what, run=run)

    def _wrong_in(self, run: int, record: Record) -> Iterator[tuple[str, str]]:
        """What is wrong in the directory of a run that succeeded."""
        directory = self.paths.run(run)
        if not os.path.isdir(directory):
            yield directory, "the directory of a run that succeeded is missing"
            return
        params = _read(f"{directory}/{PARAMS_FILE}")
        if params is not None and run in self._planned and params.rstrip(b"\n") != self._planned[run].encode():
            yield f"{directory}/{PARAMS_FILE}", "it is not what the plan says"
        if "results_digest" in record:
            yield from _wrong_results(directory, record["results_digest"])

    def _leftovers(self) -> None:
        for folder in (self.paths.root, self.paths.journals):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".tmp"):
                    path = os.path.relpath(f"{folder}/{name}", self.paths.root)
                    self._add(path, "it was being written when something was killed", is_damage=False)


def _wrong_results(directory: str, digest: str) -> Iterator[tuple[str, str]]:
    path = f"{directory}/{RESULTS_FILE}"
    data = _read(path)
    if data is None:
        yield path, "the results of a success are missing"
        return
    if hashlib.sha256(data).hexdigest() != digest:
        yield path, "it is not what was judged when the run ended"
        return
    if b'"$pickle"' in data:
        yield from _wrong_pickle(directory, json.loads(data))


def _wrong_pickle(directory: str, document: object) -> Iterator[tuple[str, str]]:
    name = document.get(PICKLE) if isinstance(document, dict) else None
    if not isinstance(name, str) or not is_pickle_name(name):
        return
    data = _read(f"{directory}/{name}")
    if data is None:
        yield f"{directory}/{name}", "the pickle of a success is missing"
    elif hashlib.sha256(data).hexdigest() not in name:
        yield f"{directory}/{name}", "its content does not match its name"


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def digest_of_text(text: str) -> str:
    """The digest of parameters from their JSON text.

    Raises:
        ValueError: it holds none.
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("it is no map")  # noqa: TRY004 - damage, not a mistake of a caller
    try:
        return digest_of(decode_map(document))
    except (MultirunError, Unencodable) as error:
        raise ValueError(str(error)) from error
