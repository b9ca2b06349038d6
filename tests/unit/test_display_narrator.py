"""What is told of a sweep from its beginning to its end, in a log and on a terminal; none is executed."""

import asyncio
import io
import re
from typing import Any

import pytest
from tests.patience import wait_until_async
from tests.terminals import Pty
from tests.unit.play import Play, standard_error

from multirun.display import narrate
from multirun.display.plain import PlainLines
from multirun.display.watch import NAMED_FAILURES, Watch

pytestmark = pytest.mark.usefixtures("locale")


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
