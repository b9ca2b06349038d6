"""`multirun resume` and `multirun retry`: a sweep on disk goes on, without its script."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from multirun.allowances import Allowances
from multirun.breaker import MAX_SAME_FAILURES
from multirun.commandline import paper
from multirun.commandline.exits import INCOMPLETE, OK, code_of
from multirun.commandline.explain import command_for, put_decisions, remark
from multirun.commandline.finding import choose, open_sweep
from multirun.recall import Wish, decisions, recollect, request_of
from multirun.replay import Replay
from multirun.retry import RetryPolicy
from multirun.snapshot import locate, take_snapshot

if TYPE_CHECKING:
    from multirun.params import CheckedParams
    from multirun.recall import Recollection
    from multirun.request import Request
    from multirun.runners.abstract import AbstractRunner
    from multirun.sweepresult import SweepResult


@dataclass(frozen=True, slots=True)
class Manner:
    """How a sweep goes on.

    Attributes:
        max_parallel: how many runs at once, None for as many as before.
        timeout_s: how long a run may take, None for as long as before.
        retries: how many further attempts a run may have after its program failed.
        max_failures: after how many failed runs no other is started, None for any number.
        dry_run: whether only to say what would be done.
    """

    max_parallel: int | None = None
    timeout_s: float | None = None
    retries: int = 0
    max_failures: int | None = None
    dry_run: bool = False


def resume(directory: str | None, manner: Manner, *, unfinished: bool) -> int:
    """Execute every run of a sweep that has not succeeded; returns the exit code.

    Args:
        directory: the sweep; None for the newest here.
        manner: how.
        unfinished: whether runs that failed stay so.
    """
    return _go_on("resume", Replay(locate(directory)), Wish(unfinished), manner)


def retry(words: Sequence[str], manner: Manner) -> int:
    """Execute some runs of a sweep again; returns the exit code.

    Args:
        words: `[DIR] [RUN…]`; without `RUN` the runs that failed.
        manner: how.
    """
    replay, selector = open_sweep(words)
    named = bool(selector.ranges or selector.values)
    chosen = choose(replay, selector) if named else replay.runs()
    numbers = {run.index for run in chosen if named or run.status == "failure"}
    return _go_on("retry", replay, Wish(numbers=numbers, anew=named), manner) if numbers else _nothing_failed(replay)


def _nothing_failed(replay: Replay) -> int:
    counts = take_snapshot(replay.paths.root).statistics
    left = counts.total_count - counts.complete_count
    rest = f"; {paper.plural(left, 'run')} did not end: {command_for('resume', replay)}" if left else ""
    paper.talk(f"no run of {paper.name_of(replay.paths.root)} failed, so there is none to retry{rest}")
    return code_of(counts)


def _go_on(verb: str, replay: Replay, wish: Wish, manner: Manner) -> int:
    found = recollect(replay, wish)
    request = _adapt(request_of(replay, wish, found), manner)
    if manner.dry_run:
        put_decisions(verb, replay, decisions(replay, wish, found))
        remark(replay, found)
        return OK
    remark(replay, found)
    result = _execute(request, found, _runner_of(replay, manner))
    return code_of(result.statistics) if result.stopped is None else INCOMPLETE


def _adapt(request: Request, manner: Manner) -> Request:
    timeout_s = request.options.timeout_s if manner.timeout_s is None else manner.timeout_s
    allowances = Allowances(RetryPolicy(manner.retries), None, manner.max_failures, MAX_SAME_FAILURES)
    return replace(request, options=replace(request.options, timeout_s=timeout_s), allowances=allowances)


def _runner_of(replay: Replay, manner: Manner) -> AbstractRunner:
    """A runner that executes as many runs at once as the one before did."""
    from multirun.runners.local import ParallelLocalRunner

    before: Any = replay.definition.provenance.get("runner") or {}
    max_parallel = manner.max_parallel or before.get("max_parallel")
    return ParallelLocalRunner(max_parallel=max_parallel) if max_parallel else ParallelLocalRunner()


def _execute(request: Request, found: Recollection, runner: AbstractRunner) -> SweepResult:
    from multirun.display import narrate
    from multirun.engine import conduct
    from multirun.interrupts import call_in_script

    planned: list[CheckedParams] = found.planned

    async def work() -> SweepResult:
        async with narrate(runner, draw=True):
            return await conduct(request, planned, runner)

    # A reader who leaves early must not end the owner of a sweep, as he may end the other commands.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return call_in_script(work, runner)
