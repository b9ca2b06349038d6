"""The rows of the live display as pure functions: what they say at each size, and what is cut first."""

import re
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from multirun.display.cells import cells, cut, cut_text
from multirun.display.moment import Active, Moment
from multirun.display.row import ASCII, UNICODE
from multirun.display.rows import MOST_ROWS, render_rows
from multirun.paint import paint
from multirun.statistics import RunStatistics
from multirun.styled import Line, Piece

NOTICE = "waits: No space left on device"
FAILURE = "run 931 (x=3): exit:1: ValueError: diverged"


def make_statistics(running: int = 6, waiting: int = 83, failed: int = 1, ok: int = 12) -> RunStatistics:
    complete = ok + failed
    return RunStatistics(0, waiting, running, ok, failed, complete, complete + running + waiting)


def make_moment(
    *active: Active, notices: tuple[str, ...] = (), latest: str | None = None, running: int = 6, **counts: Any
) -> Moment:
    statistics = make_statistics(running, **counts)
    return Moment(statistics, ("/sweeps/one",), 75.0, 330.0, notices, active, latest)


def plain(moment: Moment, width: int, height: int = MOST_ROWS, marks: Any = UNICODE) -> list[str]:
    return [row.plain for row in render_rows(moment, width, height, marks)]


OLD = Active("run 9", "vdd=0.4, w=2", 48.7, 2.64)
YOUNG = [Active("run 13", "vdd=0.5, w=2", 2.9), Active("run 15", "vdd=0.5, w=16", 1.9), Active("run 16", "w=4", 1.0)]

actives = st.builds(
    Active,
    st.integers(0, 10**6).map("run {}".format),
    st.text(st.characters(codec="ascii", categories=("L", "N", "P")) | st.just("広"), max_size=80),
    st.floats(0, 1e6),
    st.none() | st.floats(0, 1e5),
)
moments = st.builds(
    Moment,
    st.builds(make_statistics, *([st.integers(0, 10**6)] * 4)),
    st.just(("/sweeps/one",)),
    st.none() | st.floats(0, 1e7),
    st.none() | st.floats(0, 1e7),
    st.lists(st.just(NOTICE), max_size=2).map(tuple),
    st.lists(actives, max_size=4).map(tuple),
    st.none() | st.just(FAILURE),
)

# ------------------------------------------------------------------------------------------ the rows


def test_rows_at_some_widths() -> None:
    moment = make_moment(OLD, *YOUNG)
    assert plain(moment, 100) == [
        "━━━╳╌" + "·" * 24 + "  6 running, 12 ok, 1 failed, 83 waiting of 102  1:15  about 6 min left",
        "  run 9   vdd=0.4, w=2   48 s  slow: others take 2.6 s",
        "  run 13  vdd=0.5, w=2    2 s",
        "  run 15  vdd=0.5, w=16   1 s",
        "  run 16  w=4             1 s",
        "  and 2 more",
    ]
    assert plain(moment, 40) == [
        "6 running, 12 ok, 1 failed of 102  1:15",
        "  run 9   vdd=0.4, w=2   48 s  slow",
        "  run 13  vdd=0.5, w=2    2 s",
        "  run 15  vdd=0.5, w=16   1 s",
        "  run 16  w=4             1 s",
        "  and 2 more",
    ]
    assert plain(moment, 30) == [
        "13/102 done, 1 failed  1:15",
        "  run 9   vdd=0.4…  48 s  slow",
        "  run 13  vdd=0.5…   2 s",
        "  run 15  vdd=0.5…   1 s",
        "  run 16  w=4        1 s",
        "  and 2 more",
    ]
    assert plain(moment, 22) == ["13/102 done, 1 failed"]


def test_what_is_urgent_comes_right_below_the_bar() -> None:
    rows = plain(make_moment(OLD, *YOUNG, notices=(NOTICE, "another"), latest=FAILURE), 100)
    assert len(rows) == MOST_ROWS
    assert NOTICE not in rows[0]
    assert rows[1:3] == [f"  {NOTICE} (and 1 more)", f"  latest failure: {FAILURE}"]
    assert rows[3].startswith("  run 9 ")
    assert rows[7] == "  and 2 more"


def test_a_single_row_has_what_holds_up_on_the_bar() -> None:
    moment = make_moment(OLD, notices=(NOTICE,))
    (row,) = plain(moment, 110, 1)
    assert NOTICE in row
    assert len(plain(moment, 110, 3)) == 3


def test_all_runs_are_named_if_there_is_room_for_all() -> None:
    assert "more" not in "".join(plain(make_moment(OLD, *YOUNG, running=4), 100, 5))
    assert plain(make_moment(OLD, *YOUNG, running=4), 100, 4)[-1] == "  and 2 more"


def test_a_last_run_is_named_rather_than_counted() -> None:
    another = Active("run 17", "w=8", 1.0)
    assert plain(make_moment(OLD, *YOUNG, another, running=5), 100)[5] == "  run 17  w=8             1 s"
    assert plain(make_moment(OLD, *YOUNG, another, running=7), 100)[4:] == [
        "  run 16  w=4             1 s",
        "  and 3 more",
    ]


def test_no_list_where_all_runs_are_young() -> None:
    assert len(plain(make_moment(), 100)) == 1


@given(moments, st.integers(1, 200), st.integers(1, 12), st.sampled_from([UNICODE, ASCII]))
def test_rows_fit_wherever_they_are_shown(moment: Moment, width: int, height: int, marks: Any) -> None:
    rows = render_rows(moment, width, height, marks)
    assert 1 <= len(rows) <= min(height, MOST_ROWS)
    assert all(cells(row) <= width for row in rows)
    assert all(row.plain.isprintable() for row in rows)


@given(moments.filter(lambda moment: len(moment.active) > 0), st.integers(40, 200))
def test_a_row_always_says_which_run_and_for_how_long(moment: Moment, width: int) -> None:
    text = "\n".join(plain(moment, width))
    first = moment.active[0]
    assert re.search(rf"^  {first.name} .*\d (s|min|h)\b", text, re.MULTILINE)
    assert first.others_s is None or "slow" in text


# ----------------------------------------------------------------------------------------------- lines


@given(st.text(), st.integers(0, 40), st.sampled_from(["", "~", "…"]))
def test_cut_texts_fit(text: str, width: int, ellipsis: str) -> None:
    assert cells(Line.of(cut_text(text, width, ellipsis))) <= width


@given(st.lists(st.tuples(st.text("abc広 "), st.just("dim"))), st.integers(1, 30))
def test_cut_lines_fit_and_begin_as_before(parts: list[Any], width: int) -> None:
    line = Line.of(*parts)
    short = cut(line, width, "…")
    assert cells(short) <= width
    assert line.plain.startswith(short.plain.removesuffix("…").rstrip())
    if cells(line) <= width:
        assert short == line


def test_lines_can_be_joined_and_keep_their_roles() -> None:
    line = Line.of("a", ("b", "failed"), "") + Line.of(("c", "ok"))
    assert list(line) == [Piece("a"), Piece("b", "failed"), Piece("c", "ok")]
    assert line.plain == "abc"
    assert paint(line, coloured=True) == "a\x1b[1;31mb\x1b[0m\x1b[32mc\x1b[0m"
    assert paint(line, coloured=False) == "a\x1b[1mb\x1b[0mc"
