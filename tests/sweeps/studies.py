"""Sweeps that go on: a directory with a sweep that is called again, or with which the command goes on."""

import csv
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.scripts import Script
from tests.invariants import check_sweep
from tests.patience import LONG_S, wait_until
from tests.sweeps.commands import Finished, command

from multirun import SweepResult, multirun

COUNTED = [
    "sh",
    "-c",
    """echo "{x}" >> "$COUNT"; echo "{\\"y\\": {x}}" > "$MULTIRUN_RESULTS"; test ! -e "$FAIL/{x}" """,
]
"""Notes that it was executed, posts its parameter, and fails if a file tells it to."""


GATED = """echo {x} >> "$COUNT"; touch ready; until test -e "$GATE" || test {x} -lt 3; do sleep 0.01; done
echo "{\\"y\\": {x}}" > "$MULTIRUN_RESULTS" """
"""Runs 0, 1 and 2 end at once, others only when the gate is there."""


class Study:
    """A sweep in a directory of its own, whose program may note that it was executed, and fail if a file says so."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "study"
        self.count, self.fail = folder / "count", folder / "fail"
        self.count.touch()
        self.fail.mkdir()
        self.env = {"COUNT": str(self.count), "FAIL": str(self.fail)}

    def executed(self) -> list[int]:
        """The parameters of what was executed since the last look, in order."""
        values = sorted(map(int, self.count.read_text().split()))
        self.count.write_text("")
        return values

    def records(self, event: str) -> list[dict[str, Any]]:
        lines = [line for path in self.path.glob("journal/*.jsonl") for line in path.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if record["event"] == event]


class CalledStudy(Study):
    """A sweep that is called again and again."""

    def call(self, values: Iterable[int], *, resume: Any = True, cmd: Any = COUNTED, **keywords: Any) -> SweepResult:
        env = {**self.env, **keywords.pop("env", {})}
        runs = ({"x": value} for value in values)
        keywords.setdefault("runs", list(runs))
        result = multirun(cmd=cmd, output_path=self.path, env=env, resume=resume, display=False, **keywords)
        check_sweep(self.path, result=result)
        return result

    def let_fail(self, *values: int) -> None:
        """From now on these fail, and no others."""
        shutil.rmtree(self.fail)
        self.fail.mkdir()
        for value in values:
            (self.fail / str(value)).touch()

    def table(self) -> list[dict[str, str]]:
        with open(self.path / "results.csv", newline="") as file:
            return list(csv.DictReader(file))


class CommandedStudy(Study):
    """A sweep on disk with which the command goes on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.gate = folder / "gate"
        self.env["GATE"] = str(self.gate)

    def sweep(self, values: Iterable[int], *, fail: Iterable[int] = (), **keywords: Any) -> SweepResult:
        """What its script did; afterwards nothing fails any more."""
        for value in fail:
            (self.fail / str(value)).touch()
        runs = [{"x": value} for value in values]
        keywords = {"cmd": COUNTED, "env": self.env, "runs": runs, "max_same_failures": None, **keywords}
        result = multirun(output_path=self.path, display=False, **keywords)
        check_sweep(self.path, result=result)
        for value in fail:
            (self.fail / str(value)).unlink()
        self.executed()
        return result

    def begin_and_be_killed(self) -> None:
        """Four of eight runs are cut off, runs 0 to 2 had ended; the script is gone."""
        script = Script(
            self.folder, runs=[{"x": x} for x in range(8)], command=["sh", "-c", GATED], options=f"env={self.env!r}"
        )
        self.path = script.root
        try:
            script.wait_journal('"success"', 3)
            script.wait_ready(7)
            script.kill()
        finally:
            script.dispose()
        wait_until(lambda: script.count('"lost"') == 4, LONG_S)  # before the gate opens
        (self.folder / "script.py").unlink()
        self.executed()
        self.gate.touch()

    def command(self, verb: str, *words: str, code: int = 0, **variables: str) -> Finished:
        """What the command says about it."""
        finished = command(verb, self.path, *words, cwd=self.folder, **variables)
        assert finished.returncode == code, finished.stderr
        check_sweep(self.path)
        return finished

    def load(self) -> SweepResult:
        return SweepResult.load(self.path)

    def statuses(self) -> list[str]:
        return [run.status for run in self.load()]

    def state(self) -> dict[str, tuple[int, int]]:
        """Every file with its size and time."""
        found = {path: path.lstat() for path in self.path.rglob("*")}
        return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def statuses(result: SweepResult) -> list[tuple[int, str]]:
    return [(run.index, run.status) for run in result]
