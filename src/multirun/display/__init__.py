"""What people see of a sweep while it runs: a few rows that stay up to date on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from multirun.display.narrator import Narrator, recount
from multirun.display.notebook import abridge, is_notebook
from multirun.display.watch import is_complete, wait_until_complete

if TYPE_CHECKING:
    from multirun.runners.abstract import AbstractRunner


async def displayStatus(runner: AbstractRunner) -> None:
    """Show on standard error what a runner does until all of it is complete.

    On a terminal these are at most eight rows which stay up to date, below whatever else is written there: the counts,
    and the runs that have been running longest. In a notebook it is the output of the cell; elsewhere a plain line now
    and then. Runs that fail are named as they do, and a summary comes last.

    If the runner has not begun any sweep yet, this waits for the first one. If it has ended all of its sweeps, only
    their summary is shown.

    Args:
        runner: any runner, used by `multirunAsync` in this event loop or by `multirun` in another thread.
    """
    if is_complete(runner.ledger):
        recount(runner.ledger)
        return
    async with narrate(runner, draw=True):
        await wait_until_complete(runner.ledger)


@asynccontextmanager
async def narrate(runner: AbstractRunner, *, draw: bool) -> AsyncIterator[None]:
    """Show what a runner does while the body is executed, and a summary at its end, however it ends.

    Nothing is awaited, so a cancelled body is left at once, and no task can be left behind.

    Args:
        runner: the runner that the body uses.
        draw: whether to show anything at all.
    """
    narrator = Narrator.join(runner.ledger) if draw else None
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if is_notebook(sys.stderr):
            abridge(cancelled)
        raise
    finally:
        if narrator is not None:
            narrator.leave()
