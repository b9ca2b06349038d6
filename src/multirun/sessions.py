"""The sessions of a sweep: which journals count, and how far.

One orchestrator's time with a sweep is a session. A later session begins by sealing what was there: it writes down how
long each journal was. Whatever earlier owners or their lanes still write does not count.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from multirun.journal import checksum, parse
from multirun.rundir import ORCHESTRATOR, orchestrator_of

_SUFFIX = ".jsonl"
_ORCHESTRATOR = re.compile(rf"{ORCHESTRATOR}(?:-(\d+))?")
_SESSION = re.compile(rf"(?:{ORCHESTRATOR}|[^-]+-\d+)-(\d+)")
_ATTEMPT = re.compile(rb'"run":(\d+),"attempt":(\d+)[,}]')
_CHUNK = 1 << 16


class Seal(NamedTuple):
    """What the latest session took over.

    Attributes:
        session: its number, 1 for a sweep that nobody continued.
        lengths: by writer, how many bytes of the journals of earlier sessions count; for those left out, none.
    """

    session: int = 1
    lengths: dict[str, int] = {}  # noqa: RUF012 - nobody changes it

    def limit(self, writer: str) -> int | None:
        """How many bytes of a journal count, None for all of them.

        Args:
            writer: whose journal it is.
        """
        if self.session == 1:
            return None
        if writer in self.lengths:
            return self.lengths[writer]
        return None if session_of(writer) >= self.session else 0


def writers_in(folder: str) -> list[str]:
    """Who has a journal in a directory."""
    return [name.removesuffix(_SUFFIX) for name in os.listdir(folder) if name.endswith(_SUFFIX)]


def orchestrators(writers: Iterable[str]) -> dict[int, str]:
    """The writers that are orchestrators, by their sessions."""
    found = (_ORCHESTRATOR.fullmatch(writer) for writer in writers)
    return {int(match[1] or 1): match[0] for match in found if match}


def sessions_of(writers: Iterable[str]) -> list[int]:
    """The numbers of the sessions whose orchestrator has a journal, in order."""
    return sorted(orchestrators(writers))


def find_seal(folder: str, writers: Iterable[str]) -> Seal:
    """The seal of the latest session that has one; a session that was killed before has done nothing.

    Args:
        folder: the directory of the journals.
        writers: who has one there.
    """
    for session in reversed(sessions_of(writers)):
        if session == 1:
            break
        lengths = _sealed_by(f"{folder}/{orchestrator_of(session)}{_SUFFIX}")
        if lengths is not None:
            return Seal(session, lengths)
    return Seal()


def _sealed_by(path: str) -> dict[str, int] | None:
    """What a journal seals, None if it has no whole record that says so: a damaged one would hide what counts."""
    with open(path, "rb") as file:
        header, line = file.readline(), file.readline()
    try:
        record = parse(line, checksum(header, 0))
    except ValueError:
        return None
    return cast("dict[str, int]", record["sealed"]) if record.get("event") == "opened" else None


def session_of(writer: str) -> int:
    """The session to which a journal belongs, by its name: a header that is damaged must not hide what follows it."""
    match = _SESSION.fullmatch(writer)
    return int(match[1]) if match else 1


def header_of(folder: str, writer: str) -> dict[str, Any]:
    """The first record of a journal, empty if there is none yet."""
    try:
        with open(f"{folder}/{writer}{_SUFFIX}", "rb") as file:
            return _object(file.readline())
    except FileNotFoundError:
        return {}


def _object(line: bytes) -> dict[str, Any]:
    """The record on a line, empty if it is not whole; whether it is damaged is for others to find."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else {}
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def attempts_beyond(path: str, offset: int) -> dict[int, int]:
    """The highest attempt of each run in what does not count of a journal, whatever state that is in.

    Args:
        path: the journal.
        offset: how many bytes count.
    """
    highest: dict[int, int] = {}
    rest = b""
    with open(path, "rb") as file:
        file.seek(offset)
        while block := file.read(_CHUNK):
            data = rest + block
            for found in _ATTEMPT.finditer(data):
                run, attempt = int(found[1]), int(found[2])
                highest[run] = max(attempt, highest.get(run, 0))
            rest = data[-100:]
    return highest
