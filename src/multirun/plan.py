"""The plan: one parameter map a line, in the order of the runs.

The first line names the format, the last one closes the plan with the number of runs; a plan without it is still
growing, or its sweep was killed. A line is found by its byte offset: who executes run 73 reads line 73 and no other.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from multirun.errors import FormatError
from multirun.failpoints import reach
from multirun.files import FAILING, publish, sync_data, sync_folder, write_at
from multirun.rundir import fsck_advice

VERSION = 1

HEADER = b'{"format":"multirun-plan","version":%d}\n' % VERSION
"""The first line."""
END_MARK = b'{"end":true,'
"""How the line begins that closes a plan."""
_PARAMS_MARK = b',"params":'
_CHUNK = 4096


class PlannedRun(NamedTuple):
    """One line of a plan.

    Attributes:
        run: number of the run.
        digest: digest of its parameters, 32 hexadecimal digits.
        repetition: how many earlier runs of the sweep have the same parameters.
        params_text: the parameters as `params.json` holds them.
    """

    run: int
    digest: str
    repetition: int
    params_text: str


class PlanSurvey:
    """A plan as a sweep that goes on finds it.

    Attributes:
        length: how many bytes of it are whole lines.
        torn: how many bytes follow them.
        closed: whether it ends with an end record.
        offsets: where the line of each run begins.
        repetitions: how many runs have the same parameters, by the beginning of their digest.
    """

    def __init__(self, path: str) -> None:
        """Read a plan, which need not exist.

        Raises:
            FormatError: it was written in another format, or is damaged.
        """
        self.length = self.torn = 0
        self.closed = False
        self.offsets = array("q")
        self.repetitions: dict[int, int] = {}
        self._numbers: dict[tuple[int, int] | int, int] = {}
        if os.path.exists(path):
            for offset, line, planned in _scan(path):
                self.length = offset + len(line)
                self.closed = planned is None
                if planned is not None:
                    self._note(offset, planned)
            self.length = max(self.length, _length_of_beginning(path))
            self.torn = os.stat(path).st_size - self.length

    def _note(self, offset: int, planned: PlannedRun) -> None:
        self.offsets.append(offset)
        self.repetitions[_key(planned.digest)] = planned.repetition + 1
        whole = int(planned.digest, 16)
        self._numbers[(whole, planned.repetition) if planned.repetition else whole] = planned.run

    def number(self, digest: str, repetition: int) -> int | None:
        """The number of the run with these parameters, None if there is none.

        Args:
            digest: of its parameters.
            repetition: how many earlier runs have the same.
        """
        whole = int(digest, 16)
        return self._numbers.get((whole, repetition) if repetition else whole)

    def mend(self, path: str, kept: str) -> None:
        """Cut off what is no whole line, so that nothing is ever written behind half of one.

        Args:
            path: the plan.
            kept: where a copy of what is cut off goes.
        """
        if not self.torn:
            return
        with open(path, "r+b") as file:
            file.seek(self.length)
            publish(kept, file.read())
            file.truncate(self.length)
        self.torn = 0


class PlanWriter:
    """Writes a plan while the runs become known.

    Attributes:
        count: how many runs are in the plan.
    """

    def __init__(self, path: str, survey: PlanSurvey | None = None, *, synced: bool = False) -> None:
        """Open the file.

        Args:
            path: the file; it must not exist unless it was surveyed.
            survey: what is in the plan of a sweep that goes on, and was mended.
            synced: whether what was added is on the disk before `flush` returns.
        """
        new = os.O_EXCL if survey is None else 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | new | os.O_CLOEXEC, 0o666)
        self._synced = synced
        self._offset = 0 if survey is None else survey.length
        self._unwritten: list[bytes] = [] if self._offset else [HEADER]
        self._end = self._offset or len(HEADER)
        self._repetitions: dict[int, int] = {} if survey is None else survey.repetitions
        self.count = 0 if survey is None else len(survey.offsets)
        self._closed = survey is not None and survey.closed
        self._fault: OSError | None = None
        reach("plan.created")
        self.flush()
        if synced:
            sync_folder(os.path.dirname(path))

    def append(self, digest: str, params_text: str) -> int:
        """Add the next run and return the byte offset of its line, which is not in the file before `flush`.

        Args:
            digest: digest of the parameters.
            params_text: the parameters as JSON, without line breaks.
        """
        offset = self._end
        self._closed = False
        self._add(plan_line(PlannedRun(self.count, digest, self._repetition(digest), params_text)))
        self.count += 1
        return offset

    def _repetition(self, digest: str) -> int:
        key = _key(digest)
        repetition = self._repetitions.get(key, 0)
        self._repetitions[key] = repetition + 1
        return repetition

    def finish(self) -> None:
        """Close the plan, unless it is: no run will be added. The end record is not in the file before `flush`."""
        if not self._closed:
            self._add(b'%b"count":%d}\n' % (END_MARK, self.count))
            self._closed = True

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _add(self, line: bytes) -> None:
        self._unwritten.append(line)
        self._end += len(line)

    def flush(self) -> None:
        """Write what was added.

        Raises:
            OSError: none of it was written, or not for certain. It can be tried again, unless the disk itself failed.
        """
        if self._fault is not None:
            raise self._fault
        if self._unwritten:
            try:
                self._write()
            except OSError as error:
                self._fault = error if error.errno in FAILING else None
                raise

    def _write(self) -> None:
        reach("plan.append")
        write_at(self._descriptor, b"".join(self._unwritten), self._offset)
        reach("plan.appended")
        self._offset = self._end
        self._unwritten.clear()
        if self._synced:
            sync_data(self._descriptor)


def plan_line(planned: PlannedRun) -> bytes:
    """The line of one run."""
    head = f'{{"run":{planned.run},"digest":"{planned.digest}","repetition":{planned.repetition}'
    return f'{head},"params":{planned.params_text}}}\n'.encode("ascii")


def params_of_line(line: bytes) -> bytes:
    """The text of the parameters on a line of the plan."""
    return line[line.index(_PARAMS_MARK) + len(_PARAMS_MARK) : -2]


def read_line(descriptor: int, offset: int) -> bytes:
    """The line of a plan that begins at `offset`.

    Raises:
        EOFError: no whole line begins there.
    """
    data = os.pread(descriptor, _CHUNK, offset)
    while (end := data.find(b"\n") + 1) == 0:
        more = os.pread(descriptor, len(data), offset + len(data))
        if not more:
            raise EOFError(f"the plan holds no whole line at byte {offset}")
        data += more
    return data[:end]


def read_plan(path: str) -> Iterator[PlannedRun | None]:
    """The runs of a plan, then None if the plan is closed, that is if its last line is an end record.

    Raises:
        FormatError: the plan was written in another format, or is damaged.
    """
    closed = False
    for _, _, planned in _scan(path):
        closed = planned is None
        if planned is not None:
            yield planned
    if closed:
        yield None


def _damage(path: str, number: int, what: object) -> FormatError:
    return FormatError(f"{path} is damaged in line {number}: {what}; {fsck_advice(os.path.dirname(path))}")


def _scan(path: str) -> Iterator[tuple[int, bytes, PlannedRun | None]]:
    """The whole lines behind the first one: where each begins, and the run on it, None for an end record."""
    with open(path, "rb") as file:
        beginning = file.readline()
        if not HEADER.startswith(beginning.rstrip(b"\0")):  # one that is being written or was torn is fine
            raise FormatError(f"{path} is no plan of format {VERSION}; use the version of multirun that wrote it")
        offset, count = len(beginning), 0
        for number, line in enumerate(file, start=2):
            if not line.endswith(b"\n"):
                return
            try:
                planned = _parse(line)
            except (ValueError, LookupError, TypeError) as error:
                raise _damage(path, number, error) from error
            if planned is not None:
                if planned.run != count:
                    raise _damage(path, number, f"run {planned.run} where {count} was expected")
                count += 1
            yield offset, line, planned
            offset += len(line)


def _length_of_beginning(path: str) -> int:
    """The length of the first line if it is whole, else 0."""
    with open(path, "rb") as file:
        return len(HEADER) if file.read(len(HEADER)) == HEADER else 0


def _key(digest: str) -> int:
    return int(digest[:16], 16)


def _parse(line: bytes) -> PlannedRun | None:
    """The run on a line. Its parameters are not parsed: whoever counts runs does not need them."""
    head, _, rest = line.partition(_PARAMS_MARK)
    found = _HEAD.fullmatch(head)
    if found is None or not (rest.startswith(b"{") and rest.endswith(b"}}\n")):
        return _parse_whole(line)
    run, digest, repetition = found.groups()
    return PlannedRun(int(run), str(digest, "ascii"), int(repetition), str(rest[:-2], "ascii"))


_HEAD = re.compile(rb'\{"run":(\d+),"digest":"(\w+)","repetition":(\d+)')


def _parse_whole(line: bytes) -> PlannedRun | None:
    import json

    record = json.loads(line)
    if "end" in record:
        return None
    return PlannedRun(record["run"], record["digest"], record["repetition"], params_of_line(line).decode())
