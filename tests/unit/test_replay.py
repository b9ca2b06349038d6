"""The state of a sweep while others write to it."""

from pathlib import Path

import pytest
from tests.journals import status_of
from tests.unit.recorded import Sweep, ended, skipped, started

from multirun.errors import FormatError
from multirun.journal import Journal, Record
from multirun.processes import identity
from multirun.replay import Replay, is_alive
from multirun.rundir import ORCHESTRATOR


@pytest.mark.parametrize(
    ("record", "alive", "status"),
    [
        (None, True, "pending"),
        (None, False, "pending"),
        (started(0), True, "running"),
        (started(0), False, "pending"),
        (ended(0), True, "success"),
        (ended(0), False, "success"),
        (ended(0, "exit:1"), False, "failure"),
        (skipped(0), False, "skipped"),
    ],
)
def test_the_status_of_a_run(record: Record | None, alive: bool, status: str) -> None:
    assert status_of(record, alive=alive) == status


@pytest.mark.parametrize(
    ("records", "alive"),
    [
        ([], False),
        ([{"event": "journal", **identity()}], True),
        ([{"event": "journal", **identity()}, started(0)], True),
        ([{"event": "journal", **identity()}, {"event": "closed"}], False),
        ([{"event": "journal", **identity(), "pid_start": 1}], False),
        ([{"event": "journal", **identity(), "boot": "another"}], False),
        ([{"event": "journal", **identity(), "host": "another"}], True),
        ([{"event": "journal", **identity(), "host": "another"}, {"event": "closed"}], False),
    ],
)
def test_whether_somebody_may_be_executing_it(records: list[Record], alive: bool) -> None:
    assert is_alive(records) is alive


def test_a_replay_goes_on_where_it_was(sweep: Sweep) -> None:
    sweep.plan(3)
    orchestrator = Journal(sweep.paths.journal(ORCHESTRATOR), "sweep-id", ORCHESTRATOR, 0.0)
    lane = Journal(sweep.paths.journal("a-0"), "sweep-id", "a-0", 0.0)
    replay = Replay(sweep.paths.root)
    assert [(run.status, run.record) for run in replay.runs()] == [("pending", {})] * 3
    assert (replay.alive, replay.total_known, replay.interrupted_count) == (True, True, 0)
    lane.append(started(0))
    lane.append(ended(0))
    lane.append(started(1))
    sweep.journal("b-0", [started(2), ended(2, "exit:1")])  # which was not there before
    assert replay.status(0) == "pending"
    replay.refresh()
    assert [run.status for run in replay.runs()] == ["success", "running", "failure"]
    orchestrator.append({"event": "closed", "complete": False})
    replay.refresh()
    assert (replay.alive, replay.interrupted_count) == (False, 1)
    assert [run.status for run in replay.runs()] == ["success", "pending", "failure"]
    replay.refresh()
    assert not replay.alive


def test_damaged_parameters_are_told_when_they_are_needed(sweep: Sweep) -> None:
    sweep.plan(2)
    path = Path(sweep.paths.plan)
    path.write_bytes(path.read_bytes().replace(b'{"x": 1}', b'{"x": !}'))
    good, bad = Replay(sweep.paths.root).runs()
    assert good.params == {"x": 0}
    with pytest.raises(FormatError, match="the plan is damaged: the parameters of run 1"):
        _ = bad.params
