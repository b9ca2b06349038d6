"""`multirun resume` and `multirun retry`: a sweep goes on as it is on disk, without its script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.invariants import check_sweep

from multirun import FileResource, SweepResult, multirun
from multirun.cli import main

SCRIPT = 'echo {x} >> "$COUNT"; cat data.txt; test ! -e "$FAIL"'


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep of three runs, of which 1 and 2 have the same parameters; all failed."""
    (tmp_path / "fail").touch()
    (tmp_path / "data.txt").write_text("old")
    env = {"COUNT": str(tmp_path / "count"), "FAIL": str(tmp_path / "fail")}
    multirun(
        runs=[{"x": 0}, {"x": 1}, {"x": 1}], cmd=["sh", "-c", SCRIPT], output_path=tmp_path / "sweep", env=env,
        input_files=[FileResource(tmp_path / "data.txt", "copy")], display=False, timeout=60,
    )  # fmt: skip
    (tmp_path / "count").write_text("")
    (tmp_path / "fail").unlink()
    return tmp_path / "sweep"


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)


def executed(sweep: Path) -> list[str]:
    count = sweep.parent / "count"
    values = sorted(count.read_text().split())
    count.write_text("")
    return values


def attempts(sweep: Path) -> list[int]:
    check_sweep(sweep)
    return [run.attempts for run in SweepResult.load(sweep)]


def test_resume_executes_what_has_not_succeeded_with_the_inputs_that_the_sweep_has(sweep: Path) -> None:
    (sweep.parent / "data.txt").unlink()
    definition = (sweep / "sweep.json").read_text()
    assert command("resume", sweep, "--max-parallel", 2) == 0
    assert executed(sweep) == ["0", "1", "1"]
    assert attempts(sweep) == [2, 2, 2]
    assert {run.stdout.read_text() for run in SweepResult.load(sweep)} == {"old"}
    assert command("resume", sweep) == 0
    assert executed(sweep) == []
    assert (sweep / "sweep.json").read_text() == definition


def test_resume_can_leave_failures_alone(sweep: Path) -> None:
    assert command("resume", sweep, "--unfinished") == 1
    assert executed(sweep) == []


def test_retry_executes_what_failed(sweep: Path) -> None:
    assert command("retry", sweep, 1) == 0
    assert attempts(sweep) == [1, 2, 1]
    assert executed(sweep) == ["1"]
    assert command("retry", sweep) == 0
    assert executed(sweep) == ["0", "1"]
    assert attempts(sweep) == [2, 2, 2]
    assert command("retry", sweep) == 0
    assert executed(sweep) == []


def test_retry_of_a_run_that_succeeded_executes_it_again(sweep: Path) -> None:
    command("resume", sweep)
    executed(sweep)
    assert command("retry", sweep, "x=1") == 0
    assert executed(sweep) == ["1", "1"]
    assert attempts(sweep) == [2, 3, 3]
    (sweep.parent / "fail").touch()
    assert command("retry", sweep, 2) == 1
    assert attempts(sweep) == [2, 3, 4]
    assert [run.status for run in SweepResult.load(sweep)] == ["success", "success", "failure"]
    rows = (sweep / "results.csv").read_text().splitlines()
    assert [row.split(",")[2] for row in rows[1:]] == ["success", "success", "failure"]


def test_a_plan_that_was_not_closed_stays_open(sweep: Path) -> None:
    plan = sweep / "plan.jsonl"
    plan.write_bytes(b"".join(plan.read_bytes().splitlines(keepends=True)[:-1]))
    before = plan.read_bytes()
    command("resume", sweep)
    assert plan.read_bytes() == before


def test_as_a_command(sweep: Path) -> None:
    def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        words = (sys.executable, "-m", "multirun", *words)
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)

    done = call(sweep.parent, "resume")
    assert (done.returncode, done.stdout) == (0, "")
    assert "3 ok of 3" in done.stderr
    done = call(sweep.parent, "retry", "sweep", "9")
    assert (done.returncode, done.stderr) == (2, "multirun: there is no run 9; the runs are 0 to 2\n")
    assert json.loads(call(sweep, "status", "--json").stdout)["counts"]["success"] == 3
