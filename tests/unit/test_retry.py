"""Whether a failed attempt is followed by another: budgets, pauses, reasons."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.retry import INFRASTRUCTURE, LONGEST_PAUSE_S, RetryPolicy, Used, decide, pause_s

PROGRAM = ["exit:1", "signal:SIGSEGV", "timeout", "no-result", "out-of-memory", "rule:energy", "exec-failed"]
REASONS = st.sampled_from([*PROGRAM, *sorted(INFRASTRUCTURE)])


@given(st.integers(0, 5), st.integers(0, 5), st.lists(REASONS, max_size=40))
def test_exactly_as_many_attempts_as_the_budgets_allow(retries: int, infrastructure: int, reasons: list[str]) -> None:
    """Whatever comes in which order, no budget pays for the other."""
    policy, used = RetryPolicy(retries, infrastructure), Used()
    left = {False: retries, True: infrastructure}
    for reason in reasons:
        retry = decide(policy, used, reason)
        assert (retry is not None) == (left[reason in INFRASTRUCTURE] > 0)
        if retry is None:
            break
        used = retry.used
        left[reason in INFRASTRUCTURE] -= 1
    assert used == (retries - left[False], infrastructure - left[True])


def test_programs_are_not_retried_unless_somebody_asks_and_machines_are() -> None:
    policy = RetryPolicy()
    assert all(decide(policy, Used(), reason) is None for reason in PROGRAM)
    assert all(decide(policy, Used(), reason) is not None for reason in INFRASTRUCTURE)


def test_nobody_retries_what_was_cancelled() -> None:
    assert decide(RetryPolicy(9, 9, reasons=frozenset({"cancelled"})), Used(), "cancelled") is None


@pytest.mark.parametrize(
    ("wanted", "reason", "is_retried"),
    [
        ("exit:75", "exit:75", True),
        ("exit:75", "exit:7", False),
        ("exit:7", "exit:75", False),
        ("exit", "exit:75", True),
        ("signal", "signal:SIGKILL", True),
        ("signal:SIGSEGV", "signal:SIGKILL", False),
        ("timeout", "timeout", True),
        ("timeout", "exit:1", False),
        ("timeout", "lost", True),
    ],
)
def test_only_wanted_reasons_but_those_of_machines_in_any_case(wanted: str, reason: str, is_retried: bool) -> None:
    policy = RetryPolicy(1, reasons=frozenset({wanted}))
    assert (decide(policy, Used(), reason) is not None) == is_retried


def test_pauses_double_and_end_at_the_longest() -> None:
    assert [pause_s(1.0, count, 0.5) for count in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert pause_s(1.0, 10_000, 0.0) == LONGEST_PAUSE_S
    assert pause_s(0.0, 50, 0.9) == 0.0
    assert pause_s(1e6, 0, 0.5) == LONGEST_PAUSE_S


@given(st.floats(0, 1e9), st.integers(0, 1000), st.floats(0, 1, exclude_max=True))
def test_jitter_is_half_of_the_pause_at_most(delay_s: float, count: int, draw: float) -> None:
    middle = pause_s(delay_s, count, 0.5)
    assert min(LONGEST_PAUSE_S, middle) * 0.49 <= pause_s(delay_s, count, draw) <= min(LONGEST_PAUSE_S, middle * 1.51)


def test_each_budget_has_pauses_of_its_own() -> None:
    policy = RetryPolicy(9, 9, 1.0)
    used = Used(program=3)
    lost, failed = decide(policy, used, "lost"), decide(policy, used, "exit:1")
    assert lost is not None
    assert failed is not None
    assert (lost.after_s, failed.after_s) == (1.0, 8.0)
