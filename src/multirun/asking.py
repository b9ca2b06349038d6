"""Asking the owner of a sweep to end runs, by a file that only the owner acts on; and how the owner hears of it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from multirun.durations import local_time
from multirun.files import publish
from multirun.processes import identity

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths

FORMAT = "multirun-request"
VERSION = 1
_SUFFIX = ".json"
_THOROUGH = 20
"""Every so many looks the folder is read although nothing seems to have changed: a network disk may not tell."""


class Asked(NamedTuple):
    """Somebody asks the owner to end runs.

    Attributes:
        name: of the file.
        session: number of the owner that is meant.
        runs: numbers of the runs, None for the whole sweep.
    """

    name: str
    session: int
    runs: tuple[int, ...] | None


def compose(session: int, runs: Sequence[int] | None) -> dict[str, Any]:
    """What the file says.

    Args:
        session: number of the owner that is meant.
        runs: numbers of the runs, None for the whole sweep.
    """
    facts = {"cancel": "sweep" if runs is None else list(runs), "session": session}
    who = {key: value for key, value in identity().items() if key in ("host", "pid")}
    return {"format": FORMAT, "version": VERSION, **facts, **who, "time": local_time()}


def parse(name: str, data: bytes) -> Asked | None:
    """What such a file asks for; None if that cannot be understood.

    Args:
        name: of the file.
        data: its content.
    """
    try:
        document = json.loads(data)
        if (document["format"], document["version"]) != (FORMAT, VERSION):
            return None
        wanted, session = document["cancel"], document["session"]
    except (ValueError, LookupError, TypeError):
        return None
    if wanted == "sweep":
        return Asked(name, session, None)
    whole = isinstance(wanted, list) and all(type(run) is int and run >= 0 for run in wanted)
    return Asked(name, session, tuple(wanted)) if whole else None


def ask(paths: SweepPaths, session: int, runs: Sequence[int] | None) -> str:
    """Ask the owner to end runs; returns the path of the file, which it removes when that is done.

    Args:
        paths: the sweep.
        session: number of the owner.
        runs: numbers of the runs, None for the whole sweep.

    Raises:
        OSError: the file cannot be written.
    """
    with suppress(FileExistsError):
        os.mkdir(paths.requests)
    path = f"{paths.requests}/{secrets.token_hex(8)}{_SUFFIX}"
    publish(path, json.dumps(compose(session, runs)).encode() + b"\n")
    return path


class Inbox:
    """What the owner of a sweep is asked for; belongs to the thread that looks."""

    def __init__(
        self, paths: SweepPaths, session: int, take: Callable[[Asked], object], is_done: Callable[[Asked], bool]
    ) -> None:
        """Begin with whatever is there.

        Args:
            paths: the sweep.
            session: number of its owner.
            take: called with everything that is asked for, once.
            is_done: whether what was asked for is done; asked again and again.
        """
        self._folder = paths.requests
        self._session = session
        self._take = take
        self._is_done = is_done
        self._taken: dict[str, Asked] = {}
        self._changed = 0
        self._again = False
        self._looks = 0

    def look(self) -> None:
        """Take what is new, and answer what is done."""
        for asked in [asked for asked in self._taken.values() if self._is_done(asked)]:
            self._answer(asked)
        with suppress(OSError):
            changed = os.stat(self._folder).st_mtime_ns
            self._looks += 1
            if changed != self._changed or self._again or self._looks % _THOROUGH == 0:
                self._again = changed != self._changed  # what came in the same tick of the clock changes it no more
                self._changed = changed
                self._read()

    def close(self) -> None:
        """Answer everything, also what was not seen yet: the owner leaves."""
        self._take = _ignore
        with suppress(OSError):
            self._read()
        for asked in [*self._taken.values()]:
            self._answer(asked)

    def _read(self) -> None:
        for name in os.listdir(self._folder):
            if name.endswith(_SUFFIX) and name not in self._taken:
                with suppress(OSError):
                    self._open(name)

    def _open(self, name: str) -> None:
        with open(f"{self._folder}/{name}", "rb") as file:
            asked = parse(name, file.read())
        if asked is not None and asked.session > self._session:
            return  # it is for whoever followed
        if asked is None or asked.session != self._session:
            os.unlink(f"{self._folder}/{name}")  # nobody can act on it any more
            return
        self._taken[name] = asked
        self._take(asked)

    def _answer(self, asked: Asked) -> None:
        with suppress(OSError):
            os.unlink(f"{self._folder}/{asked.name}")
        del self._taken[asked.name]


def _ignore(asked: Asked) -> None:
    pass
