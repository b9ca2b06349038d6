"""What the conformance suite needs to know about each kind of runner: one class for each.

The suite speaks of behaviours, which are values of the parameter `do`:

    ok       posts {"square": x * x} and ends well
    silent   ends well and posts nothing
    bad      posts something that is no JSON and ends well
    exit     ends with exit code 3
    signal   is ended by SIGKILL
    write    writes "out" and "err" to its outputs, and the file made/here.txt
    read     posts the content of the file input.txt as text
    hold     runs until it is let go by its parameter `name`, then does as "ok"
    lost     whoever executes it dies without a verdict
"""

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.sweeps.gates import Gates

from multirun import AbstractRunner, ParallelLocalRunner
from multirun.testing import Scene, ScriptedRunner

NAMES = tuple("abcdefgh")


class Harness(ABC):
    """How one kind of runner is made, and how a test controls what its runs do.

    Attributes:
        cmd: the command that behaves as its parameters say.
    """

    cmd: Sequence[str]

    def __init__(self, folder: Path) -> None:
        """Prepare in an empty folder."""
        self.folder = folder

    @abstractmethod
    def runner(self, max_parallel: int = 4) -> AbstractRunner:
        """A new runner."""

    @abstractmethod
    def held(self) -> set[str]:
        """The names of the runs that hold now."""

    @abstractmethod
    def let_go(self, *names: str) -> None:
        """Let runs end, also those that will hold later."""

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Give back what was taken."""


class LocalHarness(Harness):
    """Runs are processes of a shell; a lane is lost because its program kills it."""

    _PROGRAM = """
    case $1 in
    ok) ;;
    silent) exit 0 ;;
    bad) echo "{" > "$MULTIRUN_RESULTS"; exit 0 ;;
    exit) exit 3 ;;
    signal) kill -KILL $$ ;;
    write) echo out; echo err >&2; mkdir made; echo made > made/here.txt; exit 0 ;;
    read) echo "\\"$(cat input.txt)\\"" > "$MULTIRUN_RESULTS"; exit 0 ;;
    lost) kill -KILL $PPID; exec sleep 1000 ;;
    hold) shift 2; exec "$@" ;;
    esac
    echo "{\\"square\\": $(($2 * $2))}" > "$MULTIRUN_RESULTS"
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._gates = Gates(folder / "gates", NAMES)
        hold = self._gates.command("{name}")
        hold[2] += '\necho "{\\"square\\": $(($2 * $2))}" > "$MULTIRUN_RESULTS"'
        self.cmd = ["sh", "-c", self._PROGRAM, "sh", "{do}", "{x}", *hold, "{x}"]

    def runner(self, max_parallel: int = 4) -> AbstractRunner:
        return ParallelLocalRunner(max_parallel=max_parallel)

    def held(self) -> set[str]:
        return self._gates.waiting()

    def let_go(self, *names: str) -> None:
        self._gates.open(*names)

    def close(self) -> None:
        self._gates.close()


class ScriptedHarness(Harness):
    """Runs are played; those that hold wait for an event."""

    cmd = ("never executed",)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._held: set[str] = set()
        self._gone = {name: asyncio.Event() for name in NAMES}

    def runner(self, max_parallel: int = 4) -> AbstractRunner:
        return ScriptedRunner(self._play, max_parallel=max_parallel)

    async def _play(self, params: dict[str, Any]) -> Scene:
        behaviour = params["do"]
        if behaviour == "hold":
            await self._hold(params["name"])
        scenes = {
            "silent": Scene(),
            "bad": Scene(files={"results.json": "{"}),
            "exit": Scene(exit_code=3),
            "signal": Scene(exit_code=-signal.SIGKILL),
            "write": Scene(stdout="out\n", stderr="err\n", files={"made/here.txt": "made\n"}),
            "read": Scene(results="content"),
            "lost": Scene(lost=True),
        }
        return scenes.get(behaviour, Scene(results={"square": params["x"] ** 2}))

    async def _hold(self, name: str) -> None:
        self._held.add(name)
        try:
            await self._gone[name].wait()
        finally:
            self._held.discard(name)

    def held(self) -> set[str]:
        return set(self._held)

    def let_go(self, *names: str) -> None:
        for name in names:
            self._gone[name].set()


HARNESSES: dict[str, type[Harness]] = {"ParallelLocalRunner": LocalHarness, "ScriptedRunner": ScriptedHarness}
