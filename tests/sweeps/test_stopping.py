"""Failures that are reason enough to start nothing more."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.sweeps.commands import command
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import ParallelLocalRunner, Run, RunsFailedError, SweepResult, multirun
from multirun.snapshot import take_snapshot

ALIKE = "the first runs all failed at once and alike, so no other run was started"
TOO_MANY = "as many runs failed as max_failures allows, so no other run was started"


def failing(count: int, script: str = "echo no licence >&2; exit 3") -> list[dict[str, Any]]:
    return [{"script": script, "n": n} for n in range(count)]


def one_by_one() -> dict[str, Any]:
    return {"runner": ParallelLocalRunner(max_parallel=1)}


# --------------------------------------------------------------------------------------------- max_failures


def test_so_many_failures_and_no_more(sweep_dir: Path) -> None:
    """Exactly so many if runs take longer than those that are sent ahead."""
    runs = [{"script": f"sleep 0.06; {script}"} for script in ("true", "exit 1", "true", "exit 2", "true", "true")]
    result = run_sweep(sweep_dir, runs, SCRIPTED, max_failures=2, **one_by_one())
    assert [run.status for run in result] == ["success", "failure", "success", "failure", "pending", "pending"]
    assert result.stopped == "max-failures"
    assert take_snapshot(str(sweep_dir)).stopped == "max-failures"
    assert SweepResult.load(sweep_dir).stopped == "max-failures"


def test_runs_that_are_alive_are_let_end(sweep_dir: Path, tmp_path: Path) -> None:
    """The second run fails while the first is held; nothing else begins, and the first ends well."""
    os.mkfifo(tmp_path / "gate")
    gate = os.open(tmp_path / "gate", os.O_RDWR)
    ended: list[int] = []

    def look(run: Run) -> None:
        ended.append(run.index)
        os.write(gate, b"go on\n")

    runs = [{"script": script} for script in (f"read line < {tmp_path}/gate", "exit 1", "true", "true")]
    runner = ParallelLocalRunner(max_parallel=2)
    result = run_sweep(sweep_dir, runs, SCRIPTED, max_failures=1, runner=runner, on_result=look)
    os.close(gate)
    assert ended == [1, 0]
    assert [run.status for run in result] == ["success", "failure", "pending", "pending"]


def test_a_limit_that_is_reached_with_the_last_run_stops_nothing(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, failing(2), SCRIPTED, max_failures=2)
    assert result.statistics.complete_count == 2
    assert result.stopped is None
    assert take_snapshot(str(sweep_dir)).stopped is None


def test_further_attempts_count_once(sweep_dir: Path) -> None:
    script = "test $MULTIRUN_ATTEMPT = 2"
    result = run_sweep(
        sweep_dir, failing(3, script), SCRIPTED, max_failures=1, retries=1, retry_delay=0, **one_by_one()
    )
    assert [run.status for run in result] == ["success"] * 3


def test_a_stop_ends_the_waiting_for_another_attempt(sweep_dir: Path) -> None:
    """Run 0 would wait for ten minutes; run 1 fails for good and stops everything: run 0 stays as it failed."""
    runs = [{"script": "exit 75"}, {"script": "sleep 0.3; exit 1"}, {"script": "true"}]
    result = run_sweep(
        sweep_dir,
        runs,
        SCRIPTED,
        max_failures=1,
        retries=1,
        retry_if=["exit:75"],
        retry_delay="10m",
        runner=ParallelLocalRunner(max_parallel=2),
    )
    assert [run.reason for run in result][:2] == ["exit:75", "exit:1"]
    assert result.stopped == "max-failures"


def test_a_generator_is_not_pulled_again(sweep_dir: Path) -> None:
    pulled: list[int] = []

    def runs() -> Iterator[dict[str, Any]]:
        for params in failing(50):
            pulled.append(params["n"])
            yield params

    result = run_sweep(sweep_dir, runs(), SCRIPTED, max_failures=2, **one_by_one())
    assert len(pulled) <= 4
    assert len(result) == len(pulled)
    assert result.statistics.failure_count == 2


# -------------------------------------------------------------------------------------------- first failures


def test_the_first_that_fail_alike_are_enough(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, failing(30), SCRIPTED, **one_by_one())
    assert result.statistics.failure_count == 20
    assert result.statistics.pending_count == 10
    assert result.stopped == "same-failures"


@pytest.mark.parametrize(
    "first",
    ["true", "exit 4", "echo other words >&2; exit 3", "sleep 2.1; echo no licence >&2; exit 3"],
    ids=["well", "other code", "other words", "slow"],
)
def test_one_that_ends_otherwise_lets_the_sweep_go_on(sweep_dir: Path, first: str) -> None:
    runs = [{"script": first}, *failing(7)]
    result = run_sweep(sweep_dir, runs, SCRIPTED, max_same_failures=5, **one_by_one())
    assert result.statistics.complete_count == 8


def test_nobody_has_to_have_it(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, failing(24), SCRIPTED, max_same_failures=None)
    assert result.statistics.failure_count == 24


def test_a_sweep_of_so_many_runs_comes_to_its_end(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, failing(20), SCRIPTED)
    assert (result.statistics.failure_count, result.stopped) == (20, None)


def test_a_program_that_is_not_there_stops_it(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"p": f"none-{n}"} for n in range(9)], ["{p}"], max_same_failures=5, **one_by_one())
    assert [run.reason for run in result] == [*["exec-failed"] * 5, *[None] * 4]


# -------------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize(("given", "line"), [({"max_same_failures": 5}, ALIKE), ({"max_failures": 2}, TOO_MANY)])
def test_everybody_says_so(
    sweep_dir: Path, capsys: pytest.CaptureFixture[str], given: dict[str, Any], line: str
) -> None:
    runner = ParallelLocalRunner(max_parallel=1)
    with pytest.raises(RunsFailedError, match=line) as failed:
        multirun(runs=failing(20), cmd=SCRIPTED, output_path=sweep_dir, check=True, runner=runner, **given)
    check_sweep(sweep_dir, result=failed.value.result)
    shown = capsys.readouterr().err
    assert f"multirun: {line}; " in shown
    assert "resume=True" in shown
    assert shown.count("it last wrote: no licence") == 1, "one log is enough"
    status = command("status", sweep_dir)
    assert line in status.stdout
    assert status.returncode == 3
    assert json.loads(command("status", "--json", sweep_dir).stdout)["stopped"] == failed.value.result.stopped
