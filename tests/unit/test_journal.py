"""Journals: what was written is read back, and whatever happened to the file is noticed or is a torn end."""

import io
import json
import os
import resource
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.journals import read_all

from multirun.errors import FormatError, JournalDamagedError
from multirun.journal import VERSION, Journal, JournalTail, Record, frame, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.builds(
    lambda event, more: {"event": event, **more},
    st.sampled_from(["started", "ended"]),
    st.dictionaries(st.text().filter(lambda key: key not in ("seq", "crc", "event")), JSON, max_size=4),
)
EVENTS: list[Record] = [
    {"event": "started", "run": 0, "attempt": 1},
    {"event": "ended", "run": 0, "attempt": 1, "status": "success", "results": {"η": [1.5, "a\nb"], 'q"': None}},
    {"event": "started", "run": 1, "attempt": 1},
    {"event": "started", "run": 1, "attempt": 1},
]


def lines_of(events: list[Record]) -> list[bytes]:
    """The lines of a journal with a short header."""
    header = {"event": "journal", "version": VERSION}
    lines, crc = list[bytes](), 0
    for seq, fields in enumerate([header, *events]):
        line, crc = frame(fields, seq, crc)
        lines.append(line)
    return lines


LINES = lines_of(EVENTS)
WHOLE = b"".join(LINES)
RECORDS = [json.loads(line) for line in LINES]


class Scratch:
    """A journal that lies in memory, because it is made anew for thousands of readings."""

    def __init__(self) -> None:
        self._file = os.memfd_create("journal")
        self.path = f"/proc/self/fd/{self._file}"

    def write(self, data: bytes) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, data, 0)

    def close(self) -> None:
        os.close(self._file)

    def read(self, data: bytes) -> list[Record]:
        self.write(data)
        return JournalTail(self.path).read()

    def read_or_refuse(self, data: bytes) -> list[Record] | None:
        try:
            return self.read(data)
        except JournalDamagedError:
            return None


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    scratch = Scratch()
    yield scratch
    scratch.close()


def make(folder: Path, name: str = "a") -> Journal:
    return Journal(str(folder / f"{name}.jsonl"), "sweep-id", name, 1234.56789)


def is_prefix(records: list[Record]) -> bool:
    return records == RECORDS[: len(records)]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let this process write no file beyond a size, as on a disk that becomes full in the middle of a line."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --------------------------------------------------------------------------------------------- one record


@given(FIELDS, st.integers(0, 10**12), st.integers(0, 2**32 - 1))
def test_a_record_is_read_as_it_was_written(fields: dict[str, Any], seq: int, previous: int) -> None:
    line, crc = frame(fields, seq, previous)
    assert parse(line, previous) == {"seq": seq, **fields, "crc": f"{crc:08x}"}
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.isascii()


def test_the_checksum_is_the_documented_one() -> None:
    line, crc = frame({"event": "started", "run": 3}, 5, 0xDEADBEEF)
    body = b'{"seq":5,"event":"started","run":3'
    assert line == body + b',"crc":"%08x"}\n' % crc32(body, 0xDEADBEEF)
    assert crc == crc32(body, 0xDEADBEEF)


@given(FIELDS, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_record_is_refused_after_another_predecessor(fields: dict[str, Any], previous: int, other: int) -> None:
    line, _ = frame(fields, 1, previous)
    if other != previous:
        with pytest.raises(ValueError, match="checksum"):
            parse(line, other)


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b"null\n", b'{"seq":0,"event":"x"}\n', b"\xff\xfe\n", b"x" * 50])
def test_a_line_without_checksum_is_no_record(line: bytes) -> None:
    with pytest.raises(ValueError, match="checksum"):
        parse(line, 0)


def test_a_right_checksum_over_no_record_does_not_help() -> None:
    body = b'{"seq":0,"event":"x\xff"'
    with pytest.raises(ValueError, match="ascii"):
        parse(b'%b,"crc":"%08x"}\n' % (body, crc32(body)), 0)
    with pytest.raises(ValueError, match="Expecting"):
        parse(b'{"seq"0,"crc":"%08x"}\n' % crc32(b'{"seq"0'), 0)
    line, _ = frame('"event":"x"},{"event":"y"', 0, 0)
    with pytest.raises(ValueError, match="something follows"):
        parse(line, 0)


# ----------------------------------------------------------------------------------------------- writing


def test_a_journal_begins_with_who_writes_it(tmp_path: Path) -> None:
    journal = make(tmp_path)
    (header,) = JournalTail(journal.path).read()
    journal.close()
    assert (header["event"], header["version"], header["seq"]) == ("journal", VERSION, 0)
    assert (header["sweep"], header["writer"], header["time"], header["pid"]) == (
        "sweep-id",
        "a",
        1234.568,
        os.getpid(),
    )
    assert {"host", "boot", "pid_start"} <= header.keys()


def test_appending_returns_the_line_in_the_file_at_the_offset_it_had(tmp_path: Path) -> None:
    journal = make(tmp_path)
    for fields in EVENTS:
        offset = journal.offset
        line = journal.append(fields)
        data = Path(journal.path).read_bytes()
        assert data[offset:] == line
        assert journal.offset == len(data)
    journal.close()
    records = JournalTail(journal.path).read()[1:]
    assert [{key: record[key] for key in fields} for fields, record in zip(EVENTS, records, strict=True)] == EVENTS
    assert [record["seq"] for record in records] == [1, 2, 3, 4]


def test_a_closed_journal_holds_no_file(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    make(tmp_path).close()
    assert os.listdir("/proc/self/fd") == before


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    make(tmp_path).close()
    before = (tmp_path / "a.jsonl").read_bytes()
    with pytest.raises(FileExistsError):
        make(tmp_path)
    assert (tmp_path / "a.jsonl").read_bytes() == before


def test_a_failed_write_leaves_no_half_line_and_the_next_one_follows(tmp_path: Path) -> None:
    journal = make(tmp_path)
    journal.append(EVENTS[0])
    before = Path(journal.path).read_bytes()
    for room in range(len(LINES[2])):
        with no_file_beyond(len(before) + room), pytest.raises(OSError, match="too large"):
            journal.append(EVENTS[1])
        assert Path(journal.path).read_bytes() == before
        assert journal.offset == len(before)
    journal.append(EVENTS[1])
    journal.append(EVENTS[2])
    journal.close()
    tail = JournalTail(journal.path)
    assert [record.get("run") for record in tail.read()] == [None, 0, 0, 1]
    assert tail.torn == 0


# ----------------------------------------------------------------------------------------------- reading


def test_a_journal_that_is_not_there_yet_has_no_records(tmp_path: Path) -> None:
    tail = JournalTail(str(tmp_path / "a.jsonl"))
    assert (tail.read(), tail.offset, tail.torn) == ([], 0, 0)


def test_cut_anywhere_all_whole_records_before_are_read(scratch: Scratch) -> None:
    ends = [sum(map(len, LINES[:count])) for count in range(len(LINES) + 1)]
    for length in range(len(WHOLE) + 1):
        scratch.write(WHOLE[:length])
        tail = JournalTail(scratch.path)
        whole = sum(end <= length for end in ends) - 1
        assert tail.read() == RECORDS[:whole]
        assert (tail.offset, tail.torn) == (ends[whole], length - ends[whole])


def test_what_is_torn_is_read_once_it_is_whole(scratch: Scratch) -> None:
    for length in range(len(WHOLE)):
        scratch.write(WHOLE[:length])
        tail = JournalTail(scratch.path)
        first = tail.read()
        scratch.write(WHOLE)
        assert first + tail.read() == RECORDS
        assert tail.torn == 0
        assert tail.read() == []


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_reading_in_pieces_equals_reading_at_once(cuts: list[int]) -> None:
    scratch, found = Scratch(), list[Record]()
    tail = JournalTail(scratch.path)
    for cut in [*sorted(cuts), len(WHOLE)]:
        scratch.write(WHOLE[:cut])
        found += tail.read()
    scratch.close()
    assert found == RECORDS
    assert tail.offset == len(WHOLE)


@pytest.mark.parametrize("flip", [1 << bit for bit in range(8)] + [0xFF])
def test_no_altered_byte_ever_gives_a_wrong_record(scratch: Scratch, flip: int) -> None:
    for at in range(len(WHOLE)):
        altered = bytearray(WHOLE)
        altered[at] ^= flip
        records = scratch.read_or_refuse(bytes(altered))
        assert records is None or (is_prefix(records) and len(records) < len(RECORDS))
        if at < len(WHOLE) - len(LINES[-1]):
            assert records is None


@pytest.mark.parametrize("put", [b"\n", b"\0", b'"', b"}", b"{", b" "])
def test_no_byte_put_anywhere_gives_a_wrong_record(scratch: Scratch, put: bytes) -> None:
    for at in range(len(WHOLE)):
        for altered in (WHOLE[:at] + put + WHOLE[at:], WHOLE[:at] + put + WHOLE[at + 1 :]):
            if altered != WHOLE:
                records = scratch.read_or_refuse(altered)
                assert records is None or is_prefix(records)


@pytest.mark.parametrize("at", range(len(LINES) - 1))
def test_a_lost_record_is_noticed(scratch: Scratch, at: int) -> None:
    with pytest.raises(JournalDamagedError, match=rf"record {at} at byte {sum(map(len, LINES[:at]))}: "):
        scratch.read(b"".join(LINES[:at] + LINES[at + 1 :] + LINES[-1:]))


@pytest.mark.parametrize("at", range(len(LINES)))
def test_a_repeated_record_is_noticed(scratch: Scratch, at: int) -> None:
    with pytest.raises(JournalDamagedError, match=f"record {at + 1} at byte"):
        scratch.read(b"".join([*LINES[: at + 1], LINES[at], *LINES[at + 1 :], LINES[0]]))


@pytest.mark.parametrize("at", range(len(LINES) - 1))
def test_swapped_records_are_noticed(scratch: Scratch, at: int) -> None:
    with pytest.raises(JournalDamagedError, match=f"record {at} at byte"):
        scratch.read(b"".join([*LINES[:at], LINES[at + 1], LINES[at], *LINES[at + 2 :]]))


def test_records_of_another_journal_are_noticed(scratch: Scratch) -> None:
    other = lines_of([{"event": "started", "run": 7, "attempt": 1}] * 4)
    with pytest.raises(JournalDamagedError, match="record 2 at byte"):
        scratch.read(b"".join([*LINES[:2], *other[2:]]))


def test_the_message_names_file_place_and_consequence(scratch: Scratch) -> None:
    with pytest.raises(JournalDamagedError) as caught:
        scratch.read(WHOLE.replace(b"success", b"failure"))
    place = sum(map(len, LINES[:2]))
    assert str(caught.value) == (
        f"{scratch.path} is damaged: record 2 at byte {place}: its checksum is wrong; what follows it cannot be "
        f"trusted; multirun fsck {os.path.dirname(os.path.dirname(scratch.path))} says what can be done"
    )


def test_damage_at_the_end_waits_for_what_follows(scratch: Scratch) -> None:
    damaged = WHOLE.replace(b'"run":1,"attempt":1,"crc"', b'"run":2,"attempt":1,"crc"')
    end = sum(map(len, LINES[:4]))
    scratch.write(damaged[:end])
    tail = JournalTail(scratch.path)
    assert tail.read() == RECORDS[:3]
    assert tail.torn == len(LINES[3])
    scratch.write(damaged)
    with pytest.raises(JournalDamagedError, match="record 3 at byte"):
        tail.read()


def test_a_chain_that_skips_a_number_is_noticed(scratch: Scratch) -> None:
    crc = int(RECORDS[1]["crc"], 16)
    line, crc = frame({"event": "started"}, 3, crc)
    after, _ = frame({"event": "started"}, 4, crc)
    with pytest.raises(JournalDamagedError, match="sequence number 3 where 2 was expected"):
        scratch.read(b"".join([*LINES[:2], line, after]))


@pytest.mark.parametrize("version", [VERSION + 1, None, "1"])
def test_a_journal_of_another_format_is_refused_even_if_it_has_one_record(scratch: Scratch, version: object) -> None:
    line, _ = frame({"event": "journal", "version": version}, 0, 0)
    with pytest.raises(FormatError, match=f"has format {version}; this multirun reads format {VERSION}: use"):
        scratch.read(line)


def test_records_that_came_another_way_are_not_read_again(scratch: Scratch) -> None:
    scratch.write(WHOLE)
    tail = JournalTail(scratch.path)
    assert [tail.accept(line) for line in LINES[:3]] == RECORDS[:3]
    assert tail.read() == RECORDS[3:]


def test_a_record_out_of_turn_is_not_taken(scratch: Scratch) -> None:
    tail = JournalTail(scratch.path)
    tail.accept(LINES[0])
    with pytest.raises(ValueError, match="checksum"):
        tail.accept(LINES[2])
    assert tail.offset == len(LINES[0])
    assert tail.accept(LINES[1]) == RECORDS[1]


def test_all_journals_of_a_sweep_are_read_by_writer(tmp_path: Path) -> None:
    for name in ("b", "orchestrator"):
        journal = make(tmp_path, name)
        journal.append({"event": "started", "by": name})
        journal.close()
    (tmp_path / "c.jsonl").touch()
    (tmp_path / "a.jsonl.tmp").write_text("no journal")
    found = read_all(str(tmp_path))
    assert list(found) == ["b", "c", "orchestrator"]
    assert found["c"] == []
    assert [record["by"] for name in ("b", "orchestrator") for record in found[name][1:]] == ["b", "orchestrator"]


def test_what_a_writer_adds_meanwhile_is_no_damage(scratch: Scratch) -> None:
    """The rest of a line comes when the reader has read half of it, and before it looks whether anything follows."""
    scratch.write(LINES[0])
    tail = JournalTail(scratch.path)
    assert tail.read() == RECORDS[:1]
    half, rest = LINES[1][:-7], LINES[1][-7:] + LINES[2]
    assert not tail._is_next(half, io.BufferedReader(io.BytesIO(rest)))
    scratch.write(WHOLE)
    assert tail.read() == RECORDS[1:]
