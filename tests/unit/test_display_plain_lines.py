"""What a display writes where there is no terminal: few lines, and fewer the longer it takes."""

import io

import pytest
from tests.unit.moments import make_moment

from multirun.display.counts import render_summary
from multirun.display.plain import PlainLines, pause_after_s

pytestmark = pytest.mark.usefixtures("locale")


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
