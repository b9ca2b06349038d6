"""What a lane reports: journal records as they are written, without ever waiting for the reader."""

from __future__ import annotations

import os
import select
from collections.abc import Container
from time import monotonic

from multirun.launcher.messages import LARGEST_FACT, LOOK, NOTICE, Fact, notice_body, record_fact

_SOON_S = 0.02


class Facts:
    """The lane's end of the pipe to the orchestrator.

    What follows within milliseconds is reported together, which saves the reader most of its work.
    What does not fit into the pipe is dropped, and a hint to look into the journal follows as soon as it can.
    """

    def __init__(self, lane: int, descriptor: int, poll: select.poll) -> None:
        """Report as lane number `lane` on a pipe.

        Args:
            lane: number of the lane.
            descriptor: the pipe.
            poll: what the lane waits with; it is told when the pipe matters.
        """
        self._lane = lane
        self._descriptor = descriptor
        self._poll = poll
        self._held = b""
        self._held_key = 0
        self._due = 0.0
        self._dropped: set[int] = set()
        self._told: tuple[int, int] | None = None
        os.set_blocking(descriptor, False)

    def report_start(self, key: int, offset: int, line: bytes) -> None:
        """Report a record that is already in the journal within some milliseconds.

        Args:
            key: number of the sweep.
            offset: byte offset of the record in the journal.
            line: its line.
        """
        fact = record_fact(self._lane, key, offset, line)
        if key != self._held_key or len(self._held) + len(fact) > LARGEST_FACT:
            self.send_held()
        if not self._held:
            self._due = monotonic() + _SOON_S
        self._held += fact
        self._held_key = key

    def report_end(self, key: int, offset: int, line: bytes, *, more: bool = False) -> None:
        """Report a record that is already in the journal, at once unless more will follow at once.

        Args:
            key: number of the sweep.
            offset: byte offset of the record in the journal.
            line: its line.
            more: whether the lane goes on to the next run.
        """
        self.report_start(key, offset, line)
        if not more:
            self.send_held()

    def send_held(self) -> None:
        """Report what is held back."""
        if self._held:
            self._send(self._held_key, self._held)
            self._held = b""

    def notice(self, key: int, run: int, text: str) -> None:
        """Say why a run cannot go on."""
        self._told = (key, run)
        self._write(Fact(NOTICE, self._lane, key, 0, notice_body(run, text)).encode())

    def resume(self, key: int, run: int) -> None:
        """Take a notice back, if there was one."""
        if self._told == (key, run):
            self._told = None
            self._write(Fact(NOTICE, self._lane, key, 0, notice_body(run, None)).encode())

    def patience_s(self, timeout_s: float | None) -> float | None:
        """How long the lane may wait before it has to call `flush`, at most `timeout_s`."""
        if not self._held:
            return timeout_s
        due_s = max(0.0, self._due - monotonic())
        return due_s if timeout_s is None else min(due_s, timeout_s)

    def flush(self, ready: Container[int]) -> None:
        """Send what is due, and pending hints if the pipe has room.

        Args:
            ready: the descriptors for which the wait ended.
        """
        if self._held and monotonic() >= self._due:
            self.send_held()
        if self._dropped and self._descriptor in ready:
            self._hint()

    def _hint(self) -> None:
        for key in list(self._dropped):
            if self._write(Fact(LOOK, self._lane, key, 0, b"").encode()):
                self._dropped.discard(key)
        if not self._dropped:
            self._poll.unregister(self._descriptor)

    def _send(self, key: int, lines: bytes) -> None:
        if not self._write(lines):
            self._dropped.add(key)
            self._poll.register(self._descriptor, select.POLLOUT)

    def _write(self, lines: bytes) -> bool:
        if len(lines) > LARGEST_FACT:
            return False
        try:
            os.write(self._descriptor, lines)
        except BlockingIOError:
            return False
        except OSError:
            return True  # nobody reads any more
        return True
