"""The states of a run, and what a run knows of itself."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from multirun.run import COMPLETE, STATUSES, TRANSITIONS, Run, RunStatus, check_transition

LEGAL = {
    ("pending", "running"),
    ("pending", "success"),
    ("pending", "failure"),
    ("pending", "skipped"),
    ("running", "success"),
    ("running", "failure"),
    ("running", "pending"),
}


class Home:
    """A sweep of which only the paths are known."""

    def directory(self, index: int) -> str:
        return f"/sweep/runs/{index}"

    def load_results(self, run: Run) -> Any:
        return ("results of", run.index)


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_only_the_changes_of_the_table_are_allowed(before: RunStatus, after: RunStatus) -> None:
    if (before, after) in LEGAL:
        check_transition(before, after)
        return
    with pytest.raises(ValueError, match=f"a run that is {before} cannot become {after}"):
        check_transition(before, after)


def test_the_table_has_a_row_for_every_status_and_a_cause_for_every_change() -> None:
    assert set(TRANSITIONS) == set(STATUSES) == {"skipped", "pending", "running", "success", "failure"}
    assert all(cause for row in TRANSITIONS.values() for cause in row.values())


def test_a_complete_run_changes_no_more_and_any_other_can_be_completed() -> None:
    assert {"skipped", "success", "failure"} == COMPLETE
    assert {status for status in STATUSES if not TRANSITIONS[status]} == COMPLETE
    assert all(TRANSITIONS[status].keys() & COMPLETE for status in STATUSES if status not in COMPLETE)


def test_a_new_run_waits_and_knows_its_files() -> None:
    run = Run(7, {"x": 1}, Home())
    assert (run.status, run.reason, run.message, run.exit_code, run.attempts) == ("pending", None, None, None, 0)
    assert (run.duration_s, run.task, run.posted) == (None, None, False)
    assert run.path == Path("/sweep/runs/7")
    assert run.stdout == Path("/sweep/runs/7/stdout.log")
    assert run.stderr == Path("/sweep/runs/7/stderr.log")
    assert run.results == ("results of", 7)


def test_a_run_shows_number_status_reason_and_parameters() -> None:
    run = Run(7, {"x": 1}, Home())
    assert repr(run) == "<Run 7 pending {'x': 1}>"
    run.status, run.reason = "failure", "exit:1"
    assert repr(run) == "<Run 7 failure exit:1 {'x': 1}>"


def test_a_run_has_no_room_for_misspelt_attributes() -> None:
    with pytest.raises(AttributeError):
        Run(0, {}, Home()).statsu = "running"  # type: ignore[attr-defined]
