"""`multirun resume`: the real command, on sweeps whose script is gone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.sweeps.commands import command
from tests.sweeps.studies import CommandedStudy
from tests.sweeps.sweeping import POST_PARAMS

from multirun import FileResource, OutputExistsError, ParallelLocalRunner, Template
from multirun.breaker import MAX_SAME_FAILURES


@pytest.fixture
def study(tmp_path: Path) -> CommandedStudy:
    return CommandedStudy(tmp_path)


def test_a_killed_sweep_goes_on_without_its_script(killed: CommandedStudy) -> None:
    begun = sorted(path.parent.name for path in killed.path.glob("runs/*/ready") if int(path.parent.name) > 2)
    finished = killed.command("resume")
    assert killed.executed() == [3, 4, 5, 6, 7]
    assert "5 ok, 3 skipped of 8" in finished.stderr
    assert killed.load().results == [{"y": x} for x in range(8)]
    assert set(killed.statuses()) == {"success"}
    assert sorted(path.name for path in (killed.path / "attempts").iterdir()) == [f"{name}-1" for name in begun]
    assert len(begun) == 4
    assert len((killed.path / "results.csv").read_text().splitlines()) == 9


def test_a_finished_sweep_is_not_executed_again(study: CommandedStudy) -> None:
    study.sweep(range(4))
    assert "4 skipped of 4" in study.command("resume").stderr
    assert study.executed() == []
    assert study.load().results == [{"y": x} for x in range(4)]


def test_what_failed_is_executed_again_unless_only_unfinished_runs_are_wanted(study: CommandedStudy) -> None:
    study.sweep(range(5), fail=[1, 3])
    study.command("resume", "--unfinished", code=1)
    assert study.executed() == []
    (study.fail / "3").touch()
    study.command("resume", code=1)
    assert study.executed() == [1, 3]
    assert study.statuses() == ["success", "success", "success", "failure", "success"]
    assert [run.attempts for run in study.load()] == [1, 2, 1, 2, 1]
    assert study.load().run(3).results == {"y": 3}


def test_inputs_come_from_the_sweep_whatever_became_of_the_originals(study: CommandedStudy) -> None:
    data, shared, deck = (study.folder / name for name in ("data.txt", "shared.txt", "deck.sp"))
    data.write_text("data\n")
    shared.write_text("shared\n")
    deck.write_text("x is {{ x }}\n")
    script = 'cat data.txt shared.txt deck.sp -; test -e "$GATE"'
    inputs = [FileResource(data, "copy"), shared, Template(deck)]
    study.sweep([7], cmd=["sh", "-c", script], input_files=inputs, stdin=shared)
    shared.unlink()
    data.write_text("other\n")
    study.gate.touch()
    finished = study.command("resume")
    assert study.load()[0].stdout.read_text() == "data\nshared\nx is 7\nshared\n"
    assert "edited since the sweep started: 'data.txt'" in finished.stderr
    assert "accept_changes=True" in finished.stderr
    assert "shared.txt" not in finished.stderr


def test_the_inputs_that_were_accepted_last_count(study: CommandedStudy) -> None:
    data = study.folder / "data.txt"
    for content in ("first\n", "second\n"):
        data.write_text(content)
        study.sweep([1], cmd=["sh", "-c", "cat data.txt; test -e $GATE"], input_files=[data], resume=True,
                    accept_changes=True)  # fmt: skip
    data.unlink()
    study.gate.touch()
    study.command("resume")
    assert study.load()[0].stdout.read_text() == "second\n"


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_linked_input_that_changed_is_refused_before_anything_starts(study: CommandedStudy, change: str) -> None:
    data = study.folder / "data.txt"
    data.write_text("data\n")
    study.sweep([1, 2], fail=[2], input_files=[FileResource(data, "link")])
    data.unlink() if change == "gone" else data.write_text("other data\n")
    before = study.state()
    for words in (("resume",), ("retry", "1"), ("resume", "--dry-run")):
        finished = study.command(*words, code=2)
        assert f"'data.txt' (a link to {data})" in finished.stderr
        assert "accept_changes=True" in finished.stderr
    assert f"'data.txt' (a link to {data})" in study.command("explain", code=0).stderr
    assert study.executed() == []
    assert study.state() == before


def test_parameters_environment_rules_and_options_are_those_of_the_sweep(study: CommandedStudy) -> None:
    params = {"t": (1, 2.5), "path": Path("/a b"), "z": 1 + 2j, "none": None, "nan": float("nan"), "text": "é\n{t}"}
    study.sweep([], runs=[params], cmd=POST_PARAMS, required_results=True, timeout=50)
    study.command("retry", "0")
    result = study.load()[0]
    assert repr(result.results) == repr(params) == repr(result.params)
    assert json.loads((study.path / "sweep.json").read_text())["options"]["timeout_s"] == 50


def test_as_many_at_once_as_before_or_as_somebody_says(study: CommandedStudy) -> None:
    together = 'touch "$FAIL/{x}"; until test $(ls "$FAIL" | wc -l) -ge {n} || test ! -e "$GATE"; do sleep 0.01; done'
    runs = [{"x": x, "n": 6} for x in range(6)]
    study.sweep([], runs=runs, cmd=["sh", "-c", together], runner=ParallelLocalRunner(max_parallel=6))
    study.gate.touch()
    for words in ((), ("-j", "7")):  # with the usual four they would wait for each other for ever
        shutil.rmtree(study.fail)
        study.fail.mkdir()
        study.command("retry", "0-5", *words)
    study.command("retry", "3", "--max-parallel=0", code=2)


def test_a_time_limit_may_change(study: CommandedStudy) -> None:
    study.sweep([1], cmd=["sh", "-c", "test ! -e $GATE || sleep 60"])
    study.gate.touch()
    study.command("retry", "0", "--timeout", "0.2", code=1)
    assert study.load()[0].reason == "timeout"
    assert "no duration" in study.command("retry", "0", "--timeout", "soon", code=2).stderr


def test_further_attempts_and_a_limit_of_failures(study: CommandedStudy) -> None:
    study.sweep(range(4), cmd=["sh", "-c", "echo {x} >>$COUNT; test $MULTIRUN_ATTEMPT -ge 3"])
    study.command("retry", "0", "--retries", "1")
    assert study.executed() == [0, 0]
    said = study.command("resume", "--max-failures", "1", "-j", "1", code=3)
    assert "as many runs failed as max_failures allows" in said.stderr
    assert f"or type: multirun resume {study.path}" in said.stderr
    assert study.executed() == [1]
    assert [run.attempts for run in study.load()] == [3, 2, 1, 1]


def test_when_the_first_runs_all_fail_alike_it_stops(study: CommandedStudy) -> None:
    study.sweep(range(MAX_SAME_FAILURES + 15), cmd=["sh", "-c", "echo {x} >>$COUNT; exit 3"])
    said = study.command("resume", "-j", "1", code=3)
    assert "the first runs all failed at once and alike" in said.stderr
    assert study.executed() == list(range(MAX_SAME_FAILURES))


def test_what_was_skipped_stays_so_unless_it_is_named(study: CommandedStudy) -> None:
    study.sweep(range(4), fail=[0], skip_if=lambda params, path: "done elsewhere" if params["x"] in (1, 2) else None)
    told = "keep     runs 1-2: skipped before: done elsewhere; only the script of the sweep can ask again"
    assert told in study.command("explain").stdout.splitlines()
    study.command("resume")
    assert study.executed() == [0]
    assert study.statuses() == ["success", "skipped", "skipped", "success"]
    study.command("retry", "1")
    assert study.executed() == [1]
    study.command("resume")
    assert study.executed() == []
    assert study.statuses() == ["success", "success", "skipped", "success"]


def test_of_a_generator_that_was_cut_off_only_the_script_knows_the_rest(study: CommandedStudy) -> None:
    def values() -> Iterator[dict[str, int]]:
        yield from ({"x": x} for x in range(3))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        study.sweep([], runs=values(), runner=ParallelLocalRunner(max_parallel=1))
    (study.path / "results.csv").unlink()
    finished = study.command("resume", code=3)
    assert "before it had named all runs: for the rest, call it again with resume=True" in finished.stderr
    assert set(study.statuses()) == {"success"}
    assert '"end"' not in (study.path / "plan.jsonl").read_text()
    study.command("retry", "1")
    assert "named all runs" not in study.command("explain", "1").stderr
    assert "named all runs" in study.command("explain").stderr
    study.executed()
    result = study.sweep(range(5), resume=True)
    assert [run.status for run in result] == ["skipped", "skipped", "skipped", "success", "success"]
    study.command("resume")


def test_the_sweep_that_is_meant_is_found_and_may_have_moved(study: CommandedStudy) -> None:
    study.sweep(range(3), fail=[1])
    moved = study.folder / "else where" / "-study"
    moved.parent.mkdir()
    study.path = study.path.rename(moved)
    for here, words in ((moved.parent, ()), (moved / "runs" / "000001", ()), (moved, (".",))):
        (study.fail / "1").touch()
        assert command("resume", *words, cwd=here).returncode == 1
    assert study.executed() == [1, 1, 1]
    check_sweep(moved)


def test_what_cannot_go_on(study: CommandedStudy) -> None:
    study.sweep([1])
    assert f"did you mean {study.path}?" in command("resume", study.folder / "stud").stderr
    for verb in ("resume", "retry", "explain"):
        finished = command(verb, study.folder / "nothing")
        assert (finished.returncode, finished.stdout) == (2, "")
        assert "is no sweep" in finished.stderr


def test_a_program_that_is_gone_is_told_before_anything_starts(study: CommandedStudy) -> None:
    program = study.folder / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    study.sweep([1], cmd=[program])
    program.unlink()
    before = study.state()
    assert f"command not found: there is no {str(program)!r}" in study.command("resume", code=2).stderr
    assert study.state() == before


def test_a_damaged_journal(study: CommandedStudy) -> None:
    study.sweep(range(3), fail=[1])
    path = next(path for path in study.path.glob("journal/*.jsonl") if b"started" in path.read_bytes())
    path.write_bytes(path.read_bytes().replace(b"started", b"starred", 1))
    for verb in ("resume", "retry", "explain"):
        finished = command(verb, study.path)
        assert finished.returncode == 74, finished.stderr
        assert str(path) in finished.stderr
    assert study.executed() == []


def test_a_sweep_that_was_stopped_is_told_how_to_go_on(study: CommandedStudy) -> None:
    study.sweep(range(4), fail=[0], first_alone=True)
    assert study.command("status", code=3).stdout.splitlines()[-1] == "to go on: multirun resume study"
    with pytest.raises(OutputExistsError, match=f"resume=True or multirun resume {study.path}, "):
        study.sweep(range(4))
    study.command("resume")
    assert "to go on" not in study.command("status").stdout
