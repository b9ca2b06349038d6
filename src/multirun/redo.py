"""Going on with a sweep as it is on disk, without its script: `multirun resume` and `multirun retry`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from multirun.commandline.exits import code_of
from multirun.commandline.finding import choose, open_sweep
from multirun.display import narrate
from multirun.encoding import decode_map
from multirun.engine import conduct
from multirun.errors import ParamsError
from multirun.interrupts import Interrupts
from multirun.params import CheckedParams
from multirun.plan import read_plan
from multirun.replay import Replay
from multirun.request import Redo, Request
from multirun.runners.local import ParallelLocalRunner
from multirun.snapshot import locate

if TYPE_CHECKING:
    from multirun.resume import Resume
    from multirun.sweepresult import SweepResult


def resume(directory: str | None, *, max_parallel: int | None, unfinished: bool) -> int:
    """Execute the runs of a sweep that have not succeeded; returns the exit code.

    Args:
        directory: the sweep; None for the newest here.
        max_parallel: how many runs may be alive at once; None for as many as before.
        unfinished: whether recorded failures stay.
    """
    replay = Replay(locate(directory))
    return _go_on(replay, "unfinished" if unfinished else True, max_parallel)


def retry(words: Sequence[str], *, max_parallel: int | None) -> int:
    """Execute some runs of a sweep again, also those that succeeded; without any, those that failed.

    Args:
        words: the directory and what says which runs.
        max_parallel: how many runs may be alive at once; None for as many as before.
    """
    replay, selector = open_sweep(words)
    if selector.ranges or selector.values:
        chosen = frozenset(run.index for run in choose(replay, selector))
        return _go_on(replay, True, max_parallel, chosen, again=True)
    failed = frozenset(run.index for run in replay.runs() if run.status == "failure")
    return _go_on(replay, True, max_parallel, failed)


def planned_runs(replay: Replay, chosen: frozenset[int] | None = None) -> Iterator[CheckedParams]:
    """Runs as they stand in the plan.

    Args:
        replay: the sweep.
        chosen: the numbers of those that are wanted; None for all.

    Raises:
        ParamsError: the parameters of a run cannot be rebuilt here.
    """
    for run in read_plan(replay.paths.plan):
        if run is not None and (chosen is None or run.run in chosen):
            try:
                params = decode_map(json.loads(run.params_text))
            except ParamsError as error:
                raise ParamsError(f"run {run.run}: {error}") from error
            yield CheckedParams(params, run.params_text, run.digest)


def _go_on(
    replay: Replay,
    wanted: Resume,
    max_parallel: int | None,
    chosen: frozenset[int] | None = None,
    *,
    again: bool = False,
) -> int:
    definition = replay.definition
    before = (definition.provenance.get("runner") or {}).get("max_parallel")
    runner = ParallelLocalRunner(max_parallel=max_parallel or before or 4)
    request = Request(
        runs=(),
        command=definition.command,
        env=definition.env,
        resources=(),
        rules=definition.rules,
        options=definition.options,
        output_path=replay.paths.root,
        name=definition.name,
        on_result=None,
        shell=definition.shell,
        stdin=definition.stdin,
        resume=wanted,
        redo=Redo(chosen, again=again),
    )
    return code_of(_execute(request, list(planned_runs(replay, chosen)), runner).statistics)


def _execute(request: Request, planned: list[CheckedParams], runner: ParallelLocalRunner) -> SweepResult:
    """Execute a sweep as a script does: with signals and with a display."""
    interrupts = Interrupts()

    async def main() -> SweepResult:
        with interrupts.aimed_at(runner):
            async with narrate(runner, draw=True):
                return await conduct(request, planned, runner)

    try:
        with interrupts.installed():
            result = asyncio.run(main())
    except asyncio.CancelledError as cancelled:
        raise interrupts.ending(cancelled) from None
    interrupts.deliver()
    return result
