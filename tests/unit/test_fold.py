"""Which record decides about a run: neither the order of records matters nor whether they are parsed."""

import json
from itertools import permutations
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.recorded import RECORDS, Sweep, ended, reset, skipped, started

from multirun import records
from multirun.fold import Fold, fold, glance, rank
from multirun.journal import Record, frame
from multirun.verdict import SUCCESS, failure

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
