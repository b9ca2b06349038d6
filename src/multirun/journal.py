"""Append-only files of events; each has one writer.

A journal is a file of JSON objects, one a line. Each record has the keys `seq` (counted from 0), `event` and, last,
`crc`: the CRC-32 (as in zlib) of the line up to `,"crc"`, seeded with the checksum of the record before. So a lost,
repeated, reordered or altered record is noticed, and only a last record may be torn.
"""

from __future__ import annotations

import json
import os
from binascii import crc32
from typing import Any

from multirun.errors import FormatError, JournalDamagedError
from multirun.files import write_at
from multirun.processes import identity

VERSION = 1
Record = dict[str, Any]

_CRC_MARK = b',"crc":"'
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode
_TAIL = len(_CRC_MARK) + 8 + len(b'"}')


class Journal:
    """The writer of one journal.

    Attributes:
        path: the file.
        offset: its length in bytes, where the next record will begin.
    """

    def __init__(self, path: str, sweep_id: str, writer: str, now: float) -> None:
        """Create the file, which must not exist, with its header record.

        Args:
            path: the file to create.
            sweep_id: the id of the sweep.
            writer: the name of the writer.
            now: seconds since the epoch.
        """
        self.path = path
        self.offset = 0
        self._seq = 0
        self._crc = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o666)
        self.append(
            {
                "event": "journal",
                "version": VERSION,
                "sweep": sweep_id,
                "writer": writer,
                **identity(),
                "time": round(now, 3),
            }
        )

    def append(self, fields: Record | str) -> bytes:
        """Write one record and return its line.

        A record that could not be written whole is taken back, so that a later one never follows half a line.

        Args:
            fields: see `frame`.

        Raises:
            OSError: the record is not in the file.
        """
        line, crc = frame(fields, self._seq, self._crc)
        write_at(self._descriptor, line, self.offset)
        self.offset += len(line)
        self._seq += 1
        self._crc = crc
        return line

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def frame(fields: Record | str, seq: int, previous_crc: int) -> tuple[bytes, int]:
    """The line of a record and its checksum.

    Args:
        fields: `event` and what belongs to it, or the JSON text of that without its braces.
        seq: number of the record in its journal.
        previous_crc: checksum of the record before, 0 for the first.
    """
    text = fields if isinstance(fields, str) else _encode(fields)[1:-1]
    body = f'{{"seq":{seq},{text}'.encode("ascii")
    crc = crc32(body, previous_crc)
    return b'%b,"crc":"%08x"}\n' % (body, crc), crc


class JournalTail:
    """Reads a journal from the start, and later what was appended.

    Attributes:
        path: the file.
        offset: how many bytes were read, always at the end of a record.
        torn: how many bytes behind that are no whole record (yet).
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0
        self.torn = 0
        self._seq = 0
        self._crc = 0

    def read(self) -> list[Record]:
        """The whole records that were appended since the last call; none if the file does not exist yet.

        Raises:
            JournalDamagedError: there is damage that is not a torn last record.
            FormatError: the journal was written in a newer format.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return []
        return self._take(data)

    def _take(self, data: bytes) -> list[Record]:
        records: list[Record] = []
        start = 0
        while (end := data.find(b"\n", start) + 1) > 0:
            try:
                record = self.accept(data[start:end])
            except ValueError as error:
                self._check_torn(data, end, error)
                break
            records.append(record)
            start = end
        self._check_torn_tail(data[start:])
        self.torn = len(data) - start
        return records

    def _check_torn_tail(self, tail: bytes) -> None:
        """Only half a record may be torn: a whole one with something behind it but a line break is damage."""
        mark = tail.find(_CRC_MARK)
        while 0 <= mark < len(tail) - _TAIL:
            end = mark + _TAIL
            if _is_whole(tail[:end] + b"\n", self._crc):
                where = f"the line break behind record {self._seq} at byte {self.offset + end}"
                raise JournalDamagedError(f"{self.path} is damaged: {where} is lost; what follows it cannot be trusted")
            mark = tail.find(_CRC_MARK, mark + 1)

    def _check_torn(self, data: bytes, end: int, error: ValueError) -> None:
        if isinstance(error, FormatError):
            raise error
        if data.find(b"\n", end) >= 0 or end < len(data):
            where = f"record {self._seq} at byte {self.offset}"
            raise JournalDamagedError(
                f"{self.path} is damaged: {where}: {error}; what follows it cannot be trusted"
            ) from error

    def accept(self, line: bytes) -> Record:
        """Take the next record, wherever its bytes came from.

        Args:
            line: the whole line.

        Raises:
            ValueError: it is not the record that comes next.
        """
        record = parse(line, self._crc)
        if record["seq"] != self._seq:
            raise ValueError(f"sequence number {record['seq']} where {self._seq} was expected")
        if self._seq == 0 and record.get("version") != VERSION:
            raise FormatError(
                f"{self.path} has format {record.get('version')}; this multirun reads format {VERSION}: "
                "use the version that wrote it"
            )
        self.offset += len(line)
        self._seq += 1
        self._crc = int(record["crc"], 16)
        return record


def parse(line: bytes, previous_crc: int) -> Record:
    """The record on a line.

    Raises:
        ValueError: the line is no record, or its checksum does not follow from the one before.
    """
    body, mark = line[: -_TAIL - 1], line[-_TAIL - 1 :]
    if not mark.startswith(_CRC_MARK) or mark != b'%b%08x"}\n' % (_CRC_MARK, crc32(body, previous_crc)):
        raise ValueError("its checksum is wrong")
    record, end = _decode(str(line, "ascii"))
    if end != len(line) - 1:
        raise ValueError("something follows its object")
    if not isinstance(record, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - damage, not a mistake of a caller
    return record


def _is_whole(line: bytes, previous_crc: int) -> bool:
    try:
        parse(line, previous_crc)
    except ValueError:
        return False
    return True


def read_all(folder: str) -> dict[str, list[Record]]:
    """The records of every journal in a directory, by name of the writer.

    Raises:
        JournalDamagedError: a journal has damage that is not a torn last record.
    """
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl"))
    return {name.removesuffix(".jsonl"): JournalTail(f"{folder}/{name}").read() for name in names}
