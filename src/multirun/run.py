"""One run: a parameter map in a directory of its own, and the states it passes through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from multirun.contract import STDERR_FILE, STDOUT_FILE

if TYPE_CHECKING:
    import asyncio

RunStatus = Literal["skipped", "pending", "running", "success", "failure"]
STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
COMPLETE: frozenset[RunStatus] = frozenset({"skipped", "success", "failure"})

TRANSITIONS: Mapping[RunStatus, Mapping[RunStatus, str]] = {
    "pending": {
        "running": "a launcher started its program",
        "success": "a launcher that was out of sight had already ended it well",
        "failure": "it could not be started, or was cancelled before its start",
        "skipped": "nothing needs to be executed",
    },
    "running": {
        "success": "the verdict accepted the attempt",
        "failure": "the verdict refused the attempt, or its launcher died",
        "pending": "its attempt failed, and another one will be made",
    },
    "success": {},
    "failure": {},
    "skipped": {},
}
"""From each status to those that may follow it, each with its cause."""


class Home(Protocol):
    """The sweep that a run belongs to."""

    def directory(self, index: int) -> str:
        """Path of the directory of a run."""
        ...

    def load_results(self, run: Run) -> Any:  # noqa: ANN401 - whatever the program posted
        """What a run posted."""
        ...


class Run:
    """One run of a sweep.

    Attributes:
        index: number of the run in its sweep, from 0.
        params: its parameters, a copy that nothing else changes.
        status: `"pending"`, `"running"`, `"success"`, `"failure"` or `"skipped"`.
        reason: machine-readable word for a failure such as `"exit:1"`, `"signal:SIGSEGV"` or `"timeout"`; why a run was
            skipped, as a sentence; else None.
        message: a sentence about the failure, where the reason alone does not say enough, else None.
        evidence: the line of its output that says most about a failure, at most 300 characters, else None.
        exit_code: exit status of the program; None while it runs, if it never started, or if a signal ended it.
        attempts: how many attempts were started.
        duration_s: seconds from the start of the last attempt until nothing of it was alive, None before.
        posted: whether it posted results; small ones are kept here as JSON text.
        task: the asyncio task that attends the run from its dispatch to its end; None before and after. Cancelling it
            ends this run only.
    """

    __slots__ = (
        "_home",
        "attempts",
        "duration_s",
        "evidence",
        "exit_code",
        "index",
        "message",
        "params",
        "posted",
        "reason",
        "status",
        "task",
    )

    def __init__(self, index: int, params: dict[str, Any], home: Home) -> None:
        self.index = index
        self.params = params
        self.status: RunStatus = "pending"
        self.reason: str | None = None
        self.message: str | None = None
        self.evidence: str | None = None
        self.exit_code: int | None = None
        self.attempts = 0
        self.duration_s: float | None = None
        self.task: asyncio.Task[None] | None = None
        self.posted: str | bool = False
        self._home = home

    @property
    def path(self) -> Path:
        """The directory in which the program runs."""
        return Path(self._home.directory(self.index))

    @property
    def stdout(self) -> Path:
        """The file that holds what the program wrote to its standard output."""
        return self.path / STDOUT_FILE

    @property
    def stderr(self) -> Path:
        """The file that holds what the program wrote to its standard error."""
        return self.path / STDERR_FILE

    @property
    def results(self) -> Any:  # noqa: ANN401 - whatever the program posted
        """What the program posted, or None if it posted nothing.

        Raises:
            ResultsDamagedError: the stored results of this run cannot be read back.
        """
        return self._home.load_results(self)

    def __repr__(self) -> str:
        reason = f" {self.reason}" if self.reason else ""
        return f"<Run {self.index} {self.status}{reason} {self.params!r}>"


def check_transition(before: RunStatus, after: RunStatus) -> None:
    """Refuse a change of status that the table does not know.

    Raises:
        ValueError: `after` cannot follow `before`.
    """
    if after not in TRANSITIONS[before]:
        raise ValueError(f"a run that is {before} cannot become {after}")
