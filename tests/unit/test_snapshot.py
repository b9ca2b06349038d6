"""A reader's view of a sweep: neither the order of records nor that of files matters."""

import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.unit.recorded import DIGEST, RECORDS, Sweep, ended, started

from multirun.errors import JournalDamagedError, NotASweepError
from multirun.journal import Record
from multirun.plan import PlanWriter
from multirun.rundir import ORCHESTRATOR, SweepPaths
from multirun.snapshot import find_sweep, read_documents, take_snapshot

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
