"""What a lane reports: journal records as they are written, without ever waiting for the reader."""

from __future__ import annotations

import os
import select
from collections.abc import Container

from multirun.launcher.messages import LARGEST_FACT, LOOK, NOTICE, RECORD, Fact, notice_body


class Facts:
    """The lane's end of the pipe to the orchestrator.

    A record that does not fit into the pipe is dropped; a hint to look into the journal is sent as soon as there is room.
    """

    def __init__(self, lane: int, descriptor: int) -> None:
        """Report as lane number `lane` on a pipe."""
        self._lane = lane
        self._descriptor = descriptor
        self._dropped: set[int] = set()
        self._told: tuple[int, int] | None = None
        os.set_blocking(descriptor, False)

    def report(self, key: int, offset: int, line: bytes) -> None:
        """Report a record that is already in the journal.

        Args:
            key: number of the sweep.
            offset: byte offset of the record in the journal.
            line: its line.
        """
        if not self._send(Fact(RECORD, self._lane, key, offset, line[:-1])):
            self._dropped.add(key)
            self._hint()

    def notice(self, key: int, index: int, text: str) -> None:
        """Say why a run cannot go on."""
        self._told = (key, index)
        self._send(Fact(NOTICE, self._lane, key, 0, notice_body(index, text)))

    def resume(self, key: int, index: int) -> None:
        """Take a notice back, if there was one."""
        if self._told == (key, index):
            self._told = None
            self._send(Fact(NOTICE, self._lane, key, 0, notice_body(index, None)))

    def offer(self, poll: select.poll) -> None:
        """Let the next `poll` end when a pending hint can be sent."""
        if self._dropped:
            poll.register(self._descriptor, select.POLLOUT)

    def flush(self, ready: Container[int]) -> None:
        """Send pending hints if the pipe has room."""
        if self._dropped and self._descriptor in ready:
            self._hint()

    def _hint(self) -> None:
        for key in list(self._dropped):
            if self._send(Fact(LOOK, self._lane, key, 0, b"")):
                self._dropped.discard(key)

    def _send(self, fact: Fact) -> bool:
        line = fact.encode()
        if len(line) > LARGEST_FACT:
            return False
        try:
            os.write(self._descriptor, line)
        except BlockingIOError:
            return False
        except OSError:
            return True  # nobody reads any more
        return True
