"""A launcher that is killed as soon as it takes orders, before anybody gives it one."""

import os
import signal
from pathlib import Path

import pytest
from tests.faults.scripts import keepers_of, named
from tests.invariants import check_sweep
from tests.patience import wait_until_async

from multirun import multirunAsync
from multirun.processes import children_of
from multirun.runners.link import LauncherLink


async def test_those_who_waited_for_it_take_the_next_one(sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = LauncherLink.ready
    killed: list[int] = []

    async def ready_and_killed(link: LauncherLink) -> None:
        await ready(link)
        if len(killed) < 2:
            killed.extend(keepers_of(os.getpid()))
            os.kill(killed[-1], signal.SIGKILL)
            await wait_until_async(lambda: not link.alive)

    monkeypatch.setattr(LauncherLink, "ready", ready_and_killed)
    result = await multirunAsync(runs=[{}], cmd=["true"], output_path=sweep_dir)
    assert len(killed) == 2
    assert [run.status for run in result] == ["success"]
    check_sweep(sweep_dir, result=result, killed=True)


async def test_one_that_is_killed_before_it_is_ready_is_followed_by_another(
    sweep_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = LauncherLink.ready
    links: list[LauncherLink] = []

    async def killed_and_ready(link: LauncherLink) -> None:
        if link not in links and len(links) < 2:
            links.append(link)
            for guard in named("multirun-guard", children_of(os.getpid())) or children_of(os.getpid()):
                os.kill(guard, signal.SIGKILL)
        await ready(link)

    monkeypatch.setattr(LauncherLink, "ready", killed_and_ready)
    result = await multirunAsync(runs=[{}], cmd=["true"], output_path=sweep_dir)
    assert len(links) == 2
    assert [run.status for run in result] == ["success"]
    check_sweep(sweep_dir, result=result, killed=True)
