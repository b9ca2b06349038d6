"""Orders that are sent ahead to lanes whose runs are short; here three, however long runs take."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.scripts import launcher_of
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.runners.harness import LocalHarness
from tests.runners.test_conformance import Scenario, maps, verdict

from multirun import ParallelLocalRunner, SweepResult
from multirun.runners import seat

OK = ("success", None, 0, 1)
NEVER_BEGUN = ("failure", "cancelled", None, 0)


@pytest.fixture
def make_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Scenario]]:
    monkeypatch.setattr(seat, "_AHEAD_S", 1e6)
    monkeypatch.setattr(seat, "_AHEAD", 3)
    harness = LocalHarness(tmp_path)
    yield lambda max_parallel: Scenario(harness, tmp_path, max_parallel)
    harness.close()


def sent_ahead(scenario: Scenario, sweep: str = "sweep1") -> list[int]:
    """The runs of a sweep that have a place and have not begun."""
    return [
        run.index
        for run in scenario.runner.runs
        if run.status == "pending" and run.task is not None and run.path.parents[1].name == sweep
    ]


async def until_sent_ahead(scenario: Scenario, *indices: int) -> None:
    """Wait until exactly these runs are ahead."""
    await wait_until_async(lambda: sent_ahead(scenario) == list(indices), what=f"{indices} are ahead")


async def until_succeeded(scenario: Scenario, *indices: int) -> None:
    """Wait until these runs of the first sweep have succeeded."""
    await wait_until_async(lambda: {scenario.runner.runs[index].status for index in indices} == {"success"})


def cancel_run(scenario: Scenario, index: int) -> None:
    """Cancel the task of a run."""
    task = scenario.runner.runs[index].task
    assert task is not None
    task.cancel()


async def test_a_run_that_was_sent_ahead_is_cancelled_at_once(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", "ok", "ok", "ok", "ok")
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3, 4)
    cancel_run(scenario, 3)
    await until_sent_ahead(scenario, 2, 4, 5)
    assert scenario.runner.runs[3].reason == "cancelled"
    assert scenario.harness.held() == {"a"}
    scenario.harness.let_go("a")
    result = await sweep
    assert [verdict(run) for run in result] == [OK, OK, OK, NEVER_BEGUN, OK, OK]
    assert not result[3].path.exists()
    scenario.check(result)


async def test_a_run_with_others_behind_it_is_cancelled_alone(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", "ok", "ok")
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3)
    cancel_run(scenario, 1)
    result = await sweep
    assert [run.reason for run in result] == [None, "cancelled", None, None]
    scenario.check(result)


async def start_with_three_ahead(scenario: Scenario, *behaviours: str) -> asyncio.Task[SweepResult]:
    """Start a sweep for two at a time; "b" and "c" are held, and the next three wait behind "c"."""
    sweep = scenario.start("hold", "hold", "hold", *behaviours)
    await scenario.until_held("a", "b")
    scenario.harness.let_go("a")
    await scenario.until_held("b", "c")
    await until_sent_ahead(scenario, 3, 4, 5)
    return sweep


async def test_runs_behind_a_long_one_move_to_a_free_lane(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(2)
    sweep = await start_with_three_ahead(scenario, *["ok"] * 6)
    scenario.harness.let_go("b")
    await until_succeeded(scenario, 0, 1, *range(3, 9))
    assert scenario.harness.held() == {"c"}
    scenario.harness.let_go("c")
    scenario.check(await sweep)


async def test_runs_behind_a_long_one_are_not_passed_by_all_others(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(2)
    sweep = scenario.start("ok", "ok", "hold", *["ok"] * 200, "hold")
    await scenario.until_held("a", "b")
    await until_succeeded(scenario, 0, 1, *range(3, 203))
    begun = [index for index, status in scenario.watch.changes if status == "running"]
    assert max(place - index for place, index in enumerate(begun)) < 100, begun
    scenario.harness.let_go("a", "b")
    scenario.check(await sweep)


async def test_a_cancelled_sweep_leaves_what_was_not_begun_pending(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", "ok", "ok", "ok", "ok")
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3, 4)
    sweep.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweep
    assert [run.status for run in scenario.runner.runs] == ["success", "failure", *["pending"] * 4]
    state = check_sweep(scenario.runner.runs[0].path.parents[1])
    assert {index: record["reason"] for index, record in state.items()} == {0: None, 1: "cancelled"}
    await scenario.run("ok", "ok")  # its places are free again


@pytest.mark.parametrize("victim", [0, 1], ids=["keeper", "lane"])
async def test_what_was_sent_ahead_outlives_its_lane(
    make_scenario: Callable[[int], Scenario], leaves_no_process: str, victim: int
) -> None:
    """All are executed but the one that was alive, each once."""
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", "ok", "ok", "ok", "ok")
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3, 4)
    os.kill(launcher_of(os.getpid())[victim], signal.SIGKILL)
    result = await sweep
    assert [verdict(run) for run in result] == [OK, ("failure", "lost", None, 1), OK, OK, OK, OK]
    scenario.check(result)


async def test_orders_that_a_lane_did_not_take_outlive_it(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", *["ok"] * 4)
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3, 4)
    (lane,) = launcher_of(os.getpid())[1:]
    os.kill(lane, signal.SIGSTOP)
    cancel_run(scenario, 3)  # neither this nor what is sent from now on reaches the lane
    await asyncio.sleep(0)
    os.kill(lane, signal.SIGKILL)
    result = await sweep
    assert [run.reason for run in result] == [None, "lost", None, "cancelled", None, None]
    scenario.check(result)


async def test_orders_that_kill_every_lane_come_to_an_end(make_scenario: Callable[[int], Scenario]) -> None:
    """No new lane can open the sweep; each dies with the first order that it takes."""
    scenario = make_scenario(1)
    sweep = scenario.start("ok", "hold", *["ok"] * 4)
    await scenario.until_held("a")
    await until_sent_ahead(scenario, 2, 3, 4)
    definition = scenario.runner.runs[0].path.parents[1] / "sweep.json"
    text = definition.read_bytes()
    definition.unlink()
    os.kill(launcher_of(os.getpid())[1], signal.SIGKILL)
    await wait_until_async(lambda: scenario.runner.computeStatistics().failure_count == 5)
    definition.write_bytes(text)
    result = await sweep
    assert [(run.reason, run.attempts) for run in result] == [(None, 1), ("lost", 1), *[("lost", 0)] * 4]
    scenario.check(result)


async def replace_one(scenario: Scenario, *, held: int) -> None:
    """Let one run go, and wait until so many are held."""
    leaves = min(scenario.harness.held())
    scenario.harness.let_go(leaves)
    await wait_until_async(lambda: leaves not in scenario.harness.held() and len(scenario.harness.held()) == held)


async def test_nothing_goes_ahead_of_a_caller_who_waits_for_a_token(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(2)
    runner = scenario.runner
    assert isinstance(runner, ParallelLocalRunner)
    sweep = await start_with_three_ahead(scenario, *["hold"] * 5)
    taking = asyncio.create_task(runner.semaphore.acquire())
    for _ in range(3):
        await replace_one(scenario, held=2)
        assert not taking.done()
    await until_sent_ahead(scenario)
    await replace_one(scenario, held=1)
    await taking
    await replace_one(scenario, held=1)  # the token of the caller is one run less
    await scenario.until_held("g")
    await until_sent_ahead(scenario, 7)
    runner.semaphore.release()
    await scenario.until_held("g", "h")
    scenario.harness.let_go("g", "h")
    scenario.check(await sweep)
    assert runner.semaphore._value == 2


async def test_two_sweeps_go_in_turn(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(2)
    first = await start_with_three_ahead(scenario, *["ok"] * 12)
    second = scenario.start(*["ok"] * 8)
    await wait_until_async(lambda: len(scenario.runner.runs) == 23)
    assert sent_ahead(scenario, "sweep2") == []
    scenario.harness.let_go("b")
    scenario.check(await second)
    assert not first.done()
    scenario.harness.let_go("c")
    scenario.check(await first)


async def test_a_generator_is_not_pulled_further(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(3)
    ahead: list[int] = []

    def pulled() -> Iterator[dict[str, Any]]:
        for each in maps(*["ok"] * 60):
            ahead.append(len(ahead) + 1 - scenario.runner.computeStatistics().complete_count)
            yield each

    await scenario.run(runs=pulled())
    assert max(ahead) <= 6
