"""The two functions that run a sweep: `multirun` for scripts, `multirunAsync` for asyncio applications."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio.to_thread

from multirun.breaker import MAX_SAME_FAILURES
from multirun.command import render_words
from multirun.continuation import foresee
from multirun.contract import FIRST_FAILED
from multirun.creation import is_sweep, refuse_existing, stamped_path
from multirun.display import narrate
from multirun.engine import conduct
from multirun.errors import ConfigurationError, OutputExistsError, RunningLoopError, RunsFailedError
from multirun.interrupts import call_in_script
from multirun.loading import recall_run
from multirun.planning import Planner, plan_each
from multirun.request import Inspector, Request
from multirun.results import ResultsHome
from multirun.run import Run
from multirun.rundir import SweepPaths
from multirun.runners.local import ParallelLocalRunner
from multirun.statistics import Tally
from multirun.sweepresult import SweepResult
from multirun.wording import failure_line, stopped_line

if TYPE_CHECKING:
    from multirun.params import CheckedParams, ParamMap
    from multirun.resources import FileResource
    from multirun.runners.abstract import AbstractRunner

_PLANNED_AT_ONCE = 200
_SHOWN_FAILURES = 5


def multirun(
    *,
    runs: Iterable[ParamMap],
    cmd: Sequence[str | os.PathLike[str]] | str,
    output_path: str | os.PathLike[str] | None = None,
    input_files: Iterable[str | os.PathLike[str] | FileResource] | None = None,
    runner: AbstractRunner | None = None,
    env: Mapping[str, str | int | float | os.PathLike[str]] | None = None,
    stdin: str | os.PathLike[str] | FileResource | None = None,
    shell: bool = False,
    timeout: float | str | None = None,
    grace: float | str = 5.0,
    success_codes: Iterable[int] = (0,),
    required_results: bool | Iterable[str] = False,
    required_files: Iterable[str | os.PathLike[str]] = (),
    results: Mapping[str, Mapping[str, Any]] | None = None,
    threads_per_run: int | None = None,
    max_output: int | str | None = None,
    nice: int | None = None,
    name: str | None = None,
    on_result: Callable[[Run], object] | None = None,
    first_alone: bool = False,
    resume: bool | Literal["unfinished"] = False,
    accept_changes: bool = False,
    keep_directory: bool = False,
    retries: int = 0,
    retry_if: Callable[[Run], object] | Iterable[str] | None = None,
    retry_delay: float | str = 1.0,
    infrastructure_retries: int = 3,
    max_failures: int | None = None,
    max_same_failures: int | None = MAX_SAME_FAILURES,
    skip_if: Callable[[dict[str, Any], Path], object] | Iterable[Mapping[str, Any]] | None = None,
    durability: Literal["process", "power"] = "process",
    keep_attempts: int | None = None,
    check: bool = False,
    display: bool | None = None,
    dry_run: bool = False,
) -> SweepResult:
    """Run a command once for each set of parameters, each in a directory of its own.

    Shows live rows on a terminal and plain lines elsewhere. In the main thread, Ctrl-C, SIGTERM and SIGHUP
    end all runs and then the call: the first with `grace`, the second at once.

    Args:
        runs: the parameter maps. Something with a length is checked and planned as a whole before anything starts; a
            generator is pulled only as runs can start.
        cmd: words of the command, executed in the run's directory; `{name}` and `{name:.3f}` become its parameters.
        output_path: directory of the sweep, which must not exist unless `resume` is given; without it, a new one in the
            current directory.
        input_files: files and folders that every run finds in its directory; a plain path means `FileResource(path)`.
        runner: where to execute runs; without it, `ParallelLocalRunner()`.
        env: environment variables of the runs on top of the caller's; templates as in `cmd`.
        stdin: a file that each run reads as its standard input, and finds in its directory; without it, nothing.
        shell: whether `cmd` is one text for `/bin/sh`, in which each parameter is quoted.
        timeout: how long a run may take, in seconds or as text such as `"2h"`; without it, as long as it likes.
        grace: how long a run that has to end may take between SIGTERM and SIGKILL, in seconds or as text.
        success_codes: exit codes that count as a success.
        required_results: True if a run without results fails; or the (dotted) keys that its results must have.
        required_files: files, relative to the run directory, without which (or with which empty) a run fails;
            `{name}` in them as in `cmd`.
        results: rules by which results are taken from what the program printed or wrote, by the names of the results:
            `{"energy": {"json": "out.json", "key": "final.energy"}}`. They join what it posted.
        threads_per_run: how many threads numerical libraries may use in a run; without it, what the environment says,
            or 1.
        max_output: how much a run may write to its standard output and error together, in bytes or as text such as
            `"100MB"`; a run that writes more is ended. Without it, as much as it likes.
        nice: how nice runs are to other programs, from 0 to 19 as for the command `nice`; without it, as nice as the
            caller.
        name: what to call the sweep; a directory made without `output_path` begins with it.
        on_result: called with each run that is complete; an exception it raises ends the sweep.
        first_alone: whether the first run has to succeed before others start; if it fails, they stay pending.
        resume: whether a sweep in `output_path` goes on: runs that succeeded are skipped, with their results at hand,
            all others are executed, runs with new parameters too. `"unfinished"` leaves recorded failures alone. Where
            there is no sweep, a new one begins.
        accept_changes: whether it may go on with another command, environment, rules or inputs; runs that succeeded
            stay so unless an input changed.
        keep_directory: whether a further attempt at a run goes on in the directory of the one before, for programs that
            save their state; without it, it finds a fresh one.
        retries: how many further attempts a run may have after its program failed; each has a directory of its own.
        retry_if: which failures are worth another attempt: reasons such as `["timeout", "exit:75"]`, or a function that
            is called with the failed run; without it, all are.
        retry_delay: the pause before the first further attempt, in seconds or as text; it doubles with each, varies by
            half, and is never longer than 5 minutes.
        infrastructure_retries: how many further attempts a run may have because the machine let it down, not its
            program; these are counted apart.
        max_failures: after so many failed runs no other is started; those that run are let end.
        max_same_failures: if so many runs that end first all fail at once and alike, no other is started; None for no
            such limit.
        skip_if: which runs need not be executed: a function that is called with the parameters and the directory of a
            run, and returns whether to skip it, or why, as text; or a list of rules as in `results`, for files that are
            there before: a run is skipped if each rule finds its value.
        durability: what the record of ended runs survives: `"process"` SIGKILL of everything, `"power"` the loss of
            power too, which costs a few milliseconds per run. Posted results survive both in any case.
        keep_attempts: how many directories of earlier attempts are kept for each run; without it, all.
        check: whether a failed run raises `RunsFailedError` at the end.
        display: whether to show what is going on; None means yes.
        dry_run: whether to check and plan everything, and to create and start nothing; all runs of the result that
            would be executed are pending.

    Returns:
        The runs in the order of `runs`.

    Raises:
        ConfigurationError: the sweep as written cannot run; lists all mistakes.
        OutputExistsError: `output_path` exists already.
        DefinitionChangedError: the sweep to go on with was started with another definition.
        RunningLoopError: it was called inside a running event loop; use `multirunAsync` there.
        RunsFailedError: a run failed and `check` was given.
        KeyboardInterrupt: Ctrl-C ended the sweep; nothing of it is alive.
        SystemExit: SIGTERM or SIGHUP ended the sweep; the exit status is 143 or 129, and nothing of it is alive.
        MultirunError: the machine cannot execute the sweep.
    """
    given = dict(locals())
    _refuse_running_loop()
    given["runner"] = ParallelLocalRunner() if runner is None else runner
    return call_in_script(lambda: _run(given, draw=given["display"] is not False), given["runner"])


async def multirunAsync(
    *,
    runs: Iterable[ParamMap],
    cmd: Sequence[str | os.PathLike[str]] | str,
    output_path: str | os.PathLike[str] | None = None,
    input_files: Iterable[str | os.PathLike[str] | FileResource] | None = None,
    runner: AbstractRunner | None = None,
    env: Mapping[str, str | int | float | os.PathLike[str]] | None = None,
    stdin: str | os.PathLike[str] | FileResource | None = None,
    shell: bool = False,
    timeout: float | str | None = None,  # noqa: ASYNC109 - of each run, not of the call
    grace: float | str = 5.0,
    success_codes: Iterable[int] = (0,),
    required_results: bool | Iterable[str] = False,
    required_files: Iterable[str | os.PathLike[str]] = (),
    results: Mapping[str, Mapping[str, Any]] | None = None,
    threads_per_run: int | None = None,
    max_output: int | str | None = None,
    nice: int | None = None,
    name: str | None = None,
    on_result: Callable[[Run], object] | None = None,
    first_alone: bool = False,
    resume: bool | Literal["unfinished"] = False,
    accept_changes: bool = False,
    keep_directory: bool = False,
    retries: int = 0,
    retry_if: Callable[[Run], object] | Iterable[str] | None = None,
    retry_delay: float | str = 1.0,
    infrastructure_retries: int = 3,
    max_failures: int | None = None,
    max_same_failures: int | None = MAX_SAME_FAILURES,
    skip_if: Callable[[dict[str, Any], Path], object] | Iterable[Mapping[str, Any]] | None = None,
    durability: Literal["process", "power"] = "process",
    keep_attempts: int | None = None,
    check: bool = False,
    display: bool | None = None,
    dry_run: bool = False,
) -> SweepResult:
    """Run a sweep inside an asyncio application; several may run at once, with one runner or with several.

    Takes the keywords of `multirun` and means the same by them, but touches no signal and draws only if `display=True`.
    Cancelling the call ends all its runs; `CancelledError` leaves only when nothing of them is alive.

    Args:
        runs: see `multirun`; a generator is pulled in the event loop.
        cmd: see `multirun`.
        output_path: see `multirun`.
        input_files: see `multirun`.
        runner: see `multirun`.
        env: see `multirun`.
        stdin: see `multirun`.
        shell: see `multirun`.
        timeout: see `multirun`.
        grace: see `multirun`.
        success_codes: see `multirun`.
        required_results: see `multirun`.
        required_files: see `multirun`.
        results: see `multirun`.
        threads_per_run: see `multirun`.
        max_output: see `multirun`.
        nice: see `multirun`.
        name: see `multirun`.
        on_result: see `multirun`; called in the event loop.
        first_alone: see `multirun`.
        resume: see `multirun`.
        accept_changes: see `multirun`.
        keep_directory: see `multirun`.
        retries: see `multirun`.
        retry_if: see `multirun`; a function is called in the event loop.
        retry_delay: see `multirun`.
        infrastructure_retries: see `multirun`.
        max_failures: see `multirun`.
        max_same_failures: see `multirun`.
        skip_if: see `multirun`; a function is called in a thread, one call at a time.
        durability: see `multirun`.
        keep_attempts: see `multirun`.
        check: see `multirun`.
        display: whether to show what is going on, in a notebook below the cell; None means no.
        dry_run: see `multirun`.

    Returns:
        The runs in the order of `runs`.

    Raises:
        ConfigurationError: see `multirun`.
        OutputExistsError: see `multirun`.
        DefinitionChangedError: see `multirun`.
        RunsFailedError: see `multirun`.
        MultirunError: see `multirun`.
    """
    given = dict(locals())
    given["runner"] = ParallelLocalRunner() if runner is None else runner
    return await _run(given, draw=display is True)


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RunningLoopError(
        "multirun() was called inside a running event loop, which it would block; write: await multirunAsync(...), "
        "and in a notebook, which has such a loop: await multirunAsync(..., display=True)"
    )


async def _run(given: dict[str, Any], *, draw: bool) -> SweepResult:
    """Check, plan and execute a sweep.

    Args:
        given: the keywords of `multirun`.
        draw: whether to show what is going on.
    """
    request, planned = await _prepare(given)
    if given["dry_run"]:
        return await _rehearse(request, planned, draw=draw)
    runner = given["runner"]
    async with narrate(runner, draw=draw):
        result = await conduct(request, planned, runner)
    if given["check"] and result.failed:
        raise RunsFailedError(_describe_failures(result), result)
    return result


async def _prepare(given: dict[str, Any]) -> tuple[Request, list[CheckedParams] | None]:
    """The checked request, and all runs if they can be known beforehand.

    Raises:
        ConfigurationError: there are mistakes; all of them are listed.
    """
    _check_current_directory()
    inspector = Inspector()
    inspector.runner(given["runner"])
    inspector.switches(given)
    request = await anyio.to_thread.run_sync(lambda: inspector.request(**given))
    mistakes = inspector.mistakes
    planned = None
    if isinstance(request.runs, Sized) or given["dry_run"]:
        planned = await _plan(request, mistakes)
    if request.output_path is not None:
        _check_output(request.output_path, mistakes, resume=bool(request.resume))
    if mistakes:
        raise ConfigurationError(mistakes)
    return request, planned


def _check_current_directory() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise ConfigurationError(["the current directory does not exist any more; change to one that does"]) from error


async def _plan(request: Request, mistakes: list[str]) -> list[CheckedParams]:
    """Plan every run, letting other tasks have their turn now and then."""
    planner = Planner.of(request)
    planned = []
    for number, params in enumerate(plan_each(planner, request.runs, mistakes), start=1):
        if params is not None:
            planned.append(params)
        if number % _PLANNED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return planned


def _check_output(path: str, mistakes: list[str], *, resume: bool) -> None:
    """Add an output path that exists to the mistakes; raise it by itself if it is the only one."""
    try:
        refuse_existing(path, resume=resume)
    except OutputExistsError as error:
        if not mistakes:
            raise
        mistakes.append(f"output_path: {error}")


async def _rehearse(request: Request, planned: list[CheckedParams] | None, *, draw: bool) -> SweepResult:
    """The result of a dry run: every run that would be executed is pending, nothing is created."""
    paths = SweepPaths(request.output_path or stamped_path(request.name, datetime.now().astimezone()))
    runs = await anyio.to_thread.run_sync(_foresee, request, paths, planned or ())
    tally = Tally()
    for run in runs:
        tally.add(run.status)
    pending = [run for run in runs if run.status == "pending"]
    if draw:
        how_many = f"{len(pending)} of {len(runs)}" if request.resume else len(runs)
        first = f"; the first: {_command_of(request, pending[0])}" if pending else ""
        sys.stderr.write(f"dry run: {how_many} runs would be executed in {paths.root}{first}\n")
    return SweepResult(Path(paths.root), runs, tally.statistics(total_known=True))


def _command_of(request: Request, run: Run) -> str:
    words = render_words(request.command, run.params, shell=request.shell)
    return words[-1] if request.shell else shlex.join(words)


def _foresee(request: Request, paths: SweepPaths, planned: Sequence[CheckedParams]) -> list[Run]:
    """The runs as they would be before the first of them is started."""
    home = ResultsHome(paths)
    if not request.resume or not is_sweep(paths.root):
        return [Run(index, params.params, home) for index, params in enumerate(planned)]
    past = foresee(paths, request)
    numbers = count(len(past.survey.offsets))
    found = [(past.find(params.digest), params.params) for params in planned]
    return [
        Run(next(numbers), params, home) if index is None else recall_run(past, index, params, home)
        for index, params in found
    ]


def _describe_failures(result: SweepResult) -> str:
    failed = result.failed
    lines = [f"{len(failed)} of {len(result)} runs failed; the results of all are in {result.path}"]
    lines += [failure_line(run) for run in failed[:_SHOWN_FAILURES]]
    if len(failed) > _SHOWN_FAILURES:
        lines.append(f"… and {len(failed) - _SHOWN_FAILURES} more")
    if result.statistics.pending_count or not result.statistics.total_known:
        lines.append(stopped_line(result.stopped or FIRST_FAILED))
    return "\n".join(lines)
