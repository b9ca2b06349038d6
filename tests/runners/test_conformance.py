"""What every runner does alike. A new kind of runner needs one class in `tests.runners.harness`, and no test."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.runners.harness import NAMES, Harness
from tests.sweeps.watch import Watch

from multirun import AbstractRunner, FileResource, Run, RunStatistics, SweepResult, multirun, multirunAsync
from multirun.snapshot import take_snapshot


def maps(*behaviours: str) -> list[dict[str, Any]]:
    """Runs that behave in these ways; those that hold are called "a", "b" and so on."""
    names = iter(NAMES)
    return [
        {"do": behaviour, "x": x, "name": next(names) if behaviour == "hold" else ""}
        for x, behaviour in enumerate(behaviours)
    ]


class Scenario:
    """One runner, watched, and where its sweeps go."""

    def __init__(self, harness: Harness, folder: Path, max_parallel: int) -> None:
        self.harness = harness
        self.runner = harness.runner(max_parallel)
        self.watch = Watch(self.runner)
        self._folder = folder
        self._count = 0

    def keywords(self, behaviours: Sequence[str], given: dict[str, Any]) -> dict[str, Any]:
        """The keywords of a sweep of runs that behave in these ways."""
        self._count += 1
        output = self._folder / f"sweep{self._count}"
        return {
            "runs": maps(*behaviours), "cmd": self.harness.cmd, "output_path": output, "runner": self.runner,
            "infrastructure_retries": 0, **given,
        }  # fmt: skip

    async def run(self, *behaviours: str, **given: Any) -> SweepResult:
        """Run a sweep and check it."""
        result = await multirunAsync(**self.keywords(behaviours, given))
        self.check(result)
        return result

    def start(self, *behaviours: str, **given: Any) -> asyncio.Task[SweepResult]:
        """Start a sweep."""
        return asyncio.create_task(multirunAsync(**self.keywords(behaviours, given)))

    def check(self, result: SweepResult) -> None:
        """Disk, result and counts must agree."""
        lost = any(run.reason == "lost" for run in result)
        check_sweep(result.path, result=result, killed=lost)
        assert take_snapshot(str(result.path)).statistics == result.statistics
        assert self.watch.wrong == []
        assert self.watch.most_running <= self.runner.max_parallel  # type: ignore[attr-defined]

    async def until_held(self, *names: str) -> None:
        """Wait until exactly these runs hold."""
        await wait_until_async(lambda: self.harness.held() == set(names), what=f"{names} hold")


@pytest.fixture
def make_scenario(harness: Harness, tmp_path: Path) -> Callable[[int], Scenario]:
    return lambda max_parallel: Scenario(harness, tmp_path, max_parallel)


@pytest.fixture
def scenario(make_scenario: Callable[[int], Scenario]) -> Scenario:
    """A runner for two at a time."""
    return make_scenario(2)


def verdict(run: Run) -> tuple[str, str | None, int | None, int]:
    return run.status, run.reason, run.exit_code, run.attempts


# ----------------------------------------------------------------------------------------- verdicts


async def test_verdicts(scenario: Scenario) -> None:
    behaviours = ("ok", "exit", "signal", "silent", "bad", "lost", "ok")
    result = await scenario.run(*behaviours)
    assert [verdict(run) for run in result] == [
        ("success", None, 0, 1),
        ("failure", "exit:3", 3, 1),
        ("failure", "signal:SIGKILL", None, 1),
        ("success", None, 0, 1),
        ("failure", "bad-result", 0, 1),
        ("failure", "lost", None, 1),
        ("success", None, 0, 1),
    ]
    assert result.results == [{"square": 0}, None, None, None, None, None, {"square": 36}]
    assert all(run.duration_s is not None and run.duration_s >= 0 for run in result if run.reason != "lost")
    assert result[5].message


async def test_rules_decide_what_a_success_is(scenario: Scenario) -> None:
    result = await scenario.run(
        "ok", "exit", "silent", "write", success_codes=[0, 3], required_results=True, required_files=["made/here.txt"]
    )
    assert [run.reason for run in result] == ["no-result"] * 4
    result = await scenario.run("exit", "write", success_codes=[3], required_files=["made/here.txt"])
    assert [run.reason for run in result] == ["no-result", "exit:0"]
    result = await scenario.run("ok", "silent", required_results=["square"])
    assert [run.reason for run in result] == [None, "no-result"]


async def test_what_a_program_writes_is_where_the_run_says(scenario: Scenario) -> None:
    (run,) = await scenario.run("write")
    assert (run.stdout.read_text(), run.stderr.read_text()) == ("out\n", "err\n")
    assert (run.path / "made" / "here.txt").read_text() == "made\n"


async def test_inputs_are_staged(scenario: Scenario, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("content")
    inputs = [FileResource(source, "shared", "input.txt"), FileResource(source, "copy", "deep/copy")]
    (run,) = await scenario.run("read", input_files=inputs)
    assert run.results == "content"
    assert (run.path / "input.txt").read_text() == (run.path / "deep" / "copy").read_text() == "content"


async def test_a_run_that_cannot_be_staged_fails_alone(scenario: Scenario, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()

    def pulled() -> Any:
        yield from maps("ok")
        source.unlink()
        yield from maps("ok")

    linked = [FileResource(source, "link")]
    result = await scenario.run(runs=pulled(), input_files=linked)
    assert verdict(result[1]) == ("failure", "staging-failed", None, 1)


# ------------------------------------------------------------------------------------------- limits


async def test_the_limit_is_reached_and_never_passed(make_scenario: Callable[[int], Scenario]) -> None:
    scenario = make_scenario(3)
    sweep = scenario.start(*["hold"] * 6)
    await scenario.until_held("a", "b", "c")
    await wait_until_async(lambda: scenario.runner.computeStatistics().running_count == 3)
    for leaves, held in (("b", "acd"), ("a", "cde"), ("d", "cef")):
        scenario.harness.let_go(leaves)
        await scenario.until_held(*held)
    scenario.harness.let_go("c", "e", "f")
    scenario.check(await sweep)
    assert scenario.watch.most_running == 3


async def test_many_runs_through_few_places(scenario: Scenario) -> None:
    finished: list[int] = []
    result = await scenario.run(*["ok"] * 60, on_result=lambda run: finished.append(run.index))
    assert result.results == [{"square": x * x} for x in range(60)]
    assert sorted(finished) == list(range(60))
    for index in range(60):
        assert scenario.watch.life_of(index) in (["running", "success"], ["success"])


async def test_places_of_lost_runs_come_back(scenario: Scenario) -> None:
    sweep = scenario.start("lost", "ok", "lost", "lost", "hold", "hold")
    await scenario.until_held("a", "b")
    scenario.harness.let_go("a", "b")
    result = await sweep
    assert [run.reason for run in result] == ["lost", None, "lost", "lost", None, None]
    scenario.check(result)


async def test_places_of_all_others_come_back(scenario: Scenario) -> None:
    for behaviour in ("ok", "exit", "signal", "silent", "bad"):
        await scenario.run(*[behaviour] * 3)
    sweep = scenario.start("hold", "hold")
    await scenario.until_held("a", "b")
    scenario.harness.let_go("a", "b")
    scenario.check(await sweep)


async def test_two_sweeps_share_the_limit_and_the_runner_counts_both(scenario: Scenario) -> None:
    first = scenario.start("hold", "ok", "exit")
    await scenario.until_held("a")
    second = scenario.start("ok", "silent", "ok", "ok")
    result = await second
    assert result.results == [{"square": 0}, None, {"square": 4}, {"square": 9}]
    counts = scenario.runner.computeStatistics()
    assert (counts.total_count, counts.running_count) == (7, 1)
    assert not first.done()
    scenario.harness.let_go("a")
    scenario.check(await first)
    scenario.check(result)
    assert {run.path for run in scenario.runner.runs} == {run.path for each in (first.result(), result) for run in each}


def test_a_runner_serves_one_loop_after_another(scenario: Scenario) -> None:
    for _ in range(3):
        result = multirun(**scenario.keywords(["ok", "exit", "ok"], {"display": False}))
        scenario.check(result)
    assert scenario.runner.computeStatistics() == RunStatistics(0, 0, 0, 6, 3, 9, 9, total_known=True)


# ------------------------------------------------------------------------------------- cancellation


async def test_cancelling_a_run_ends_that_run_only(scenario: Scenario) -> None:
    sweep = scenario.start("hold", "hold", "ok")
    await scenario.until_held("a", "b")
    task = scenario.runner.runs[0].task
    assert isinstance(task, asyncio.Task)
    task.cancel()
    await scenario.until_held("b")
    await wait_until_async(lambda: scenario.runner.runs[2].status == "success")
    scenario.harness.let_go("b")
    result = await sweep
    assert [verdict(run) for run in result] == [
        ("failure", "cancelled", None, 1), ("success", None, 0, 1), ("success", None, 0, 1),
    ]  # fmt: skip
    assert "before" not in str(result[0].message)
    assert result[0].duration_s is not None
    scenario.check(result)


async def test_cancelling_a_run_again_and_again_changes_nothing(scenario: Scenario) -> None:
    sweep = scenario.start("hold", "ok")
    await scenario.until_held("a")
    task = scenario.runner.runs[0].task
    assert task is not None
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    result = await sweep
    assert [run.reason for run in result] == ["cancelled", None]
    scenario.check(result)


async def test_cancelling_a_run_before_its_first_step(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    admit, loop = scenario.runner.admit, asyncio.get_running_loop()

    def cancel_second() -> None:
        for run in scenario.runner.runs:
            if run.index == 1 and run.task is not None:
                run.task.cancel()

    async def admit_and_cancel() -> None:
        await admit()
        loop.call_soon(cancel_second)  # comes before the first step of the task that is made now

    monkeypatch.setattr(scenario.runner, "admit", admit_and_cancel)
    result = await scenario.run("ok", "ok", "ok", "ok")
    assert [run.reason for run in result] == [None, "cancelled", None, None]
    assert result[1].attempts == 0
    assert not result[1].path.exists()


async def test_cancelling_a_sweep_ends_its_runs_and_no_others(
    scenario: Scenario, make_scenario: Callable[[int], Scenario]
) -> None:
    other = scenario.start("hold")
    await scenario.until_held("a")
    sweep = scenario.start("hold", runs=[{"do": "hold", "x": 1, "name": "b"}, *maps("ok", "ok")])
    await scenario.until_held("a", "b")
    sweep.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweep
    assert scenario.harness.held() == {"a"}
    scenario.harness.let_go("a")
    scenario.check(await other)
    state = check_sweep(other.result().path.with_name("sweep2"))
    assert {index: record["reason"] for index, record in state.items()} == {0: "cancelled"}
    assert [run.status for run in scenario.runner.runs] == ["success", "failure", "pending", "pending"]
    await scenario.run("ok", "ok", "ok")  # its places are free again


async def test_results_of_a_cancelled_sweep_are_on_disk(scenario: Scenario) -> None:
    sweep = scenario.start("ok", "exit", "hold", "hold", "ok")
    await scenario.until_held("a", "b")
    sweep.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await sweep
    folder = scenario.runner.runs[0].path.parents[1]
    assert any(str(folder) in note for note in getattr(cancelled.value, "__notes__", ()))
    state = check_sweep(folder)
    assert {index: record["reason"] for index, record in state.items()} == {
        0: None, 1: "exit:3", 2: "cancelled", 3: "cancelled",
    }  # fmt: skip
    assert scenario.runner.runs[0].results == {"square": 0}
    snapshot = take_snapshot(str(folder))
    assert not snapshot.alive
    assert snapshot.statistics.pending_count == 1


# ---------------------------------------------------------------------------------- runs and counts


async def test_facts_come_in_order(scenario: Scenario) -> None:
    sweep = scenario.start("hold", "exit")
    await scenario.until_held("a")
    await wait_until_async(lambda: scenario.runner.runs[0].status == "running")
    run = scenario.runner.runs[0]
    assert (run.attempts, run.exit_code, run.duration_s, run.reason) == (1, None, None, None)
    scenario.harness.let_go("a")
    scenario.check(await sweep)
    assert scenario.watch.life_of(0) == ["running", "success"]
    assert scenario.watch.life_of(1)[-1] == "failure"


def test_a_new_runner_has_nothing(scenario: Scenario) -> None:
    assert isinstance(scenario.runner, AbstractRunner)
    assert isinstance(scenario.runner.runs, Sequence)
    assert len(scenario.runner.runs) == 0
    assert scenario.runner.computeStatistics() == RunStatistics(0, 0, 0, 0, 0, 0, 0, total_known=True)


class Uncountable(list[Run]):
    """Runs that nobody may go through."""

    def __iter__(self) -> Any:
        raise AssertionError("somebody counts the runs one by one")


async def test_statistics_go_through_no_runs(scenario: Scenario) -> None:
    await scenario.run("ok", "exit", "ok")
    scenario.runner.ledger.runs = Uncountable(scenario.runner.runs)
    counts = scenario.runner.computeStatistics()
    assert (counts.success_count, counts.failure_count, counts.complete_count, counts.total_count) == (2, 1, 3, 3)


def test_the_abstract_runner_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AbstractRunner()  # type: ignore[abstract]
