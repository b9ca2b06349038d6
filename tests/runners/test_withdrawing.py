"""When a sweep is stopped, what waits in a lane is asked back: nothing more begins."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from tests.faults.scripts import launcher_of
from tests.patience import wait_until_async
from tests.runners.test_ahead import OK, make_scenario, sent_ahead, until_sent_ahead
from tests.runners.test_conformance import Scenario, verdict
from tests.survivors import carriers

from multirun.contract import ENV_RUN_DIR

__all__ = ["make_scenario"]
NOT_BEGUN = ("pending", None, None, 0)


def kill_run(scenario: Scenario, index: int) -> None:
    for pid in carriers(str(scenario.runner.runs[index].path), ENV_RUN_DIR):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_runs_that_wait_in_a_lane_do_not_begin(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(2)
    sweep = scenario.start("hold", "hold", "hold", *["ok"] * 6, max_failures=1)
    await scenario.until_held("a", "b")
    scenario.harness.let_go("a")
    await scenario.until_held("b", "c")
    await until_sent_ahead(scenario, 3, 4, 5)
    kill_run(scenario, 1)
    await wait_until_async(lambda: scenario.runner.runs[1].status == "failure" and not sent_ahead(scenario))
    assert scenario.harness.held() == {"c"}
    assert not sweep.done()
    scenario.harness.let_go("c")
    result = await sweep
    killed = ("failure", "signal:SIGKILL", None, 1)
    assert [verdict(run) for run in result] == [OK, killed, OK, *[NOT_BEGUN] * 6]
    assert result.stopped == "max-failures"
    scenario.check(result)
    await scenario.run("ok", "ok", "ok")  # its places are free again


async def test_what_a_dead_lane_gave_back_does_not_begin(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", *["ok"] * 4, max_failures=1, infrastructure_retries=0)
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3, 4)
    os.kill(launcher_of(os.getpid())[1], signal.SIGKILL)
    result = await sweep
    assert [verdict(run) for run in result] == [OK, ("failure", "lost", None, 1), *[NOT_BEGUN] * 4]
    assert result.stopped == "max-failures"


async def test_with_one_place_nothing_begins_after_the_failure(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(1)
    sweep = scenario.start("exit", *["ok"] * 3, max_failures=1)
    result = await asyncio.wait_for(sweep, 60)
    assert [run.status for run in result] == ["failure", *["pending"] * 3]
    scenario.check(result)
