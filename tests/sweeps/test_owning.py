"""Every sweep has an owner from its first moment, and none after its last, however it ends."""

import asyncio
import errno
import inspect
import json
import os
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until_async

from multirun import MultirunError, ParallelLocalRunner, StorageError, lock, multirun, multirunAsync
from multirun.entry import enter
from multirun.ownership import acquire
from multirun.request import Inspector, Request
from multirun.rundir import SweepPaths


def is_held(root: Path) -> bool:
    document = json.loads((root / "lock" / "000001.json").read_text())
    return bool(document["held"])


def request_for(root: Path) -> Request:
    given = {name: parameter.default for name, parameter in inspect.signature(multirun).parameters.items()}
    return Inspector().request(**{**given, "runs": [], "cmd": ["true"], "output_path": root})


def test_a_sweep_is_owned_while_it_runs_and_by_nobody_afterwards(sweep_dir: Path) -> None:
    seen: list[bool] = []
    result = multirun(
        runs=[{}],
        cmd=["true"],
        output_path=sweep_dir,
        display=False,
        on_result=lambda run: seen.append(is_held(sweep_dir)),
    )
    assert seen == [True]
    assert not is_held(sweep_dir)
    check_sweep(sweep_dir, result=result)


def test_a_sweep_that_ends_with_an_error_is_owned_by_nobody(sweep_dir: Path) -> None:
    def refuse(run: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False, on_result=refuse)
    assert not is_held(sweep_dir)


async def test_a_sweep_that_is_cancelled_is_owned_by_nobody(sweep_dir: Path) -> None:
    task = asyncio.create_task(multirunAsync(runs=[{}], cmd=["sleep", "60"], output_path=sweep_dir))
    await wait_until_async((sweep_dir / "runs" / "000000").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_held(sweep_dir)


async def test_a_call_that_is_cancelled_while_its_directory_is_made_owns_nothing(sweep_dir: Path) -> None:
    task = asyncio.create_task(enter(request_for(sweep_dir), ParallelLocalRunner()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_held(sweep_dir)


def test_a_directory_that_could_not_be_locked_is_gone(sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, data: bytes, offset: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock, "write_at", refuse)
    with pytest.raises(StorageError, match="lock, cannot be written: No space left on device"):
        multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False)
    assert not sweep_dir.exists()


def test_a_directory_that_could_not_be_filled_is_gone_and_owned_by_nobody(
    sweep_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("multirun.creation.write_definition", refuse)
    with pytest.raises(StorageError, match="nothing was started"):
        multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False)
    assert not sweep_dir.exists()


def test_whoever_sees_the_directory_first_and_owns_it_keeps_it(
    sweep_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making a directory and owning it somebody else may take it for one that was given up, and continue it."""
    owners = []

    def be_late(paths: SweepPaths, patience: object) -> object:
        owners.append(acquire(paths))
        return acquire(paths)

    monkeypatch.setattr("multirun.creation.acquire", be_late)
    with pytest.raises(MultirunError, match="wait for it"):
        multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False)
    assert is_held(sweep_dir)
    assert os.listdir(sweep_dir) == ["lock"]
    owners[0].release()
