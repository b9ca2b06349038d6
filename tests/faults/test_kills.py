"""SIGKILL of our processes: nothing a run started survives, and what was recorded stays."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.scripts import EVIL, Script, evil, kill_at_once, launcher_of, menagerie, named
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async
from tests.survivors import MARK, carriers

from multirun import ParallelLocalRunner, multirunAsync
from multirun.processes import children_of

Start = Callable[..., Script]
PRINT_ENDS = "print(*(f'{run.status}/{run.reason}' for run in result))"


@pytest.fixture
def animals(start_script: Start) -> Script:
    """A script with one run of each evil program, all of them at their worst."""
    script = start_script(runs=menagerie(), command=evil("{program}"), max_parallel=len(EVIL), after=PRINT_ENDS)
    script.wait_ready(len(EVIL))
    return script


def test_orchestrator(animals: Script) -> None:
    animals.kill()
    state = check_sweep(animals.root, killed=True)
    assert {record["event"] for record in state.values()} == {"ended"}, "the launcher left runs without an end"
    assert {record["reason"] for record in state.values()} == {"lost"}


@pytest.mark.parametrize("who", ["lanes", "keeper", "all of them"])
def test_orchestrator_after_others_were_stopped(animals: Script, leaves_no_process: str, who: str) -> None:
    """Whoever cannot act any more is continued: nothing waits for it for ever."""
    stopped = [*([animals.keeper()] if who != "lanes" else []), *(animals.lanes() if who != "keeper" else [])]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    animals.kill()
    check_sweep(animals.root, killed=True)
    wait_until(lambda: not carriers(leaves_no_process, MARK), 10, what="the launcher leaves")


def test_keeper(animals: Script) -> None:
    os.kill(animals.keeper(), signal.SIGKILL)
    check_all_lost(animals)


def test_all_lanes(animals: Script) -> None:
    kill_at_once(animals.lanes())
    check_all_lost(animals)


def test_keeper_and_lanes(animals: Script) -> None:
    kill_at_once([animals.keeper(), *animals.lanes()])
    check_all_lost(animals)


def test_keeper_lanes_and_sentinel(animals: Script, leaves_no_process: str) -> None:
    """The orchestrator itself ends what they left."""
    (guard,) = named("multirun-guard", carriers(leaves_no_process, MARK))
    kill_at_once([guard, animals.keeper(), *animals.lanes()])
    check_all_lost(animals)


def check_all_lost(script: Script) -> None:
    """The script got a complete result in time, and when it had it nothing was alive any more."""
    assert script.end(within_s=5) == 0, script.complaint()
    check_sweep(script.root, killed=True, within_s=0)
    assert script.output.split() == ["failure/lost"] * len(EVIL)


def test_orchestrator_keeper_and_lanes(animals: Script) -> None:
    animals.kill(animals.keeper(), *animals.lanes())
    state = check_sweep(animals.root, killed=True)
    assert {record["event"] for record in state.values()} == {"started"}, "nobody was left to record an end"


def test_orchestrator_and_keeper(animals: Script) -> None:
    animals.kill(animals.keeper())
    state = check_sweep(animals.root, killed=True)
    assert {record["reason"] for record in state.values()} == {"lost"}


def test_orchestrator_and_lanes(animals: Script) -> None:
    animals.kill(*animals.lanes())
    check_sweep(animals.root, killed=True)


def test_grace_does_not_delay_the_end_after_a_kill(start_script: Start) -> None:
    script = start_script(runs=[{}], command=evil("stubborn"), options="grace=60")
    script.wait_ready(1)
    script.kill()
    check_sweep(script.root, killed=True)


@pytest.mark.parametrize("program", EVIL)
def test_one_lane(start_script: Start, tmp_path: Path, program: str) -> None:
    """The run is lost, and its slot is free again: the two that have to meet need both slots."""
    meeting = {"program": "meeting", "folder": str(tmp_path / "meeting")}
    script = start_script(
        runs=[{"program": program, "folder": ""}, meeting, meeting],
        command=evil("{program}", "{folder}", "2"),
        max_parallel=2,
        after=PRINT_ENDS,
    )
    script.wait_ready(1)
    os.kill(script.lane_of(script.ready()[0]), signal.SIGKILL)
    assert script.end() == 0, script.complaint()
    check_sweep(script.root, killed=True, within_s=0)
    assert script.output.split() == ["failure/lost", "success/None", "success/None"]


async def test_lane_that_dies_before_it_takes_its_order_loses_nothing(tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    long = asyncio.create_task(
        multirunAsync(
            runs=[{"program": "sleeper"}, {"program": "nothing"}],
            cmd=["sh", "-c", "test {program} = nothing || exec sleep 100"],
            output_path=tmp_path / "long",
            runner=runner,
        )
    )
    await wait_until_async(lambda: runner.computeStatistics().success_count == 1)
    lanes = launcher_of(os.getpid())[1:]
    await wait_until_async(lambda: sum(not children_of(lane) for lane in lanes) == 1)
    (idle,) = [lane for lane in lanes if not children_of(lane)]
    os.kill(idle, signal.SIGSTOP)
    short = asyncio.create_task(multirunAsync(runs=[{}], cmd=["true"], output_path=tmp_path / "short", runner=runner))
    await wait_until_async(lambda: len(runner.runs) == 3 and runner.runs[2].task is not None)
    os.kill(idle, signal.SIGKILL)
    result = await short
    assert [(run.status, run.attempts) for run in result] == [("success", 1)]
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    check_sweep(tmp_path / "short", result=result)
    check_sweep(tmp_path / "long")
