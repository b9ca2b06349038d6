"""What is looked after while a run is alive: how much it writes, and how nice it is to others."""

from __future__ import annotations

import os
from errno import EAGAIN
from time import monotonic
from typing import TYPE_CHECKING

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.sizes import format_size

if TYPE_CHECKING:
    from multirun.definition import Options
    from multirun.launcher.tree import Tree

_FIRST_LOOK_S, _LOOK_EVERY_S = 0.05, 1.0
"""A program that floods mostly does so at once, and a second is enough to write gigabytes."""
_GROUP_AGAIN_S = 0.13
"""Linux lets users change one scheduling group in 0.1 s."""


class Limits:
    """The limits of one run, whose directory is the current one."""

    def __init__(self, options: Options, pid: int) -> None:
        """Look after a program that was just started.

        Args:
            options: its limits.
            pid: its process id, which is also the number of its process group.
        """
        self._most = options.max_output_bytes
        self._pause_s = min(_FIRST_LOOK_S, _LOOK_EVERY_S)
        self._look_at = monotonic() + self._pause_s
        self._killed = False
        self._pid = pid
        self._nice = None if options.nice is None else max(options.nice, os.getpriority(os.PRIO_PROCESS, 0))
        self._group_at = 0.0
        if self._nice is not None:
            self._be_nice(self._nice)

    def _be_nice(self, nice: int) -> None:
        try:
            os.setpriority(os.PRIO_PGRP, self._pid, nice)
        except OSError:  # it is gone already, or belongs to another user by now
            self._nice = None

    def look(self, tree: Tree) -> float | None:
        """Do what is due; return the seconds until something will be due, None if nothing will.

        Args:
            tree: the processes of the run.
        """
        now = monotonic()
        due = []
        if self._nice is not None and now >= self._group_at:
            self._group_at = now + _GROUP_AGAIN_S
            self._nice = self._be_nice_as_group(self._nice)
        if self._nice is not None:
            due.append(self._group_at - now)
        if self._most is not None:
            if now >= self._look_at:
                self._pause_s = min(2 * self._pause_s, _LOOK_EVERY_S)
                self._look_at = now + self._pause_s
                self._limit_output(tree, self._most)
            due.append(self._look_at - now)
        return min(due, default=None)

    def _be_nice_as_group(self, nice: int) -> int | None:
        """Where each session is scheduled as a group, the group must be nice too; None once there is no more to do."""
        try:
            with open(f"/proc/{self._pid}/autogroup", "wb", buffering=0) as file:
                file.write(b"%d" % nice)
        except OSError as error:
            return nice if error.errno == EAGAIN else None
        return None

    def _limit_output(self, tree: Tree, most: int) -> None:
        written = _written()
        if written > most:
            tree.stop("output-limit")
        if written > 2 * most and not self._killed:  # what floods a disk gets no grace
            self._killed = True
            tree.kill()

    def excess(self) -> str | None:
        """What the run wrote beyond its limit, as a sentence; None if it kept to it."""
        written = 0 if self._most is None else _written()
        if self._most is None or written <= self._most:
            return None
        return (
            f"it wrote {format_size(written)} to its standard output and error; max_output is {format_size(self._most)}"
        )


def _written() -> int:
    return sum(_size(name) for name in (STDOUT_FILE, STDERR_FILE))


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size
    except OSError:  # the program removed it
        return 0


def limits_of(options: Options, pid: int) -> Limits | None:
    """The limits of a run, None if nothing of it has to be looked after."""
    return None if options.max_output_bytes is None and options.nice is None else Limits(options, pid)
