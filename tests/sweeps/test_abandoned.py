"""Sweeps that were taken up and left again before anything was executed."""

import asyncio
import os
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.sweeps.sweeping import run_sweep

from multirun import ParallelLocalRunner, StorageError, multirunAsync
from multirun.entry import enter
from multirun.ownership import Patience
from multirun.replay import Replay
from multirun.request import Request

TRUE = ["true"]


def open_files() -> set[str]:
    """What this process has open, apart from what listing it takes."""
    return {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


async def test_a_call_that_is_cancelled_while_it_takes_a_sweep_up_leaves_it_closed(
    sweep_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process lives on, and nobody may take the sweep for one that it executes."""
    await multirunAsync(runs=[{"x": 1}], cmd=TRUE, output_path=sweep_dir)
    before = open_files()
    requests: list[Request] = []

    async def note(request: Request, runner: ParallelLocalRunner) -> object:
        requests.append(request)
        call = asyncio.ensure_future(enter(request, runner))
        await asyncio.sleep(0)
        call.cancel()  # the thread that takes the sweep up goes on to its end
        return await call

    monkeypatch.setattr("multirun.engine.enter", note)
    monkeypatch.setattr(Patience, "give_up", lambda _: None)
    with pytest.raises(asyncio.CancelledError):
        await multirunAsync(runs=[{"x": 1}, {"x": 2}], cmd=TRUE, output_path=sweep_dir, resume=True)
    assert requests
    assert (sweep_dir / "journal" / "orchestrator-2.jsonl").exists()
    assert not Replay(str(sweep_dir)).alive
    assert not {path for path in open_files() - before if str(sweep_dir) in path}
    check_sweep(sweep_dir)


def test_a_plan_that_cannot_be_written_leaves_it_closed(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [], TRUE)
    plan = sweep_dir / "plan.jsonl"
    plan.unlink()
    plan.symlink_to(sweep_dir / "nowhere" / "plan.jsonl")
    before = open_files()
    with pytest.raises(StorageError, match="nothing was started"):
        run_sweep(sweep_dir, [{"x": 1}], TRUE, resume=True)
    assert not Replay(str(sweep_dir)).alive
    assert not {path for path in open_files() - before if str(sweep_dir) in path}


def test_a_plan_that_cannot_be_read_is_told_as_such(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"x": 1}], TRUE)
    plan = sweep_dir / "plan.jsonl"
    kept = plan.rename(sweep_dir / "kept")
    plan.mkdir()
    with pytest.raises(StorageError, match=r"could not be continued: .*plan\.jsonl"):
        run_sweep(sweep_dir, [{"x": 1}], TRUE, resume=True)
    plan.rmdir()
    kept.rename(plan)
    assert run_sweep(sweep_dir, [{"x": 1}], TRUE, resume=True).statistics.skipped_count == 1
