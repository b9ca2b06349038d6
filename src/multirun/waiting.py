"""Waiting that must come to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def outlast(work: Coroutine[Any, Any, _T], hurry: Callable[[], object] | None = None) -> _T:
    """Finish `work` whatever is cancelled meanwhile, then pass the cancellation on.

    A shield that a second cancellation pierces, as those of asyncio and anyio, is not enough where processes must end.

    Args:
        work: what has to be done.
        hurry: called when the caller is cancelled; may make the work shorter.

    Raises:
        asyncio.CancelledError: the caller was cancelled; the work is done all the same.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            if hurry is not None:
                hurry()
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
