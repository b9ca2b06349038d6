"""The records that tell the life of a run."""

import json
import math
from time import time
from typing import Any

import pytest

from multirun.posted import Posted
from multirun.records import closed, ended, plain_end_text, started, started_text
from multirun.verdict import SUCCESS, failure


def test_a_start_says_which_attempt_and_when() -> None:
    before = round(time(), 3)
    record = started(7, 2)
    assert before <= record.pop("time") <= round(time(), 3)
    assert record == {"event": "started", "run": 7, "attempt": 2}


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 3), (255, 255), (-9, None), (None, None)])
def test_a_signal_is_no_exit_code(status: int | None, code: int | None) -> None:
    assert ended(0, 1, SUCCESS, exit_status=status)["exit_code"] == code


def test_a_success_holds_its_results() -> None:
    posted = Posted(found=True, document={"e": 1}, size=8, digest="d" * 64)
    record = ended(7, 2, SUCCESS, exit_status=0, duration_s=1.23456789, posted=posted)
    assert record.pop("time") > 0
    assert record == {
        "event": "ended",
        "run": 7,
        "attempt": 2,
        "status": "success",
        "reason": None,
        "exit_code": 0,
        "duration_s": 1.234568,
        "results_digest": "d" * 64,
        "results": {"e": 1},
    }


@pytest.mark.parametrize(
    ("given", "more"),
    [({}, {}), ({"duration_s": 0.0}, {"duration_s": 0.0}), ({"posted": Posted(found=True, problem="bad")}, {})],
)
def test_a_failure_holds_its_reason_and_only_what_is_known(given: dict[str, Any], more: dict[str, Any]) -> None:
    record = ended(7, 1, failure("lost", "its lane died"), **given)
    assert record.pop("time") > 0
    expected = {"event": "ended", "run": 7, "attempt": 1, "status": "failure", "reason": "lost", "exit_code": None}
    assert record == {**expected, "message": "its lane died", **more}


def test_a_sentence_is_there_only_where_there_is_one() -> None:
    assert "message" not in ended(0, 1, failure("exit:1"))


def test_the_end_of_a_sweep_says_whether_all_is_complete() -> None:
    assert [closed(complete=complete)["complete"] for complete in (True, False)] == [True, False]
    assert closed(complete=True)["event"] == "closed"
    assert "stopped" not in closed(complete=True)
    assert closed(complete=False, stopped="first-failed")["stopped"] == "first-failed"
    json.dumps(closed(complete=True))


def parsed(text: str) -> dict[str, object]:
    record: dict[str, object] = json.loads(f"{{{text}}}")
    return record


def alike(one: dict[str, object], two: dict[str, object]) -> bool:
    """The same apart from the moment at which they were written."""
    times = one.pop("time"), two.pop("time")
    assert all(isinstance(time, float) and math.isfinite(time) for time in times)
    return one == two and list(one) == list(two)


def test_the_text_of_a_start_is_that_of_its_record() -> None:
    assert alike(parsed(started_text(12, 3)), started(12, 3))


@pytest.mark.parametrize("seconds", [0.0, 4e-7, 0.0012345678, 1.0, 86_400.5, 3e7])
@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_text_of_a_plain_end_is_that_of_its_record(seconds: float, code: int) -> None:
    record = ended(12, 3, SUCCESS, exit_status=code, duration_s=seconds)
    record |= {"cpu_s": round(2 * seconds, 6), "max_rss_bytes": 1 << 40}
    assert alike(parsed(plain_end_text(12, 3, code, seconds, 2 * seconds, 1 << 40)), record)
