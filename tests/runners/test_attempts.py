"""A later attempt of a run gets a fresh directory, and what the earlier one left is kept under its number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_journals
from tests.sweeps.sweeping import SCRIPTED

from multirun import AbstractRunner, ParallelLocalRunner, multirunAsync
from multirun.definition import read_definition
from multirun.journal import Record
from multirun.rundir import SweepPaths
from multirun.runners.abstract import Assignment
from multirun.testing import Scene, ScriptedRunner


class Witness:
    """Notes how an attempt ended."""

    def __init__(self) -> None:
        self.end: Record = {}

    def started(self, index: int, record: Record) -> None:
        """It ends some time."""

    def ended(self, index: int, record: Record) -> None:
        self.end = record

    def dropped(self, index: int, reason: str, message: str) -> None:
        self.end = {"reason": reason, "message": message}

    def notice(self, index: int | None, text: str | None) -> None:
        """Nothing holds these runs up."""


class Again:
    """A sweep of one run that is executed once by the engine, and then again attempt by attempt."""

    def __init__(self, root: Path, make: Callable[[], AbstractRunner]) -> None:
        self.paths = SweepPaths(str(root))
        self._make = make

    async def begin(self) -> None:
        script = "echo $MULTIRUN_ATTEMPT; echo $MULTIRUN_ATTEMPT > note"
        runs: list[dict[str, Any]] = [{"script": script}]
        await multirunAsync(runs=runs, cmd=SCRIPTED, output_path=self.paths.root, runner=self._make())

    async def attempt(self, *numbers: int, unstaged: int | None = None) -> list[Record]:
        """Make attempts with one runner, and thus with one lane; return their ends.

        Args:
            numbers: of the attempts.
            unstaged: that of one which finds no parameters, and so makes no directory.
        """
        runner, ends = self._make(), []
        offset = self._offset()
        await runner.open(self.paths)
        for number in numbers:
            witness = Witness()
            await runner.admit()
            await runner.execute(Assignment(self.paths, 0, number, offset + 1000 * (number == unstaged), witness))
            runner.release()
            ends.append(witness.end)
        await runner.close(self.paths)
        check_journals(self.paths, read_definition(self.paths).id, torn_allowed=False)
        return ends

    def _offset(self) -> int:
        """Where the line of the run begins."""
        return Path(self.paths.plan).read_bytes().index(b"\n") + 1

    def obstruct(self) -> None:
        """Have the folder of earlier attempts in the way of itself."""
        Path(self.paths.root, "attempts").write_text("in the way")

    def notes(self) -> dict[str, str]:
        """What each directory of the run says which attempt it belongs to."""
        folders = [Path(self.paths.run(0)), *sorted(Path(self.paths.root).glob("attempts/*"))]
        return {folder.name: (folder / "note").read_text().strip() for folder in folders if folder.exists()}


def played(params: dict[str, Any]) -> Scene:
    played.count += 1  # type: ignore[attr-defined]
    return Scene(files={"note": str(played.count)})  # type: ignore[attr-defined]


@pytest.fixture(params=["local", "scripted"])
async def again(request: pytest.FixtureRequest, sweep_dir: Path) -> Again:
    played.count = 0  # type: ignore[attr-defined]
    local = request.param == "local"
    made = Again(sweep_dir, (lambda: ParallelLocalRunner(max_parallel=1)) if local else lambda: ScriptedRunner(played))
    await made.begin()
    return made


async def test_each_attempt_keeps_its_directory(again: Again) -> None:
    ends = await again.attempt(2, 3)
    assert [(end["attempt"], end["status"]) for end in ends] == [(2, "success"), (3, "success")]
    assert again.notes() == {"000000": "3", "000000-1": "1", "000000-2": "2"}


async def test_a_directory_whose_record_was_lost_is_no_obstacle(again: Again) -> None:
    """As after a power cut that took the end of a journal and left the directory."""
    (end,) = await again.attempt(1)
    assert end["status"] == "success", end
    assert sorted(again.notes()) == ["000000", "000000-0"]


async def test_an_attempt_that_cannot_have_its_directory_fails_with_words(again: Again) -> None:
    again.obstruct()
    (end,) = await again.attempt(2)
    assert (end["attempt"], end["reason"]) == (2, "staging-failed")
    assert "attempts" in end["message"]
    assert again.notes() == {"000000": "1"}, "what the earlier attempt left is still there"


async def test_the_earlier_one_moves_before_a_record_speaks_of_the_later_one(sweep_dir: Path) -> None:
    again = Again(sweep_dir, lambda: ParallelLocalRunner(max_parallel=1))
    await again.begin()
    ends = await again.attempt(2, 3, unstaged=2)
    assert [end["reason"] for end in ends] == ["staging-failed", None]
    assert again.notes() == {"000000": "3", "000000-1": "1"}
