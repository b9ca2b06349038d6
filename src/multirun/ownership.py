"""Being the owner of a sweep: becoming it, giving signs of life, and noticing when somebody else is."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from multirun import lock
from multirun.errors import LauncherError, LockedError, LockLostError, StorageError
from multirun.failpoints import reach

if TYPE_CHECKING:
    from multirun.lock import Holder, Identity
    from multirun.rundir import SweepPaths

BEAT_S = 10.0
"""Seconds between two signs of life."""
STALE_S = 120.0
"""Seconds without one after which an owner that cannot be seen counts as dead."""
LOOK_S = 0.5
"""Seconds between two looks at what others ask for, and between two looks at an owner that is waited for."""
_FRESH_S = 60.0
_JOIN_S = 5.0

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def awake_or_not_s() -> float:
    """A clock that goes on while the machine sleeps, in seconds."""
    return time.clock_gettime(_BOOTTIME)


def _ignore(*_: object) -> None:
    pass


class GivenUp(Exception):  # noqa: N818 - it is no error
    """Somebody does not want to wait for the owner any more."""


class Patience:
    """How somebody waits for an owner that can be on another machine.

    Attributes:
        clock: the observer's clock in seconds.
    """

    clock = staticmethod(time.monotonic)

    def __init__(self, notice: Callable[[str | None], object] = _ignore) -> None:
        """Be patient.

        Args:
            notice: told why it takes time; None when it goes on.
        """
        self.notice = notice
        self._over = threading.Event()

    def give_up(self) -> None:
        """Wait no longer, in whichever thread somebody waits."""
        self._over.set()

    def pause(self, seconds: float) -> None:
        """Wait a moment.

        Raises:
            GivenUp: somebody does not want to wait any more.
        """
        if self._over.wait(seconds):
            raise GivenUp


def acquire(
    paths: SweepPaths, patience: Patience | None = None, *, me: Identity | None = None, beat_s: float | None = None
) -> Ownership:
    """Become the owner of a sweep.

    An owner that is dead or has left is followed at once. Where that cannot be seen, because it is on another machine,
    its signs of life are waited for.

    Args:
        paths: the sweep, whose directory exists.
        patience: how to wait.
        me: the identity of this process, if it has to be another one.
        beat_s: seconds between two signs of life, if it has to be another time.

    Raises:
        LockedError: somebody else is the owner, and alive.
        GivenUp: it waited, and was told to wait no longer.
        StorageError: the disk refuses.
        LauncherError: this machine refuses another thread.
        FormatError: a newer version owns the sweep.
    """
    patience = patience or Patience()
    contender = _Contender(paths, me or lock.describe_self(), patience.clock)
    try:
        with suppress(FileExistsError):
            os.mkdir(paths.lock)
        waited = False
        while (why := contender.attempt()) is not None:
            patience.notice(why)
            patience.pause(LOOK_S)
            waited = True
    except OSError as error:
        raise StorageError(
            f"the lock of the sweep, {paths.lock}, cannot be written: {error.strerror}; "
            "without it nobody can say who executes the sweep, so nothing was started"
        ) from error
    if waited:
        patience.notice(None)
    return Ownership(paths, contender.session, contender.descriptor, beat_s or BEAT_S)


class _Contender:
    """One who wants to become the owner.

    Attributes:
        session: the number that it won.
        descriptor: its file.
    """

    def __init__(self, paths: SweepPaths, me: Identity, clock: Callable[[], float]) -> None:
        self.session = 0
        self.descriptor = -1
        self._paths = paths
        self._me = me
        self._clock = clock
        self._taken = 0
        self._seen: tuple[int, int | None] = (0, None)
        self._since = clock()

    def attempt(self) -> str | None:
        """Try once; returns why it has to wait, None once it is the owner.

        Raises:
            LockedError: the owner is alive.
        """
        while True:
            newest = max(lock.newest_session(self._paths), self._taken)
            why = self._obstacle(newest) if newest else None
            if why is not None:
                return why
            wanted = max(newest, lock.newest_journal(self._paths)) + 1
            descriptor = lock.claim(self._paths, wanted, self._me)
            if descriptor is not None:
                self.session, self.descriptor = wanted, descriptor
                return None
            self._taken = wanted

    def _obstacle(self, session: int) -> str | None:
        """Why the owner with this number cannot be followed yet, None if it can."""
        holder = None
        with suppress(FileNotFoundError):
            holder = lock.read_holder(self._paths, session)
        life = lock.life_of(holder, self._me)
        if life == "alive" or (life == "unknown" and self._has_moved(session, holder)):
            raise LockedError(_refusal(self._paths.root, holder, session, self._me))
        quiet_s = self._clock() - self._since
        if life == "dead" or quiet_s >= STALE_S:
            return None
        return (
            f"waits for a sign of life of its owner, {_name(holder, session)}; "
            f"without one it takes the sweep over in {STALE_S - quiet_s:.0f} s"
        )

    def _has_moved(self, session: int, holder: Holder | None) -> bool:
        seen = (session, None if holder is None else holder.beat)
        if seen == self._seen:
            return False
        known = self._seen[0] == session and self._seen[1] is not None
        self._seen, self._since = seen, self._clock()
        return known


def _name(holder: Holder | None, session: int) -> str:
    if holder is None:
        return f"number {session}, which has not said who it is"
    facts = holder.facts
    return f"process {facts.get('pid')} of {facts.get('user')} on {facts.get('host')}"


def _refusal(root: str, holder: Holder | None, session: int, me: dict[str, Any]) -> str:
    facts = {} if holder is None else holder.facts
    here = facts.get("host") == me["host"]
    itself = all(facts.get(key) == me.get(key) for key in ("host", "boot", "pids", "pid", "pid_start"))
    who = f"this process ({facts.get('pid')})" if itself else _name(holder, session)
    life = "is alive" if here else "has just given a sign of life"
    ways = f"{shlex.join(['multirun', 'cancel', root])}, or {'here' if here else 'there'} with: kill {facts.get('pid')}"
    end = "" if itself else f", or end it with: {ways}"
    return (
        f"{root} has been executed by {who} since {facts.get('since')}, and that {life}. Only one process can do so at "
        f"a time: wait for it{end}. When it is dead or has left, the next one takes the sweep over by itself"
    )


class Ownership:
    """What the owner of a sweep holds. A thread shows every few seconds that it is alive.

    Attributes:
        session: its number, from 1; no other owner of the sweep has it, before or after.
        lost: whether somebody else is the owner by now.
    """

    def __init__(self, paths: SweepPaths, session: int, descriptor: int, beat_s: float = BEAT_S) -> None:
        self.session = session
        self.lost = False
        self._paths = paths
        self._descriptor = descriptor
        self._beat_s = beat_s
        self._beat = 0
        self._looked_s = awake_or_not_s()
        self._on_lost: Callable[[LockLostError], object] = _ignore
        self._look: Callable[[], object] = _ignore
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"owner of {paths.root}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._leave()
            raise LauncherError(f"{error}, so nobody could see that this process executes {paths.root}") from error

    def watch(self, on_lost: Callable[[LockLostError], object], look: Callable[[], object] = _ignore) -> None:
        """Say what to do from now on, in a thread of its own.

        Args:
            on_lost: called once somebody else is the owner.
            look: called twice per second as long as nobody else is.
        """
        self._on_lost, self._look = on_lost, look
        if self.lost:
            on_lost(self.explain_loss())

    def assure(self) -> None:
        """Check that nobody else is the owner; takes no time, unless this process could not look for a minute.

        Raises:
            LockLostError: somebody else is.
        """
        if awake_or_not_s() - self._looked_s > _FRESH_S:
            self._check()
        if self.lost:
            raise self.explain_loss()

    def confirm(self) -> None:
        """The same, but look in any case: for what another owner could not undo.

        Raises:
            LockLostError: somebody else is.
        """
        self._check()
        self.assure()

    def explain_loss(self) -> LockLostError:
        """The error that says who is the owner now."""
        holder = None
        with suppress(OSError):
            newest = lock.newest_session(self._paths)
            holder = lock.read_holder(self._paths, newest) if newest > self.session else None
        if holder is None:
            return LockLostError(
                f"somebody removed the lock of {self._paths.root} while this process executed the sweep"
            )
        return LockLostError(
            f"{self._paths.root} was taken over by {_name(holder, 0)} at {holder.facts.get('since')}, because nothing "
            f"was heard of this process for {STALE_S:.0f} s; what it did since then does not count"
        )

    def release(self) -> None:
        """Leave the sweep; does nothing if that was done before."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            return  # the disk does not answer; the thread still has the file
        self._leave()

    def _leave(self) -> None:
        with suppress(OSError):
            if not self.lost:
                reach("lock.leave")
                self._write(held=False)
                reach("lock.left")
        os.close(self._descriptor)

    def _live(self) -> None:
        due_s = awake_or_not_s() + self._beat_s
        pause_s = min(LOOK_S, self._beat_s)
        while not self._stop.wait(pause_s) and not self.lost:
            if awake_or_not_s() >= due_s:
                self._check()
                self._show_life()
                due_s = awake_or_not_s() + self._beat_s
            if not self.lost:
                with suppress(Exception):  # whatever others left there: the signs of life must not end with it
                    self._look()

    def _check(self) -> None:
        """Look who is the owner."""
        try:
            lost = lock.newest_session(self._paths) > self.session
            os.stat(lock.file_of(self._paths, self.session))
        except FileNotFoundError:
            lost = True
        except OSError:
            return  # it cannot be known now
        self._looked_s = awake_or_not_s()
        if lost and not self.lost:
            self.lost = True
            self._on_lost(self.explain_loss())

    def _show_life(self) -> None:
        if self.lost:
            return
        self._beat += 1
        with suppress(OSError):
            self._write(held=True)
            if self._beat == 1:
                os.fdatasync(self._descriptor)  # later the owner is known after a power cut too

    def _write(self, *, held: bool) -> None:
        os.pwrite(self._descriptor, lock.head(self._beat, held=held), 0)
        lock.flush(self._descriptor)
