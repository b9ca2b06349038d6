"""A reader's view of a sweep: neither the order of records nor that of files matters."""

import json
import os
from itertools import permutations
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from multirun import records
from multirun.definition import Definition, write_definition
from multirun.errors import FormatError, JournalDamagedError, NotASweepError
from multirun.fold import Fold, fold, glance, rank
from multirun.journal import Journal, Record, frame
from multirun.plan import PlanWriter
from multirun.processes import identity
from multirun.replay import Replay, is_alive, status_of
from multirun.rundir import ORCHESTRATOR, SweepPaths
from multirun.snapshot import find_sweep, read_documents, take_snapshot
from multirun.verdict import SUCCESS, failure

DIGEST = "ab" * 16


def started(run: int, attempt: int = 1, **more: Any) -> Record:
    return {"event": "started", "run": run, "attempt": attempt, **more}


def ended(run: int, reason: str | None = None, attempt: int = 1, **more: Any) -> Record:
    status = "failure" if reason else "success"
    return {"event": "ended", "run": run, "attempt": attempt, "status": status, "reason": reason, **more}


def reset(run: int, attempt: int, reason: str = "retry") -> Record:
    return {"event": "reset", "run": run, "attempt": attempt, "reason": reason}


def skipped(run: int, attempt: int = 0, reason: str = "done before") -> Record:
    return {"event": "skipped", "run": run, "attempt": attempt, "reason": reason}


RECORDS = st.one_of(
    st.builds(started, st.integers(0, 3), st.integers(1, 3), time=st.integers(0, 3)),
    st.builds(
        ended,
        st.integers(0, 3),
        st.sampled_from([None, "exit:1", "lost", "cancelled", "timeout"]),
        st.integers(1, 3),
        time=st.integers(0, 3),
    ),
    st.builds(
        ended, st.integers(0, 3), st.sampled_from(["exit:1", "lost"]), st.integers(1, 3), duration_s=st.integers(0, 3)
    ),
    st.builds(skipped, st.integers(0, 3), st.integers(0, 3)),
    st.builds(reset, st.integers(0, 3), st.integers(0, 3)),
    st.just({"event": "closed", "time": 0, "complete": True}),
)


class Sweep:
    """A sweep on disk, written by nobody in particular."""

    def __init__(self, folder: Path) -> None:
        self.paths = SweepPaths(str(folder))
        os.makedirs(self.paths.journals)
        write_definition(self.paths, Definition("sweep-id", "test", ("true",), {}))

    def plan(self, count: int, *, closed: bool = True) -> None:
        plan = PlanWriter(self.paths.plan)
        for index in range(count):
            plan.append(DIGEST, json.dumps({"x": index}))
        if closed:
            plan.finish()
        plan.flush()
        plan.close()

    def journal(self, writer: str, records: list[Record], session: int = 1) -> None:
        journal = Journal(self.paths.journal(writer), "sweep-id", writer, 0.0, session)
        for record in records:
            journal.append(record)
        journal.close()


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path / "sweep")


# -------------------------------------------------------------------------------------------------- fold


@given(st.lists(RECORDS, max_size=12).flatmap(lambda records: st.tuples(st.just(records), st.permutations(records))))
def test_the_order_of_records_does_not_matter(lists: tuple[list[Record], list[Record]]) -> None:
    assert fold(lists[0]) == fold(lists[1])


@given(st.lists(RECORDS, max_size=8))
def test_reading_records_twice_changes_nothing(records: list[Record]) -> None:
    assert fold(records + records) == fold(records)


@given(st.lists(RECORDS, max_size=8))
def test_each_run_is_decided_by_one_of_its_own_records(records: list[Record]) -> None:
    state = fold(records)
    floors = {record["run"]: record["attempt"] for record in records if record["event"] == "reset"}
    assert set(state) >= {record["run"] for record in records if "run" in record} - set(floors)
    assert all(record["event"] != "reset" for record in state.values())
    assert all(record["run"] == run and record in records for run, record in state.items())


DECIDED = [
    ("an end over its start", ended(0, "exit:1"), started(0)),
    ("a success over its start", ended(0), started(0)),
    ("a later start over an earlier failure", started(0, 2), ended(0, "exit:1", 1)),
    ("a later failure over an earlier one", ended(0, "exit:1", 2), ended(0, "timeout", 1)),
    ("a success over a later start", ended(0, None, 1), started(0, 2)),
    ("a success over a later failure", ended(0, None, 1), ended(0, "exit:1", 2)),
    ("the later of two successes", ended(0, None, 2), ended(0, None, 1)),
    ("a verdict over the news that it was lost", ended(0, "exit:1"), ended(0, "lost")),
    ("a success over the news that it was lost", ended(0), ended(0, "lost")),
    ("lost over the start alone", ended(0, "lost"), started(0)),
    ("a later loss over an earlier verdict", ended(0, "lost", 2), ended(0, "exit:1", 1)),
    ("who saw the end over who did not", ended(0, "exit:1", duration_s=0.1), ended(0, "cancelled")),
    ("who saw it lost over who did not", ended(0, "lost", duration_s=0.1), ended(0, "lost", message="gone")),
    ("a skip over a failure of the same attempt", skipped(0, 1), ended(0, "exit:1")),
    ("a skip over what was never started", skipped(0), ended(0, "cancelled", 0)),
    ("a later attempt over a skip", started(0, 2), skipped(0, 1)),
    ("a later failure over a skip", ended(0, "exit:1", 2), skipped(0, 1)),
    ("a success over a skip", ended(0, None, 1), skipped(0, 1)),
    ("a success over a later skip", ended(0, None, 1), skipped(0, 2)),
    ("a failure over a success that was reset", ended(0, "exit:1", 2), [ended(0, None, 1), reset(0, 1)]),
    ("a start over a success that was reset", started(0, 2), [reset(0, 1), ended(0, None, 1)]),
    ("the highest of several resets", started(0, 3), [reset(0, 2), reset(0, 1), ended(0, None, 2)]),
    ("a verdict over a loss somebody saw", ended(0, "cancelled"), ended(0, "lost", duration_s=0.1)),
]


@pytest.mark.parametrize(("winner", "loser"), [case[1:] for case in DECIDED], ids=[case[0] for case in DECIDED])
def test_what_decides_about_a_run(winner: Record, loser: Record | list[Record]) -> None:
    losers = loser if isinstance(loser, list) else [loser]
    assert fold([winner, *losers]) == fold([*losers, winner]) == {0: winner}


def test_after_a_reset_only_later_attempts_decide() -> None:
    assert fold([ended(0, None, 1), started(1), reset(0, 1), reset(1, 1, "input-changed"), ended(2)]) == {2: ended(2)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (started(0, time=1), started(0, time=2)),
        (ended(0, "exit:1"), ended(0, "exit:2")),
        (ended(0, None, 1, results=1), ended(0, None, 1, results=2)),
    ],
)
def test_of_two_records_that_say_as_much_it_is_always_the_same_one(one: Record, other: Record) -> None:
    assert fold([one, other]) == fold([other, one])
    placed = {**one, "seq": 9, "crc": "ffffffff"}, {**other, "seq": 1, "crc": "00000000"}
    assert fold(placed)[0]["seq"] == (9 if fold([one, other])[0] is one else 1)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_whole_life_of_a_run_in_any_order(order: tuple[int, ...]) -> None:
    life = [started(0), ended(0, "lost"), started(0, 2), ended(0, None, 2)]
    assert fold(life[index] for index in order) == {0: life[3]}


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


# ---------------------------------------------------------------------------------------- a sweep on disk


def test_a_sweep_that_ended_is_counted_and_its_failures_listed_in_order(sweep: Sweep) -> None:
    sweep.plan(4)
    sweep.journal("b-0", [started(3), ended(3, "exit:2", message="why"), started(1), ended(1)])
    sweep.journal("a-1", [started(0), ended(0, "timeout"), started(2)])
    sweep.journal(ORCHESTRATOR, [{"event": "closed", "complete": False}])
    snapshot = take_snapshot(sweep.paths.root)
    counts = snapshot.statistics
    assert (counts.success_count, counts.failure_count, counts.pending_count, counts.total_count) == (1, 2, 1, 4)
    assert (counts.total_known, snapshot.alive, snapshot.interrupted_count) == (True, False, 1)
    assert [(run.index, run.reason, run.message, run.params) for run in snapshot.failed] == [
        (0, "timeout", None, {"x": 0}),
        (3, "exit:2", "why", {"x": 3}),
    ]
    assert snapshot.failed[1].path == sweep.paths.run(3)
    assert snapshot.failed[1].stderr == f"{sweep.paths.run(3)}/stderr.log"
    assert snapshot.definition.name == "test"


def test_while_its_orchestrator_lives_started_runs_are_running(sweep: Sweep) -> None:
    sweep.plan(2, closed=False)
    sweep.journal(ORCHESTRATOR, [])
    sweep.journal("a-0", [started(0)])
    snapshot = take_snapshot(sweep.paths.root)
    counts = snapshot.statistics
    assert (counts.running_count, counts.pending_count, counts.total_known) == (1, 1, False)
    assert (snapshot.alive, snapshot.interrupted_count) == (True, 0)


@settings(max_examples=25)
@given(st.lists(st.tuples(RECORDS, st.sampled_from("abc")), max_size=10), st.permutations("xyz"))
def test_neither_names_nor_number_of_the_files_matter(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[Record, str]], names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    spread, single = Sweep(folder / "spread"), Sweep(folder / "single")
    for writer, name in zip("abc", names, strict=True):
        spread.journal(name, [record for record, owner in records if owner == writer])
    single.journal("one", [record for record, _ in records])
    snapshots = []
    for sweep in (spread, single):
        sweep.plan(4)
        snapshots.append(take_snapshot(sweep.paths.root))
    assert snapshots[0].statistics == snapshots[1].statistics
    shown = [[(run.index, run.reason) for run in snapshot.failed] for snapshot in snapshots]
    assert shown[0] == shown[1]


def test_a_sweep_can_be_read_from_its_first_moment_on(sweep: Sweep) -> None:
    assert take_snapshot(sweep.paths.root).statistics.total_count == 0
    for beginning in (b"", b'{"format":"multirun-pl'):
        Path(sweep.paths.plan).write_bytes(beginning)
        snapshot = take_snapshot(sweep.paths.root)
        assert (snapshot.statistics.total_count, snapshot.statistics.total_known, snapshot.alive) == (0, False, False)


def test_parameters_are_shown_as_other_languages_see_them(sweep: Sweep) -> None:
    plan = PlanWriter(sweep.paths.plan)
    plan.append(DIGEST, '{"size": [1, 2], "$typed": {"size": {"$tuple": [1, 2]}}}')
    plan.flush()
    plan.close()
    sweep.journal("a-0", [ended(0, "exit:1")])
    assert take_snapshot(sweep.paths.root).failed[0].params == {"size": [1, 2]}


def test_damage_is_not_passed_over(sweep: Sweep) -> None:
    sweep.plan(1)
    sweep.journal("a-0", [started(0), ended(0)])
    path = Path(sweep.paths.journal("a-0"))
    path.write_bytes(path.read_bytes().replace(b"started", b"startxd"))
    with pytest.raises(JournalDamagedError, match=str(path)):
        take_snapshot(sweep.paths.root)


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


# ------------------------------------------------------------------------------ results in the journals


def test_results_are_found_in_the_journals(sweep: Sweep) -> None:
    documents = {index: {"value": index, "text": '"results_digest"'} for index in range(4)}
    posted = [ended(index, results_digest="d", results=documents[index]) for index in documents]
    sweep.journal("a-0", [started(0), posted[0], started(5), ended(5, "exit:1", message='"results_digest"'), posted[3]])
    sweep.journal("b-0", [posted[1], posted[2]])
    document = read_documents(sweep.paths, {0, 2, 3})
    assert [document(index) for index in (3, 0, 2, 0)] == [documents[index] for index in (3, 0, 2, 0)]
    with pytest.raises(KeyError):
        document(1)


def test_a_torn_record_holds_no_results(sweep: Sweep) -> None:
    sweep.journal("a-0", [ended(0, results_digest="d", results=1), ended(1, results_digest="d", results=2)])
    path = Path(sweep.paths.journal("a-0"))
    path.write_bytes(path.read_bytes()[:-3])
    assert read_documents(sweep.paths, {0, 1})(0) == 1
    with pytest.raises(KeyError):
        read_documents(sweep.paths, {0, 1})(1)


def test_for_no_run_no_journal_is_opened(tmp_path: Path) -> None:
    read_documents(SweepPaths(str(tmp_path / "nowhere")), set())


# ------------------------------------------------------------------------------------------ find a sweep


def test_the_directory_itself_comes_first_then_the_newest_below_it(tmp_path: Path) -> None:
    for age, name in enumerate(["newest", "older", "oldest"]):
        sweep = Sweep(tmp_path / name)
        os.utime(sweep.paths.sweep, ns=(0, 10**18 - age))
    (tmp_path / "no-sweep").mkdir()
    assert find_sweep(str(tmp_path)) == str(tmp_path / "newest")
    assert find_sweep(str(tmp_path / "older")) == str(tmp_path / "older")


def test_in_the_directory_of_a_run_it_is_the_sweep_of_that_run(tmp_path: Path) -> None:
    Sweep(tmp_path / "study")
    folder = tmp_path / "study" / "runs" / "000001" / "more"
    folder.mkdir(parents=True)
    assert find_sweep(str(folder)) == str(tmp_path / "study")


@pytest.mark.parametrize("name", ["empty", "file", "missing"])
def test_where_there_is_no_sweep_it_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(NotASweepError, match=f"there is no sweep in {tmp_path / name}; give the directory"):
        find_sweep(str(tmp_path / name))


# ------------------------------------------------------------------------------------ without parsing records


def lines_of(records: list[Record]) -> list[bytes]:
    lines, crc = [], 0
    for seq, record in enumerate(records):
        line, crc = frame(record, seq, crc)
        lines.append(line)
    return lines


@given(st.lists(RECORDS, max_size=12))
def test_lines_are_folded_like_records(records: list[Record]) -> None:
    lines, folded = lines_of(records), Fold()
    folded.reset(lines)
    folded.take(lines)
    assert {run: json.loads(line) for run, (_, line) in folded.state.items()} == fold(map(json.loads, lines))


def test_lines_of_other_writers_are_folded_too(sweep: Sweep) -> None:
    record = {"event": "ended", "run": 3, "attempt": 1, "status": "success", "reason": None}
    folded = Fold()
    folded.take([json.dumps({"status": "success", "seq": 1, **record}).encode() + b"\n"])
    assert list(folded.state) == [3]
    assert folded.state[3][0] == (True, 1, 1)


def test_nothing_inside_a_record_is_taken_for_its_beginning() -> None:
    inner = '{"seq":0,"event":"ended","run":9,"attempt":9,"status":"success"}'
    lines = lines_of([ended(0, "exit:1", message=inner, results={"run": 9, "event": "started", "status": "success"})])
    folded = Fold()
    folded.take(lines)
    assert {run: ranked[0] for run, ranked in folded.state.items()} == {0: (False, 1, 1)}


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


@pytest.mark.parametrize(
    "record",
    [
        records.started(7, 2),
        records.started_text(7, 2),
        records.plain_end_text(7, 2, 0, 0.5, 0.1, 1000),
        records.ended(7, 2, SUCCESS, exit_status=0, duration_s=0.5),
        records.ended(7, 2, failure("exit:1", "why"), exit_status=1),
    ],
    ids=["started", "started text", "success text", "success", "failure"],
)
def test_records_as_they_are_written_need_no_parsing(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    line, _ = frame(record, 3, 0)
    expected = (7, rank(json.loads(line))[:3])
    monkeypatch.setattr("multirun.fold.json", None)
    assert glance(line) == expected
