"""A sweep that goes on: what was done stays done, what was not is done now, and nothing is mixed."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.sweeps.studies import COUNTED, CalledStudy, statuses
from tests.sweeps.sweeping import PYTHON, files_below

from multirun import FileResource, LockedError, ParallelLocalRunner, Run, SweepResult, multirun, multirunAsync
from multirun.testing import Scene, ScriptedRunner


@pytest.fixture
def study(tmp_path: Path) -> CalledStudy:
    return CalledStudy(tmp_path)


def test_where_there_is_no_sweep_a_new_one_begins(study: CalledStudy) -> None:
    assert statuses(study.call([1, 2])) == [(0, "success"), (1, "success")]


def test_of_a_finished_sweep_nothing_is_executed_and_all_results_are_there(study: CalledStudy) -> None:
    study.call(range(6), resume=False)
    study.executed()
    before = study.table()
    result = study.call(range(6))
    assert study.executed() == []
    assert statuses(result) == [(index, "skipped") for index in range(6)]
    assert result.results == [{"y": value} for value in range(6)]
    assert (result.statistics.skipped_count, result.statistics.complete_count) == (6, 6)
    assert [run.attempts for run in result] == [1] * 6
    assert all(run.duration_s for run in result)
    assert study.table() == before
    assert {run.status for run in SweepResult.load(study.path)} == {"success"}
    assert [row["status"] for row in result.to_pandas().to_dict("records")] == ["success"] * 6


def test_what_failed_is_executed_again_in_a_fresh_directory(study: CalledStudy) -> None:
    study.let_fail(1, 2)
    assert [run.reason for run in study.call(range(4), resume=False)] == [None, "exit:1", "exit:1", None]
    study.executed()
    study.let_fail(2)
    result = study.call(range(4))
    assert study.executed() == [1, 2]
    assert statuses(result) == [(0, "skipped"), (1, "success"), (2, "failure"), (3, "skipped")]
    assert [run.attempts for run in result] == [1, 2, 2, 1]
    assert result.results == [{"y": value} for value in range(4)]
    assert files_below(study.path / "attempts")[0] == "000001-1"
    assert (study.path / "attempts" / "000001-1" / "results.json").exists()
    assert [run.status for run in study.call(range(4))] == ["skipped", "skipped", "failure", "skipped"]
    assert study.executed() == [2]
    assert (study.path / "attempts" / "000002-2").is_dir()


def test_recorded_failures_stay_where_only_unfinished_runs_are_wanted(study: CalledStudy) -> None:
    study.let_fail(1)
    study.call(range(3), resume=False)
    study.executed()
    study.let_fail()
    result = study.call(range(5), resume="unfinished")
    assert study.executed() == [3, 4]
    assert [run.status for run in result] == ["skipped", "failure", "skipped", "success", "success"]
    assert (result[1].reason, result[1].exit_code, result[1].attempts) == ("exit:1", 1, 1)
    assert result.failed == [result[1]]


def test_neither_reordering_nor_extending_repeats_or_loses_anything(study: CalledStudy) -> None:
    study.call([0, 1, 2], resume=False)
    study.executed()
    result = study.call([9, 2, 7, 0])
    assert study.executed() == [7, 9]
    assert statuses(result) == [(3, "success"), (2, "skipped"), (4, "success"), (0, "skipped")]
    assert result.results == [{"y": 9}, {"y": 2}, {"y": 7}, {"y": 0}]
    assert [run.path.name for run in result] == ["000003", "000002", "000004", "000000"]
    assert result.run(3).params == {"x": 9}
    assert [(row["index"], row["x"]) for row in study.table()] == list(zip("01234", "01297", strict=True))
    assert len(study.call([1, 7, 9, 2, 0])) == 5
    assert study.executed() == []


def test_runs_that_a_call_does_not_list_stay_as_they_are(study: CalledStudy) -> None:
    study.let_fail(2)
    study.call([0, 1, 2], resume=False)
    study.executed()
    result = study.call([1])
    assert (len(result), result.statistics.total_count) == (1, 1)
    assert study.executed() == []
    assert [row["status"] for row in study.table()] == ["success", "success", "failure"]


def test_equal_parameters_are_told_apart_by_their_repetition(study: CalledStudy) -> None:
    study.call([5, 5, 1], resume=False)
    study.executed()
    assert statuses(study.call([5, 1, 5, 5, 5])) == [
        (0, "skipped"), (2, "skipped"), (1, "skipped"), (3, "success"), (4, "success"),
    ]  # fmt: skip
    assert study.executed() == [5, 5]
    plan = [json.loads(line) for line in (study.path / "plan.jsonl").read_text().splitlines()[1:]]
    assert [line["repetition"] for line in plan if "run" in line] == [0, 1, 0, 2, 3]
    study.call([5])
    assert study.executed() == []


def test_equal_values_of_other_types_are_other_parameters(study: CalledStudy) -> None:
    study.call([], resume=False, runs=[{"x": 1}, {"x": True}], cmd=["true"])
    result = study.call([], runs=[{"x": 1.0}, {"x": True}, {"x": 1}], cmd=["true"])
    assert statuses(result) == [(2, "success"), (1, "skipped"), (0, "skipped")]


def test_a_generator_is_pulled_as_runs_can_start_and_matched_as_it_comes(study: CalledStudy) -> None:
    study.call(range(40), resume=False)
    study.executed()
    pulled: list[int] = []

    def maps() -> Iterator[dict[str, int]]:
        for value in range(60):
            pulled.append(value)
            yield {"x": value}

    furthest: list[int] = []
    result = study.call(
        [], runs=maps(), runner=ParallelLocalRunner(max_parallel=2), on_result=lambda run: furthest.append(len(pulled))
    )
    assert study.executed() == list(range(40, 60))
    assert [run.index for run in result] == list(range(60))
    assert furthest[0] <= 45
    assert result.statistics.skipped_count == 40
    assert json.loads((study.path / "plan.jsonl").read_text().splitlines()[-1]) == {"end": True, "count": 60}


def test_on_result_is_called_for_what_is_executed(study: CalledStudy) -> None:
    study.call([0, 1], resume=False)
    told: list[int] = []
    study.call([0, 1, 2], on_result=lambda run: told.append(run.index))
    assert told == [2]


async def test_inside_an_application(study: CalledStudy) -> None:
    for expected in ("success", "skipped"):
        result = await multirunAsync(runs=[{"x": 1}], cmd=COUNTED, env=study.env, output_path=study.path, resume=True)
        check_sweep(study.path, result=result)
        assert [run.status for run in result] == [expected]


def test_one_runner_may_serve_a_sweep_again_while_it_serves_another(study: CalledStudy, tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    gate = tmp_path / "gate"

    async def main() -> list[SweepResult]:
        import asyncio

        other = asyncio.create_task(
            multirunAsync(
                runs=[{}],
                cmd=["sh", "-c", f"until test -e {gate}; do sleep 0.01; done"],
                runner=runner,
                output_path=tmp_path / "other",
            )
        )
        results = []
        study.let_fail(1)
        for _ in range(3):
            results.append(
                await multirunAsync(
                    runs=[{"x": 0}, {"x": 1}],
                    cmd=COUNTED,
                    env=study.env,
                    output_path=study.path,
                    resume=True,
                    runner=runner,
                )
            )
            check_sweep(study.path, result=results[-1])
        gate.touch()
        assert (await other)[0].status == "success"
        return results

    import asyncio

    results = asyncio.run(main())
    assert [[run.attempts for run in result] for result in results] == [[1, 1], [1, 2], [1, 3]]
    check_sweep(tmp_path / "other")


def test_large_and_pickled_results_of_an_earlier_call(study: CalledStudy) -> None:
    code = (
        "import collections, multirun; multirun.postRunResults({1: collections.Counter('aab'), 2: list(range(3000))})"
    )
    for _ in range(2):
        result = study.call([], runs=[{"code": code}], cmd=PYTHON)
        assert result[0].results[2][-1] == 2999
        assert result[0].results[1] == {"a": 2, "b": 1}


def test_results_of_the_latest_attempt_count(study: CalledStudy) -> None:
    text = '$(head -c 1000 /dev/zero | tr "\\0" x)'  # more than what is kept in memory
    post = f'echo "{{\\"attempt\\": $MULTIRUN_ATTEMPT, \\"text\\": \\"{text}\\"}}" > $MULTIRUN_RESULTS'
    script = f"{post}; test $MULTIRUN_ATTEMPT -ge {{n}}"
    for attempt in (1, 2, 3, 3):
        result = study.call([], runs=[{"n": 3}], cmd=["sh", "-c", script])
        assert result[0].results["attempt"] == attempt
        assert study.table()[0]["attempt"] == str(attempt)
        assert SweepResult.load(study.path)[0].results["attempt"] == attempt


def test_a_directory_that_is_kept_holds_what_the_program_saved(study: CalledStudy) -> None:
    data = study.folder / "data.txt"
    data.write_text("0\n")
    script = "cat data.txt; echo again >> data.txt; echo y >> state; wc -l < state > $MULTIRUN_RESULTS; exit {x}"
    cmd = ["sh", "-c", script]
    keywords: dict[str, Any] = {
        "cmd": cmd, "keep_directory": True,
        "input_files": [FileResource(data, "copy"), FileResource(data, "shared", "s/d")],
    }  # fmt: skip
    for attempt in (1, 2, 3):
        result = study.call([1], **keywords)
        assert (result[0].results, result[0].attempts) == (attempt, attempt)
        assert (result[0].path / "data.txt").read_text() == "0\n" + attempt * "again\n"
        assert result[0].stdout.read_text() == "0\n" + (attempt - 1) * "again\n"
    kept = study.path / "attempts" / "000000-2"
    assert sorted(path.name for path in kept.iterdir()) == ["results.json", "stderr.log", "stdout.log"]
    result = SweepResult.load(study.path)
    (result[0].path / "data.txt").unlink()
    assert study.call([1], **keywords)[0].stdout.read_text() == "0\n"
    data.write_text("new\n")
    result = study.call([1], accept_changes=True, **keywords)
    assert (result[0].results, result[0].stdout.read_text()) == (1, "new\n")
    assert (result[0].path / "s" / "d").read_text() == "new\n"
    assert (study.path / "attempts" / "000000-4" / "state").exists()


def test_after_a_success_the_first_run_need_not_succeed_alone(study: CalledStudy) -> None:
    study.let_fail(0)
    result = study.call([0, 1], first_alone=True, resume=False)
    assert [run.status for run in result] == ["failure", "pending"]
    study.let_fail(1)
    result = study.call([0, 1], first_alone=True)
    assert [run.status for run in result] == ["success", "failure"]
    result = study.call([1, 2], first_alone=True)
    assert [run.status for run in result] == ["failure", "success"]


def test_runs_that_were_not_reached_are_what_they_were(study: CalledStudy) -> None:
    study.let_fail(0, 1, 2)
    study.call([0, 1, 2], resume=False)
    result = study.call([0, 1, 2, 3], first_alone=True)
    assert [(run.status, run.attempts) for run in result] == [
        ("failure", 2), ("failure", 1), ("failure", 1), ("pending", 0),
    ]  # fmt: skip
    assert result[1].reason == "exit:1"


def test_a_run_cancelled_before_its_second_start_is_what_it_was(study: CalledStudy) -> None:
    study.let_fail(0, 1)
    study.call([0, 1], resume=False)

    def cancel_other(run: Run) -> None:
        for other in runner.runs[-2:]:
            if other is not run and other.task is not None:
                other.task.cancel()

    runner = ScriptedRunner(lambda params: Scene(exit_code=4), max_parallel=1)
    result = study.call([0, 1], runner=runner, on_result=cancel_other)
    assert {run.reason for run in result} <= {"exit:4", "exit:1", "cancelled"}


def test_of_two_calls_at_once_one_is_refused_or_comes_too_late(study: CalledStudy) -> None:
    study.let_fail(0)
    study.call([0], resume=False)
    study.let_fail()
    study.executed()
    outcomes: list[object] = []

    def call() -> None:
        try:
            outcomes.append(multirun(runs=[{"x": 0}], cmd=COUNTED, env=study.env, output_path=study.path, resume=True))
        except LockedError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(isinstance(outcome, SweepResult) for outcome in outcomes)
    assert study.executed() == [0]
    check_sweep(study.path)


def test_failures_are_compared_with_what_succeeded_before(
    study: CalledStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    study.let_fail(5, 6, 7)
    study.call(range(8), resume=False)
    multirun(runs=[{"x": x} for x in range(8)], cmd=COUNTED, env=study.env, output_path=study.path, resume=True)
    assert "only with x ≥ 5; every ok run has x ≤ 4" in capsys.readouterr().err
