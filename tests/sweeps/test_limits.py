"""Never more runs at once than allowed, never fewer than possible, and counts that add up at every change."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import SCRIPTED, run_sweep
from tests.sweeps.watch import Watch

from multirun import ConfigurationError, ParallelLocalRunner, Run, SweepResult, multirunAsync


def start(gates: Gates, output: Path, names: range, runner: ParallelLocalRunner) -> asyncio.Task[SweepResult]:
    """Start a sweep of programs that wait at the gates with these names."""
    return asyncio.create_task(
        multirunAsync(runs=[{"gate": name} for name in names], cmd=gates.command(), output_path=output, runner=runner)
    )


def names(*numbers: int) -> set[str]:
    return set(map(str, numbers))


async def test_a_free_slot_is_filled_at_once_and_the_limit_holds(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=3)
    watch = Watch(runner)
    sweep = start(gates, sweep_dir, range(8), runner)
    living = {0, 1, 2}
    await wait_until_async(lambda: gates.waiting() == names(*living))
    for leaves, enters in ((1, 3), (0, 4), (4, 5), (2, 6), (6, 7)):
        gates.open(leaves)
        living = living - {leaves} | {enters}
        await wait_until_async(lambda: gates.waiting() == names(*living))  # noqa: B023 - awaited at once
        await wait_until_async(lambda: runner.computeStatistics().running_count == 3)
    gates.open(*living)
    result = await sweep
    overlaps = [int((run.path / "overlap").read_text()) for run in result]
    assert max(overlaps) == overlaps[-1] == 3
    assert watch.most_running == 3
    check_sweep(sweep_dir, result=result)


async def test_counts_add_up_at_every_change(tmp_path: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=4)
    watch = Watch(runner)
    scripts = ["exit 0", "exit 1", "exit 2", "kill -KILL $$", "exit 0"]

    def pulled() -> Iterator[dict[str, str]]:
        yield from ({"script": script} for script in scripts)

    first = multirunAsync(runs=pulled(), cmd=SCRIPTED, output_path=tmp_path / "first", runner=runner)
    second = start(gates, tmp_path / "second", range(5), runner)
    third = multirunAsync(
        runs=[{"script": "exit 0"}] * 3, cmd=["sh", "-c", "no such command"], output_path=tmp_path / "3", runner=runner
    )
    gates.open_all()
    for result in await asyncio.gather(first, second, third):
        check_sweep(result.path, result=result)
    assert watch.wrong == []
    assert watch.most_running <= 4
    assert len(watch.changes) >= 13
    final = runner.computeStatistics()
    assert (final.success_count, final.failure_count, final.total_count) == (7, 6, 13)
    assert len(runner.runs) == 13


async def test_two_sweeps_of_one_runner_share_its_limit(tmp_path: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    watch = Watch(runner)
    one = start(gates, tmp_path / "one", range(4), runner)
    two = start(gates, tmp_path / "two", range(4, 8), runner)
    await wait_until_async(lambda: len(gates.waiting()) == 2 and runner.computeStatistics().total_count == 8)
    await wait_until_async(lambda: runner.computeStatistics().pending_count == 6)
    gates.open_all()
    results = await asyncio.gather(one, two)
    assert [[posted["gate"] for posted in result.results] for result in results] == [list("0123"), list("4567")]
    assert max(int((run.path / "overlap").read_text()) for result in results for run in result) == 2
    assert watch.most_running == 2
    assert watch.wrong == []
    assert len(runner.runs) == 8
    for result in results:
        assert set(result) <= set(runner.runs)
        check_sweep(result.path, result=result)


async def test_two_runners_have_limits_of_their_own(tmp_path: Path, gates: Gates) -> None:
    one, two = ParallelLocalRunner(max_parallel=2), ParallelLocalRunner(max_parallel=1)
    sweeps = [start(gates, tmp_path / "one", range(4), one), start(gates, tmp_path / "two", range(4, 8), two)]
    await wait_until_async(lambda: gates.waiting() == names(0, 1, 4))
    gates.open(4)
    await wait_until_async(lambda: gates.waiting() == names(0, 1, 5))
    gates.open_all()
    for result in await asyncio.gather(*sweeps):
        assert result.statistics.success_count == 4
        check_sweep(result.path, result=result)
    assert [len(one.runs), len(two.runs)] == [4, 4]


async def test_the_semaphore_holds_one_token_for_each_living_run(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    semaphore = runner.semaphore
    await semaphore.acquire()  # the caller keeps one for something else
    sweep = start(gates, sweep_dir, range(4), runner)
    await wait_until_async(lambda: gates.waiting() == names(0))
    assert semaphore.locked()
    gates.open(0)
    await wait_until_async(lambda: gates.waiting() == names(1))
    await wait_until_async(lambda: runner.computeStatistics().running_count == 1)
    semaphore.release()
    await wait_until_async(lambda: gates.waiting() == names(1, 2))
    assert semaphore.locked()
    gates.open_all()
    check_sweep(sweep_dir, result=await sweep)
    assert [await free_tokens(semaphore), runner.semaphore is semaphore] == [2, True]


async def free_tokens(semaphore: asyncio.Semaphore) -> int:
    count = 0
    while not semaphore.locked():
        await semaphore.acquire()
        count += 1
    return count


@pytest.mark.parametrize(
    "script",
    ["exit 1", "kill -KILL $PPID", "echo { > $MULTIRUN_RESULTS", "exec /none"],
    ids=["failed", "lost", "bad", "exec"],
)
async def test_whatever_ends_a_run_gives_its_token_back(sweep_dir: Path, script: str) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    result = await multirunAsync(
        runs=[{"script": script}] * 3 + [{"script": "true"}],
        cmd=SCRIPTED,
        output_path=sweep_dir,
        runner=runner,
        infrastructure_retries=0,
    )
    assert [run.status for run in result] == ["failure"] * 3 + ["success"]
    assert await free_tokens(runner.semaphore) == 2
    check_sweep(sweep_dir, result=result, killed=True)


async def test_a_runs_task_is_there_while_it_is_attended(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    sweep = start(gates, sweep_dir, range(4), runner)
    await wait_until_async(lambda: gates.waiting() == names(0, 1))
    assert [isinstance(run.task, asyncio.Task) for run in runner.runs] == [True, True, False, False]
    assert [run.task is None for run in runner.runs] == [False, False, True, True]
    task = runner.runs[1].task
    assert task is not None
    task.cancel()
    await wait_until_async(lambda: runner.runs[1].status == "failure")
    await wait_until_async(lambda: "2" in gates.waiting())
    gates.open(0, 2, 3)
    result = await sweep
    assert [run.reason for run in result] == [None, "cancelled", None, None]
    assert await free_tokens(runner.semaphore) == 2
    check_sweep(sweep_dir, result=result)


# ------------------------------------------------------------------------------------------ laziness


async def test_a_generator_is_pulled_only_as_runs_can_start(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    watch = Watch(runner)
    ahead: list[int] = []

    def pulled() -> Iterator[dict[str, int]]:
        for number in range(14):
            ahead.append(number + 1 - runner.computeStatistics().complete_count)
            yield {"gate": number}

    sweep = asyncio.create_task(multirunAsync(runs=pulled(), cmd=gates.command(), output_path=sweep_dir, runner=runner))
    for first in range(10):
        await wait_until_async(lambda: gates.waiting() == names(first, first + 1))  # noqa: B023 - awaited at once
        counts = runner.computeStatistics()
        assert (counts.total_count, counts.total_known) == (len(ahead), False)
        assert len(ahead) - first <= 2 * runner.max_parallel
        gates.open(first)
    gates.open(10, 11, 12, 13)
    result = await sweep
    assert len(result) == 14
    assert max(ahead) <= 2 * runner.max_parallel
    assert result.statistics.total_known
    assert runner.computeStatistics().total_known
    assert watch.wrong == []
    check_sweep(sweep_dir, result=result)


def test_a_map_is_planned_before_the_next_is_pulled(sweep_dir: Path) -> None:
    planned: list[int] = []

    def pulled() -> Iterator[dict[str, int]]:
        for number in range(4):
            if number:
                planned.append((sweep_dir / "plan.jsonl").read_text().count('"run":'))
            yield {"x": number}

    run_sweep(sweep_dir, pulled(), ["true"])
    assert planned == [1, 2, 3]


def test_a_map_may_depend_on_earlier_results(sweep_dir: Path) -> None:
    done: list[Run] = []

    def halve() -> Iterator[dict[str, float]]:
        yield {"x": 64.0}
        while True:
            x = min((run.results for run in done), default=64.0)
            if x < 1:
                return
            yield {"x": x}

    script = """awk 'BEGIN {print {x} / 2}' > "$MULTIRUN_RESULTS" """
    runner = ParallelLocalRunner(max_parallel=1)
    result = run_sweep(sweep_dir, halve(), ["sh", "-c", script], runner=runner, on_result=done.append)
    assert result.results[0] == 32.0
    assert min(result.results) < 1


@pytest.mark.parametrize("count", [0, -1, 1.5, "4", True, None])
def test_a_limit_is_a_whole_number_above_zero(count: object) -> None:
    with pytest.raises(ConfigurationError, match="max_parallel"):
        ParallelLocalRunner(max_parallel=count)  # type: ignore[arg-type]
