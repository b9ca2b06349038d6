"""Sentences for people."""

from pathlib import Path
from typing import Any

import pytest

from multirun.run import Run
from multirun.snapshot import FailedRun
from multirun.statistics import RunStatistics, Tally
from multirun.wording import counts_line, failure_line, printable, summary_line


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
