"""Which journals count, and how far: whatever an earlier owner still writes does not."""

from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.recorded import Sweep, ended, reset, started

from multirun.errors import FormatError, JournalDamagedError
from multirun.journal import Journal, Record
from multirun.replay import Replay
from multirun.rundir import SweepPaths
from multirun.sessions import Seal, attempts_beyond, find_seal, session_of, sessions_of, writers_in
from multirun.snapshot import find_places, read_documents, take_snapshot


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    found = Sweep(tmp_path / "sweep")
    found.plan(4)
    return found


def opened(session: int, sealed: dict[str, int]) -> Record:
    return {"event": "opened", "session": session, "sealed": sealed, "changes": []}


def length(sweep: Sweep, writer: str) -> int:
    return Path(sweep.paths.journal(writer)).stat().st_size


def seal_of(sweep: Sweep) -> Seal:
    return find_seal(sweep.paths.journals, writers_in(sweep.paths.journals))


def statuses(sweep: Sweep) -> list[str]:
    return [run.status for run in Replay(sweep.paths.root).runs()]


def test_sessions_are_counted_by_the_journals_of_their_orchestrators() -> None:
    writers = ["orchestrator-10", "a-0", "orchestrator", "orchestrator-2", "orchestrator-x", "orchestrators"]
    assert sessions_of(writers) == [1, 2, 10]
    assert sessions_of(["a-0"]) == []


def test_of_a_sweep_that_nobody_continued_everything_counts(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    sweep.journal("a-0", [started(0), ended(0)])
    assert seal_of(sweep) == Seal()
    assert seal_of(sweep).limit("a-0") is None
    assert statuses(sweep)[0] == "success"


def test_what_is_written_behind_the_seal_or_not_sealed_does_not_count(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    lane = Journal(sweep.paths.journal("a-0"), "sweep-id", "a-0", 0.0)
    lane.append(started(0))
    sweep.journal("orchestrator-2", [opened(2, {"a-0": lane.offset, "orchestrator": 5})], session=2)
    lane.append(ended(0))
    sweep.journal("b-0", [started(1), ended(1)])
    sweep.journal("c-0-2", [started(2), ended(2)], session=2)
    assert statuses(sweep) == ["running", "pending", "success", "pending"]
    assert take_snapshot(sweep.paths.root).statistics.success_count == 1
    replay = Replay(sweep.paths.root)
    assert replay.attempts_beyond() == {0: 1, 1: 1}
    assert replay.lengths()["b-0"] == 0


def test_damage_behind_the_seal_does_not_matter_before_it_does(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    sweep.journal("a-0", [started(0), ended(0)])
    sealed = {"a-0": length(sweep, "a-0"), "orchestrator": length(sweep, "orchestrator")}
    sweep.journal("orchestrator-2", [opened(2, sealed)], session=2)
    path = Path(sweep.paths.journal("a-0"))
    with path.open("ab") as file:
        file.write(b"nonsense\nmore of it\n")
    assert statuses(sweep)[0] == "success"
    path.write_bytes(path.read_bytes().replace(b"started", b"startxd"))
    with pytest.raises(JournalDamagedError):
        statuses(sweep)


def test_a_session_that_was_killed_before_it_had_sealed_changes_nothing(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    sweep.journal("a-0", [started(0), ended(0)])
    sweep.journal("orchestrator-2", [], session=2)
    assert seal_of(sweep) == Seal()
    path = Path(sweep.paths.journal("orchestrator-3"))
    for content in (
        b"",
        b'{"seq":0,"event":"journ',
        Path(sweep.paths.journal("orchestrator-2")).read_bytes() + b'{"se',
    ):
        path.write_bytes(content)
        assert seal_of(sweep) == Seal()
        assert statuses(sweep)[0] == "success"


def test_the_latest_seal_counts_and_carries_on_the_earlier_one(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    lane = Journal(sweep.paths.journal("a-0"), "sweep-id", "a-0", 0.0)
    lane.append(started(0))
    sweep.journal("orchestrator-2", [opened(2, {"a-0": lane.offset})], session=2)
    lane.append(ended(0))
    sweep.journal("b-0-2", [started(1), ended(1)], session=2)
    sealed = Replay(sweep.paths.root).lengths()
    assert sealed["a-0"] < lane.offset
    sweep.journal("orchestrator-4", [opened(4, sealed)], session=4)
    sweep.journal("late-0-2", [started(3), ended(3)], session=2)
    assert statuses(sweep) == ["running", "success", "pending", "pending"]


def test_a_reader_notices_that_a_session_took_over(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    lane = Journal(sweep.paths.journal("a-0"), "sweep-id", "a-0", 0.0)
    lane.append(started(0))
    replay = Replay(sweep.paths.root)
    sealed = replay.lengths()
    lane.append(ended(0))
    replay.refresh()
    assert replay.status(0) == "success"
    sweep.journal("orchestrator-2", [opened(2, sealed)], session=2)
    replay.refresh()
    assert (replay.status(0), replay.session, replay.alive) == ("running", 2, True)
    sweep.journal("b-0-2", [started(0, 2), ended(0, "exit:1", 2)], session=2)
    replay.refresh()
    assert replay.status(0) == "failure"


def test_a_reader_notices_a_reset_that_comes_late(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    sweep.journal("a-0", [started(0), ended(0)])
    sealed = {"a-0": length(sweep, "a-0")}
    second = Journal(sweep.paths.journal("orchestrator-2"), "sweep-id", "orchestrator-2", 0.0, 2)
    second.append(opened(2, sealed))
    replay = Replay(sweep.paths.root)
    assert replay.status(0) == "success"
    second.append(reset(0, 1))
    replay.refresh()
    assert (replay.status(0), replay.attempts(0)) == ("pending", 1)


def test_results_of_attempts_that_do_not_count_are_not_found(sweep: Sweep) -> None:
    sweep.journal("orchestrator", [])
    posted = [ended(0, None, n, results_digest="d", results=n) for n in (1, 2, 3)]
    lane = Journal(sweep.paths.journal("a-0"), "sweep-id", "a-0", 0.0)
    lane.append(posted[0])
    sweep.journal("orchestrator-2", [opened(2, {"a-0": lane.offset}), reset(0, 1)], session=2)
    lane.append(posted[2])
    assert find_places(sweep.paths, lambda record: True) == {}
    sweep.journal("b-0-2", [{**posted[1], "status": "failure", "reason": "exit:1"}], session=2)
    assert read_documents(sweep.paths, {0})(0) == 2


def test_what_is_beyond_is_read_whatever_state_it_is_in(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = b'{"seq":1,"event":"started","run":%d,"attempt":%d,"time":0}\n'
    path.write_bytes(
        b"x" * 10 + line % (1, 9) + b"\xff\n" + b"y" * 70_000 + line % (7, 2) + line % (7, 1) + b'"run":8,"attempt":1'
    )
    assert attempts_beyond(str(path), 10) == {1: 9, 7: 2}
    assert attempts_beyond(str(path), 40) == {7: 2}


def test_the_name_of_a_journal_says_to_which_session_it_belongs() -> None:
    names = ["orchestrator", "orchestrator-4", "a1b2c3d4-0", "a1b2c3d4-10-3", SweepPaths("/s", 7).lane("a1b2c3d4", 2)]
    assert [session_of(name) for name in names] == [1, 4, 1, 3, 7]


def test_a_damaged_header_hides_nothing(sweep: Sweep) -> None:
    """Else the successes behind it would be taken for those of a superseded owner, and executed again."""
    sweep.journal("orchestrator", [])
    sweep.journal("orchestrator-2", [opened(2, {"orchestrator": length(sweep, "orchestrator")})], session=2)
    sweep.journal("a-0-2", [started(0), ended(0)], session=2)
    assert statuses(sweep)[0] == "success"
    path = Path(sweep.paths.journal("a-0-2"))
    whole = path.read_bytes()
    for position in range(whole.index(b"\n")):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises((JournalDamagedError, FormatError)):
            statuses(sweep)


def test_a_damaged_seal_is_not_obeyed(sweep: Sweep) -> None:
    """Also if it is the last record, so that it looks like one that was torn."""
    sweep.journal("orchestrator", [])
    sweep.journal("a-0", [started(0), ended(0)])
    sealed = {"a-0": length(sweep, "a-0"), "orchestrator": length(sweep, "orchestrator")}
    sweep.journal("orchestrator-2", [opened(2, sealed)], session=2)
    path = Path(sweep.paths.journal("orchestrator-2"))
    whole = path.read_bytes()
    for position in range(whole.index(b"\n") + 1, len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with suppress(JournalDamagedError):  # the line break is gone
            assert statuses(sweep)[0] == "success", position
