"""A sweep that is only played: a display is told of it as of a real one, and nothing is executed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stderr
from types import SimpleNamespace
from typing import TextIO, cast

from tests.unit.moments import Home

from multirun.display.narrator import Narrator
from multirun.display.terminal import Terminal
from multirun.run import Run
from multirun.runners.abstract import AbstractRunner
from multirun.runners.ledger import Ledger


class Play:
    """A ledger that is moved on by hand, as an engine would."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.runner = cast("AbstractRunner", SimpleNamespace(ledger=self.ledger))

    def begin(self, count: int, root: str = "/sweeps/one") -> list[Run]:
        self.ledger.begin(root)
        runs = [Run(index, {"x": index}, Home()) for index in range(count)]
        for run in runs:
            self.ledger.enroll(run)
        self.ledger.close_plan()
        return runs

    def fail(self, run: Run, reason: str = "exit:3") -> None:
        run.reason = reason
        self.ledger.move(run, "failure")

    def succeed(self, *runs: Run) -> None:
        for run in runs:
            self.ledger.move(run, "running")
            self.ledger.move(run, "success")

    def end(self, root: str = "/sweeps/one") -> None:
        self.ledger.end(root)


@asynccontextmanager
async def standard_error(stream: TextIO, play: Play) -> AsyncIterator[None]:
    """Make a stream standard error, and fail if the body leaves a task, a listener or a display."""
    tasks = asyncio.all_tasks()
    with redirect_stderr(stream):
        yield
    assert asyncio.all_tasks() == tasks
    assert play.ledger.listeners == []
    assert not Narrator._active
    assert not Terminal._open
