"""When failures are reason enough to start nothing more."""

from typing import Any

import pytest

from multirun.breaker import QUICK_S, Breaker
from multirun.run import Run


class _Home:
    def directory(self, index: int) -> str:
        return ""

    def load_results(self, run: Run) -> Any:
        return None


def end(reason: str | None = "exit:1", evidence: str | None = "no licence", duration_s: float | None = 0.1) -> Run:
    """A run that ended: without a reason well."""
    run = Run(0, {}, _Home())
    run.status = "failure" if reason else "success"
    run.reason, run.evidence, run.duration_s = reason, evidence, duration_s
    return run


OK = end(None)
CANCELLED = end("cancelled")


def told(breaker: Breaker, *runs: Run) -> list[str | None]:
    return [breaker.after(run) for run in runs]


def test_the_first_runs_fail_at_once_and_alike() -> None:
    assert told(Breaker(None, 3), *[end()] * 4) == [None, None, "same-failures", None]


def test_numbers_in_what_they_say_do_not_matter() -> None:
    runs = [end(evidence=f"bad mesh {n}.5 at 0x{n}f3a") for n in range(3)]
    assert told(Breaker(None, 3), *runs)[-1] == "same-failures"


def test_a_message_stands_in_where_the_program_said_nothing() -> None:
    runs = [end(evidence=None) for _ in range(4)]
    for number, run in enumerate(runs):
        run.message = "command not found" if number < 1 else "permission denied"
    assert told(Breaker(None, 2), *runs) == [None] * 4


@pytest.mark.parametrize(
    "other",
    [
        OK,
        end("exit:2"),
        end("signal:SIGSEGV"),
        end(evidence="something else"),
        end(duration_s=QUICK_S),
        end(duration_s=None),
    ],
    ids=lambda run: f"{run.reason}-{run.evidence}-{run.duration_s}",
)
@pytest.mark.parametrize("position", [0, 1])
def test_one_that_differs_says_that_not_all_fail_alike(other: Run, position: int) -> None:
    runs = [end()] * 9
    runs[position] = other
    assert told(Breaker(None, 3), *runs) == [None] * 9


def test_later_failures_are_no_beginning() -> None:
    assert told(Breaker(None, 2), OK, *[end()] * 5) == [None] * 6


def test_cancelled_runs_say_nothing() -> None:
    assert told(Breaker(None, 2), CANCELLED, end(), CANCELLED, end())[-1] == "same-failures"
    assert told(Breaker(2, None), CANCELLED, end(), CANCELLED, end())[-1] == "max-failures"


def test_skipped_runs_say_nothing() -> None:
    skipped = end(None)
    skipped.status, skipped.reason = "skipped", "complete already"
    assert told(Breaker(1, 2), skipped) == [None]
    assert told(Breaker(None, 2), end(), skipped, end())[-1] == "same-failures"


def test_so_many_failures_and_no_more() -> None:
    assert told(Breaker(2, None), end(), OK, end("timeout", duration_s=900.0), end()) == [
        None,
        None,
        "max-failures",
        None,
    ]


def test_no_limits() -> None:
    assert told(Breaker(None, None), *[end()] * 100) == [None] * 100
