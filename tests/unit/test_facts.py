"""What a lane reports: whole lines, never waiting for the reader, and a hint where something had to be dropped."""

import os
import select
from collections.abc import Iterator

import pytest
from tests.patience import wait_until

from multirun.launcher.facts import Facts
from multirun.launcher.messages import LARGEST_FACT, LOOK, NOTICE, RECORD, Fact, parse_notice

JUNK = b"junk"
START, END = b'{"event":"started"}\n', b'{"event":"ended"}\n'


class Pipe:
    """A pipe that keeps single writes apart, the lane's end of it in use."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe2(os.O_DIRECT)
        os.set_blocking(self.reader, False)
        self.poll = select.poll()
        self.facts = Facts(3, self.writer, self.poll)

    def close(self) -> None:
        for end in (self.reader, self.writer):
            os.close(end)

    def read(self) -> bytes:
        """What one write brought."""
        try:
            return os.read(self.reader, LARGEST_FACT)
        except BlockingIOError:
            return b""

    def writes(self) -> list[list[Fact]]:
        """The facts that arrived, write by write."""
        found = [data for data in iter(self.read, b"") if data != JUNK]
        assert all(data.endswith(b"\n") for data in found)
        return [[Fact.decode(line) for line in data[:-1].split(b"\n")] for data in found]

    def drain(self) -> list[Fact]:
        """The facts that arrived."""
        return [fact for write in self.writes() for fact in write]

    def fill(self) -> None:
        """Let nothing more fit in."""
        try:
            while True:
                os.write(self.writer, JUNK)
        except BlockingIOError:
            return

    def waits_for_room(self) -> bool:
        """Whether the lane's wait ends when the pipe can be written."""
        return any(descriptor == self.writer for descriptor, _ in self.poll.poll(0))

    def flush(self) -> None:
        """What a lane does when its wait ends."""
        self.facts.flush([descriptor for descriptor, _ in self.poll.poll(0)])

    def until_due(self) -> None:
        wait_until(lambda: self.facts.patience_s(None) == 0)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def record(offset: int, line: bytes, key: int = 1) -> Fact:
    return Fact(RECORD, 3, key, offset, line[:-1])


def test_an_end_is_reported_at_once_and_its_start_with_it(pipe: Pipe) -> None:
    pipe.facts.report_start(1, 100, START)
    assert pipe.drain() == []
    pipe.facts.report_end(1, 120, END)
    assert pipe.writes() == [[record(100, START), record(120, END)]]
    assert pipe.facts.patience_s(None) is None


def test_a_start_is_reported_alone_when_it_is_due(pipe: Pipe) -> None:
    pipe.facts.report_start(1, 100, START)
    patience_s = pipe.facts.patience_s(None)
    assert patience_s is not None
    assert 0 <= patience_s <= 0.02
    pipe.until_due()
    pipe.flush()
    assert pipe.drain() == [record(100, START)]
    pipe.facts.report_end(1, 120, END)
    assert pipe.drain() == [record(120, END)]


def test_a_start_is_held_back_until_it_is_due(pipe: Pipe) -> None:
    for _ in range(1000):
        pipe.facts.report_start(1, 100, START)
        pipe.flush()
        if pipe.facts.patience_s(None):
            assert pipe.drain() == []
            return
        pipe.drain()
    pytest.fail("it was never held back")


def test_a_start_does_not_make_the_lane_wait_longer(pipe: Pipe) -> None:
    assert pipe.facts.patience_s(None) is None
    assert pipe.facts.patience_s(7.0) == 7.0
    pipe.facts.report_start(1, 100, START)
    assert pipe.facts.patience_s(0.0) == 0.0
    found = pipe.facts.patience_s(7.0)
    assert found is not None
    assert found < 1


@pytest.mark.parametrize(("spare", "writes"), [(0, [[0, 200]]), (-1, [[0], [200]])])
def test_two_records_too_long_for_one_write_are_two(pipe: Pipe, spare: int, writes: list[list[int]]) -> None:
    start = b"y" * 150 + b"\n"
    taken = len(record(0, start).encode()) + len(record(200, b"\n").encode())
    pipe.facts.report_start(1, 0, start)
    pipe.facts.report_end(1, 200, b"x" * (LARGEST_FACT - taken - spare) + b"\n")
    assert [[fact.offset for fact in write] for write in pipe.writes()] == writes


@pytest.mark.parametrize("spare", [0, 1])
def test_a_record_too_long_for_the_pipe_becomes_a_hint(pipe: Pipe, spare: int) -> None:
    head = len(Fact(RECORD, 3, 1, 200, b"").encode())
    pipe.facts.report_end(1, 200, b"x" * (LARGEST_FACT - head + 1 - spare) + b"\n")
    if spare:
        assert [fact.kind for fact in pipe.drain()] == [RECORD]
        assert not pipe.waits_for_room()
        return
    assert pipe.drain() == []
    pipe.flush()
    assert pipe.drain() == [Fact(LOOK, 3, 1, 0, b"")]


def test_a_full_pipe_drops_records_and_gives_a_hint_for_each_sweep_once_there_is_room(pipe: Pipe) -> None:
    pipe.fill()
    for key in (1, 2, 1):
        pipe.facts.report_start(key, 0, START)
        pipe.facts.report_end(key, 20, END)
    assert not pipe.waits_for_room()
    pipe.flush()
    assert pipe.drain() == []
    assert pipe.waits_for_room()
    pipe.flush()
    assert sorted(pipe.drain()) == [Fact(LOOK, 3, 1, 0, b""), Fact(LOOK, 3, 2, 0, b"")]


def test_after_the_hint_the_lane_waits_for_room_no_more(pipe: Pipe) -> None:
    pipe.fill()
    pipe.facts.report_end(1, 0, END)
    pipe.drain()
    pipe.flush()
    pipe.drain()
    assert not pipe.waits_for_room()
    pipe.flush()
    assert pipe.drain() == []
    pipe.facts.report_end(1, 20, END)
    assert pipe.drain() == [record(20, END)]


def test_while_there_is_room_for_one_hint_only_the_other_waits(pipe: Pipe) -> None:
    pipe.fill()
    for key in (1, 2):
        pipe.facts.report_end(key, 0, END)
    assert pipe.read() == JUNK
    pipe.flush()
    first = pipe.drain()
    assert len(first) == 1
    assert pipe.waits_for_room()
    pipe.flush()
    assert sorted(fact.key for fact in first + pipe.drain()) == [1, 2]
    assert not pipe.waits_for_room()


def test_a_notice_is_told_and_taken_back_once(pipe: Pipe) -> None:
    pipe.facts.resume(1, 7)
    assert pipe.drain() == []
    pipe.facts.notice(1, 7, "waits: No space left on device")
    pipe.facts.resume(1, 8)
    pipe.facts.resume(1, 7)
    pipe.facts.resume(1, 7)
    facts = pipe.drain()
    assert [fact[:4] for fact in facts] == [(NOTICE, 3, 1, 0)] * 2
    assert [parse_notice(fact.body) for fact in facts] == [
        {"run": 7, "text": "waits: No space left on device"},
        {"run": 7, "text": None},
    ]


def test_without_a_reader_nothing_is_kept_and_nothing_fails(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.facts.report_start(1, 0, START)
    pipe.facts.report_end(1, 20, END)
    pipe.facts.notice(1, 7, "text")
    assert not pipe.waits_for_room()
    pipe.reader = os.open(os.devnull, os.O_RDONLY)


def test_a_reader_that_left_while_the_pipe_was_full_is_forgotten(pipe: Pipe) -> None:
    pipe.fill()
    pipe.facts.report_end(1, 0, END)
    os.close(pipe.reader)
    pipe.flush()
    assert not pipe.waits_for_room()
    pipe.reader = os.open(os.devnull, os.O_RDONLY)
