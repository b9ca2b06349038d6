"""Sentences for people."""

import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.moments import make_run, make_statistics, statistics

from multirun.run import Run
from multirun.snapshot import FailedRun
from multirun.statistics import RunStatistics, Tally
from multirun.wording import (
    clock,
    counts_line,
    failure_line,
    printable,
    progress_line,
    remaining_in_words,
    summary_line,
)


class Home:
    """A sweep of which only the paths are known."""

    def directory(self, index: int) -> str:
        return f"/sweep/runs/{index}"

    def load_results(self, run: Run) -> Any:
        raise NotImplementedError


def counts(*, known: bool = True, **numbers: int) -> RunStatistics:
    tally = Tally()
    for status, number in numbers.items():
        tally.add(status, number)  # type: ignore[arg-type]
    return tally.statistics(total_known=known)


def failed(params: dict[str, Any], reason: str, message: str | None) -> Run:
    run = Run(7, params, Home())
    run.status, run.reason, run.message = "failure", reason, message
    return run


@pytest.mark.parametrize(
    ("params", "reason", "message", "line"),
    [
        ({"x": 1}, "exit:1", None, "run 7 (x=1) failed: exit code 1; see /sweep/runs/7/stderr.log"),
        (
            {"x": 1},
            "staging-failed",
            "no room",
            "run 7 (x=1) failed: its directory could not be filled: no room; see /sweep/runs/7",
        ),
        ({"x": 1}, "cancelled", "before its start", "run 7 (x=1) failed: cancelled: before its start"),
        ({"x": 1}, "cancelled", None, "run 7 (x=1) failed: cancelled; see /sweep/runs/7/stderr.log"),
        ({}, "timeout", None, "run 7 failed: took longer than its time limit; see /sweep/runs/7/stderr.log"),
        (
            {"x": 1},
            "signal:SIGFPE",
            None,
            "run 7 (x=1) failed: stopped by SIGFPE (floating-point error); see /sweep/runs/7/stderr.log",
        ),
        (
            {"x": 1},
            "rule:e",
            "'e' from stdout.log: nan is not finite",
            "run 7 (x=1) failed: 'e' from stdout.log: nan is not finite; see /sweep/runs/7/stderr.log",
        ),
        (
            {"x": 1, "name": "a b"},
            "exec-failed",
            "command not found",
            "run 7 (x=1, name='a b') failed: command not found; see /sweep/runs/7",
        ),
        (
            {"x\x1b[2J": "\n"},
            "no-result",
            "the results lack 'a\tb'",
            "run 7 (x\\x1b[2J='\\n') failed: the results lack 'a\\tb'; see /sweep/runs/7/stderr.log",
        ),
    ],
)
def test_a_failure_is_one_line_with_all_one_needs(
    params: dict[str, Any], reason: str, message: str | None, line: str
) -> None:
    assert failure_line(failed(params, reason, message)) == line
    assert failure_line(FailedRun(7, params, reason, message, "/sweep/runs/7")) == line
    assert failure_line(failed({"x": "y" * 10_000}, reason, message)).count("y") < 100


@pytest.mark.parametrize(
    ("statistics", "line"),
    [
        (counts(), "no runs"),
        (counts(known=False), "no runs"),
        (counts(pending=3), "3 waiting of 3"),
        (counts(known=False, running=2, pending=1), "2 running, 1 waiting of 3 so far"),
        (
            counts(running=3, success=12, failure=1, skipped=2, pending=84),
            "3 running, 12 ok, 1 failed, 2 skipped, 84 waiting of 102",
        ),
    ],
)
def test_counts_leave_out_what_is_zero(statistics: RunStatistics, line: str) -> None:
    assert counts_line(statistics) == line


def test_a_summary_says_how_it_ended_how_long_it_took_and_where_it_is() -> None:
    assert summary_line(counts(success=2), 61.2, "/sweep") == "2 ok of 2 in 1 min 01 s; see /sweep"
    assert summary_line(counts(success=2), None, str(Path("/sweep"))) == "2 ok of 2; see /sweep"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain ü", "plain ü"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("\u202e", "\\u202e"),
    ],
)
def test_no_text_gives_orders_to_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_failure_line_says_which_run_why_and_where_to_look() -> None:
    line = failure_line(make_run(42, reason="no-result", message="it posted nothing", x=1.5, name="a b"))
    expected = "run 42 (x=1.5, name='a b') failed: it posted nothing; see /sweeps/one/runs/000042/stderr.log"
    assert line == expected


def test_failure_line_without_parameters() -> None:
    assert failure_line(make_run()) == "run 7 failed: exit code 3; see /sweeps/one/runs/000007/stderr.log"


@given(st.text(), st.text(), st.text())
def test_failure_line_is_one_line_without_orders_to_the_terminal(name: str, value: str, message: str) -> None:
    run = Run(7, {name: value}, Home())
    run.reason, run.message = "exit:3", message
    line = failure_line(run)
    assert line.isprintable()
    line.encode()


def test_control_characters_are_shown_as_escapes() -> None:
    assert printable("a\x1b[2J\nb\tc é …") == "a\\x1b[2J\\nb\\tc é …"


@given(statistics)
def test_counts_in_words_add_up(now: RunStatistics) -> None:
    if not now.total_count:
        assert counts_line(now) == "no runs"
        return
    *parts, total = [int(number) for number in re.findall(r"\d+", counts_line(now))]
    assert sum(parts) == total == now.total_count
    assert ("so far" in counts_line(now)) is not now.total_known


def test_sentences() -> None:
    now = make_statistics(running=2, ok=3, failed=1, skipped=4, waiting=5)
    assert counts_line(now) == "2 running, 3 ok, 1 failed, 4 skipped, 5 waiting of 15"
    assert progress_line(now, 12.3, 300).endswith(" of 15 after 12 s, about 5 min left")
    assert summary_line(now, 185, "/sweep").endswith(" of 15 in 3 min 05 s; see /sweep")
    assert summary_line(now, None, "/sweep").endswith(" of 15; see /sweep")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.1, "5 s"),
        (12, "10 s"),
        (57, "55 s"),
        (58, "1 min"),
        (80, "1 min"),
        (3569, "59 min"),
        (3571, "1 h 00 min"),
        (2 * 3600 + 460, "2 h 10 min"),
        (86_000, "23 h 50 min"),
        (86_399, "1 d 0 h"),
        (10 * 86_400, "10 d 0 h"),
    ],
)
def test_remaining_time_has_no_more_digits_than_it_deserves(seconds: float, words: str) -> None:
    assert remaining_in_words(seconds) == f"about {words} left"


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (61, "1:01"), (3723, "1:02:03"), (360_000, "100:00:00")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
