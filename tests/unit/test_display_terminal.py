"""A display on a terminal, which others write to, too, and which may be small, dumb, stopped or gone."""

import io
import itertools
import logging
import os
import re
import sys

import pytest
from tests.patience import wait_until
from tests.terminals import Pty, widest
from tests.unit.moments import make_moment, make_run, make_statistics, news

from multirun.display.counts import render_summary
from multirun.display.live import LiveBar
from multirun.display.moment import Moment
from multirun.display.narrator import open_screen
from multirun.display.plain import PlainLines
from multirun.display.terminal import Terminal
from multirun.styled import Line

pytestmark = pytest.mark.usefixtures("locale")


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


def test_text_of_others_is_not_taken_for_markup(pty: Pty) -> None:
    terminal = Terminal.of(pty.stream, "me")
    terminal.say(Line.of("[red]x[/blue] :smile: " + "y" * 300))
    terminal.leave("me", [Line.of("end")])
    assert pty.read().splitlines() == ["[red]x[/blue] :smile: " + "y" * 300, "end"]
