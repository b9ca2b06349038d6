"""Failed runs are grouped by cause."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirun.causes import constant_names, find_causes, fingerprint, group, number_ranges


@dataclass
class Failed:
    """A failed run."""

    index: int
    reason: str = "exit:1"
    evidence: str | None = None
    message: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    path: str = "/sweep/runs/000000"


def groups_of(*failed: Failed) -> list[list[int]]:
    return [[run.index for run in runs] for runs in group(failed).values()]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("singular at node 7", "singular at node 1234"),
        ("pivot 1e-9 too small", "pivot -0.25 too small"),
        ("sizes [1, 2, 3] differ", "sizes [4, 5] differ"),
        ("x at 0x7ffe12ab", "x at 0x7fff0000cafe"),
        ("/sweep/runs/000001/a.csv: gone", "/sweep/runs/12/012042/a.csv: gone"),
        ("2024-01-02T10:11:12.5 lost", "2025-11-30T01:02:03.25 lost"),
        ("no object b3f0aa17cd", "no object 77aa01ffee"),
        ("residual 1.0D+03", "residual 3.5D-12"),
        ("[rank 3] died", "[rank 12] died"),
    ],
)
def test_numbers_make_no_difference(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'alpha'", "KeyError: 'beta'"),
        ("singular at node 7", "singular at edge 7"),
        ("a mesh", "a"),
        (None, "x"),
    ],
)
def test_words_make_a_difference(one: str | None, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@given(st.lists(st.sampled_from(["node ", "pivot=", " in ", "'a'", "(", "#"]), max_size=6), st.data())
def test_any_number_in_any_place_gives_the_same_fingerprint(words: list[str], data: st.DataObject) -> None:
    numbers = st.floats(allow_nan=False, allow_infinity=False).map(str) | st.integers().map(str)
    texts = ["".join(word + data.draw(numbers) for word in words) for _ in range(2)]
    assert fingerprint(texts[0]) == fingerprint(texts[1])


def test_reason_message_and_evidence_tell_causes_apart() -> None:
    assert groups_of(
        Failed(0, evidence="bad 1"),
        Failed(1, "exit:2", evidence="bad 1"),
        Failed(2, evidence="bad 2"),
        Failed(3, evidence="worse"),
        Failed(4),
        Failed(5, "no-result", message="the results lack 'a'"),
        Failed(6, "no-result", message="the results lack 'b'"),
        Failed(7, "no-result", message="the results lack 'a'"),
    ) == [[0, 2], [1], [3], [4], [5, 7], [6]]


@pytest.mark.parametrize("reason", ["timeout", "signal:SIGSEGV", "out-of-memory", "output-limit"])
def test_what_a_run_was_doing_is_not_the_cause_of_a_time_limit_or_a_signal(reason: str) -> None:
    runs = [Failed(0, reason, "step 1"), Failed(1, reason, "writing"), Failed(2, reason, "Error: no licence")]
    assert groups_of(*runs) == [[0, 1], [2]]
    assert [cause.line for cause in find_causes(runs, [])] == [None, "Error: no licence"]


RUNS = st.builds(
    Failed,
    st.integers(0, 10**6),
    st.sampled_from(["exit:1", "exit:2", "timeout", "signal:SIGFPE", "no-result"]),
    st.none() | st.sampled_from(["node 1 failed", "node 2 failed", "step 3", "done"]),
    st.none() | st.sampled_from(["lacks 'a'", "lacks 'b'"]),
)


@given(st.lists(RUNS, unique_by=lambda run: run.index, max_size=30), st.randoms())
def test_groups_share_out_the_runs_whatever_their_order(runs: list[Failed], chance: random.Random) -> None:
    groups = groups_of(*runs)
    assert sorted(index for group in groups for index in group) == sorted(run.index for run in runs)
    assert all(group == sorted(group) for group in groups)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    by_index = {run.index: run for run in runs}
    for indexes in groups:
        alike = [by_index[index] for index in indexes]
        assert len({(run.reason, run.message) for run in alike}) == 1
    chance.shuffle(runs)
    assert groups_of(*runs) == groups


def test_very_many_different_causes_are_told_apart_by_their_reason() -> None:
    words = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(3000)]
    causes = find_causes([Failed(n, f"exit:{n % 2}", evidence=f"bad {word}") for n, word in enumerate(words)], [])
    assert len(causes) <= 502
    assert sum(len(cause.runs) for cause in causes) == 3000
    assert all(len({run.reason for run in cause.runs}) == 1 for cause in causes)


@pytest.mark.parametrize(
    ("maps", "names"),
    [
        ([], set()),
        ([{"x": 1}], set()),
        ([{"x": 1}, {"x": 1}], set()),
        ([{"x": 1, "y": 2}, {"x": 1, "y": 3}], {"x"}),
        ([{"x": 1}, {"x": 1, "y": 3}], {"x"}),
        ([{"x": 1, "y": 3}, {"x": 1}], {"x"}),
        ([{"x": 1}, {"y": 1}], set()),
    ],
)
def test_parameters_that_are_the_same_everywhere(maps: list[dict[str, Any]], names: set[str]) -> None:
    assert constant_names(maps) == names


def test_no_more_runs_are_looked_at_than_it_takes() -> None:
    def maps() -> Iterator[dict[str, Any]]:
        yield from ({"x": 1, "y": 1}, {"x": 1, "y": 2}, {"x": 2, "y": 2})
        raise AssertionError

    assert constant_names(maps()) == set()


@pytest.mark.parametrize(
    ("indexes", "text"),
    [
        ([], ""),
        ([3], "3"),
        ([3, 4], "3-4"),
        ([3, 4, 5, 6, 7, 8, 9, 12], "3-9, 12"),
        ([0, 2, 4], "0, 2, 4"),
        (list(range(0, 2000, 2)), "0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30 and 984 more"),
    ],
)
def test_ranges_of_numbers(indexes: list[int], text: str) -> None:
    assert number_ranges(indexes) == text


@given(st.sets(st.integers(0, 300), min_size=1, max_size=60).map(sorted), st.integers(1, 80))
def test_ranges_say_all_or_how_many_are_left_out(indexes: list[int], limit: int) -> None:
    text = number_ranges(indexes, limit)
    listed, _, more = text.partition(" and ")
    told: list[int] = []
    for part in listed.split(", "):
        begin, _, end = part.partition("-")
        told += range(int(begin), int(end or begin) + 1)
    assert told == indexes[: len(told)]
    assert len(told) + int(re.sub(r"\D", "", more) or 0) == len(indexes)
    assert len(listed) <= max(limit, len(listed.split(", ")[0]))


@pytest.mark.timeout(20)  # with work that grows as the square it would take hours
@pytest.mark.parametrize("reason", ["exit:1", "timeout"])
def test_a_hundred_thousand_failures_are_no_burden(reason: str) -> None:
    params = [{"vp": (n % 50) / 10, "mode": "fast" if n % 3 else "slow", "seed": n} for n in range(100_000)]
    failed = [
        Failed(
            n, reason, f"ValueError: singular matrix at node {n}, pivot {n * 1e-9:g} in runs/{n:06}/a.csv", None, each
        )
        for n, each in enumerate(params)
    ]
    (cause,) = find_causes(failed, params)
    assert len(cause.runs) == 100_000
