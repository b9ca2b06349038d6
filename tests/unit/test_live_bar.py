"""The live bar with all of its rows on a terminal, and the same in a log and in a notebook."""

import asyncio
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stderr
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.patience import wait_until_async
from tests.terminals import Pty, widest

from multirun.display import narrate
from multirun.display.live import LiveBar
from multirun.display.moment import Active, Moment
from multirun.display.notebook import NotebookCell, is_notebook, to_html
from multirun.display.plain import PlainLines
from multirun.display.watch import NAMED_FAILURES
from multirun.run import Run
from multirun.runners.abstract import AbstractRunner
from multirun.runners.ledger import Ledger
from multirun.statistics import RunStatistics
from multirun.styled import Line

ROOT = "/sweeps/study"
OLD = [Active(f"run {index}", f"x={index}, name='{'n' * 9 * index}'", 60.0 - index) for index in range(1, 5)]
SLOW = Active("run 9", "vdd=0.4", 48.7, 2.64)


class Home:
    """Where the runs of a test would be."""

    def directory(self, index: int) -> str:
        return f"{ROOT}/runs/{index:06}"

    def load_results(self, run: Run) -> Any:
        raise AssertionError("no display needs results")


@pytest.fixture(autouse=True)
def locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests do not depend on the locale of whoever starts them."""
    monkeypatch.setattr("multirun.display.outlet.initial_environment", lambda: {"LANG": "C.UTF-8"})
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("PWD", "/")


@pytest.fixture
def pty() -> Iterator[Pty]:
    """A terminal."""
    pty = Pty()
    yield pty
    pty.close()


def make_moment(*active: Active, elapsed_s: float = 75.0, root: str = ROOT, **more: Any) -> Moment:
    statistics = RunStatistics(0, 80, 20, 0, 0, 0, 100)
    return Moment(statistics, (root,), elapsed_s, active=active, **more)


# ---------------------------------------------------------------------------------------- on a terminal


def test_rows_come_and_go_and_leave_nothing_behind(pty: Pty) -> None:
    bar = LiveBar(pty.stream)
    full = make_moment(*OLD, notices=("waits: No space left on device",), latest_failure="run 3: exit:1")
    for moment, count in ((full, 8), (make_moment(SLOW), 3), (make_moment(), 1), (full, 8), (make_moment(*OLD), 6)):
        bar.update(moment)
        assert len(pty.read().splitlines()) == count
        assert "━" not in pty.page.text
        assert pty.page.text.splitlines()[0].endswith("20 running, 80 waiting of 100  1:15")
    bar.close([Line.of("first"), Line.of("second")])
    assert pty.read().splitlines() == ["first", "second"]


def test_others_print_above_all_rows(pty: Pty) -> None:
    bar = LiveBar(pty.stream)
    for second in range(5):
        bar.update(make_moment(*OLD, elapsed_s=second))
        print("printed", second, file=pty.stream)
    bar.update(make_moment(*OLD, elapsed_s=5))
    rows = pty.read().splitlines()
    assert rows[:5] == [f"printed {second}" for second in range(5)]
    assert len(rows) == 5 + 6
    bar.close([])
    assert len(pty.read().splitlines()) == 5


@pytest.mark.parametrize("lines", [2, 4, 7, 8, 9, 50])
def test_rows_never_scroll_a_low_terminal(pty: Pty, lines: int) -> None:
    pty.resize(80, lines)
    bar = LiveBar(pty.stream)
    bar.update(make_moment(*OLD, notices=("a notice",), latest_failure="run 3: exit:1"))
    rows = pty.read().splitlines()
    assert len(rows) == min(8, lines - 1)
    assert lines < 5 or re.fullmatch(r"  and \d+ more", rows[-1])
    bar.close([])


@pytest.mark.parametrize("columns", [1, 5, 20, 24, 25, 26, 40, 80, 300])
def test_rows_follow_the_width(pty: Pty, columns: int) -> None:
    bar = LiveBar(pty.stream)
    bar.update(make_moment(*OLD))
    pty.read()
    pty.resize(columns)
    bar.update(make_moment(*OLD[:3], SLOW))
    assert widest(pty.read()) <= max(1, columns - 1)
    assert len(pty.page.text.splitlines()) == (1 if columns <= 24 else 6)
    bar.close([])


def test_displays_that_share_a_terminal_share_its_rows(pty: Pty) -> None:
    one, two = LiveBar(pty.stream), LiveBar(pty.stream)
    for bar, root in ((one, "/sweeps/one"), (two, "/sweeps/two"), (one, "/sweeps/one")):
        bar.update(make_moment(*OLD, root=root))
    rows = pty.read().splitlines()
    assert len(rows) == 8
    assert "one: 20 running" in rows[0]
    assert "two: 20 running" in rows[4]
    one.close([])
    two.update(make_moment(*OLD, root="/sweeps/two"))
    assert len(pty.read().splitlines()) == 6
    two.close([])


def test_news_that_are_too_long_for_a_row_are_two(pty: Pty) -> None:
    bar = LiveBar(pty.stream)
    bar.say(Line.of("x" * 48), Line.of("y" * 49))
    bar.say(Line.of("x" * 48), Line.of("y" * 50))
    bar.close([])
    assert pty.read().splitlines() == ["x" * 48 + "; " + "y" * 49, "x" * 48, "  " + "y" * 50]


async def test_after_a_flood_the_latest_failure_is_on_a_row_of_its_own(pty: Pty) -> None:
    ledger = Ledger()
    runner = cast("AbstractRunner", SimpleNamespace(ledger=ledger))
    ledger.begin(ROOT)
    runs = [Run(index, {"x": index, "same": 1}, Home()) for index in range(NAMED_FAILURES + 50)]
    for run in runs:
        run.reason = "exit:3"
        ledger.enroll(run)
    ledger.close_plan()
    with redirect_stderr(pty.stream):
        async with narrate(runner, draw=True):
            for run in runs[:NAMED_FAILURES]:
                ledger.move(run, "failure")
            await wait_until_async(lambda: pty.read().count("failed: exit code 3") == NAMED_FAILURES)
            assert "latest" not in pty.page.text
            assert "run 7 (x=7) failed: exit code 3; more: multirun show sweeps/study 7\n" in pty.page.text
            for run in runs[NAMED_FAILURES:-1]:
                ledger.move(run, "failure")
            await wait_until_async(lambda: f"latest failure: run {runs[-2].index} (x=" in pty.read())
            assert "list them with: multirun status sweeps/study\n" in pty.page.text
            ledger.move(runs[-1], "success")
            ledger.end(ROOT)
    assert "latest" not in pty.read()
    assert pty.page.text.count("failed: exit code 3; more") == NAMED_FAILURES


async def test_it_is_drawn_no_more_than_five_times_a_second(pty: Pty) -> None:
    ledger = Ledger()
    runner = cast("AbstractRunner", SimpleNamespace(ledger=ledger))
    ledger.begin(ROOT)
    runs = [Run(index, {"x": index}, Home()) for index in range(10_000)]
    for run in runs:
        ledger.enroll(run)
    ledger.close_plan()
    loop = asyncio.get_running_loop()
    with redirect_stderr(pty.stream):
        async with narrate(runner, draw=True):
            began = loop.time()
            for run in runs:
                ledger.move(run, "running")
                ledger.move(run, "success")
                if run.index % 10 == 0:
                    ledger.notice("one", f"notice {run.index}")
                    await asyncio.sleep(0.001)
            seconds = loop.time() - began
            pty.read()
    frames = set(re.findall(r"(\d+) ok", pty.raw))
    assert 2 <= len(frames) <= 5 * seconds + 2


# --------------------------------------------------------------------------------- in a log, in a notebook


def test_a_log_names_runs_that_are_slow() -> None:
    log = io.StringIO()
    lines = PlainLines(log)
    lines.update(make_moment(elapsed_s=0.0))
    lines.update(make_moment(OLD[0], SLOW, elapsed_s=60.0))
    assert log.getvalue().splitlines()[1] == (
        "multirun: 20 running, 80 waiting of 100 after 1 min 00 s; slow: run 9 (vdd=0.4), 49 s, others take 2.6 s"
    )


def test_nothing_in_a_cell_is_taken_for_markup() -> None:
    markup = to_html([Line.of("<script>", ('"&', "failed"), ("x", "")), Line.of("second")])
    assert markup.count("<") == markup.count(">") == 4
    assert re.search(r">&lt;script&gt;<span style=\"[^\"]*\">&quot;&amp;</span>x\nsecond</pre>$", markup)


def test_a_cell_stays_small() -> None:
    shown: list[Any] = []
    cell = NotebookCell()
    cell._handle = SimpleNamespace(update=lambda bundle, raw: shown.append(bundle))
    for number in range(10_000):
        cell.say(Line.of(f"news {number}"), Line.of("more"))
    cell.update(make_moment(*OLD))
    cell.update(make_moment(*OLD))
    cell.close([Line.of("end")])
    assert len(shown) == 2
    rows = shown[0]["text/plain"].splitlines()
    assert rows[6] == "news 9900; more"
    assert len(rows) == 6 + 100
    assert shown[1]["text/plain"].splitlines()[-2:] == ["news 9999; more", "end"]


def test_a_stream_is_no_notebook() -> None:
    assert not is_notebook(io.StringIO())
