"""What a display shows of a ledger, on terminals and elsewhere; no sweep is executed."""

import asyncio
import io
import itertools
import logging
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, redirect_stderr
from types import SimpleNamespace
from typing import Any, TextIO, cast

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.patience import wait_until, wait_until_async
from tests.terminals import Pty, widest

from multirun import displayStatus
from multirun.display import narrate
from multirun.display.cells import cells
from multirun.display.counts import render_summary
from multirun.display.live import LiveBar
from multirun.display.moment import Moment, estimate_remaining_s, subtract
from multirun.display.narrator import Narrator, open_screen
from multirun.display.news import News, failure_news
from multirun.display.outlet import Outlet
from multirun.display.plain import PlainLines, pause_after_s
from multirun.display.row import ASCII, UNICODE, render_bar, render_row
from multirun.display.terminal import Terminal
from multirun.display.watch import NAMED_FAILURES, Watch
from multirun.run import Run
from multirun.runners.abstract import AbstractRunner
from multirun.runners.ledger import Ledger
from multirun.statistics import RunStatistics
from multirun.styled import Line
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
    """Where the runs of a test would be."""

    def directory(self, index: int) -> str:
        return f"/sweeps/one/runs/{index:06}"

    def load_results(self, run: Run) -> Any:
        raise AssertionError("no display needs results")


def make_run(index: int = 7, /, *, reason: str = "exit:3", message: str | None = None, **params: object) -> Run:
    run = Run(index, params, Home())
    run.reason, run.message = reason, message
    return run


def make_statistics(
    *, running: int = 0, ok: int = 0, failed: int = 0, skipped: int = 0, waiting: int = 0, total_known: bool = True
) -> RunStatistics:
    complete = ok + failed + skipped
    total = complete + running + waiting
    return RunStatistics(skipped, waiting, running, ok, failed, complete, total, total_known)


def make_moment(elapsed_s: float | None = 12.0, *notices: str, **counts: Any) -> Moment:
    return Moment(make_statistics(**counts), ("/sweeps/one",), elapsed_s, None, notices)


def news(run: Run) -> News:
    return failure_news(run, run.params, ["/sweeps/one"], "")


class Play:
    """A ledger that is moved on by hand, as an engine would."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.runner = cast("AbstractRunner", SimpleNamespace(ledger=self.ledger))

    def begin(self, count: int, root: str = "/sweeps/one") -> list[Run]:
        self.ledger.begin(root)
        runs = [Run(index, {"x": index}, Home()) for index in range(count)]
        for run in runs:
            self.ledger.enroll(run)
        self.ledger.close_plan()
        return runs

    def fail(self, run: Run, reason: str = "exit:3") -> None:
        run.reason = reason
        self.ledger.move(run, "failure")

    def succeed(self, *runs: Run) -> None:
        for run in runs:
            self.ledger.move(run, "running")
            self.ledger.move(run, "success")

    def end(self, root: str = "/sweeps/one") -> None:
        self.ledger.end(root)


@pytest.fixture(autouse=True)
def locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests do not depend on the locale of whoever starts them."""
    monkeypatch.setattr("multirun.display.outlet.initial_environment", lambda: {"LANG": "C.UTF-8"})


@pytest.fixture
def play() -> Play:
    return Play()


@pytest.fixture
def log() -> io.StringIO:
    """Standard error that is no terminal."""
    return io.StringIO()


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    """A terminal with colours."""
    pty = Pty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield pty
    pty.close()


counts = st.one_of(st.integers(0, 30), st.integers(0, 10_000_000))
statistics = st.builds(
    make_statistics,
    running=counts,
    ok=counts,
    failed=counts,
    skipped=counts,
    waiting=counts,
    total_known=st.booleans(),
)
moments = st.builds(
    Moment,
    statistics,
    st.just(("/sweeps/one",)),
    st.one_of(st.none(), st.floats(0, 1e7)),
    st.one_of(st.none(), st.floats(0, 1e7)),
    st.lists(st.text().map(printable), max_size=3).map(tuple),
)

# ---------------------------------------------------------------------------------------------- words


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


# ------------------------------------------------------------------------------------- remaining time


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


# ------------------------------------------------------------------------------------------ one row


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


# ---------------------------------------------------------------------------------------------- watch


def test_watch_rings_once_until_it_was_asked() -> None:
    rings: list[None] = []
    watch = Watch(lambda: rings.append(None))
    failed = [make_run(index) for index in range(3)]
    for run in failed:
        run.status = "failure"
        watch(run)
    assert len(rings) == 1
    watch.rearm()
    assert watch.take() == failed
    assert watch.take() == []
    watch(None)
    assert len(rings) == 2


def test_watch_is_not_moved_by_what_is_no_news() -> None:
    watch = Watch(lambda: pytest.fail("it rang"))
    run = make_run()
    for status in ("running", "success", "skipped"):
        run.status = cast("Any", status)
        watch(run)
    assert watch.take() == []


def test_watch_remembers_only_so_many_failures() -> None:
    rings: list[None] = []
    watch = Watch(lambda: rings.append(None))
    run = make_run()
    run.status = "failure"
    flooded = []
    for _ in range(10_000):
        watch(run)
        watch.rearm()
        watch.take()
        flooded.append(watch.flooded)
    assert flooded.index(True) == NAMED_FAILURES
    assert len(rings) < NAMED_FAILURES + 3


# ---------------------------------------------------------------------------------------- plain lines


def test_plain_lines_are_few() -> None:
    log = io.StringIO()
    lines = PlainLines(log)
    for quarter in range(4 * 3600):
        lines.update(make_moment(quarter / 4, running=1, ok=quarter, waiting=20_000 - quarter))
    lines.close([render_summary(make_moment(3600.0, ok=20_000))])
    first, *progress, last = log.getvalue().splitlines()
    assert first == "multirun: 20001 runs in /sweeps/one"
    assert progress[0] == "multirun: 1 running, 40 ok, 19960 waiting of 20001 after 10 s"
    assert 50 < len(progress) < 100
    assert last == "multirun: 20000 ok of 20000 in 1 h 00 min; see /sweeps/one"


def test_pauses_between_plain_lines_grow() -> None:
    assert [pause_after_s(elapsed_s) for elapsed_s in (0, 100, 1000, 1e6)] == [10, 10, 50, 600]


def test_plain_lines_do_not_repeat_what_did_not_change() -> None:
    log = io.StringIO()
    lines = PlainLines(log)
    for second in range(1000):
        lines.update(make_moment(float(second), "waits: No space left on device", running=1))
    assert log.getvalue().splitlines() == [
        "multirun: 1 run in /sweeps/one",
        "multirun: 1 running of 1 after 10 s; waits: No space left on device",
        "multirun: 1 running of 1 after 10 min 10 s; waits: No space left on device",
    ]


def test_plain_lines_do_not_wait_for_a_generator_to_end() -> None:
    log = io.StringIO()
    lines = PlainLines(log)
    lines.update(make_moment(0.0, waiting=1, total_known=False))
    assert log.getvalue() == ""
    lines.update(make_moment(1.0, waiting=1, total_known=False))
    assert log.getvalue() == "multirun: runs in /sweeps/one\n"


# --------------------------------------------------------------------------------------------- outlet


@pytest.fixture
def pipe() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """The reading end of a pipe, and a stream to the other."""
    reading, writing = os.pipe()
    stream = open(writing, "w", encoding="utf-8")  # noqa: SIM115
    yield reading, stream
    stream.close()
    os.close(reading)


def test_outlet_does_not_wait_for_a_reader(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    outlet = Outlet(stream)
    text = "".join(f"line {number}\n" for number in range(20_000))
    outlet.put(text)
    assert not outlet.drain()
    read = b""
    while not outlet.drain():
        read += os.read(reading, 1 << 16)
    while len(read) < len(text):
        read += os.read(reading, 1 << 16)
    assert read.decode() == text


def test_outlet_keeps_the_order_of_what_the_stream_still_holds(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    stream.write("before, ")
    Outlet(stream).put("after")
    assert os.read(reading, 100) == b"before, after"


def test_outlet_bears_a_reader_that_left() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        outlet = Outlet(stream)
        outlet.put("x\n")
        assert outlet.broken
        assert outlet.drain()
        outlet.put("y\n")


def test_outlet_bears_a_descriptor_that_does_not_wait(pipe: tuple[int, io.TextIOWrapper]) -> None:
    _, stream = pipe
    os.set_blocking(stream.fileno(), False)
    outlet = Outlet(stream)
    outlet.put("x" * 300_000)
    assert not outlet.drain()
    assert not outlet.broken


class Hostile(io.StringIO):
    """A stream whose `write` fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str, /) -> int:
        raise self.error


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed"), OSError(5, "hung up")])
def test_outlet_bears_streams_that_fail(error: Exception) -> None:
    outlet = Outlet(Hostile(error))
    outlet.put("x")
    assert outlet.broken


def test_outlet_writes_what_an_encoding_lacks_in_another_way() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    outlet = Outlet(stream)
    outlet.put("a… é \udcff\n")
    assert not outlet.is_unicode
    assert raw.getvalue() == b"a... \\xe9 \\udcff\n"


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_screen_without_a_stream_is_silent(is_closed: bool) -> None:
    stream = io.StringIO()
    stream.close()
    screen = open_screen(stream if is_closed else None)
    screen.say(*news(make_run()))
    screen.update(make_moment(ok=1))
    screen.close([render_summary(make_moment(ok=1))])


# ------------------------------------------------------------------------------------------- terminal


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of terminals says, to be changed by the test."""
    now = [1000.0]
    monkeypatch.setattr("multirun.display.terminal.monotonic", lambda: now[0])
    return now


def test_line_is_drawn_in_place_and_replaced_by_the_summary(pty: Pty) -> None:
    line = LiveBar(pty.stream)
    line.update(make_moment(1.0, running=1, waiting=1))
    assert pty.read().endswith("1 running, 1 waiting of 2  0:01")
    line.update(make_moment(2.0, running=1, ok=1))
    assert pty.read().endswith("1 running, 1 ok of 2  0:02")
    line.say(*news(make_run(x=1)))
    assert len(pty.read().splitlines()) == 2
    line.close([render_summary(make_moment(3.0, ok=1, failed=1))])
    assert pty.read().splitlines() == [
        "run 7 (x=1) failed: exit code 3; more: multirun show /sweeps/one 7",
        "1 ok, 1 failed of 2 in 3.0 s; see /sweeps/one",
    ]


def test_cursor_is_never_hidden_and_rests_where_erasing_is_right(pty: Pty) -> None:
    line = LiveBar(pty.stream)
    line.update(make_moment(running=1))
    pty.read()
    assert pty.raw.endswith("\x1b[J\r")
    line.close([render_summary(make_moment(ok=1))])
    pty.read()
    assert pty.page.orders <= set("JKmA")


def test_unchanged_line_is_not_drawn_again(pty: Pty) -> None:
    line = LiveBar(pty.stream)
    for _ in range(10):
        line.update(make_moment(1.0, running=1))
    pty.read()
    assert pty.raw.count("1 running") == 1
    line.close([render_summary(make_moment(ok=1))])


@pytest.mark.parametrize("columns", [20, 21, 40, 79, 80, 200])
def test_line_follows_the_width_of_the_terminal(pty: Pty, columns: int) -> None:
    line = LiveBar(pty.stream)
    line.update(make_moment(running=4, ok=12, failed=1, waiting=83))
    pty.read()
    pty.resize(columns)
    line.update(make_moment(running=4, ok=12, failed=2, waiting=83))
    assert widest(pty.read()) < columns
    assert "2 failed" in pty.page.text
    line.close([render_summary(make_moment(ok=1))])


def test_terminal_without_a_size_is_eighty_columns_wide(pty: Pty) -> None:
    pty.resize(0, 0)
    line = LiveBar(pty.stream)
    line.update(make_moment(running=4, ok=12, failed=1, waiting=83))
    assert 0 < widest(pty.read()) < 80
    line.close([render_summary(make_moment(ok=1))])


def test_others_may_write_while_the_line_is_there(pty: Pty, now: list[float]) -> None:
    handler = logging.StreamHandler(pty.stream)
    line = LiveBar(pty.stream)
    line.update(make_moment(1.0, running=1))
    print("printed", file=pty.stream)
    handler.handle(logging.makeLogRecord({"msg": "logged [bold]%s[/x]", "args": ("it",)}))
    print("one ", end="", file=pty.stream)
    line.update(make_moment(2.0, running=1))
    print("line", file=pty.stream)
    pty.stream.writelines(["many ", "pieces\n"])
    now[0] += 1
    print("last", file=pty.stream)
    expected = ["printed", "logged [bold]it[/x]", "one line", "many pieces", "last"]
    assert pty.read().splitlines()[:-1] == expected
    assert pty.page.text.endswith("1 running of 1  0:02")
    line.close([render_summary(make_moment(ok=1))])
    assert pty.read().splitlines()[:-1] == expected


def test_line_comes_back_although_somebody_does_not_end_his(pty: Pty, now: list[float]) -> None:
    line = LiveBar(pty.stream)
    print("..", end="", file=pty.stream)
    line.update(make_moment(1.0, running=1))
    assert pty.read() == ".."
    now[0] += 10
    line.update(make_moment(2.0, running=1))
    first, second = pty.read().splitlines()
    assert first == ".."
    assert second.endswith("0:02")
    line.close([render_summary(make_moment(ok=1))])


def test_news_do_not_wait_for_somebody_to_end_his_line(pty: Pty, now: list[float]) -> None:
    line = LiveBar(pty.stream)
    print("..", end="", file=pty.stream)
    line.say(Line.of("news"))
    assert pty.read().splitlines() == ["..", "news"]
    line.close([render_summary(make_moment(ok=1))])


def test_streams_are_as_before_when_the_last_display_left(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.fdopen(os.dup(pty.stream.fileno()), "w")
    monkeypatch.setattr(sys, "stdout", other)
    elsewhere = io.TextIOWrapper(io.BytesIO())
    before = {stream: dict(vars(stream)) for stream in (pty.stream, other, elsewhere)}
    first, second = LiveBar(pty.stream), LiveBar(pty.stream)
    assert "write" in vars(pty.stream)
    assert "write" in vars(other)
    first.close([render_summary(make_moment(ok=1))])
    assert "write" in vars(other)
    second.close([render_summary(make_moment(ok=1))])
    assert before == {stream: dict(vars(stream)) for stream in (pty.stream, other, elsewhere)}
    other.close()


def test_a_hook_of_somebody_else_is_kept(pty: Pty) -> None:
    seen: list[str] = []
    own = pty.stream.write

    def spy(text: str) -> int:
        seen.append(text)
        return own(text)

    vars(pty.stream)["write"] = spy
    line = LiveBar(pty.stream)
    print("x", file=pty.stream)
    line.close([render_summary(make_moment(ok=1))])
    assert vars(pty.stream).pop("write") is spy
    assert seen == ["x", "\n"]


def test_output_that_goes_elsewhere_is_left_alone(
    pty: Pty, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before = dict(vars(sys.stdout))
    line = LiveBar(pty.stream)
    print("for a file")
    line.close([render_summary(make_moment(ok=1))])
    assert "for a file" not in pty.read()
    assert capfd.readouterr().out == "for a file\n"
    assert dict(vars(sys.stdout)) == before


def test_two_displays_share_a_terminal(pty: Pty) -> None:
    one, two = LiveBar(pty.stream), LiveBar(pty.stream)
    one.update(Moment(make_statistics(running=1), ("/sweeps/one",)))
    two.update(Moment(make_statistics(running=2), ("/sweeps/two",)))
    print("above both", file=pty.stream)
    one.update(Moment(make_statistics(running=3), ("/sweeps/one",)))
    rows = pty.read().splitlines()
    assert rows[0] == "above both"
    assert rows[1].endswith("one: 3 running of 3")
    assert rows[2].endswith("two: 2 running of 2")
    one.close([render_summary(Moment(make_statistics(ok=3), ("/sweeps/one",)))])
    two.update(Moment(make_statistics(ok=2), ("/sweeps/two",)))
    rows = pty.read().splitlines()
    assert rows[1] == "3 ok of 3; see /sweeps/one"
    assert len(rows) == 3
    two.close([render_summary(Moment(make_statistics(ok=2), ("/sweeps/two",)))])
    assert pty.read().splitlines()[1:] == ["3 ok of 3; see /sweeps/one", "2 ok of 2; see /sweeps/two"]


def test_more_displays_than_rows_do_not_scroll_the_terminal(pty: Pty) -> None:
    pty.resize(80, 4)
    lines = [LiveBar(pty.stream) for _ in range(6)]
    for number, line in enumerate(lines):
        line.update(Moment(make_statistics(running=number + 1), (f"/{number}",)))
    assert len(pty.read().splitlines()) == 3
    for line in lines:
        line.close([render_summary(make_moment(ok=1))])
    assert len(pty.read().splitlines()) == 6


def test_stopped_terminal_stops_nobody_else(pty: Pty) -> None:
    line = LiveBar(pty.stream)
    line.update(make_moment(1.0, running=1))
    pty.type(b"\x13")  # Ctrl-S
    for second in range(1_000):
        line.update(make_moment(float(second), running=1))
    line.say(Line.of("kept"))
    pty.type(b"\x11")
    wait_until(line._terminal._outlet.drain, what="the terminal goes on")
    line.close([render_summary(make_moment(ok=1))])
    assert pty.read().splitlines() == ["kept", "1 ok of 1 in 12 s; see /sweeps/one"]


def test_a_terminal_that_hung_up_is_borne(pty: Pty) -> None:
    line = LiveBar(pty.stream)
    line.update(make_moment(1.0, running=1))
    os.close(pty._ours)
    pty._ours = os.open(os.devnull, os.O_RDONLY)
    line.update(make_moment(2.0, running=1))
    line.say(*news(make_run()))
    line.close([render_summary(make_moment(ok=1))])
    assert not Terminal._open


def test_colours_can_be_refused(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    def colours() -> set[int]:
        line = LiveBar(pty.stream)
        line.update(make_moment(running=1, failed=1))
        line.close([render_summary(make_moment(failed=1))])
        pty.read()
        codes = itertools.chain.from_iterable(codes.split(";") for codes in re.findall(r"\x1b\[([\d;]+)m", pty.raw))
        return {int(code) for code in codes if int(code) >= 30}

    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours()
    monkeypatch.delenv("NO_COLOR")
    assert colours()


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_terminals_that_cannot_move_their_cursor_get_plain_lines(
    pty: Pty, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert isinstance(open_screen(pty.stream), PlainLines)
    monkeypatch.delenv("TERM")
    assert isinstance(open_screen(pty.stream), PlainLines)


def test_terminals_of_other_encodings_get_ascii() -> None:
    pty = Pty(encoding="latin-1")
    line = LiveBar(pty.stream)
    line.say(*news(make_run(name="x" * 500)))
    line.update(make_moment(5.0, "w" * 300, running=1, waiting=9))
    line.close([render_summary(make_moment(ok=1))])
    pty.read()
    assert pty.raw.isascii()
    pty.close()


# ------------------------------------------------------------------------------------------- narrator


@asynccontextmanager
async def standard_error(stream: TextIO, play: Play) -> AsyncIterator[None]:
    """Make a stream standard error, and fail if the body leaves a task, a listener or a display."""
    tasks = asyncio.all_tasks()
    with redirect_stderr(stream):
        yield
    assert asyncio.all_tasks() == tasks
    assert play.ledger.listeners == []
    assert not Narrator._active
    assert not Terminal._open


async def test_a_whole_sweep_in_a_log(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play), narrate(play.runner, draw=True):
        runs = play.begin(4)
        play.succeed(*runs[:3])
        await wait_until_async(lambda: "4 runs in /sweeps/one" in log.getvalue())
        play.fail(runs[3])
        await wait_until_async(lambda: "run 3 (x=3) failed: exit code 3; more" in log.getvalue())
        play.end()
    lines = log.getvalue().splitlines()
    assert lines[2:5] == [
        "multirun: run 3 (x=3) failed: exit code 3",
        "multirun:   it wrote nothing",
        "multirun:   more: multirun show /sweeps/one 3",
    ]
    assert len(lines) == 6
    assert re.fullmatch(r"multirun: 3 ok, 1 failed of 4 in \d\.\d s; see /sweeps/one", lines[-1])


async def test_what_happens_before_a_sweep_begins_does_not_hold_it_up(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play), narrate(play.runner, draw=True):
        play.ledger.notice("signal", "stopping")
        (watch,) = play.ledger.listeners
        assert isinstance(watch, Watch)
        await wait_until_async(lambda: not watch._rung)
        assert log.getvalue() == ""
        play.begin(1)
        await wait_until_async(lambda: "1 run in" in log.getvalue())
        play.end()


async def test_a_whole_sweep_on_a_terminal(play: Play, pty: Pty) -> None:
    async with standard_error(pty.stream, play), narrate(play.runner, draw=True):
        runs = play.begin(4)
        await wait_until_async(lambda: "4 waiting of 4  0:00" in pty.read())
        play.fail(runs[3])
        await wait_until_async(lambda: "run 3 (x=3) failed: exit code 3; more" in pty.read())
        play.succeed(*runs[:3])
        play.end()
    assert re.fullmatch(
        r"(run 3 .*\n){2}  it .*\n  more: .*\n3 ok, 1 failed of 4 in \d\.\d s; see /sweeps/one", pty.read()
    )


async def test_nothing_is_shown_unless_asked(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play), narrate(play.runner, draw=False):
        assert play.ledger.listeners == []
        play.begin(1)
        play.end()
    assert log.getvalue() == ""


async def test_nothing_is_shown_of_a_sweep_that_never_began(play: Play, log: io.StringIO) -> None:
    with pytest.raises(ZeroDivisionError):
        async with standard_error(log, play), narrate(play.runner, draw=True):
            raise ZeroDivisionError
    assert log.getvalue() == ""


async def test_an_error_is_not_hidden_and_the_last_state_is_shown(play: Play, log: io.StringIO) -> None:
    async def sweep() -> None:
        async with narrate(play.runner, draw=True):
            play.fail(play.begin(3)[0])
            raise ZeroDivisionError

    async with standard_error(log, play):
        with pytest.raises(ZeroDivisionError) as caught:
            await sweep()
    assert caught.value.__context__ is None
    lines = log.getvalue().splitlines()
    assert lines[1].startswith("multirun: run 0 (x=0) failed: exit code 3; more: ")
    assert lines[-2].startswith("multirun: 1 failed, 2 waiting of 3 in ")


async def test_a_cancelled_sweep_shows_its_last_state(play: Play, pty: Pty) -> None:
    async def sweep() -> None:
        async with narrate(play.runner, draw=True):
            play.begin(3)
            await asyncio.Event().wait()

    async with standard_error(pty.stream, play):
        task = asyncio.create_task(sweep())
        await wait_until_async(lambda: "3 waiting of 3" in pty.read())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    told = r"3 waiting of 3 in \d\.\d s; see /sweeps/one\nto go on: multirun resume /sweeps/one"
    assert re.fullmatch(told, pty.read())


async def test_a_flood_of_failures_is_announced_once(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play), narrate(play.runner, draw=True):
        for number, run in enumerate(play.begin(500, "/sweeps/my own")):
            play.fail(run)
            if number % 50 == 0:
                await asyncio.sleep(0)
        play.end("/sweeps/my own")
    assert len(re.findall(r"run \d+ .* failed: ", log.getvalue())) == NAMED_FAILURES
    assert "multirun: 500 runs failed: exit code 3\nmultirun:   runs 0-499\n" in log.getvalue()
    assert log.getvalue().count("further failures") == 1
    assert "counted only; list them with: multirun status '/sweeps/my own'\n" in log.getvalue()
    assert "500 failed of 500" in log.getvalue()


async def test_runs_cancelled_at_once_share_a_line(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play), narrate(play.runner, draw=True):
        runs = play.begin(4)
        for run in runs[:3]:
            play.fail(run, "cancelled")
        play.fail(runs[3], "timeout")
        play.end()
    _, *failures = log.getvalue().splitlines()
    assert "multirun: 3 runs cancelled, counted as failed: 0-2" in failures[2:]
    assert failures[:2] == [
        "multirun: run 3 (x=3) failed: took longer than its time limit; more: multirun show /sweeps/one 3",
        "multirun: cancelled: runs 0-2",
    ]


@pytest.mark.parametrize("reason", ["cancelled", "timeout"])
async def test_what_a_summary_tells_is_not_told_right_before_it(play: Play, pty: Pty, reason: str) -> None:
    async with standard_error(pty.stream, play), narrate(play.runner, draw=True):
        runs = play.begin(2)
        await wait_until_async(lambda: "2 waiting of 2" in pty.read())
        play.succeed(runs[0])
        play.fail(runs[1], reason)
        play.end()
    assert pty.read().count("run 1" if reason == "timeout" else "cancelled") == 1


async def test_what_is_complete_can_be_listed_after_a_sweep_was_cut_off(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play), narrate(play.runner, draw=True):
        play.succeed(play.begin(2, "/sweeps/my own")[0])
        play.end("/sweeps/my own")
    assert log.getvalue().endswith(
        "\nmultirun: what is complete: multirun results '/sweeps/my own'"
        "\nmultirun: to go on: multirun resume '/sweeps/my own'\n"
    )


async def test_notices_come_once_and_stay_on_the_line_while_they_last(play: Play, pty: Pty) -> None:
    async with standard_error(pty.stream, play), narrate(play.runner, draw=True):
        play.begin(2)
        for name in ("one", "two", "one"):
            play.ledger.notice(name, "waits: No space left on device\x1b[2J")
        await wait_until_async(lambda: pty.read().count("waits: No space left on device\\x1b[2J") == 2)
        play.ledger.notice("one", None)
        play.ledger.notice("two", None)
        await wait_until_async(lambda: pty.read().count("waits: ") == 1)
        play.ledger.notice("one", "waits: No space left on device\x1b[2J")
        await wait_until_async(lambda: pty.read().count("waits: ") == 2)
        play.end()
    assert pty.read().count("waits: ") == 1


async def test_a_runner_that_is_used_again_is_counted_anew(play: Play, log: io.StringIO) -> None:
    for number in range(2):
        async with standard_error(log, play), narrate(play.runner, draw=True):
            runs = play.begin(3, f"/sweeps/{number}")
            play.succeed(*runs[: 2 + number])
            play.end(f"/sweeps/{number}")
    ends = [line for line in log.getvalue().splitlines() if "; see" in line]
    assert [re.sub(r" in .* s;", ";", line) for line in ends] == [
        "multirun: 2 ok, 1 waiting of 3; see /sweeps/0",
        "multirun: 3 ok of 3; see /sweeps/1",
    ]


async def test_those_who_show_one_runner_share_one_display(play: Play, pty: Pty) -> None:
    async with standard_error(pty.stream, play):
        async with narrate(play.runner, draw=True):
            async with narrate(play.runner, draw=True):
                one, two = play.begin(1, "/sweeps/one"), play.begin(2, "/sweeps/two")
                await wait_until_async(lambda: "3 waiting of 3" in pty.read())
                play.succeed(*one)
                play.end("/sweeps/one")
            assert "see" not in pty.read()
            play.succeed(*two)
            play.end("/sweeps/two")
        assert len(pty.read().splitlines()) == 1
        assert pty.read().endswith("; see /sweeps/one, /sweeps/two")


async def test_a_mistake_in_a_display_does_not_end_a_sweep(
    play: Play, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    monkeypatch.setattr(PlainLines, "update", fail)
    async with standard_error(log, play), narrate(play.runner, draw=True):
        play.begin(1)
        await wait_until_async(lambda: told)
        play.end()
    assert len(told) == 1
    assert isinstance(told[0]["exception"], ZeroDivisionError)


# -------------------------------------------------------------------------------------- displayStatus


async def test_status_waits_for_the_first_sweep_and_for_the_last(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play):
        status = asyncio.create_task(displayStatus(play.runner))
        await wait_until_async(lambda: play.ledger.listeners)
        one, two = play.begin(1, "/sweeps/one"), play.begin(1, "/sweeps/two")
        play.succeed(*one)
        play.end("/sweeps/one")
        await asyncio.sleep(0)
        assert not status.done()
        play.succeed(*two)
        play.end("/sweeps/two")
        await status
    assert "2 ok of 2 in " in log.getvalue()


async def test_status_of_a_runner_that_is_done_is_its_summary(play: Play, log: io.StringIO) -> None:
    play.succeed(*play.begin(2))
    play.end()
    async with standard_error(log, play):
        await displayStatus(play.runner)
    assert log.getvalue() == "multirun: 2 ok of 2; see /sweeps/one\n"
    assert play.ledger.listeners == []


async def test_status_of_a_runner_in_another_thread(play: Play, log: io.StringIO) -> None:
    def work() -> None:
        runs = play.begin(50)
        play.succeed(*runs[1:])
        play.fail(runs[0])
        play.end()

    async with standard_error(log, play):
        await asyncio.gather(displayStatus(play.runner), asyncio.to_thread(work))
    assert "run 0 (x=0) failed" in log.getvalue()
    assert "49 ok, 1 failed of 50 in" in log.getvalue()


async def test_status_can_be_cancelled(play: Play, log: io.StringIO) -> None:
    async with standard_error(log, play):
        status = asyncio.create_task(displayStatus(play.runner))
        await wait_until_async(lambda: play.ledger.listeners)
        play.begin(2)
        status.cancel()
        with pytest.raises(asyncio.CancelledError):
            await status
    assert "2 waiting of 2 in" in log.getvalue()


def test_rich_is_loaded_for_terminals_only() -> None:
    script = """
import asyncio, sys
from types import SimpleNamespace
from multirun import displayStatus
from multirun.runners.ledger import Ledger
ledger = Ledger()
ledger.begin("/sweep"); ledger.close_plan(); ledger.end("/sweep")
asyncio.run(displayStatus(SimpleNamespace(ledger=ledger)))
print(sorted(name for name in sys.modules if name.startswith("rich")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "multirun: no runs; see /sweep\n")


def test_text_of_others_is_not_taken_for_markup(pty: Pty) -> None:
    terminal = Terminal.of(pty.stream, "me")
    terminal.say(Line.of("[red]x[/blue] :smile: " + "y" * 300))
    terminal.leave("me", [Line.of("end")])
    assert pty.read().splitlines() == ["[red]x[/blue] :smile: " + "y" * 300, "end"]
