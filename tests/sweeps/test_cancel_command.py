"""`multirun cancel`: whoever executes a sweep ends some of its runs, or all, because somebody else asked."""

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.sweeps.commands import Finished, command

from multirun import ParallelLocalRunner, RunsFailedError, SweepResult, lock, multirun, multirunAsync
from multirun.asking import Asked, Inbox, ask, compose, parse
from multirun.commandline import cancel as cancelling
from multirun.rundir import SweepPaths
from multirun.table import write_table

SLEEP = ["sh", "-c", "touch ready; test {x} -gt 0 && exec sleep 60"]
"""Run 0 fails at once."""


async def cancel(*words: str | Path) -> Finished:
    return await asyncio.to_thread(command, "cancel", *words)


def begin(root: Path, count: int, max_parallel: int) -> asyncio.Task[SweepResult]:
    runner = ParallelLocalRunner(max_parallel=max_parallel)
    maps = [{"x": x} for x in range(count)]
    return asyncio.create_task(multirunAsync(runs=maps, cmd=SLEEP, output_path=root, runner=runner, grace=1))


async def until_ready(root: Path, *runs: int) -> None:
    for run in runs:
        await wait_until_async((root / "runs" / f"{run:06}" / "ready").exists)


def reasons(result: SweepResult) -> list[str | None]:
    return [run.reason if run.status == "failure" else run.status for run in result]


async def test_the_whole_sweep(sweep_dir: Path) -> None:
    sweep = begin(sweep_dir, 6, 2)
    await until_ready(sweep_dir, 1, 2)
    finished = await cancel(sweep_dir)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert re.fullmatch(r"\S*sweep has ended: 3 failed, 3 waiting of 6\n", finished.stdout)
    result = await sweep
    assert result.stopped == "cancelled"
    assert reasons(result)[1:] == ["cancelled", "cancelled", "pending", "pending", "pending"]
    check_sweep(sweep_dir, result=result)
    assert list((sweep_dir / "requests").iterdir()) == []
    again = await cancel(sweep_dir)
    assert (again.returncode, again.stdout) == (0, "")
    assert "nobody executes" in again.stderr
    status = await asyncio.to_thread(command, "status", sweep_dir)
    assert "it was cancelled by multirun cancel" in status.stdout
    assert status.returncode == 3


async def test_runs_that_are_executed_and_runs_that_wait(sweep_dir: Path) -> None:
    sweep = begin(sweep_dir, 6, 2)
    await until_ready(sweep_dir, 1, 2)
    finished = await cancel(sweep_dir, "0", "1", "4-5")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.splitlines() == [
        "run 0: failed: exit code 1",
        "run 1: cancelled",
        "run 4: cancelled",
        "run 5: cancelled",
    ]
    await until_ready(sweep_dir, 3)  # the others go on
    assert not sweep.done()
    await cancel(sweep_dir, "2-3")
    result = await sweep
    assert result.stopped is None
    assert reasons(result) == ["exit:1", *["cancelled"] * 5]
    assert [run.attempts for run in result] == [1, 1, 1, 1, 0, 0]
    assert not (sweep_dir / "runs" / "000004").exists()
    check_sweep(sweep_dir, result=result)


async def test_a_sweep_that_waits_for_a_place_that_another_one_has(tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=1)
    first = asyncio.create_task(
        multirunAsync(runs=[{}], cmd=["sleep", "60"], output_path=tmp_path / "a", runner=runner)
    )
    await wait_until_async((tmp_path / "a" / "runs" / "000000").exists)
    second = asyncio.create_task(multirunAsync(runs=[{}] * 2, cmd=["true"], output_path=tmp_path / "b", runner=runner))
    await wait_until_async((tmp_path / "b" / "plan.jsonl").exists)
    finished = await cancel(tmp_path / "b")
    assert finished.returncode == 0, finished.stderr
    result = await second
    assert (result.stopped, reasons(result)) == ("cancelled", ["pending", "pending"])
    assert not first.done()
    await cancel(tmp_path / "a")
    assert reasons(await first) == ["cancelled"]


async def test_a_generator_is_asked_for_nothing_more(sweep_dir: Path) -> None:
    asked: list[int] = []

    def endless() -> Iterator[dict[str, int]]:
        while True:
            asked.append(1)
            yield {"x": 1}

    sweep = asyncio.create_task(multirunAsync(runs=endless(), cmd=SLEEP, output_path=sweep_dir, grace=0.2))
    await until_ready(sweep_dir, 0, 3)
    await cancel(sweep_dir)
    result = await sweep
    assert result.stopped == "cancelled"
    assert not result.statistics.total_known
    assert len(result) <= len(asked) <= 9
    check_sweep(sweep_dir, result=result)


async def test_with_check_the_error_says_that_it_was_cancelled(sweep_dir: Path) -> None:
    call = multirunAsync(runs=[{"x": 1}] * 2, cmd=SLEEP, output_path=sweep_dir, check=True,
                         runner=ParallelLocalRunner(max_parallel=1))  # fmt: skip
    sweep = asyncio.create_task(call)
    await until_ready(sweep_dir, 0)
    await cancel(sweep_dir)
    with pytest.raises(RunsFailedError, match="cancelled by multirun cancel"):
        await sweep


def test_a_run_that_is_not_there_and_a_sweep_that_is_not_named(sweep_dir: Path) -> None:
    multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False)
    missing = command("cancel", sweep_dir, "7")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there is no run 7; there is only run 0" in missing.stderr
    unnamed = command("cancel", cwd=sweep_dir.parent)
    assert unnamed.returncode == 2
    assert "multirun cancel sweep ends the whole sweep" in unnamed.stderr
    assert not (sweep_dir / "requests").exists()


def test_an_owner_that_was_killed_is_not_asked(sweep_dir: Path) -> None:
    multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False)
    paths = SweepPaths(str(sweep_dir))
    descriptor = lock.claim(paths, 2, {**lock.describe_self(), "pid_start": 1})
    assert descriptor is not None
    os.close(descriptor)
    assert "nobody executes" in command("cancel", sweep_dir).stderr


def test_an_owner_that_does_not_answer(
    sweep_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is alive but does not look, as if it was stopped."""
    multirun(runs=[{}], cmd=["true"], output_path=sweep_dir, display=False, grace=0)
    paths = SweepPaths(str(sweep_dir))
    descriptor = lock.claim(paths, 2, lock.describe_self())
    assert descriptor is not None
    monkeypatch.setattr(cancelling, "_PATIENCE_S", 0.05)
    assert cancelling.cancel([str(sweep_dir)]) == 75
    os.close(descriptor)
    assert f"process {os.getpid()} on" in capsys.readouterr().err
    assert os.listdir(paths.requests) == []


async def test_what_is_asked_for_while_the_table_is_written_changes_nothing(
    sweep_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep was stopped, and run 1 is left: a record behind the end would make it look alive."""
    loop = asyncio.get_running_loop()
    takes: list[Callable[[Asked], object]] = []

    class Watched(Inbox):
        def __init__(self, paths: SweepPaths, session: int, take: Callable[[Asked], object], *rest: Any) -> None:
            takes.append(take)
            super().__init__(paths, session, take, *rest)

    def ask_meanwhile(*given: Any) -> None:
        takes[0](Asked("request", 1, (1,)))
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
        write_table(*given)

    monkeypatch.setattr("multirun.engine.Inbox", Watched)
    monkeypatch.setattr("multirun.engine.write_table", ask_meanwhile)
    runs = [{"x": x} for x in range(2)]
    runner = ParallelLocalRunner(max_parallel=1)
    result = await multirunAsync(runs=runs, cmd=SLEEP, output_path=sweep_dir, runner=runner, max_failures=1)
    assert [run.status for run in result] == ["failure", "pending"]
    check_sweep(sweep_dir, result=result)


# ------------------------------------------------------------------------------------------ the owner's side


class Owner:
    """An inbox, and what came of it."""

    def __init__(self, root: Path, session: int = 1) -> None:
        self.paths = SweepPaths(str(root))
        self.taken: list[Asked] = []
        self.done: set[str] = set()
        self.inbox = Inbox(self.paths, session, self.taken.append, lambda asked: asked.name in self.done)

    def files(self) -> list[str]:
        return sorted(os.listdir(self.paths.requests))


def test_each_request_is_taken_once_and_answered_when_it_is_done(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    owner.inbox.look()
    first = os.path.basename(ask(owner.paths, 1, [3, 4]))
    for _ in range(3):
        owner.inbox.look()
    assert owner.taken == [Asked(first, 1, (3, 4))]
    second = os.path.basename(ask(owner.paths, 1, None))
    owner.done.add(first)
    owner.inbox.look()
    assert owner.taken[1:] == [Asked(second, 1, None)]
    assert owner.files() == [second]
    owner.inbox.close()
    assert owner.files() == []


def test_what_comes_in_the_same_moment_as_a_look_is_seen_by_the_next(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    ask(owner.paths, 1, [1])
    changed = os.stat(owner.paths.requests).st_mtime_ns
    owner.inbox.look()
    ask(owner.paths, 1, [2])
    os.utime(owner.paths.requests, ns=(changed, changed))  # as if the clock had not gone on
    owner.inbox.look()
    assert [asked.runs for asked in owner.taken] == [(1,), (2,)]


def test_a_disk_that_does_not_tell_of_changes_is_read_now_and_then(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    ask(owner.paths, 1, [1])
    changed = os.stat(owner.paths.requests).st_mtime_ns
    for _ in range(3):
        owner.inbox.look()
    ask(owner.paths, 1, [2])
    os.utime(owner.paths.requests, ns=(changed, changed))
    for _ in range(20):
        owner.inbox.look()
    assert [asked.runs for asked in owner.taken] == [(1,), (2,)]


def test_what_was_meant_for_an_earlier_owner_ends_nothing(tmp_path: Path) -> None:
    owner = Owner(tmp_path, session=2)
    ask(owner.paths, 1, None)
    owner.inbox.look()
    assert (owner.taken, owner.files()) == ([], [])


def test_what_is_meant_for_the_next_owner_is_left_to_it(tmp_path: Path) -> None:
    """A call that leaves, or wakes up too late, must not take the requests of whoever has followed it."""
    owner = Owner(tmp_path, session=2)
    path = Path(ask(owner.paths, 3, None))
    owner.inbox.look()
    owner.inbox.close()
    assert path.exists()
    assert owner.taken == []


def test_what_comes_too_late_is_answered_when_the_owner_leaves(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    ask(owner.paths, 1, None)
    owner.inbox.close()
    assert (owner.taken, owner.files()) == ([], [])


def test_what_is_no_request_is_removed_and_what_is_being_written_stays(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    os.mkdir(owner.paths.requests)
    for name in ("a.json", "b.json.123.tmp"):
        Path(owner.paths.requests, name).write_text("{")
    owner.inbox.look()
    assert (owner.taken, owner.files()) == ([], ["b.json.123.tmp"])


@pytest.mark.parametrize(
    "document",
    ['{"format":"multirun-request","version":2,"cancel":"sweep","session":1}', "[]", "x",
     '{"format":"multirun-request","version":1,"cancel":[-1],"session":1}',
     '{"format":"multirun-request","version":1,"cancel":[true],"session":1}',
     '{"format":"multirun-request","version":1,"cancel":"all","session":1}'],
)  # fmt: skip
def test_what_cannot_be_understood(document: str) -> None:
    assert parse("a.json", document.encode()) is None


def test_what_a_request_says() -> None:
    document = compose(3, [7])
    assert (document["cancel"], document["session"], document["pid"]) == ([7], 3, os.getpid())
    assert compose(3, None)["cancel"] == "sweep"
