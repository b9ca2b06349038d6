"""Signals while `multirun` works: the first ends the sweep with grace, the second kills, the third leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multirun.runners.abstract import AbstractRunner

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NAMES = {signal.SIGINT: "Ctrl-C"}
_T = TypeVar("_T")


def call_in_script(work: Callable[[], Coroutine[Any, Any, _T]], runner: AbstractRunner) -> _T:
    """Do something in an event loop of its own while signals end it.

    Args:
        work: what to do.
        runner: what it uses.

    Raises:
        KeyboardInterrupt: Ctrl-C ended it.
        SystemExit: SIGTERM or SIGHUP ended it.
    """
    interrupts = Interrupts()

    async def aimed() -> _T:
        with interrupts.aimed_at(runner):
            return await work()

    try:
        with interrupts.installed():
            result = asyncio.run(aimed())
    except asyncio.CancelledError as cancelled:
        raise interrupts.ending(cancelled) from None
    interrupts.deliver()
    return result


class Interrupts:
    """What signals do to one call of `multirun`.

    Only the main thread can take signals; in another thread, and for signals that the caller ignores, nothing changes.
    """

    def __init__(self) -> None:
        self._count = 0
        self._counts: Counter[int] = Counter()
        self._signum = signal.SIGINT
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._runner: AbstractRunner | None = None

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Take the signals for a while."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            caught = [signum for signum in _SIGNALS if signal.getsignal(signum) not in (signal.SIG_IGN, None)]
            before = {signum: signal.signal(signum, self._on_signal) for signum in caught}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    @contextlib.contextmanager
    def aimed_at(self, runner: AbstractRunner) -> Iterator[None]:
        """Let signals end the current task.

        Args:
            runner: what the task uses.
        """
        self._loop, self._task, self._runner = asyncio.get_running_loop(), asyncio.current_task(), runner
        if self._count:
            self._act(1)
        try:
            yield
        finally:
            self._task = None
            if self._count:
                runner.ledger.notice("signal", None)

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        """Only take note here: what is done about it happens in the event loop.

        A terminal that closes, or a service that is stopped, may send signals of several kinds: only one kind that is
        repeated is impatience.
        """
        self._counts[signum] += 1
        self._count = max(self._counts.values())
        self._signum = signal.Signals(signum)
        if self._count >= 3:
            os._exit(128 + signum)  # the launcher notices and ends what is left
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._act, self._count)
        if self._runner is not None and self._runner.ledger.pulled_by == threading.get_ident():
            raise KeyboardInterrupt  # the caller's generator holds the event loop up

    def _act(self, count: int) -> None:
        if self._task is None or self._runner is None:
            return
        if count == 1:
            self._runner.ledger.notice(
                "signal", f"stopping after {self._name()}; once more kills what is still running"
            )
            self._task.cancel()
        else:
            self._runner.ledger.notice("signal", f"killing after a second {self._name()}")
            self._runner.hasten()

    def _name(self) -> str:
        return _NAMES.get(self._signum, self._signum.name)

    def ending(self, cancelled: asyncio.CancelledError) -> KeyboardInterrupt | SystemExit:
        """What the caller gets: plain types, so that no `except Exception` swallows it and Python leaves as it should.

        Args:
            cancelled: what ended the sweep.
        """
        if self._signum != signal.SIGINT:
            return SystemExit(128 + self._signum)
        where = "; ".join(getattr(cancelled, "__notes__", ()))
        return KeyboardInterrupt(f"the sweep was stopped and nothing of it is running any more. {where}".rstrip())

    def deliver(self) -> None:
        """Pass on a signal that came too late to end anything."""
        if self._count:
            signal.raise_signal(self._signum)
