"""The processes of one attempt: waited for, limited in time, ended as a whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from resource import struct_rusage
from time import monotonic

from multirun.processes import signal_descendants

EMERGENCY_GRACE_S = 0.5
"""Grace that is left when the keeper or the orchestrator is gone."""

_PAUSE_S, _STUCK_PAUSE_S = 0.002, 1.0
"""Between two rounds of SIGKILL: a fork storm leaves no time, those that are stuck have plenty."""
_STUCK_AFTER_S = 5.0


class Tree:
    """A program and all it started, as seen by the subreaper above it.

    Attributes:
        exit_status: exit code of the program, minus the signal that ended it, None while it lives.
        stopped: why it was ended from outside: `"timeout"`, `"cancelled"`, `"lost"`, or None.
        cpu_s: seconds of processor time of everything that has ended.
        max_rss_bytes: peak memory of the largest process that has ended.
    """

    def __init__(self, pid: int, timeout_s: float | None, grace_s: float, stuck: Callable[[list[int]], None]) -> None:
        """Take charge of a program that was just started.

        Args:
            pid: its process id.
            timeout_s: seconds it may take, None for no limit.
            grace_s: seconds between SIGTERM and SIGKILL.
            stuck: called once with those that SIGKILL does not end.
        """
        self.exit_status: int | None = None
        self.stopped: str | None = None
        self.cpu_s = 0.0
        self.max_rss_bytes = 0
        self._pid = pid
        self._grace_s = grace_s
        self._stuck: Callable[[list[int]], None] | None = stuck
        self._started = monotonic()
        self._deadline = None if timeout_s is None else self._started + timeout_s
        self._kill_at: float | None = None

    def reap(self) -> bool:
        """Collect what has ended; True once nothing is left (ECHILD, the only sound answer)."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self._count(usage)
            if pid == self._pid:
                self.exit_status = os.waitstatus_to_exitcode(status)

    def _count(self, usage: struct_rusage) -> None:
        self.cpu_s += usage.ru_utime + usage.ru_stime
        self.max_rss_bytes = max(self.max_rss_bytes, usage.ru_maxrss * 1024)

    def advance(self) -> float | None:
        """Do what is due; return the seconds until something will be due, None if nothing will."""
        now = monotonic()
        if self._kill_at is None:
            if self.exit_status is not None:
                self._end(now, self._grace_s)
            elif self._deadline is not None and now >= self._deadline:
                self.stop("timeout")
        return self._next_due(now)

    def _next_due(self, now: float) -> float | None:
        if self._kill_at is None:
            return None if self._deadline is None else self._deadline - now
        if now < self._kill_at:
            return self._kill_at - now
        return self._kill(now)

    def _kill(self, now: float) -> float:
        """Kill all there is; return the longest pause before the next time.

        Whenever a child ends it is done at once: a member of a fork storm has then just been born, and rounds at
        moments of their own could meet it for ever while it is being replaced.
        """
        left = signal_descendants(signal.SIGKILL)
        stuck = self._kill_at is not None and now > self._kill_at + _STUCK_AFTER_S
        if stuck and self._stuck:
            self._stuck(left)
            self._stuck = None
        return _STUCK_PAUSE_S if stuck else _PAUSE_S

    def stop(self, why: str) -> None:
        """End the program with grace; its first reason stays, and one that ended by itself keeps its own end."""
        if self.stopped is None and self.exit_status is None:
            self.stopped = why
        grace_s = min(self._grace_s, EMERGENCY_GRACE_S) if why == "lost" else self._grace_s
        self._end(monotonic(), grace_s)

    def kill(self) -> None:
        """End the program without any more grace."""
        self.stop("cancelled")
        self._kill_at = monotonic()

    def _end(self, now: float, grace_s: float) -> None:
        kill_at = now + grace_s
        if self._kill_at is not None:
            self._kill_at = min(self._kill_at, kill_at)
            return
        self._kill_at = kill_at
        signal_descendants(signal.SIGTERM)
        signal_descendants(signal.SIGCONT)
