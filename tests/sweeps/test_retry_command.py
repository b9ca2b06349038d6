"""`multirun retry`: what failed, or the runs that are named, once more."""

from pathlib import Path

import pytest
from tests.sweeps.studies import CommandedStudy


@pytest.fixture
def study(tmp_path: Path) -> CommandedStudy:
    return CommandedStudy(tmp_path)


def test_without_a_run_those_that_failed_are_executed(study: CommandedStudy) -> None:
    study.sweep(range(5), fail=[1, 3])
    finished = study.command("retry")
    assert study.executed() == [1, 3]
    assert "2 ok of 2" in finished.stderr
    assert study.records("reset") == []
    finished = study.command("retry")
    assert "no run of study failed" in finished.stderr
    assert study.executed() == []


def test_what_failed_is_retried_and_what_was_never_started_is_left(study: CommandedStudy) -> None:
    study.sweep(range(4), fail=[0], first_alone=True)
    assert study.statuses() == ["failure", "pending", "pending", "pending"]
    study.command("retry")
    assert study.statuses() == ["success", "pending", "pending", "pending"]
    said = study.command("retry", code=3).stderr
    assert "no run of study failed" in said
    assert "3 runs did not end: multirun resume study" in said
    study.command("resume")
    assert study.executed() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [(["2"], [2]), (["1-2", "4"], [1, 2, 4]), (["0,3"], [0, 3]), (["x=4"], [4]), (["0-3", "x=2"], [2])],
)
def test_named_runs_are_executed_and_no_others(study: CommandedStudy, words: list[str], numbers: list[int]) -> None:
    study.sweep(range(5), fail=[4])
    finished = study.command("retry", *words)
    assert study.executed() == numbers
    assert f"{len(numbers)} ok of {len(numbers)}" in finished.stderr
    assert sorted(record["run"] for record in study.records("reset")) == [n for n in numbers if n != 4]
    assert {record["reason"] for record in study.records("reset")} <= {"retry"}
    assert [run.attempts for run in study.load()] == [1 + (index in numbers) for index in range(5)]
    assert len((study.path / "results.csv").read_text().splitlines()) == 6


def test_what_a_named_run_finds_now_counts_even_if_that_is_a_failure(study: CommandedStudy) -> None:
    study.sweep(range(3))
    (study.fail / "1").touch()
    study.command("retry", "1", code=1)
    assert study.statuses() == ["success", "failure", "success"]
    assert (study.path / "attempts" / "000001-1" / "results.json").exists()
    (study.fail / "1").unlink()
    study.command("resume")
    assert study.executed() == [1, 1]
    assert [run.attempts for run in study.load()] == [1, 3, 1]


def test_of_runs_with_equal_parameters_the_one_that_is_named(study: CommandedStudy) -> None:
    study.sweep([5, 5, 5])
    study.command("retry", "1")
    assert [run.attempts for run in study.load()] == [1, 2, 1]
    study.command("retry", "x=5")
    assert [run.attempts for run in study.load()] == [2, 3, 2]


def test_runs_that_are_not_there(study: CommandedStudy) -> None:
    study.sweep(range(3), fail=[1])
    before = study.state()
    assert "there is no run 3; the runs are 0 to 2" in study.command("retry", "3", code=2).stderr
    assert "no run has x=7" in study.command("retry", "x=7", code=2).stderr
    assert "is no run" in study.command("retry", "first", code=2).stderr
    assert study.state() == before
