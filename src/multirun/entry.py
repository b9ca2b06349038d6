"""Becoming the owner of a sweep, for a call that may be cancelled meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio.to_thread

from multirun.creation import create_sweep
from multirun.ownership import GivenUp, Patience
from multirun.waiting import outlast

if TYPE_CHECKING:
    from multirun.creation import Entered
    from multirun.request import Request
    from multirun.runners.abstract import AbstractRunner


async def enter(request: Request, runner: AbstractRunner) -> Entered:
    """Make the sweep that was asked for and become its owner.

    Args:
        request: what was asked for.
        runner: where the runs will be executed; shows what is waited for.

    Raises:
        MultirunError: see `create_sweep`.
        asyncio.CancelledError: the call was cancelled; the sweep has no owner.
    """
    loop = asyncio.get_running_loop()
    name = f"lock of {request.output_path}"
    patience = Patience(lambda text: loop.call_soon_threadsafe(runner.ledger.notice, name, text))
    entered: list[Entered] = []

    def work() -> None:
        entered.append(create_sweep(request, runner, patience))

    try:
        await outlast(anyio.to_thread.run_sync(work), patience.give_up)
    except (asyncio.CancelledError, GivenUp):
        for each in entered:
            each.abandon()
        runner.ledger.notice(name, None)
        raise asyncio.CancelledError from None
    return entered[0]
