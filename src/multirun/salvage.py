"""What can be proven of damaged files: pure functions over their bytes.

In a journal the checksum of each record is seeded with that of the record before, which stands on the line before. So a
record behind a damaged one can be proven too, if the checksum on the damaged line was not hit.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from multirun.journal import frame, parse
from multirun.plan import PlannedRun, params_of_line

_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"}\Z')
_SEQ = re.compile(rb'\{"seq":(\d+),')
_DIGEST = re.compile(rb'"digest":"([0-9a-f]{32})"')


Digest = Callable[[str], str]
"""Gives the digest of parameters from their JSON text; raises `ValueError` if that holds none."""


class Fault(NamedTuple):
    """One place where a file is damaged.

    Attributes:
        line: number of the line, from 0.
        offset: the byte at which it begins.
        why: what is wrong, as a sentence without its subject.
    """

    line: int
    offset: int
    why: str


class SalvagedJournal(NamedTuple):
    """A journal, as far as it can be proven.

    Attributes:
        texts: the proven records in order, as JSON without `seq`, `crc` and braces.
        has_header: whether the first of them is the header.
        faults: where it is damaged.
        torn: how many bytes at the end are no whole record; that is no damage.
    """

    texts: list[str]
    has_header: bool
    faults: list[Fault]
    torn: int


def salvage_journal(data: bytes) -> SalvagedJournal:
    """Find the records of a journal that can be proven.

    Args:
        data: its bytes, as many of them as count.
    """
    texts: list[str] = []
    faults: list[Fault] = []
    seed: int | None = 0
    offset, expected = 0, 0
    *lines, rest = data.split(b"\n")
    for number, line in enumerate(lines):
        problem = _problem_of(line, seed, expected)
        is_last = number == len(lines) - 1 and not rest
        if problem is None:
            texts.append(_text_of(line))
        elif is_last and not faults:  # as every reader sees it: the end may be torn
            return SalvagedJournal(texts, bool(texts), faults, len(line) + 1)
        else:
            faults.append(Fault(number, offset, problem))
        seed, expected = _checksum_on(line), _number_of(line, expected) + 1
        offset += len(line) + 1
    return SalvagedJournal(texts, _begins_well(lines, faults), faults, len(rest))


def _begins_well(lines: list[bytes], faults: list[Fault]) -> bool:
    return bool(lines) and not (faults and faults[0].line == 0)


def _problem_of(line: bytes, seed: int | None, expected: int) -> str | None:
    """What is wrong with a record, None if it can be proven."""
    if seed is None:
        return "it cannot be checked, because the record before it is damaged"
    try:
        record = parse(line + b"\n", seed)
    except ValueError as error:
        return str(error)
    return None if record.get("seq") == expected else f"it has number {record.get('seq')} where {expected} was expected"


def _checksum_on(line: bytes) -> int | None:
    found = _CRC.search(line)
    return int(found[1], 16) if found else None


def _number_of(line: bytes, expected: int) -> int:
    """The number that a record says it has; the expected one if it does not say."""
    found = _SEQ.match(line)
    return int(found[1]) if found and _CRC.search(line) else expected


def _text_of(line: bytes) -> str:
    begin, end = _SEQ.match(line), _CRC.search(line)
    return str(line[begin.end() if begin else 1 : end.start() if end else -1], "ascii")


def rewrite(texts: Iterable[str]) -> bytes:
    """A journal that holds records.

    Args:
        texts: what `salvage_journal` found, with a header.
    """
    crc, lines = 0, []
    for seq, text in enumerate(texts):
        line, crc = frame(text, seq, crc)
        lines.append(line)
    return b"".join(lines)


class PlanCheck:
    """Goes through the lines of a plan, and knows what each must be."""

    def __init__(self, digest_of_text: Digest) -> None:
        self.digest_of_text = digest_of_text
        self.number = 0
        self._seen: Counter[str] = Counter()

    def problem_of(self, line: bytes) -> str | None:
        """What is wrong with the line of the next run, None if nothing is.

        Args:
            line: the line without its line break.
        """
        try:
            record = json.loads(line)
            text = str(params_of_line(line + b"\n"), "ascii")
            if record["run"] != self.number:
                return f"run {record['run']} where {self.number} was expected"
            if self.digest_of_text(text) != record["digest"]:
                return "its parameters do not match their digest"
            if record["repetition"] != self._seen[record["digest"]]:
                return f"repetition {record['repetition']} where {self._seen[record['digest']]} was expected"
        except (ValueError, LookupError, TypeError) as error:
            return f"it cannot be read: {error}"
        return None

    def restore(self, line: bytes, witness: str | None) -> PlannedRun | None:
        """The next run, if two of three witnesses agree about it: digest and parameters on its line, and a file.

        Args:
            line: its damaged line without its line break.
            witness: what the `params.json` of the run holds, None if there is none.
        """
        found = _DIGEST.search(line)
        digest = str(found[1], "ascii") if found else None
        own = _own_text(line)
        for text in (own, witness):
            if text is not None and digest is not None and _has_digest(text, digest, self.digest_of_text):
                return PlannedRun(self.number, digest, self._seen[digest], text)
        if own is not None and own == witness:
            digest = self.digest_of_text(own)
            return PlannedRun(self.number, digest, self._seen[digest], own)
        return None

    def take(self, line: bytes) -> None:
        """Go on to the next run.

        Args:
            line: that of the last one.
        """
        self.number += 1
        found = _DIGEST.search(line)
        if found:
            self._seen[str(found[1], "ascii")] += 1


def _has_digest(text: str, digest: str, digest_of_text: Digest) -> bool:
    try:
        return digest_of_text(text) == digest
    except ValueError:
        return False


def _own_text(line: bytes) -> str | None:
    try:
        text = str(params_of_line(line + b"\n"), "ascii")
        json.loads(text)
    except ValueError:
        return None
    return text
