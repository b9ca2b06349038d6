"""Cancelling: the call at any moment, once or many times; one run; and the time limit that does it by itself."""

import asyncio
import functools
import random
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.faults.scripts import EVIL, evil, menagerie
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.survivors import check_dead

from multirun import FileResource, ParallelLocalRunner, multirunAsync
from multirun.sweepresult import SweepResult

GRACE_S = 0.4


def start_sweep(path: Path, runner: ParallelLocalRunner | None = None, **given: Any) -> asyncio.Task[SweepResult]:
    """Start a sweep, by default one with a run of each evil program."""
    given = {"runs": menagerie(), "cmd": evil("{program}"), "grace": GRACE_S, "on_result": check_dead, **given}
    runner = runner or ParallelLocalRunner(max_parallel=len(EVIL))
    return asyncio.create_task(multirunAsync(output_path=path, runner=runner, **given))


def count_ready(path: Path) -> int:
    """How many runs have written `ready`."""
    return len(list(path.glob("runs/*/ready")))


async def wait_animals(path: Path) -> None:
    """Wait until every evil program is at its worst."""
    await wait_until_async(lambda: count_ready(path) == len(EVIL))


def cancel_again(task: asyncio.Task[Any]) -> bool:
    """Cancel a task that may have been cancelled before; whether it is over."""
    task.cancel()
    return task.done()


async def test_call(sweep_dir: Path) -> None:
    call = start_sweep(sweep_dir)
    await wait_animals(sweep_dir)
    cancelled = monotonic()
    call.cancel("enough")
    with pytest.raises(asyncio.CancelledError):
        await call
    assert GRACE_S <= monotonic() - cancelled <= GRACE_S + 2
    state = check_sweep(sweep_dir, within_s=0)
    assert {record["reason"] for record in state.values()} == {"cancelled"}


async def test_call_again_and_again(sweep_dir: Path) -> None:
    """A shield is pierced by a second cancellation; the end of the runs is not."""
    call = start_sweep(sweep_dir)
    await wait_animals(sweep_dir)
    await wait_until_async(lambda: cancel_again(call))
    assert call.cancelled()
    check_sweep(sweep_dir, within_s=0)


async def test_call_by_timeout_of_asyncio(sweep_dir: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await start_sweep(sweep_dir)
    check_sweep(sweep_dir, within_s=0)


def moments() -> Iterator[float]:
    """Moments from before anything exists to the end of the last run, in seconds; many of them early."""
    chance = random.Random(2)
    yield from (0, 0.0001)
    for number in range(1, 29):
        yield chance.uniform(0, 0.025 * number)


@pytest.mark.parametrize("again", [False, True], ids=["once", "repeatedly"])
async def test_call_at_many_moments(tmp_path: Path, again: bool) -> None:
    """Before it is created, while it is staged, while it starts and runs, and while it ends by itself."""
    (tmp_path / "input").write_bytes(b"x" * 5_000_000)
    for number, moment in enumerate(moments()):
        path = tmp_path / f"sweep{number}"
        call = start_sweep(
            path,
            ParallelLocalRunner(max_parallel=2),
            runs=[{"seconds": seconds} for seconds in (0, 0.1, 0.2, 0.05, 0.1)],
            cmd=["sh", "-c", "sleep {seconds}& wait"],
            input_files=[FileResource(tmp_path / "input", "shared")],
        )
        asyncio.get_running_loop().call_later(moment, call.cancel)
        if again:
            asyncio.get_running_loop().call_later(moment + 0.005, call.cancel)
        await asyncio.wait([call])
        assert (path / "sweep.json").exists() or not path.exists(), "the sweep was still being created"
        if (path / "plan.jsonl").exists():
            check_sweep(path, result=None if call.cancelled() else call.result(), within_s=0)
        else:
            assert call.cancelled()


async def test_runner_is_as_new_after_a_cancelled_call(tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    call = start_sweep(tmp_path / "first", runner)
    await wait_until_async(lambda: count_ready(tmp_path / "first") == 2)
    call.cancel()
    await asyncio.wait([call])
    check_sweep(tmp_path / "first", within_s=0)
    result = await start_sweep(tmp_path / "second", runner, runs=[{}] * 5, cmd=["true"])
    assert result.statistics.success_count == 5
    check_sweep(tmp_path / "second", result=result)
    assert not runner.semaphore.locked()


async def test_of_two_sweeps_with_one_runner_only_the_cancelled_one_ends(tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=4)
    ended = start_sweep(tmp_path / "ended", runner, runs=menagerie()[:2])
    kept = start_sweep(
        tmp_path / "kept",
        runner,
        runs=[{}] * 2,
        cmd=["sh", "-c", "echo > ready; until [ -e ../go ]; do sleep 0.02; done"],
    )
    await wait_until_async(lambda: count_ready(tmp_path / "ended") + count_ready(tmp_path / "kept") == 4)
    ended.cancel()
    await asyncio.wait([ended])
    check_sweep(tmp_path / "ended", within_s=0)
    assert not kept.done()
    (tmp_path / "kept" / "runs" / "go").touch()
    check_sweep(tmp_path / "kept", result=await kept)


# -------------------------------------------------------------------------------------------------- one run


async def test_one_run(sweep_dir: Path) -> None:
    """Each animal in turn, as often as it takes; the others do not notice."""
    runner = ParallelLocalRunner(max_parallel=len(EVIL))
    call = start_sweep(sweep_dir, runner)
    await wait_animals(sweep_dir)
    await wait_until_async(lambda: runner.computeStatistics().running_count == len(EVIL))
    for number, run in enumerate(runner.runs, start=1):
        task = run.task
        assert task is not None
        await wait_until_async(functools.partial(cancel_again, task))
        assert (run.status, run.reason) == ("failure", "cancelled")
        assert runner.computeStatistics().failure_count == number
        assert runner.computeStatistics().running_count == len(EVIL) - number
    result = await call
    check_sweep(sweep_dir, result=result, within_s=0)
    assert all(0 < (run.duration_s or 0) < 20 for run in result)


async def test_one_run_frees_its_slot(sweep_dir: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=1)
    call = start_sweep(sweep_dir, runner, runs=[{"seconds": 100}, {"seconds": 0}], cmd=["sleep", "{seconds}"])
    await wait_until_async(lambda: runner.computeStatistics().running_count == 1)
    task = runner.runs[0].task
    assert task is not None
    task.cancel()
    result = await call
    assert [(run.status, run.reason) for run in result] == [("failure", "cancelled"), ("success", None)]
    check_sweep(sweep_dir, result=result)


class Hasty(ParallelLocalRunner):
    """Cancels run 1 between the moment it is dispatched and the first step of its task."""

    async def admit(self) -> None:
        for run in self.runs:
            if run.index == 1 and run.task is not None:
                run.task.cancel()
        await super().admit()


async def test_run_before_its_first_step(sweep_dir: Path) -> None:
    runner = Hasty(max_parallel=3)
    result = await start_sweep(sweep_dir, runner, runs=[{}] * 3, cmd=["true"])
    assert [(run.status, run.reason, run.attempts) for run in result] == [
        ("success", None, 1),
        ("failure", "cancelled", 0),
        ("success", None, 1),
    ]
    assert not result[1].path.exists(), "its program was started although its task never began"
    check_sweep(sweep_dir, result=result)
    assert not runner.semaphore.locked()


# ----------------------------------------------------------------------------------------------- time limit


async def test_timeout(sweep_dir: Path) -> None:
    result = await start_sweep(sweep_dir, timeout=0.5)
    assert {run.reason for run in result} == {"timeout"}
    for run in result:
        assert run.duration_s is not None
        assert 0.5 <= run.duration_s <= 0.5 + GRACE_S + 2, run
        assert run.params["program"] != "stubborn" or run.duration_s >= 0.5 + GRACE_S
    check_sweep(sweep_dir, result=result, within_s=0)


async def test_programs_that_obey_need_no_grace(sweep_dir: Path) -> None:
    """Also one that has stopped, and one whose child and grandchild it does not look after."""
    obedient = ["sleeper", "family", "stopped", "deaf"]
    result = await start_sweep(sweep_dir, runs=[{"program": name} for name in obedient], timeout=0.5, grace=60)
    assert {run.reason for run in result} == {"timeout"}
    assert all((run.duration_s or 60) < 20 for run in result)
    check_sweep(sweep_dir, result=result, within_s=0)


async def test_program_that_leaves_a_daemon_ends_with_it(sweep_dir: Path) -> None:
    """Its success is recorded only when the daemon is dead, too."""
    result = await start_sweep(sweep_dir, runs=[{}], cmd=evil("daemon", "leave"))
    assert [(run.status, run.exit_code) for run in result] == [("success", 0)]
    assert (result[0].duration_s or 0) >= GRACE_S
    check_sweep(sweep_dir, result=result, within_s=0)
