"""What orchestrator, keeper and lanes say to each other.

Orchestrator to lane, several in a datagram: an order (`run …`), `cancel …` (end a run, or give it back if it was not
begun), `back …` (give it back if it was not begun), `kill`, `forget …`. The lane answers with the names of runs that it
gives back.
Orchestrator to keeper: `lane <number>` with the lane's end of its socket, `kill <number>`, `leave`. Keeper to
orchestrator: `ready`, `lost <number> <unread orders>`, `refused <number>`, `notice <text>`.
Lane to orchestrator, one line each on a pipe that all lanes share: facts. A line of at most `PIPE_BUF` bytes is written
whole or not at all.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

SEPARATOR = b"\0"
"""Between the messages of one datagram."""
CANCEL, BACK = b"cancel", b"back"
KILL = b"kill"
LARGEST_MESSAGE = 65_536
LARGEST_FACT = 4096


class Order(NamedTuple):
    """What a lane is told to execute.

    Attributes:
        key: number of the sweep within this launcher.
        run: number of the run.
        attempt: number of the attempt, from 1.
        offset: byte offset of the run's line in the plan.
        session: number of the session of the sweep.
        root: absolute path of the sweep directory.
    """

    key: int
    run: int
    attempt: int
    offset: int
    session: int
    root: bytes

    def encode(self) -> bytes:
        """The datagram."""
        return b"run %d %d %d %d %d %b" % self

    @classmethod
    def decode(cls, message: bytes) -> Order:
        """The order in a datagram."""
        _, key, run, attempt, offset, session, root = message.split(b" ", 6)
        return cls(int(key), int(run), int(attempt), int(offset), int(session), root)


def run_name(key: int, run: int) -> bytes:
    """What a lane and the orchestrator call a run: number of the sweep, number of the run."""
    return b"%d %d" % (key, run)


def forget(key: int) -> bytes:
    """Tell a lane that a sweep is over."""
    return b"forget %d" % key


class Fact(NamedTuple):
    """What a lane reports.

    Attributes:
        kind: `b"r"` a journal record, `b"l"` look into the journal, `b"n"` a notice for people.
        lane: number of the lane.
        key: number of the sweep within this launcher.
        offset: byte offset of the record in the lane's journal, 0 for the other kinds.
        body: the line of the record, or the JSON of a notice.
    """

    kind: bytes
    lane: int
    key: int
    offset: int
    body: bytes

    def encode(self) -> bytes:
        """The line on the pipe."""
        return b"%b %d %d %d %b\n" % self

    @classmethod
    def decode(cls, line: bytes) -> Fact:
        """The fact on a line without its line break."""
        kind, lane, key, offset, body = line.split(b" ", 4)
        return cls(kind, int(lane), int(key), int(offset), body)


def record_fact(lane: int, key: int, offset: int, line: bytes) -> bytes:
    """The line on the pipe of a fact that is the whole `line` of a record."""
    return b"r %d %d %d %b" % (lane, key, offset, line)


RECORD, LOOK, NOTICE = b"r", b"l", b"n"


def notice_body(index: int, text: str | None) -> bytes:
    """The body of a notice: why a run cannot go on, None once it can."""
    return json.dumps({"run": index, "text": text}).encode("ascii")


def parse_notice(body: bytes) -> dict[str, Any]:
    """The object in the body of a notice."""
    notice: dict[str, Any] = json.loads(body)
    return notice
