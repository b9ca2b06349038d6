"""The one row of a display as a pure function, with its bar, and the summary that replaces it."""

import re
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.moments import make_moment, make_statistics, moments, statistics

from multirun.display.cells import cells
from multirun.display.counts import render_summary
from multirun.display.moment import Moment
from multirun.display.row import ASCII, UNICODE, render_bar, render_row
from multirun.statistics import RunStatistics
from multirun.wording import counts_line


@given(moments, st.integers(1, 200), st.sampled_from([UNICODE, ASCII]), st.sampled_from(["", "label: ", "広い" * 20]))
def test_row_never_is_wider_than_it_may(moment: Moment, width: int, marks: Any, label: str) -> None:
    assert cells(render_row(moment, width, marks, label)) <= width


def test_row_always_says_how_many_are_done_and_failed() -> None:
    moment = make_moment(1e6, "waits: No space left on device", running=64, ok=900, failed=99)
    for width in range(19, 201):
        row = render_row(moment, width).plain
        assert re.search(r"900 ok|\b999/1063\b", row)
        assert "99 failed" in row


@given(moments)
def test_full_row_has_counts_that_add_up(moment: Moment) -> None:
    row = render_row(moment, 300).plain
    if moment.statistics.total_count:
        assert counts_line(moment.statistics) in row


@given(moments.filter(lambda moment: not moment.notices), st.integers(20, 200))
def test_row_for_other_encodings_is_ascii(moment: Moment, width: int) -> None:
    assert render_row(moment, width, ASCII).plain.isascii()


def test_rows_at_some_widths() -> None:
    moment = Moment(make_statistics(running=4, ok=12, failed=1, waiting=83), ("/sweeps/one",), 75.0, 330.0)
    rows = {width: render_row(moment, width).plain for width in (110, 80, 60, 46, 40, 30, 20, 12, 8, 5)}
    assert rows == {
        110: "━━━╳╌·" + "·" * 26 + "  4 running, 12 ok, 1 failed, 83 waiting of 100  1:15  about 6 min left",
        80: "━╳╌······  4 running, 12 ok, 1 failed, 83 waiting of 100  1:15  about 6 min left",
        60: "4 running, 12 ok, 1 failed, 83 waiting of 100  1:15",
        46: "4 running, 12 ok, 1 failed, 83 waiting of 100",
        40: "4 running, 12 ok, 1 failed of 100  1:15",
        30: "13/100 done, 1 failed  1:15",
        20: "13/100, 1 failed",
        12: "13/100  1:15",
        8: "13/100",
        5: "13/1…",
    }


def test_what_holds_up_is_on_the_row() -> None:
    moment = make_moment(5.0, "waits: No space left on device", "another", running=1, waiting=1)
    text = "1 running, 1 waiting of 2  0:05  waits: No space left on device (and 1 more)"
    assert text in render_row(moment, 120).plain
    assert render_row(moment, 60).plain == "1 running, 1 waiting of 2  0:05  waits: No space left on de…"
    assert render_row(moment, 60, ASCII).plain.endswith("left on de~")


@given(statistics, st.integers(8, 40))
def test_bar_has_its_width_and_hides_no_failure(now: RunStatistics, width: int) -> None:
    bar = render_bar(now, width, UNICODE).plain
    assert len(bar) == width
    assert (UNICODE.failed in bar) is (now.failure_count > 0)
    if now.running_count or now.pending_count:
        assert bar != UNICODE.ok * width


@pytest.mark.parametrize(
    ("counts", "role", "text"),
    [
        ({"ok": 98, "failed": 2}, "failed", "98 ok, 2 failed of 100 in 12 s"),
        ({"ok": 98}, "ok", "98 ok of 98 in 12 s"),
        ({"ok": 98, "waiting": 1}, "notice", "98 ok, 1 waiting of 99 in 12 s"),
    ],
)
def test_the_worst_outcome_decides_the_colour_of_the_summary(counts: dict[str, int], role: str, text: str) -> None:
    summary = render_summary(make_moment(**counts))
    assert summary.plain == f"{text}; see /sweeps/one"
    assert [(piece.role, piece.text) for piece in summary if piece.role] == [(role, text)]
