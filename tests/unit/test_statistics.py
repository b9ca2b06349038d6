"""The counts add up after every step of every history."""

from collections import Counter
from dataclasses import FrozenInstanceError

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.run import STATUSES, TRANSITIONS, RunStatus
from multirun.statistics import RunStatistics, Tally


def check(statistics: RunStatistics, statuses: list[RunStatus]) -> None:
    expected = Counter(statuses)
    counted = {status: getattr(statistics, f"{status}_count") for status in STATUSES}
    assert counted == {status: expected[status] for status in STATUSES}
    assert statistics.total_count == sum(counted.values()) == len(statuses)
    complete = counted["skipped"] + counted["success"] + counted["failure"]
    assert statistics.complete_count == complete


@given(st.data())
def test_counts_add_up_whatever_happens(data: st.DataObject) -> None:
    tally, statuses = Tally(), list[RunStatus]()
    for _ in range(data.draw(st.integers(0, 30))):
        movable = [index for index, status in enumerate(statuses) if TRANSITIONS[status]]
        grow = data.draw(st.booleans())
        if movable and not grow:
            index = data.draw(st.sampled_from(movable))
            after = data.draw(st.sampled_from(sorted(TRANSITIONS[statuses[index]])))
            tally.move(statuses[index], after)
            statuses[index] = after
        else:
            status = data.draw(st.sampled_from(STATUSES))
            tally.add(status)
            statuses.append(status)
        check(tally.statistics(total_known=True), statuses)


@pytest.mark.parametrize("status", STATUSES)
def test_many_runs_can_be_added_at_once(status: RunStatus) -> None:
    tally = Tally()
    tally.add(status, 1_000_000)
    counts = tally.statistics(total_known=True)
    assert getattr(counts, f"{status}_count") == counts.total_count == 1_000_000


@pytest.mark.parametrize("known", [True, False])
def test_it_says_whether_there_may_be_more(known: bool) -> None:
    assert Tally().statistics(total_known=known).total_known is known


def test_statistics_are_of_one_moment() -> None:
    tally = Tally()
    tally.add("pending", 2)
    before = tally.statistics(total_known=True)
    tally.move("pending", "running")
    assert (before.pending_count, before.running_count) == (2, 0)
    with pytest.raises(FrozenInstanceError):
        before.pending_count = 3  # type: ignore[misc]


def test_tallies_share_nothing() -> None:
    one, other = Tally(), Tally()
    one.add("running")
    assert other.statistics(total_known=True).total_count == 0
