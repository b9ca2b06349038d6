"""The fold over records: which one decides about each run, whatever the order in which they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from multirun.journal import Record

Rank = tuple[bool, int, int]
"""The first part of what `rank` says; it mostly decides."""
Ranked = tuple[Rank, bytes]
STARTED, ENDED, SKIPPED = range(3)
_LEVELS = {"started": STARTED, "ended": ENDED, "skipped": SKIPPED}
"""What can decide about a run; of records of one attempt a later one in this list says more."""


def rank(record: Record) -> tuple[bool, int, int, bool, bool]:
    """How much a record says about its run: a success is final, then the latest attempt, an end more than a start.

    Of two ends of one attempt a verdict counts more than the news that it was lost, and more if a launcher saw it end.
    """
    level = _LEVELS[record["event"]]
    success = level == ENDED and record["status"] == "success"
    return success, record["attempt"], level, record.get("reason") != "lost", "duration_s" in record


def outranks(record: Record, known: Record) -> bool:
    """Whether a record decides about its run rather than another; of two that say as much, always the same one."""
    ours, theirs = rank(record), rank(known)
    return ours > theirs or (ours == theirs and _text(record) > _text(known))


def _text(record: Record) -> str:
    """What a record says, wherever it stands."""
    return json.dumps({key: value for key, value in record.items() if key not in ("seq", "crc")}, sort_keys=True)


def fold(records: Iterable[Record]) -> dict[int, Record]:
    """The record that decides about each run; neither the order of the records nor any clock matters.

    Attempts up to one that was reset decide no more.

    Args:
        records: the records of all journals, as far as they count.
    """
    listed = list(records)
    floors: dict[int, int] = {}
    for record in listed:
        if record["event"] == "reset":
            floors[record["run"]] = max(record["attempt"], floors.get(record["run"], -1))
    state: dict[int, Record] = {}
    for record in listed:
        if record["event"] in _LEVELS and record["attempt"] > floors.get(record["run"], -1):
            known = state.get(record["run"])
            if known is None or outranks(record, known):
                state[record["run"]] = record
    return state


_EVENT = re.compile(
    rb'\{"seq":\d+,"event":"(?:(started)|ended)","run":(\d+),"attempt":(\d+),'
    rb'(?:"time":[\d.]+,)?(?(1)|"status":"(?:(success)|failure)")'
)
"""The beginning of a record as multirun writes it: enough to tell which of two decides, without parsing JSON."""


class Fold:
    """Does with the lines of journals what `fold` does with their records, several times as fast.

    Resets come first: every one has to be known before the lines of other journals are taken.

    Attributes:
        state: for each run the rank of the record that decides about it, and its line.
        resets: for each run that was reset, the record that says up to which attempt.
        highest: for each run of which a second attempt was made, the number of the latest.
    """

    __slots__ = ("highest", "resets", "state")

    def __init__(self) -> None:
        self.state: dict[int, Ranked] = {}
        self.resets: dict[int, Record] = {}
        self.highest: dict[int, int] = {}

    def reset(self, lines: Iterable[bytes]) -> bool:
        """Take the resets among lines of journals; whether there were any."""
        found = [parse_checked(line) for line in lines if b'"event":"reset"' in line]
        for record in found:
            if record["event"] == "reset":
                known = self.resets.get(record["run"])
                if known is None or record["attempt"] > known["attempt"]:
                    self.resets[record["run"]] = record
        return bool(found)

    def take(self, lines: Iterable[bytes]) -> None:
        """Fold checked lines of journals."""
        state = self.state
        for line in lines:
            event = glance(line)
            if event is None:
                continue
            run, rank_ = event
            if (rank_[1] > 1 or self.resets) and not self._counts(run, rank_[1]):
                continue
            known = state.get(run)
            if (
                known is None
                or rank_ > known[0]
                or (rank_ == known[0] and outranks(parse_checked(line), parse_checked(known[1])))
            ):
                state[run] = rank_, line

    def _counts(self, run: int, attempt: int) -> bool:
        """Whether an attempt was not reset."""
        self.highest[run] = max(attempt, self.highest.get(run, 0))
        reset = self.resets.get(run)
        return reset is None or attempt > reset["attempt"]

    def forget(self, reset: Record) -> None:
        """Take a reset of all that is known of a run."""
        self.resets[reset["run"]] = reset
        self.state.pop(reset["run"], None)

    def attempts(self, run: int) -> int:
        """The number of the latest attempt of a run that anything is recorded of, 0 if there is none."""
        known, reset = self.state.get(run), self.resets.get(run)
        first = 0 if known is None else known[0][1]
        return max(first, self.highest.get(run, 0), 0 if reset is None else reset["attempt"])


def glance(line: bytes) -> tuple[int, Rank] | None:
    """The run that a line is about and the first part of its `rank`; None if it does not decide about any.

    Args:
        line: a checked line of a journal.
    """
    found = _EVENT.match(line)
    if found is None:
        record = parse_checked(line)
        return (record["run"], rank(record)[:3]) if record["event"] in _LEVELS else None
    started, run, attempt, success = found.groups()
    return int(run), (success is not None, int(attempt), ENDED if started is None else STARTED)


def parse_checked(line: bytes) -> Record:
    """The record on a line that was checked."""
    return cast("Record", json.loads(str(line, "ascii")))
