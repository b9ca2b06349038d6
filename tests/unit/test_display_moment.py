"""A moment of a sweep: the time that remains, what came since, and which runs are slow."""

import pytest
from hypothesis import given
from tests.unit.moments import make_statistics, statistics

from multirun.display.moment import estimate_remaining_s, is_slow, subtract
from multirun.statistics import RunStatistics


def test_remaining_time_is_what_the_rate_says() -> None:
    half_way = make_statistics(ok=50, waiting=50)
    assert estimate_remaining_s(half_way, 50, 100) == pytest.approx(100)
    assert estimate_remaining_s(make_statistics(ok=8, running=4), 8, 30) == pytest.approx(6)


@pytest.mark.parametrize(
    ("now", "executed", "watched_s"),
    [
        (make_statistics(ok=50, waiting=50, total_known=False), 50, 100),
        (make_statistics(ok=4, waiting=50), 4, 100),
        (make_statistics(ok=9, running=10, waiting=50), 9, 100),
        (make_statistics(ok=50, waiting=50), 50, 1.9),
        (make_statistics(skipped=50, waiting=50), 0, 100),
        (make_statistics(ok=50), 50, 100),
    ],
    ids=["more may come", "too few", "fewer than run", "too early", "skipped runs take no time", "nothing left"],
)
def test_no_remaining_time_that_would_be_a_guess(now: RunStatistics, executed: int, watched_s: float) -> None:
    assert estimate_remaining_s(now, executed, watched_s) is None


@given(statistics, statistics)
def test_subtracted_counts_add_up(now: RunStatistics, before: RunStatistics) -> None:
    left = subtract(now, before)
    parts = left.running_count + left.pending_count + left.success_count + left.failure_count + left.skipped_count
    assert parts == left.total_count == now.total_count - before.total_count
    assert left.total_known is now.total_known


@pytest.mark.parametrize(
    ("elapsed_s", "typical_s", "slow"),
    [(100, None, False), (7.8, 2.6, False), (7.9, 2.6, True), (2.05, 0.1, False), (2.2, 0.1, True), (1.0, 0.0, False)],
)
def test_slow_is_what_takes_much_longer_than_others(elapsed_s: float, typical_s: float | None, slow: bool) -> None:
    assert is_slow(elapsed_s, typical_s) is slow


def test_nobody_knows_when_the_last_runs_end_if_one_is_overdue() -> None:
    last = make_statistics(running=1, ok=12, failed=1)
    many = make_statistics(running=6, waiting=83, ok=12, failed=1)
    assert estimate_remaining_s(last, 13, 60, overdue=True) is None
    assert estimate_remaining_s(last, 13, 60) is not None
    assert estimate_remaining_s(many, 13, 60, overdue=True) is not None
