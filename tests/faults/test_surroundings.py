"""Odd applications around a sweep, odd limits, and programs that destroy what is not theirs."""

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.scripts import Script, evil, keepers_of, named
from tests.invariants import check_sweep
from tests.survivors import MARK, carriers

from multirun import ParallelLocalRunner, StorageError, multirun, multirunAsync

Start = Callable[..., Script]
SUCCESSES = "assert result.statistics.success_count == len(result)"


@pytest.mark.parametrize(
    "before",
    [
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
        "for signum in signal.valid_signals() - {9, 17, 19}: signal.signal(signum, signal.SIG_IGN)",
        "import os; os.umask(0o077); os.environ.clear()",
        "import os; os.close(0); os.close(1)",
    ],
    ids=["ignores SIGCHLD", "blocks all signals", "ignores all signals", "has no environment", "has closed streams"],
)
def test_application_that(start_script: Start, before: str) -> None:
    script = start_script(runs=[{}] * 6, command=["/bin/sh", "-c", "kill -TERM $$"], before=before, max_parallel=2)
    assert script.end(within_s=10) == 0, script.complaint()
    state = check_sweep(script.root)
    assert [record["reason"] for record in state.values()] == ["signal:SIGTERM"] * 6


def test_few_descriptors_mean_fewer_runs_at_once(start_script: Start) -> None:
    """For 60 lanes neither the orchestrator nor the keeper has enough of them."""
    script = start_script(
        runs=[{}] * 90,
        command=["true"],
        max_parallel=60,
        before="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))",
        after=SUCCESSES,
    )
    assert script.end(within_s=20) == 0, script.complaint()
    check_sweep(script.root)


async def test_keeper_keeps_the_descriptors_that_it_needs_itself(sweep_dir: Path) -> None:
    """It has room for three more lanes or so; when one of them dies it can still look after what that lane left."""

    def source() -> Iterator[dict[str, str]]:
        (keeper,) = keepers_of(os.getpid())
        room = len(os.listdir(f"/proc/{keeper}/fd")) + 7
        resource.prlimit(keeper, resource.RLIMIT_NOFILE, (room, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        yield {"words": "sleep 0.2; kill -KILL $PPID; exec sleep 100"}
        yield from [{"words": "sleep 0.1"}] * 9

    result = await multirunAsync(
        runs=source(),
        cmd=["sh", "-c", "{words}"],
        output_path=sweep_dir,
        runner=ParallelLocalRunner(max_parallel=10),
        infrastructure_retries=0,
    )
    assert [run.reason for run in result] == ["lost"] + [None] * 9
    check_sweep(sweep_dir, result=result)


async def test_more_lanes_than_the_keeper_can_be_asked_for_at_once(sweep_dir: Path) -> None:
    """It is stopped while they are asked for, so that its socket fills."""
    keepers: list[int] = []

    def source() -> Iterator[dict[str, int]]:
        keepers.extend(keepers_of(os.getpid()))
        os.kill(keepers[0], signal.SIGSTOP)
        yield from ({"x": x} for x in range(320))
        asyncio.get_running_loop().call_later(0.2, os.kill, keepers[0], signal.SIGCONT)

    result = await multirunAsync(
        runs=source(), cmd=["true"], output_path=sweep_dir, runner=ParallelLocalRunner(max_parallel=320)
    )
    assert result.statistics.success_count == 320
    check_sweep(sweep_dir, result=result)


def test_sentinel_is_not_needed_while_others_live(start_script: Start, leaves_no_process: str) -> None:
    script = start_script(runs=[{}] * 2, command=evil("patient"), after=SUCCESSES)
    script.wait_ready(2)
    (guard,) = named("multirun-guard", carriers(leaves_no_process, MARK))
    os.kill(guard, signal.SIGKILL)
    (script.root / "runs" / "go").touch()
    assert script.end() == 0, script.complaint()
    check_sweep(script.root, within_s=0)


def test_sentinel_leaves_by_itself(sweep_dir: Path, leaves_no_process: str) -> None:
    """The fixture waits for the end of every process; here it is only made sure that there was one to wait for."""
    seen: list[int] = []
    result = multirun(
        runs=[{}],
        cmd=["true"],
        output_path=sweep_dir,
        on_result=lambda run: seen.extend(named("multirun-guard", carriers(leaves_no_process, MARK))),
        display=False,
    )
    assert len(seen) == 1
    check_sweep(sweep_dir, result=result)


def test_program_that_removes_its_directory(sweep_dir: Path) -> None:
    result = multirun(
        runs=[{"words": words} for words in ('rm -r "$PWD"', "true", 'rm -r "$PWD"; mkdir "$PWD"', "true")],
        cmd=["sh", "-c", "{words}"],
        output_path=sweep_dir,
        runner=ParallelLocalRunner(max_parallel=1),
        display=False,
    )
    assert [run.status for run in result] == ["success"] * 4


@pytest.mark.parametrize("size", [10, 4090], ids=["small results", "large results"])
def test_program_that_removes_the_whole_sweep(tmp_path: Path, size: int) -> None:
    """There is nothing left to record in: an error says so, and no run hangs."""
    post = f"""printf '"%{size}s"' "" > results.json"""
    sweep = tmp_path / "sweep"
    with pytest.raises(StorageError, match=str(sweep)):
        multirun(
            runs=[{"words": words} for words in ("true", f"rm -r {sweep}", "true", "true")],
            cmd=["sh", "-c", f"{post}; {{words}}"],
            output_path=sweep,
            runner=ParallelLocalRunner(max_parallel=1),
            display=False,
        )
    assert not sweep.exists(), "it was made anew"
