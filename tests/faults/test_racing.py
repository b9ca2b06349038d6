"""Several processes want to go on with one sweep at the same moment: one does."""

import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.faults.scripts import evil
from tests.faults.test_lock import Process, count, processes, start
from tests.invariants import check_sweep
from tests.patience import wait_until

__all__ = ["processes"]

_RACER = """
import json, sys
from pathlib import Path
from multirun import LockedError, multirun

folder, name, command = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
(folder / f"ready-{name}").touch()
while not (folder / "go").exists():
    pass  # they all begin at the same moment
try:
    result = multirun(
        runs=[{"x": x} for x in range(3)], cmd=command, output_path=folder / "sweep", resume=True, display=False
    )
    answer = [run.status for run in result]
except LockedError as error:
    answer = str(error)
(folder / f"{name}.tmp").write_text(json.dumps(answer))
(folder / f"{name}.tmp").rename(folder / f"answer-{name}")
"""


def race(stack: ExitStack, folder: Path, contenders: int) -> list[Process]:
    racers = [start(stack, _RACER, folder, name, json.dumps(evil("patient"))) for name in range(contenders)]
    wait_until(lambda: count(folder, "ready-*") == contenders)
    (folder / "go").touch()
    return racers


def starts(sweep: Path) -> int:
    return sum(path.read_text().count('"event":"started"') for path in sweep.glob("journal/*.jsonl"))


def answers(folder: Path) -> list[object]:
    return [json.loads(path.read_text()) for path in folder.glob("answer-*")]


def check_one_wins(folder: Path, contenders: int) -> None:
    """All but one are refused, and that one comes to the end."""
    wait_until(lambda: count(folder, "answer-*") == contenders - 1)
    assert all("Only one process can do so" in str(answer) for answer in answers(folder))
    wait_until(lambda: count(folder, "sweep/runs/*/ready") == 3)
    (folder / "sweep" / "runs" / "go").touch()
    wait_until(lambda: count(folder, "answer-*") == contenders)
    assert ["success"] * 3 in answers(folder)


@pytest.mark.parametrize("contenders", [2, 8])
def test_at_the_birth_of_a_sweep(tmp_path: Path, processes: ExitStack, contenders: int) -> None:
    race(processes, tmp_path, contenders)
    check_one_wins(tmp_path, contenders)
    assert starts(tmp_path / "sweep") == 3
    check_sweep(tmp_path / "sweep")


@pytest.mark.parametrize("contenders", [2, 8])
def test_for_a_sweep_whose_owner_was_killed(tmp_path: Path, processes: ExitStack, contenders: int) -> None:
    (first,) = race(processes, tmp_path, 1)
    wait_until(lambda: count(tmp_path, "sweep/runs/*/ready") == 3)
    first.kill()
    for name in ("go", "ready-0"):
        os.unlink(tmp_path / name)
    race(processes, tmp_path, contenders)
    check_one_wins(tmp_path, contenders)
    assert starts(tmp_path / "sweep") == 6
    check_sweep(tmp_path / "sweep", killed=True)
