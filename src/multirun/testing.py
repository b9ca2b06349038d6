"""For tests of code that runs sweeps: a runner that plays runs instead of executing them."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TYPE_CHECKING

from multirun.contract import RESULTS_FILE, STDERR_FILE, STDOUT_FILE
from multirun.definition import publish
from multirun.encoding import decode_map, dumps, encode_document
from multirun.launcher.messages import Order
from multirun.launcher.workbench import Workbench
from multirun.plan import params_of_line, read_line
from multirun.posted import read_posted
from multirun.records import ended, started
from multirun.runners.abstract import AbstractRunner, Assignment
from multirun.verdict import Outcome, failure, judge

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
            script: called with the parameters of a run; returns its scene, or an awaitable of it. While that is awaited the run is
                running, and cancelling it cancels the awaitable.
            max_parallel: how many runs may be played at once.
        """
        super().__init__()
        self.max_parallel = max_parallel
        self._script = script
        self._places: asyncio.Semaphore | None = None
        self._benches: dict[str, Workbench] = {}

    async def open(self, paths: SweepPaths) -> None:
        """Open the sweep as a launcher would."""
        if not self._benches:
            self._places = asyncio.Semaphore(self.max_parallel)
        self._benches[paths.root] = Workbench(paths.root, "scripted", 0)

    async def admit(self) -> None:
        """Wait for a free place."""
        if self._places is not None:
            await self._places.acquire()

    def release(self) -> None:
        """Give a place back."""
        if self._places is not None:
            self._places.release()

    async def execute(self, assignment: Assignment) -> None:
        """Play one attempt."""
        bench = self._benches[assignment.paths.root]
        record = started(assignment.run, assignment.attempt)
        bench.journal.append(record)
        assignment.observer.started(assignment.run, record)
        begin = monotonic()
        try:
            scene = await self._scene(assignment, bench)
        except asyncio.CancelledError:
            self._end(assignment, bench, failure("cancelled"), begin, Scene())
            raise
        if scene.lost:
            assignment.observer.lost(assignment.run, "the script lost it")
            return
        self._end(assignment, bench, _verdict(assignment, bench, scene), begin, scene)

    async def _scene(self, assignment: Assignment, bench: Workbench) -> Scene:
        order = Order(0, assignment.run, assignment.attempt, assignment.offset, os.fsencode(assignment.paths.root))
        bench.prepare(order)
        found = self._script(_params(assignment))
        scene = await found if inspect.isawaitable(found) else found
        _leave_files(assignment.paths.run(assignment.run), scene)
        return scene

    def _end(self, assignment: Assignment, bench: Workbench, outcome: Outcome, begin: float, scene: Scene) -> None:
        record = ended(
            assignment.run,
            assignment.attempt,
            outcome,
            exit_status=scene.exit_code,
            duration_s=monotonic() - begin,
            posted=read_posted(assignment.paths.run(assignment.run)),
        )
        bench.journal.append(record)
        assignment.observer.ended(assignment.run, record)

    def hasten(self) -> None:
        """Nothing played needs any grace."""

    async def close(self, paths: SweepPaths) -> None:
        """Let go of the sweep."""
        self._benches.pop(paths.root).close()


def _params(assignment: Assignment) -> dict[str, Any]:
    descriptor = os.open(assignment.paths.plan, os.O_RDONLY | os.O_CLOEXEC)
    try:
        params: dict[str, Any] = decode_map(json.loads(params_of_line(read_line(descriptor, assignment.offset))))
    finally:
        os.close(descriptor)
    return params


def _leave_files(run_dir: str, scene: Scene) -> None:
    for name, text in {STDOUT_FILE: scene.stdout, STDERR_FILE: scene.stderr, **scene.files}.items():
        with open(os.path.join(run_dir, name), "w", encoding="utf-8") as file:
            file.write(text)
    if scene.results is not _NOTHING:
        publish(f"{run_dir}/{RESULTS_FILE}", dumps(encode_document(scene.results)).encode("ascii"))


def _verdict(assignment: Assignment, bench: Workbench, scene: Scene) -> Outcome:
    posted = read_posted(assignment.paths.run(assignment.run))
    return judge(scene.exit_code, None, posted, bench.missing_files(assignment.run), bench.definition.rules)
