"""`displayStatus` beside sweeps that begin, end, are over, or run in another thread; none is executed."""

import asyncio
import io
import subprocess
import sys

import pytest
from tests.patience import wait_until_async
from tests.unit.play import Play, standard_error

from multirun import displayStatus

pytestmark = pytest.mark.usefixtures("locale")


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
