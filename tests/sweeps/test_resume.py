"""A sweep that goes on: what was done stays done, what was not is done now, and nothing is mixed."""

import csv
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.sweeps.sweeping import PYTHON, files_below

from multirun import (
    ConfigurationError,
    Decision,
    DefinitionChangedError,
    FileResource,
    FormatError,
    LockedError,
    OutputExistsError,
    ParallelLocalRunner,
    Run,
    SweepResult,
    Template,
    explain_resume,
    multirun,
    multirunAsync,
)
from multirun.testing import Scene, ScriptedRunner

COUNTED = [
    "sh",
    "-c",
    """echo "{x}" >> "$COUNT"; echo "{\\"y\\": {x}}" > "$MULTIRUN_RESULTS"; test ! -e "$FAIL/{x}" """,
]
"""Notes that it was executed, posts its parameter, and fails if a file tells it to."""


class Study:
    """A sweep that is called again and again, in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "study"
        self.folder = folder
        self.count, self.fail = folder / "count", folder / "fail"
        self.count.touch()
        self.fail.mkdir()
        self.env = {"COUNT": str(self.count), "FAIL": str(self.fail)}

    def call(self, values: Iterable[int], *, resume: Any = True, cmd: Any = COUNTED, **keywords: Any) -> SweepResult:
        env = {**self.env, **keywords.pop("env", {})}
        runs = ({"x": value} for value in values)
        keywords.setdefault("runs", list(runs))
        result = multirun(cmd=cmd, output_path=self.path, env=env, resume=resume, display=False, **keywords)
        check_sweep(self.path, result=result)
        return result

    def executed(self) -> list[int]:
        """The parameters of what was executed since the last look, in order."""
        values = sorted(map(int, self.count.read_text().split()))
        self.count.write_text("")
        return values

    def let_fail(self, *values: int) -> None:
        """From now on these fail, and no others."""
        shutil.rmtree(self.fail)
        self.fail.mkdir()
        for value in values:
            (self.fail / str(value)).touch()

    def table(self) -> list[dict[str, str]]:
        with open(self.path / "results.csv", newline="") as file:
            return list(csv.DictReader(file))

    def records(self, event: str) -> list[dict[str, Any]]:
        lines = [line for path in self.path.glob("journal/*.jsonl") for line in path.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if record["event"] == event]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def statuses(result: SweepResult) -> list[tuple[int, str]]:
    return [(run.index, run.status) for run in result]


def test_where_there_is_no_sweep_a_new_one_begins(study: Study) -> None:
    assert statuses(study.call([1, 2])) == [(0, "success"), (1, "success")]


def test_of_a_finished_sweep_nothing_is_executed_and_all_results_are_there(study: Study) -> None:
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


def test_what_failed_is_executed_again_in_a_fresh_directory(study: Study) -> None:
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


def test_recorded_failures_stay_where_only_unfinished_runs_are_wanted(study: Study) -> None:
    study.let_fail(1)
    study.call(range(3), resume=False)
    study.executed()
    study.let_fail()
    result = study.call(range(5), resume="unfinished")
    assert study.executed() == [3, 4]
    assert [run.status for run in result] == ["skipped", "failure", "skipped", "success", "success"]
    assert (result[1].reason, result[1].exit_code, result[1].attempts) == ("exit:1", 1, 1)
    assert result.failed == [result[1]]


def test_neither_reordering_nor_extending_repeats_or_loses_anything(study: Study) -> None:
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


def test_runs_that_a_call_does_not_list_stay_as_they_are(study: Study) -> None:
    study.let_fail(2)
    study.call([0, 1, 2], resume=False)
    study.executed()
    result = study.call([1])
    assert (len(result), result.statistics.total_count) == (1, 1)
    assert study.executed() == []
    assert [row["status"] for row in study.table()] == ["success", "success", "failure"]


def test_equal_parameters_are_told_apart_by_their_repetition(study: Study) -> None:
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


def test_equal_values_of_other_types_are_other_parameters(study: Study) -> None:
    study.call([], resume=False, runs=[{"x": 1}, {"x": True}], cmd=["true"])
    result = study.call([], runs=[{"x": 1.0}, {"x": True}, {"x": 1}], cmd=["true"])
    assert statuses(result) == [(2, "success"), (1, "skipped"), (0, "skipped")]


def test_a_generator_is_pulled_as_runs_can_start_and_matched_as_it_comes(study: Study) -> None:
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


def test_on_result_is_called_for_what_is_executed(study: Study) -> None:
    study.call([0, 1], resume=False)
    told: list[int] = []
    study.call([0, 1, 2], on_result=lambda run: told.append(run.index))
    assert told == [2]


async def test_inside_an_application(study: Study) -> None:
    for expected in ("success", "skipped"):
        result = await multirunAsync(runs=[{"x": 1}], cmd=COUNTED, env=study.env, output_path=study.path, resume=True)
        check_sweep(study.path, result=result)
        assert [run.status for run in result] == [expected]


def test_one_runner_may_serve_a_sweep_again_while_it_serves_another(study: Study, tmp_path: Path) -> None:
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


def test_large_and_pickled_results_of_an_earlier_call(study: Study) -> None:
    code = (
        "import collections, multirun; multirun.postRunResults({1: collections.Counter('aab'), 2: list(range(3000))})"
    )
    for _ in range(2):
        result = study.call([], runs=[{"code": code}], cmd=PYTHON)
        assert result[0].results[2][-1] == 2999
        assert result[0].results[1] == {"a": 2, "b": 1}


def test_results_of_the_latest_attempt_count(study: Study) -> None:
    text = '$(head -c 1000 /dev/zero | tr "\\0" x)'  # more than what is kept in memory
    post = f'echo "{{\\"attempt\\": $MULTIRUN_ATTEMPT, \\"text\\": \\"{text}\\"}}" > $MULTIRUN_RESULTS'
    script = f"{post}; test $MULTIRUN_ATTEMPT -ge {{n}}"
    for attempt in (1, 2, 3, 3):
        result = study.call([], runs=[{"n": 3}], cmd=["sh", "-c", script])
        assert result[0].results["attempt"] == attempt
        assert study.table()[0]["attempt"] == str(attempt)
        assert SweepResult.load(study.path)[0].results["attempt"] == attempt


# ------------------------------------------------------------------------------------------ other definitions


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "command": ({"cmd": ["true", "{x}"]}, r"cmd\n    - sh -c .*\n    \+ true '?\{x\}'?"),
    "variable": ({"env": {"EXTRA": "1"}}, r"env EXTRA\n    - nothing\n    \+ '1'"),
    "rule": ({"success_codes": (0, 3)}, r"success_codes\n    - \(0,\)\n    \+ \(0, 3\)"),
    "required results": ({"required_results": ["y"]}, r"required_results"),
    "required files": ({"required_files": ["a"]}, r"required_files\n    - \(\)\n    \+ \('a',\)"),
    "results": ({"results": {"z": {"stdout": "(.*)", "optional": True}}}, r"results 'z'\n    - nothing\n    \+ {'std"),
    "standard input": ({"stdin": __file__}, r"stdin\n    - nothing\n    \+ 'test_resume.py'"),
    "shell": ({"cmd": "true", "shell": True}, r"cmd\n    - sh -c .*\n    \+ 'true' in a shell"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_another_definition_is_refused_with_what_differs(study: Study, change: dict[str, Any], told: str) -> None:
    study.call([0], resume=False)
    before = files_below(study.path)
    with pytest.raises(DefinitionChangedError, match=told) as refused:
        study.call([0, 1], **change)
    assert "accept_changes=True" in str(refused.value)
    assert study.executed() == [0]
    assert [name for name in files_below(study.path) if "lock" not in name] == [n for n in before if "lock" not in n]
    result = study.call([0, 1], accept_changes=True, **change)
    assert result[0].status == ("success" if "stdin" in change else "skipped")
    (study.path / "sweep.json").read_text()
    assert len(study.records("opened")[-1]["changes"]) >= 1
    study.executed()
    study.call([0, 1], **change)
    with pytest.raises(DefinitionChangedError):
        study.call([0, 1])


def test_options_name_and_runner_may_change(study: Study) -> None:
    study.call([0], resume=False, name="first", timeout=10)
    sweep_id = json.loads((study.path / "sweep.json").read_text())["id"]
    study.call([0, 1], name="second", timeout=20, grace=1, threads_per_run=2, nice=3, max_output="1 MB",
               runner=ParallelLocalRunner(max_parallel=1))  # fmt: skip
    now = json.loads((study.path / "sweep.json").read_text())
    assert (now["id"], now["name"]) == (sweep_id, "first")
    assert now["options"] == {
        "timeout_s": 20.0, "grace_s": 1.0, "threads_per_run": 2, "max_output_bytes": 1_000_000, "nice": 3,
    }  # fmt: skip
    assert study.executed() == [0, 1]


LINKAGES = ("copy", "shared", "link", "template")


@pytest.mark.parametrize("linkage", LINKAGES)
def test_where_an_input_changed_every_run_is_executed_with_the_new_one(study: Study, linkage: str) -> None:
    data = study.folder / "data.txt"
    data.write_text("old {{ x }}\n")
    cmd = ["sh", "-c", 'echo "{x}" >> "$COUNT"; printf \'{"y": "%s"}\' "$(cat data.txt)" > $MULTIRUN_RESULTS']
    inputs = [FileResource(data, linkage)]  # type: ignore[arg-type]
    rendered = {x: f"old {x if linkage == 'template' else '{{ x }}'}" for x in (0, 1)}
    assert study.call([0, 1], resume=False, cmd=cmd, input_files=inputs).results == [{"y": rendered[x]} for x in (0, 1)]
    assert [run.status for run in study.call([0, 1], cmd=cmd, input_files=inputs)] == ["skipped"] * 2
    study.executed()
    data.write_text("new content{# #}\n" if linkage == "template" else "new content\n")
    with pytest.raises(DefinitionChangedError, match=r"input data.txt\n"):
        study.call([0, 1, 2], cmd=cmd, input_files=inputs)
    assert study.executed() == []
    result = study.call([0, 2], cmd=cmd, input_files=inputs, accept_changes=True)
    assert result.results == [{"y": "new content"}] * 2
    assert study.executed() == [0, 2]
    assert [(row["index"], row["status"], row["y"]) for row in study.table()] == [
        ("0", "success", "new content"), ("1", "pending", ""), ("2", "success", "new content"),
    ]  # fmt: skip
    assert (study.path / "attempts" / "000000-1" / "data.txt").exists()
    result = study.call([0, 1, 2], cmd=cmd, input_files=inputs)
    assert (study.executed(), result.results) == ([1], [{"y": "new content"}] * 3)
    assert {record["reason"] for record in study.records("reset")} == {"input-changed"}


def test_an_input_that_only_moved_has_not_changed(study: Study) -> None:
    here, there = study.folder / "a" / "data.txt", study.folder / "b" / "data.txt"
    for path in (here, there):
        path.parent.mkdir()
        path.write_text("same")
    study.call([0], resume=False, input_files=[here])
    study.call([0], input_files=[there])
    assert study.executed() == [0]


def test_inputs_that_come_and_go_are_told(study: Study) -> None:
    (study.folder / "a").write_text("a")
    (study.folder / "b").mkdir()
    study.call([0], resume=False, input_files=[study.folder / "a"])
    with pytest.raises(
        DefinitionChangedError, match=r"(?s)input a\n    - shared file of 1 bytes\n    \+ nothing.*input b"
    ):
        study.call([0], input_files=[FileResource(study.folder / "b", "copy")])


def test_a_changed_template_of_another_linkage_is_told(study: Study) -> None:
    (study.folder / "deck").write_text("{{ x }}")
    study.call([0], resume=False, input_files=[Template(study.folder / "deck")])
    with pytest.raises(DefinitionChangedError, match=r"- template file of 7 bytes\n    \+ copy file of 7 bytes"):
        study.call([0], input_files=[FileResource(study.folder / "deck", "copy")])


# ----------------------------------------------------------------------------------------------- directories


def test_a_directory_that_is_kept_holds_what_the_program_saved(study: Study) -> None:
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


# ------------------------------------------------------------------------------------------- output paths


def test_without_a_path_there_is_nothing_to_go_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="resume: without output_path"):
        multirun(runs=[{}], cmd=["true"], resume=True)
    with pytest.raises(ConfigurationError, match="resume: 'finished' is neither True nor False nor 'unfinished'"):
        multirun(runs=[{}], cmd=["true"], resume="finished", output_path="x")  # type: ignore[arg-type]
    assert files_below(tmp_path) == []


def at_birth(path: Path) -> None:
    for name in ("journal", "runs", "inputs"):
        (path / name).mkdir(parents=True)
    (path / "inputs" / "data.txt").write_text("half")
    (path / "sweep.json.17.tmp").write_text("{")


@pytest.mark.parametrize("make", [at_birth, os.makedirs, lambda path: (path / "journal").mkdir(parents=True)])
def test_a_sweep_that_was_killed_at_its_birth_begins_anew(study: Study, make: Callable[[Path], None]) -> None:
    (study.folder / "data.txt").write_text("whole")
    make(study.path)
    inputs = [FileResource(study.folder / "data.txt", "copy")]
    with pytest.raises(OutputExistsError):
        study.call([0], resume=False, input_files=inputs)
    result = study.call([0], input_files=inputs)
    assert (result[0].path / "data.txt").read_text() == "whole"


def with_a_stranger(path: Path) -> None:
    at_birth(path)
    (path / "thesis.tex").touch()


def with_runs(path: Path) -> None:
    at_birth(path)
    (path / "runs" / "000000").mkdir()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (with_a_stranger, "is no sweep, but holds 'thesis.tex'"),
        (with_runs, "is no sweep, its sweep.json is missing"),
        (Path.touch, "is no sweep, but a file"),
    ],
)
def test_what_is_no_sweep_is_not_touched(study: Study, make: Callable[[Path], None], told: str) -> None:
    make(study.path)
    before = files_below(study.folder)
    with pytest.raises(OutputExistsError, match=told):
        study.call([0])
    assert files_below(study.folder) == before


def test_a_damaged_plan_is_told(study: Study) -> None:
    study.call([0, 1, 2], resume=False)
    plan = study.path / "plan.jsonl"
    plan.write_bytes(b"".join(plan.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(FormatError, match="lists 1 runs, but the journals tell of run 2"):
        study.call([0, 1, 2])


def test_a_torn_plan_is_mended_and_its_tail_kept(study: Study) -> None:
    study.call([0, 1], resume=False)
    plan = study.path / "plan.jsonl"
    torn = plan.read_bytes().splitlines(keepends=True)
    plan.write_bytes(b"".join(torn[:3]) + b'{"run":2,"dig')
    study.call([1, 0, 2])
    assert study.executed() == [0, 1, 2]
    assert plan.read_bytes().startswith(b"".join(torn[:3]) + b'{"run":2,"digest":')
    (kept,) = study.path.glob("plan.jsonl.torn-*")
    assert kept.read_bytes() == b'{"run":2,"dig'


def test_a_sweep_without_a_plan_goes_on(study: Study) -> None:
    study.call([], resume=False)
    for content in (None, b"", b'{"format":"multi'):
        (study.path / "plan.jsonl").unlink()
        if content is not None:
            (study.path / "plan.jsonl").write_bytes(content)
        study.call([])
    assert [run.status for run in study.call([0])] == ["success"]


# ---------------------------------------------------------------------------------------- stopped and cancelled


def test_after_a_success_the_first_run_need_not_succeed_alone(study: Study) -> None:
    study.let_fail(0)
    result = study.call([0, 1], first_alone=True, resume=False)
    assert [run.status for run in result] == ["failure", "pending"]
    study.let_fail(1)
    result = study.call([0, 1], first_alone=True)
    assert [run.status for run in result] == ["success", "failure"]
    result = study.call([1, 2], first_alone=True)
    assert [run.status for run in result] == ["failure", "success"]


def test_runs_that_were_not_reached_are_what_they_were(study: Study) -> None:
    study.let_fail(0, 1, 2)
    study.call([0, 1, 2], resume=False)
    result = study.call([0, 1, 2, 3], first_alone=True)
    assert [(run.status, run.attempts) for run in result] == [
        ("failure", 2), ("failure", 1), ("failure", 1), ("pending", 0),
    ]  # fmt: skip
    assert result[1].reason == "exit:1"


def test_a_run_cancelled_before_its_second_start_is_what_it_was(study: Study) -> None:
    study.let_fail(0, 1)
    study.call([0, 1], resume=False)

    def cancel_other(run: Run) -> None:
        for other in runner.runs[-2:]:
            if other is not run and other.task is not None:
                other.task.cancel()

    runner = ScriptedRunner(lambda params: Scene(exit_code=4), max_parallel=1)
    result = study.call([0, 1], runner=runner, on_result=cancel_other)
    assert {run.reason for run in result} <= {"exit:4", "exit:1", "cancelled"}


def test_of_two_calls_at_once_one_is_refused_or_comes_too_late(study: Study) -> None:
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


# ------------------------------------------------------------------------------------------------------ why


def test_why_each_run_would_be_executed_or_not(study: Study) -> None:
    data = study.folder / "data.txt"
    data.write_text("old")
    study.let_fail(1)
    study.call([0, 1], resume=False, input_files=[data])
    before = files_below(study.path)
    assert explain_resume(study.path) == [
        Decision(0, {"x": 0}, "keep", "already succeeded"),
        Decision(1, {"x": 1}, "execute", "failed before: exit code 1 (exit:1)"),
    ]
    assert explain_resume(study.path, resume="unfinished")[1].action == "keep"
    asked = [{"x": 2}, {"x": 0}, {"x": 0}, {"z": 1}]
    assert [tuple(each) for each in explain_resume(study.path, asked)] == [
        (2, {"x": 2}, "execute", "new: no run has x=2"),
        (0, {"x": 0}, "keep", "already succeeded"),
        (3, {"x": 0}, "execute", "new: once more with the same parameters"),
        (4, {"z": 1}, "execute", "new: no run has a parameter 'z'"),
    ]
    data.write_text("new")
    assert explain_resume(study.path)[0] == Decision(0, {"x": 0}, "execute", "input changed: data.txt")
    assert files_below(study.path) == before


def test_what_would_be_executed_is_told_beforehand(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.let_fail(1)
    study.call([0, 1], resume=False)
    before = files_below(study.path)
    result = multirun(
        runs=[{"x": 1}, {"x": 0}, {"x": 5}],
        cmd=COUNTED,
        env=study.env,
        output_path=study.path,
        resume=True,
        dry_run=True,
    )
    assert statuses(result) == [(1, "pending"), (0, "skipped"), (2, "pending")]
    assert result[1].results == {"y": 0}
    assert files_below(study.path) == before
    assert f"dry run: 2 of 3 runs would be executed in {study.path}; the first: " in capsys.readouterr().err
    with pytest.raises(DefinitionChangedError):
        multirun(runs=[{"x": 1}], cmd=["true"], output_path=study.path, resume=True, dry_run=True)


def test_what_changed_inputs_would_do_is_told_beforehand(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    data = study.folder / "data.txt"
    data.write_text("old")
    study.call([0, 1], resume=False, input_files=[data])
    keywords: dict[str, Any] = {"cmd": COUNTED, "env": study.env, "output_path": study.path, "resume": True}
    keywords |= {"runs": [{"x": 0}, {"x": 1}], "input_files": [data], "dry_run": True}
    multirun(**keywords)
    assert f"dry run: 0 of 2 runs would be executed in {study.path}\n" in capsys.readouterr().err
    data.write_text("new")
    before = files_below(study.path)
    assert statuses(multirun(**keywords, accept_changes=True)) == [(0, "pending"), (1, "pending")]
    assert "dry run: 2 of 2 runs would be executed" in capsys.readouterr().err
    assert files_below(study.path) == before


def test_an_explanation_of_what_cannot_be_asked_for_is_refused(study: Study) -> None:
    study.call([0], resume=False)
    with pytest.raises(ConfigurationError, match="resume: 'unfinishd' is neither True nor 'unfinished'"):
        explain_resume(study.path, resume="unfinishd")  # type: ignore[arg-type]


def test_failures_are_compared_with_what_succeeded_before(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.let_fail(5, 6, 7)
    study.call(range(8), resume=False)
    multirun(runs=[{"x": x} for x in range(8)], cmd=COUNTED, env=study.env, output_path=study.path, resume=True)
    assert "only with x ≥ 5; every ok run has x ≤ 4" in capsys.readouterr().err
