"""For tests of code that runs sweeps: a runner that plays runs instead of executing them."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from multirun.contract import RESULTS_FILE, STDERR_FILE, STDOUT_FILE
from multirun.encoding import decode_map, dumps, encode_document
from multirun.errors import ConfigurationError
from multirun.evidence import read_evidence
from multirun.files import publish
from multirun.launcher.extractor import take_results
from multirun.launcher.messages import Order
from multirun.launcher.workbench import Workbench
from multirun.plan import params_of_line, read_line
from multirun.posted import NOTHING, read_posted
from multirun.records import ended, started
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.staging import InputChangedError
from multirun.verdict import SUCCESS, Outcome, failure, is_accepted, judge

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Scene:
    """What a played run does.

    Attributes:
        results: what it posts (values that JSON can hold); nothing if left out.
        exit_code: its exit code, or minus the number of the signal that ends it.
        stdout: what it writes to its standard output.
        stderr: what it writes to its standard error.
        files: text files it leaves, by path relative to its directory.
        lost: whether its launcher dies instead of judging it.
    """

    results: Any = _NOTHING
    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


Script = Callable[[dict[str, Any]], Scene | Awaitable[Scene]]


class ScriptedRunner(AbstractRunner):
    """Plays each run as a script says; run directories, journals and verdicts are real, processes are not.

    Example:
        A sweep whose second run fails::

            runner = ScriptedRunner(lambda params: Scene(exit_code=int(params["x"] == 2)))
            result = multirun(runs=[{"x": 1}, {"x": 2}], cmd=["simulate"], runner=runner)
    """

    def __init__(self, script: Script, *, max_parallel: int = 4) -> None:
        """Make a runner.

        Args:
            script: called with the parameters of a run; returns its scene, or an awaitable of it. While that is awaited
                the run is running, and cancelling it cancels the awaitable.
            max_parallel: how many runs may be played at once, at least 1.

        Raises:
            ConfigurationError: `max_parallel` is below 1.
        """
        if max_parallel < 1:
            raise ConfigurationError([f"max_parallel is {max_parallel!r}; it must be a whole number of at least 1"])
        super().__init__()
        self.max_parallel = max_parallel
        self._script = script
        self._id = f"scripted-{secrets.token_hex(4)}"
        self._numbers = itertools.count()
        self._places: asyncio.Semaphore | None = None
        self._idle: dict[str, list[Workbench]] = {}

    async def open(self, paths: SweepPaths) -> None:
        """Get ready for a sweep."""
        if not self._idle:
            self._places = asyncio.Semaphore(self.max_parallel)
        self._idle[paths.root] = []

    async def admit(self) -> None:
        """Wait for a free place."""
        if self._places is not None:
            await self._places.acquire()

    def release(self) -> None:
        """Give a place back."""
        if self._places is not None:
            self._places.release()

    async def execute(self, assignment: Assignment) -> None:
        """Play one attempt in a journal that holds one run at a time, as that of a lane does."""
        idle = self._idle[assignment.paths.root]
        paths = assignment.paths
        bench = idle.pop() if idle else Workbench(paths.root, self._id, next(self._numbers), paths.session)
        ended_well = False
        try:
            ended_well = await self._play(assignment, bench)
        finally:
            if ended_well:
                idle.append(bench)
            else:
                bench.close()

    async def _play(self, assignment: Assignment, bench: Workbench) -> bool:
        """Play one attempt; False if nobody was there to record its end."""
        with suppress(OSError):  # the staging fails by the same, and its record says so
            bench.set_aside(_order(assignment))
        record = started(assignment.run, assignment.attempt)
        bench.journal.append(record)
        assignment.observer.started(assignment.run, record)
        begin = monotonic()
        try:
            scene, outcome = await self._perform(assignment, bench)
        except asyncio.CancelledError:
            self._end(assignment, bench, failure("cancelled"), begin)
            raise
        if scene is not None and scene.lost:
            assignment.observer.dropped(assignment.run, "lost", "the script lost it")
            return False
        self._end(assignment, bench, outcome, begin, scene)
        return True

    async def _perform(self, assignment: Assignment, bench: Workbench) -> tuple[Scene | None, Outcome]:
        """Stage the run, play its scene, and judge it; no scene if it could not be staged."""
        try:
            bench.prepare(_order(assignment), _go_on)
        except (OSError, InputChangedError, ValueError) as error:
            return None, failure("staging-failed", str(error))
        found = self._script(_params(assignment))
        scene = await found if inspect.isawaitable(found) else found
        _leave_files(assignment.paths.run(assignment.run), scene)
        return scene, _verdict(assignment, bench, scene)

    def _end(
        self, assignment: Assignment, bench: Workbench, outcome: Outcome, begin: float, scene: Scene | None = None
    ) -> None:
        record = ended(
            assignment.run,
            assignment.attempt,
            outcome,
            exit_status=None if scene is None else scene.exit_code,
            duration_s=monotonic() - begin,
            posted=NOTHING if scene is None else read_posted(assignment.paths.run(assignment.run)),
            evidence=read_evidence(assignment.paths.run(assignment.run), outcome.reason),
        )
        bench.journal.append(record)
        assignment.observer.ended(assignment.run, record)

    def hasten(self) -> None:
        """Nothing played needs any grace."""

    async def close(self, paths: SweepPaths) -> None:
        """Let go of the sweep."""
        for bench in self._idle.pop(paths.root):
            bench.close()


def _order(assignment: Assignment) -> Order:
    root = os.fsencode(assignment.paths.root)
    return Order(0, assignment.run, assignment.attempt, assignment.offset, assignment.paths.session, root)


def _go_on() -> None:
    """Nothing interrupts the preparation of a played run."""


def _params(assignment: Assignment) -> dict[str, Any]:
    descriptor = os.open(assignment.paths.plan, os.O_RDONLY | os.O_CLOEXEC)
    try:
        params: dict[str, Any] = decode_map(json.loads(params_of_line(read_line(descriptor, assignment.offset))))
    finally:
        os.close(descriptor)
    return params


def _leave_files(run_dir: str, scene: Scene) -> None:
    for name, text in {STDOUT_FILE: scene.stdout, STDERR_FILE: scene.stderr, **scene.files}.items():
        path = os.path.join(run_dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    if scene.results is not _NOTHING:
        publish(f"{run_dir}/{RESULTS_FILE}", dumps(encode_document(scene.results)).encode("ascii"))


def _verdict(assignment: Assignment, bench: Workbench, scene: Scene) -> Outcome:
    run_dir, rules = assignment.paths.run(assignment.run), bench.definition.rules
    wanted = rules.results if is_accepted(scene.exit_code, None, rules) else ()
    extracted = take_results(wanted, run_dir, _params(assignment), str) if wanted else SUCCESS
    missing = bench.missing_files(_order(assignment))
    return judge(scene.exit_code, None, read_posted(run_dir), missing, rules, extracted=extracted)
