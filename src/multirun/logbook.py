"""The journal of the orchestrator in one session; what finds no room in it waits."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from multirun import records
from multirun.errors import StorageError
from multirun.files import LACKING
from multirun.journal import Journal, Record
from multirun.rundir import SweepPaths, orchestrator_of

if TYPE_CHECKING:
    from multirun.course import Course
    from multirun.definition import Definition


class Logbook:
    """Takes records at any time, and writes them as soon as it can."""

    def __init__(self, journal: Journal, course: Course) -> None:
        """Write into a journal.

        Args:
            journal: of this session.
            course: hears what goes wrong.
        """
        self._journal = journal
        self._course = course
        self._unwritten: list[Record] = []
        self._closed = False

    def write(self, record: Record) -> None:
        """Take a record, unless the sweep belongs to somebody else: then nothing counts any more."""
        if self._course.is_lost:
            return
        self._unwritten.append(record)
        try:
            self.flush()
        except OSError as error:
            if error.errno in LACKING:
                self._course.notice(None, f"the journal waits: {error.strerror}")
            else:
                self._course.fail(StorageError(f"{self._journal.path} cannot be written: {error.strerror}"))

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: there is no room, or the disk is broken.
        """
        while self._unwritten:
            self._journal.append(self._unwritten[0])
            del self._unwritten[0]

    def conclude(self) -> None:
        """Take the last record, once, and write what waits.

        Raises:
            OSError: there is no room, or the disk is broken.
        """
        if not self._closed:
            self._closed = True
            complete = not self._course.is_ending
            self._unwritten.append(records.closed(complete=complete, stopped=self._course.stopped))
        self.flush()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


def begin_journal(paths: SweepPaths, definition: Definition) -> Journal:
    """The journal of a session that begins without a look at earlier ones.

    Args:
        paths: the sweep and the number of the session.
        definition: of the sweep.
    """
    writer = orchestrator_of(paths.session)
    synced = definition.options.survives_power_loss
    journal = Journal(paths.journal(writer), definition.id, writer, time(), paths.session, synced=synced)
    if paths.session > 1:  # earlier ones were killed before there was a sweep
        journal.append(records.opened(paths.session, {}, ()))
    return journal
