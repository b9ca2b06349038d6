"""Append-only files of events; each has one writer.

A journal is a file of JSON objects, one a line. Each record has the keys `seq` (counted from 0), `event` and, last,
`crc`: the CRC-32 (as in zlib) of the line up to `,"crc"`, seeded with the checksum of the record before. So a lost,
repeated, reordered or altered record is noticed, and only a last record may be torn.
"""

from __future__ import annotations

import json
import os
from binascii import crc32
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from typing import Any

from multirun.errors import FormatError, JournalDamagedError
from multirun.failpoints import reach
from multirun.files import FAILING, sync_data, sync_folder, write_at
from multirun.processes import identity
from multirun.rundir import fsck_advice

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

    def __init__(
        self, path: str, sweep_id: str, writer: str, now: float, session: int = 1, *, synced: bool = False
    ) -> None:
        """Create the file, which must not exist, with its header record.

        Args:
            path: the file to create.
            sweep_id: the id of the sweep.
            writer: the name of the writer.
            now: seconds since the epoch.
            session: number of the session it belongs to.
            synced: whether each record is on the disk before `append` returns.
        """
        self.path = path
        self.offset = 0
        self._seq = 0
        self._crc = 0
        self._fault: OSError | None = None
        self._synced = synced
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o666)
        try:
            self._begin(sweep_id, writer, now, session)
        except OSError:  # whoever tries again creates it anew
            os.close(self._descriptor)
            os.unlink(path)
            raise

    def _begin(self, sweep_id: str, writer: str, now: float, session: int) -> None:
        reach("journal.created")
        self.append(
            {
                "event": "journal",
                "version": VERSION,
                "sweep": sweep_id,
                "writer": writer,
                **({} if session == 1 else {"session": session}),
                **identity(),
                "time": round(now, 3),
            }
        )
        if self._synced:
            sync_folder(os.path.dirname(self.path))

    def append(self, fields: Record | str) -> bytes:
        """Write one record and return its line.

        A record that could not be written whole is taken back, so that a later one never follows half a line. If the
        disk itself fails, the journal takes no further record: nobody knows what is in it.

        Args:
            fields: see `frame`.

        Raises:
            OSError: the record is not in the file, or not for certain.
        """
        if self._fault is not None:
            raise self._fault
        line, crc = frame(fields, self._seq, self._crc)
        try:
            reach("journal.append")
            write_at(self._descriptor, line, self.offset)
            reach("journal.appended")
            if self._synced:
                sync_data(self._descriptor)
        except OSError as error:
            self._fault = error if error.errno in FAILING else None
            raise
        self.offset += len(line)
        self._seq += 1
        self._crc = crc
        return line

    def sync(self) -> None:
        """Bring to the disk what was recorded, whatever the sweep wants otherwise.

        Raises:
            OSError: the disk failed.
        """
        sync_data(self._descriptor)
        sync_folder(os.path.dirname(self.path))

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
        return [self._parse(line) for line in self.lines()]

    def lines(self, limit: int | None = None) -> Iterator[bytes]:
        """The lines of these records, checked but not parsed; state is right when all were taken.

        Args:
            limit: how many bytes of the journal count; None for all.

        Raises:
            JournalDamagedError: there is damage that is not a torn last record.
            FormatError: the journal was written in a newer format.
        """
        rest = b""
        with suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self.offset)
            for line in file:
                if limit is not None and self.offset >= limit:
                    break
                if not self._is_next(line, file):
                    rest = line
                    break
                yield line
        self._check_torn_tail(rest)
        self.torn = len(rest)

    def _parse(self, line: bytes) -> Record:
        try:
            return _record_of(line)
        except ValueError as error:
            raise self._damage(f"{error} before byte {self.offset}") from error

    def _check_torn_tail(self, tail: bytes) -> None:
        """Only half a record may be torn: a whole one with something behind it but a line break is damage."""
        mark = tail.find(_CRC_MARK)
        while 0 <= mark < len(tail) - _TAIL:
            end = mark + _TAIL
            if _is_whole(tail[:end] + b"\n", self._crc):
                where = f"the line break behind record {self._seq} at byte {self.offset + end}"
                raise self._damage(f"{where} is lost")
            mark = tail.find(_CRC_MARK, mark + 1)

    def _is_next(self, line: bytes, file: BufferedReader) -> bool:
        """Take a line; False for the last one if it is not whole. What is wrong with any other is damage."""
        if not line.endswith(b"\n"):  # and what a writer may have added by now says nothing about it
            return False
        try:
            self._check(line)
        except FormatError:
            raise
        except ValueError as error:
            if not file.read(1):
                return False
            where = f"record {self._seq} at byte {self.offset}"
            raise self._damage(f"{where}: {error}") from error
        return True

    def _damage(self, what: str) -> JournalDamagedError:
        advice = fsck_advice(os.path.dirname(os.path.dirname(self.path)))
        return JournalDamagedError(f"{self.path} is damaged: {what}; what follows it cannot be trusted; {advice}")

    def accept(self, line: bytes) -> Record:
        """Take the next record, wherever its bytes came from.

        Args:
            line: the whole line.

        Raises:
            ValueError: it is not the record that comes next.
        """
        self._check(line)
        return _record_of(line)

    def _check(self, line: bytes) -> None:
        """Take the next line if it is the one that comes next."""
        crc = checksum(line, self._crc)
        if not line.startswith(b'{"seq":%d,' % self._seq):
            raise ValueError(f"sequence number {_record_of(line).get('seq')} where {self._seq} was expected")
        if self._seq == 0:
            self._check_version(_record_of(line))
        self.offset += len(line)
        self._seq += 1
        self._crc = crc

    def _check_version(self, header: Record) -> None:
        if header.get("version") != VERSION:
            raise FormatError(
                f"{self.path} has format {header.get('version')}; this multirun reads format {VERSION}: "
                "use the version that wrote it"
            )


def checksum(line: bytes, previous_crc: int) -> int:
    """The checksum of a line, if it is the one that it says.

    Raises:
        ValueError: it is not.
    """
    crc = crc32(line[: -_TAIL - 1], previous_crc)
    if line[-_TAIL - 1 :] != b'%b%08x"}\n' % (_CRC_MARK, crc):
        raise ValueError("its checksum is wrong")
    return crc


def parse(line: bytes, previous_crc: int) -> Record:
    """The record on a line.

    Raises:
        ValueError: the line is no record, or its checksum does not follow from the one before.
    """
    checksum(line, previous_crc)
    return _record_of(line)


def _record_of(line: bytes) -> Record:
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
