"""Whole journals and single records, as only tests read them."""

import os

from multirun.journal import JournalTail, Record
from multirun.run import RunStatus


def read_all(folder: str) -> dict[str, list[Record]]:
    """The records of every journal in a directory, by name of the writer.

    Raises:
        JournalDamagedError: a journal has damage that is not a torn last record.
    """
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl"))
    return {name.removesuffix(".jsonl"): JournalTail(f"{folder}/{name}").read() for name in names}


def status_of(record: Record | None, *, alive: bool) -> RunStatus:
    """The status of a run.

    Args:
        record: the record that decides about it, None if there is none.
        alive: whether somebody may be executing the sweep.
    """
    if record is None:
        return "pending"
    if record["event"] == "started":
        return "running" if alive else "pending"
    if record["event"] == "skipped":
        return "skipped"
    status: RunStatus = record["status"]
    return status
