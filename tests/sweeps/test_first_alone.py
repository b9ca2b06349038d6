"""One run before all others: if it fails, nothing else is started."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.sweeps.commands import command
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import ParallelLocalRunner, Run, RunsFailedError, multirun
from multirun.snapshot import take_snapshot

LINE = "the first run failed, so no other run was started"


def scripts(first: str, others: int = 4) -> list[dict[str, str]]:
    return [{"script": first}, *[{"script": "true"}] * others]


def test_the_others_wait_for_the_first(sweep_dir: Path, gates: Gates) -> None:
    seen: list[list[str]] = []
    runner = ParallelLocalRunner(max_parallel=3)

    def look(run: Run) -> None:
        if run.index == 0:
            seen.append([each.status for each in runner.runs])

    gates.open_all()
    result = run_sweep(
        sweep_dir, [{"gate": n} for n in range(6)], gates.command(), first_alone=True, on_result=look, runner=runner
    )
    assert seen == [["success", *["pending"] * 5]]
    assert not result.failed
    assert (result[0].path / "overlap").read_text().strip() == "1"


def test_a_first_that_fails_leaves_the_others_pending(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, scripts("exit 3"), SCRIPTED, first_alone=True)
    assert [run.status for run in result] == ["failure", *["pending"] * 4]
    assert [run.index for run in result.failed] == [0]
    assert sorted(path.name for path in (sweep_dir / "runs").iterdir()) == ["000000"]
    counts = result.statistics
    assert (counts.failure_count, counts.pending_count, counts.total_known) == (1, 4, True)


def test_a_program_that_is_not_there_fails_once(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"p": f"none-{n}"} for n in range(3)], ["{p}"], first_alone=True)
    assert [run.reason for run in result] == ["exec-failed", None, None]


def test_a_generator_is_not_pulled_again(sweep_dir: Path) -> None:
    pulled: list[int] = []

    def runs() -> Iterator[dict[str, str]]:
        for n, params in enumerate(scripts("exit 3")):
            pulled.append(n)
            yield params

    result = run_sweep(sweep_dir, runs(), SCRIPTED, first_alone=True)
    assert [run.status for run in result] == ["failure"]
    assert pulled == [0]
    assert not result.statistics.total_known


def test_a_generator_goes_on_after_a_success(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, iter(scripts("true")), SCRIPTED, first_alone=True)
    assert [run.status for run in result] == ["success"] * 5


def test_a_later_failure_stops_nothing(sweep_dir: Path) -> None:
    runs = [{"script": script} for script in ("true", "false", "true")]
    result = run_sweep(sweep_dir, runs, SCRIPTED, first_alone=True)
    assert [run.status for run in result] == ["success", "failure", "success"]


@pytest.mark.parametrize("first", ["true", "false"])
def test_a_first_that_is_the_only_one(sweep_dir: Path, first: str) -> None:
    result = run_sweep(sweep_dir, scripts(first, 0), SCRIPTED, first_alone=True)
    assert result.statistics.complete_count == 1
    assert take_snapshot(str(sweep_dir)).stopped is None


def test_no_runs(sweep_dir: Path) -> None:
    assert len(run_sweep(sweep_dir, [], SCRIPTED, first_alone=True)) == 0


def test_cancelling_the_first_stops_there(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner()
    cancelled: list[int] = []

    def started(run: Run | None) -> None:
        if run is not None and run.status == "running" and run.task is not None:
            cancelled.append(run.index)
            run.task.cancel()

    runner.ledger.listeners.append(started)
    result = run_sweep(
        sweep_dir, [{"gate": n} for n in range(3)], gates.command(), first_alone=True, runner=runner, grace=0.1
    )
    assert cancelled == [0]
    assert [(run.status, run.reason) for run in result] == [("failure", "cancelled"), *[("pending", None)] * 2]


def test_everybody_says_so(sweep_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunsFailedError, match=LINE) as failed:
        multirun(runs=scripts("exit 3"), cmd=SCRIPTED, output_path=sweep_dir, first_alone=True, check=True)
    check_sweep(sweep_dir, result=failed.value.result)
    shown = capsys.readouterr().err
    assert f"multirun: {LINE}\n" in shown
    assert "1 failed, 4 waiting of 5" in shown
    status = command("status", sweep_dir)
    assert f"1 failed, 4 waiting of 5, {LINE}" in status.stdout
    assert status.returncode == 3
    assert json.loads(command("status", "--json", sweep_dir).stdout)["stopped"] == "first-failed"


def test_a_runner_goes_on_with_the_next_sweep(sweep_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner = ParallelLocalRunner()
    run_sweep(sweep_dir / "a", scripts("false"), SCRIPTED, first_alone=True, runner=runner)
    result = multirun(runs=scripts("true"), cmd=SCRIPTED, output_path=sweep_dir / "b", runner=runner)
    assert [run.status for run in result] == ["success"] * 5
    shown = capsys.readouterr().err
    assert LINE not in shown
    assert "5 ok of 5" in shown
