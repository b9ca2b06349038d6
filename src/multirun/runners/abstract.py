"""What every runner offers, to users and to the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from multirun.runners.ledger import Ledger

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.run import Run
    from multirun.rundir import SweepPaths
    from multirun.statistics import RunStatistics


class Assignment(NamedTuple):
    """One attempt that a runner is asked to execute.

    Attributes:
        paths: the sweep.
        run: number of the run.
        attempt: number of the attempt, from 1.
        offset: byte offset of the run's line in the plan.
        observer: who is told what happens.
    """

    paths: SweepPaths
    run: int
    attempt: int
    offset: int
    observer: Observer


class Observer(Protocol):
    """Who is told what happens to the runs of one sweep. Facts come as the records of a journal."""

    def started(self, index: int, record: Record) -> None:
        """An attempt was started."""

    def ended(self, index: int, record: Record) -> None:
        """An attempt ended, and its launcher judged it."""

    def dropped(self, index: int, reason: str, message: str) -> None:
        """No launcher saw the end of the attempt, or even its start; nothing of it is alive."""

    def notice(self, index: int | None, text: str | None) -> None:
        """Why a run (or the whole sweep) cannot go on for now; None takes that back."""


class AbstractRunner(ABC):
    """Executes runs somewhere.

    A runner can serve several sweeps, one after another or at once: limit, `runs` and statistics belong to the runner.

    Attributes:
        uses_this_machine: whether programs are started on this machine, so that they can be looked for beforehand.
    """

    uses_this_machine = False

    def __init__(self) -> None:
        self.ledger = Ledger()

    @property
    def runs(self) -> Sequence[Run]:
        """Every run the runner serves or has served, in the order in which they became known."""
        return self.ledger.runs

    def computeStatistics(self) -> RunStatistics:
        """Count its runs by status; takes the same time however many runs there are."""
        return self.ledger.statistics()

    @abstractmethod
    async def open(self, paths: SweepPaths) -> None:
        """Get ready to execute runs of a sweep; if that fails or is cancelled, nothing of it stays.

        Args:
            paths: the sweep, whose definition is on disk.

        Raises:
            LauncherError: this machine cannot execute anything.
        """

    @abstractmethod
    async def admit(self) -> None:
        """Wait until one more run may be executed, and take its place."""

    @abstractmethod
    def release(self) -> None:
        """Give back a place that was taken."""

    @abstractmethod
    async def execute(self, assignment: Assignment) -> None:
        """Execute one attempt and return when nothing of it is alive and the observer was told how it ended.

        Cancelling the call ends the attempt; `CancelledError` leaves only after that.
        """

    @abstractmethod
    def hasten(self) -> None:
        """End everything it executes in this event loop without any more grace."""

    def withdraw(self, paths: SweepPaths) -> None:  # noqa: B027 - most begin at once what they are asked to execute
        """Do not begin what was not begun of a sweep; whoever asked for it gets a `CancelledError`."""

    @abstractmethod
    async def close(self, paths: SweepPaths) -> None:
        """Let go of a sweep of which nothing is being executed any more."""
