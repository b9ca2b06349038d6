"""Whether a sweep goes on: what went wrong, why it was stopped, and what holds it up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from multirun.hints import going_on
from multirun.wording import stopped_remark

if TYPE_CHECKING:
    from multirun.ownership import Ownership
    from multirun.retrying import Retrying
    from multirun.rundir import SweepPaths
    from multirun.runners.abstract import AbstractRunner


class Course:
    """Where a sweep is heading.

    Attributes:
        fault: what is raised in the end, None if nothing is.
        stopped: why runs are left pending on purpose, None if they are not.
        task: the task of the whole sweep.
    """

    def __init__(self, paths: SweepPaths, runner: AbstractRunner, ownership: Ownership, retrying: Retrying) -> None:
        """Head for the end of all runs.

        Args:
            paths: the sweep.
            runner: where it is executed.
            ownership: of the sweep.
            retrying: which runs wait for another attempt.
        """
        self.fault: BaseException | None = None
        self.stopped: str | None = None
        self.task: asyncio.Task[Any] | None = None
        self._paths = paths
        self._runner = runner
        self._ownership = ownership
        self._retrying = retrying

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is to be started."""
        return self.fault is not None or self.stopped is not None

    @property
    def is_lost(self) -> bool:
        """Whether the sweep belongs to somebody else by now."""
        return self._ownership.lost

    @property
    def is_called_off(self) -> bool:
        """Whether the whole sweep is being cancelled by its caller, or belongs to another."""
        return self.is_lost or (self.task is not None and self.task.cancelling() > 0)

    def fail(self, error: BaseException) -> None:
        """The sweep cannot go on: what was started ends, then this is raised, unless something else was first."""
        self.fault = self.fault or error
        self._retrying.halt()

    def stop(self, why: str) -> None:
        """Start nothing more; what was started ends.

        Args:
            why: a word of the contract.
        """
        self.stopped = why
        self._retrying.halt()
        self._runner.withdraw(self._paths)
        self._runner.ledger.remark(stopped_remark(why, going_on(self._paths.root)))

    def notice(self, index: int | None, text: str | None) -> None:
        """Something holds a run up, or the whole sweep; None takes that back."""
        ledger = self._runner.ledger
        if text is not None or ledger.notices:
            ledger.notice(f"{self._paths.root}/{index}", text)
