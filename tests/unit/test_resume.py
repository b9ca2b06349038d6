"""What becomes of a run when its sweep goes on: every kind of record, and what a call names."""

import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.recorded import Sweep, ended, reset, skipped, started

from multirun.definition import Input
from multirun.journal import Record
from multirun.params import check_params
from multirun.plan import PlanSurvey, PlanWriter
from multirun.replay import Replay
from multirun.resume import Novelty, Past, Ruling, decide, explain_resume
from multirun.rundir import orchestrator_of
from multirun.verdict import in_words

CASES: dict[str, tuple[Record | None, Record | None, Ruling]] = {
    "nothing": (None, None, Ruling(True, "never started")),
    "started": (started(0, 2), None, Ruling(True, "interrupted: attempt 2 was started and has no recorded end")),
    "success": (ended(0), None, Ruling(False, "already succeeded")),
    "failure": (ended(0, "exit:3"), None, Ruling(True, "failed before: exit code 3 (exit:3)")),
    "with a message": (
        ended(0, "no-result", message="the key 'y' is missing"), None,
        Ruling(True, f"failed before: {in_words('no-result')}, the key 'y' is missing (no-result)"),
    ),
    "skipped": (skipped(0, reason="done"), None, Ruling(True, "skipped before: done; this is asked again")),
    "asked for again": (None, reset(0, 1), Ruling(True, "asked for again")),
    "other input": (
        None, {**reset(0, 1, "input-changed"), "inputs": ["a", "b/c"]}, Ruling(True, "input changed: a, b/c"),
    ),
    "failed after a reset": (
        ended(0, "timeout", 2), reset(0, 1), Ruling(True, f"failed before: {in_words('timeout')} (timeout)"),
    ),
    "success after a reset": (ended(0, None, 2), reset(0, 1), Ruling(False, "already succeeded")),
}  # fmt: skip


@pytest.mark.parametrize(("record", "before", "ruling"), CASES.values(), ids=CASES)
def test_what_becomes_of_a_run(record: Record | None, before: Record | None, ruling: Ruling) -> None:
    assert decide(record, before) == ruling


@pytest.mark.parametrize("reason", ["lost", "cancelled", "never-started", "node-failure", "preempted"])
@pytest.mark.parametrize("unfinished", [True, False])
def test_what_was_not_finished_is_executed_in_any_case(reason: str, unfinished: bool) -> None:
    execute, why = decide(ended(0, reason, message="why"), None, unfinished=unfinished)
    assert execute
    assert why.startswith("not finished: ")
    assert "why" in why


@pytest.mark.parametrize("reason", ["exit:1", "signal:SIGSEGV", "timeout", "bad-result", "rule:y", "out-of-memory"])
def test_failures_of_the_program_stay_if_only_unfinished_runs_are_wanted(reason: str) -> None:
    assert decide(ended(0, reason), None).execute
    ruling = decide(ended(0, reason), None, unfinished=True)
    assert not ruling.execute
    assert "only unfinished runs are wanted" in ruling.why
    assert reason in ruling.why


def test_without_a_script_what_was_skipped_stays_so() -> None:
    execute, why = decide(skipped(0, reason="done"), None, by_script=False)
    assert not execute
    assert why == "skipped before: done; only the script of the sweep can ask again"
    for record, before, ruling in CASES.values():
        if record is None or record["event"] != "skipped":
            assert decide(record, before, by_script=False) == ruling


# -------------------------------------------------------------------------------------- what a call names


def plan_of(sweep: Sweep, values: list[Any]) -> None:
    plan = PlanWriter(sweep.paths.plan)
    for value in values:
        checked = check_params(0, {"x": value})
        plan.append(checked.digest, checked.text)
    plan.finish()
    plan.flush()
    plan.close()


def past_of(sweep: Sweep) -> Past:
    return Past(Replay(sweep.paths.root), PlanSurvey(sweep.paths.plan))


VALUES = st.lists(st.integers(0, 3), max_size=12)


@given(VALUES, VALUES)
def test_each_run_is_named_once_and_only_what_is_new_gets_no_number(
    tmp_path_factory: pytest.TempPathFactory, planned: list[int], asked: list[int]
) -> None:
    sweep = Sweep(tmp_path_factory.mktemp("sweep") / "sweep")
    plan_of(sweep, planned)
    past = past_of(sweep)
    found = [past.find(check_params(0, {"x": value}).digest) for value in asked]
    named = [number for number in found if number is not None]
    assert len(set(named)) == len(named)
    for value, number in zip(asked, found, strict=True):
        assert number is None or planned[number] == value
    for value in set(asked):
        numbers = [number for each, number in zip(asked, found, strict=True) if each == value]
        there = [number for number, each in enumerate(planned) if each == value]
        assert numbers == there[: len(numbers)] + [None] * (len(numbers) - len(there))
    assert [run.index for run in past.unnamed()] == [n for n in range(len(planned)) if n not in named]


def test_attempts_are_counted_on_from_all_that_is_recorded(sweep: Sweep) -> None:
    sweep.plan(5)
    sweep.journal("orchestrator", [])
    sweep.journal("a-0", [started(0), ended(0, "exit:1"), started(1), started(1, 2), started(2), ended(2)])
    sweep.journal("late-0", [started(2, 4), started(3, 3)])
    length = Path(sweep.paths.journal("a-0")).stat().st_size
    opened = {"event": "opened", "session": 2, "sealed": {"a-0": length}, "changes": []}
    sweep.journal("orchestrator-2", [opened, reset(0, 5)], session=2)
    past = past_of(sweep)
    assert [past.attempts(index) for index in range(5)] == [5, 2, 4, 3, 0]
    assert [past.ruling(index).execute for index in range(5)] == [True, True, False, True, True]


def test_explanations_say_what_is_new_about_parameters() -> None:
    novelty = Novelty([{"x": 1, "y": "a"}, {"x": 2, "y": "b"}])
    assert novelty.tell({"x": 1, "z": 0}) == "new: no run has a parameter 'z'"
    assert novelty.tell({"x": 3, "y": "a"}) == "new: no run has x=3"
    assert novelty.tell({"x": 1, "y": "b"}) == "new: no run has these parameters together"
    assert novelty.tell({"x": 1.0, "y": "b"}) == "new: no run has x=1.0"
    assert len(novelty.tell({"x": "long" * 100})) < 90


def test_explanations_open_nothing_but_the_sweep(sweep: Sweep) -> None:
    gone = Input("data.txt", "copy", "/nowhere/data.txt", "file", "00", 3)
    sweep.plan(2)
    sweep.journal("a-0", [started(0), ended(0)])
    assert [each.action for each in explain_resume(sweep.paths.root)] == ["keep", "execute"]
    document = json.loads(Path(sweep.paths.sweep).read_text())
    document["inputs"] = [
        dict(zip(Input.__dataclass_fields__, [getattr(gone, f) for f in Input.__dataclass_fields__], strict=True))
    ]
    Path(sweep.paths.sweep).write_text(json.dumps(document))
    assert [each.why for each in explain_resume(sweep.paths.root)] == ["input changed: data.txt", "never started"]


def test_the_names_of_the_orchestrators_journals() -> None:
    assert [orchestrator_of(session) for session in (1, 2, 30)] == ["orchestrator", "orchestrator-2", "orchestrator-30"]
