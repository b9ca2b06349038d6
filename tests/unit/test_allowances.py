"""The keywords that say how a sweep goes on in spite of failures: what is good, and what is said otherwise."""

from typing import Any

import pytest
from tests.unit.requested import inspect

from multirun.allowances import Allowances
from multirun.retry import RetryPolicy
from multirun.run import Run


def mistakes(**given: Any) -> list[str]:
    return inspect(**given)[1]


def test_what_holds_if_nothing_is_said() -> None:
    request, wrong = inspect()
    assert wrong == []
    assert request.allowances == Allowances(RetryPolicy(0, 3, 1.0))


def test_all_of_it() -> None:
    request, wrong = inspect(
        retries=2,
        retry_if=["timeout", "exit:75"],
        retry_delay="2m",
        infrastructure_retries=0,
        max_failures=10,
        max_same_failures=3,
    )
    assert wrong == []
    policy = RetryPolicy(2, 0, 120.0, frozenset({"timeout", "exit:75"}))
    assert request.allowances == Allowances(policy, None, 10, 3)


def test_a_function_decides_instead_of_reasons() -> None:
    def odd(run: Run) -> bool:
        return run.index % 2 == 1

    allowances = inspect(retries=1, retry_if=odd)[0].allowances
    assert allowances.retry_if is odd
    assert allowances.retry.reasons is None


@pytest.mark.parametrize(
    "reason",
    [
        "exit",
        "exit:0",
        "exit:255",
        "signal",
        "signal:SIGSEGV",
        "signal:34",
        "timeout",
        "rule",
        "rule:a b:c",
        "no-result",
    ],
)
def test_good_reasons(reason: str) -> None:
    assert mistakes(retries=1, retry_if=[reason]) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("timeout", "'timeout' is neither a function that takes a Run nor a list of reasons"),
        ({"timeout": 1}, "is neither a function"),
        (3, "3 is neither a function"),
        ([], "the list is empty; leave it out"),
        ([3], "3 is no reason"),
        (["time-out"], "did you mean 'timeout'?"),
        (["exit:"], "'exit:75' for one"),
        (["exit:256"], "'exit:75' for one"),
        (["exit:x"], "'exit:75' for one"),
        (["exti:3"], "did you mean 'exit'?"),
        (["timeout:3"], "there is "),
        (["signal:"], "'signal:SIGSEGV' for one"),
        (["signal:SIGSEV"], "did you mean 'signal:SIGSEGV'?"),
        (["signal:kill"], "did you mean 'signal:SIGKILL'?"),
        (["signal:?"], "'signal:SIGSEGV' for one"),
        (["cancelled"], "never followed by another attempt"),
        (["lost"], "infrastructure_retries says"),
        (["whatever"], "there is exit, signal, timeout"),
    ],
)
def test_what_is_wrong_with_a_wish(given: object, words: str) -> None:
    (mistake,) = mistakes(retries=1, retry_if=given)
    assert mistake.startswith("retry_if: ")
    assert words in mistake


def test_a_coroutine_function_would_not_be_awaited() -> None:
    async def later(run: Run) -> bool:
        return True

    (mistake,) = mistakes(retries=1, retry_if=later)
    assert "nobody would await" in mistake


def test_a_wish_without_retries_does_nothing() -> None:
    (mistake,) = mistakes(retry_if=["timeout"])
    assert mistake.startswith("retry_if: it chooses which failures are retried, but retries=0")


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("retries", [-1, 1.5, "2", True, None]),
        ("infrastructure_retries", [-1, 1.5, "2", True, None]),
        ("retry_delay", [-1, "soon", None, True]),
        ("max_failures", [0, -1, 1.5, "2", True]),
        ("max_same_failures", [0, -1, 1.5, "2", True]),
    ],
)
def test_numbers_that_are_none(keyword: str, values: list[object]) -> None:
    for value in values:
        (mistake,) = mistakes(**{keyword: value})
        assert mistake.startswith(f"{keyword}: "), (value, mistake)


def test_all_mistakes_at_once() -> None:
    assert len(mistakes(retries=-1, retry_if=["x", "y"], retry_delay="x", max_failures=0)) == 5
