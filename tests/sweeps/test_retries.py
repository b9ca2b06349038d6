"""Runs that fail and get further attempts: how many, after which failures, where each leaves what it wrote."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.journals import read_all
from tests.patience import wait_until_async
from tests.survivors import check_dead
from tests.sweeps.commands import command
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import ParallelLocalRunner, Run, multirunAsync
from multirun.errors import LauncherError
from multirun.runners.abstract import Assignment
from multirun.testing import Scene, ScriptedRunner

WELL_AT = {"script": 'echo "attempt $MULTIRUN_ATTEMPT"; test $MULTIRUN_ATTEMPT -ge $WELL_AT'}
"""A run that fails until an attempt whose number is in its environment."""
KILL_LANE = "kill -KILL $PPID; exec sleep 1000"
AT_ONCE: dict[str, Any] = {"retry_delay": 0}


def well_at(*numbers: int) -> list[dict[str, str]]:
    return [{"script": WELL_AT["script"].replace("$WELL_AT", str(number))} for number in numbers]


def attempts(sweep_dir: Path) -> list[str]:
    folder = sweep_dir / "attempts"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def events(sweep_dir: Path, index: int) -> list[tuple[str, int, str | None]]:
    """What the journals tell of a run: event, attempt, reason; by attempt."""
    records = [record for records in read_all(str(sweep_dir / "journal")).values() for record in records]
    told = [record for record in records if record.get("run") == index]
    return sorted(((r["event"], r["attempt"], r.get("reason")) for r in told), key=lambda r: (r[1], -ord(r[0][0])))


# ------------------------------------------------------------------------------------------------- attempts


def test_exactly_one_attempt_more_than_retries(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, well_at(1, 2, 3, 4), SCRIPTED, retries=2, **AT_ONCE)
    assert [(run.status, run.attempts) for run in result] == [
        ("success", 1),
        ("success", 2),
        ("success", 3),
        ("failure", 3),
    ]
    assert result[3].reason == "exit:1"
    assert result.statistics.complete_count == 4


def test_each_attempt_keeps_its_directory_and_logs(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, well_at(1, 3), SCRIPTED, retries=2, **AT_ONCE)
    assert attempts(sweep_dir) == ["000001-1", "000001-2"]
    wrote = [(sweep_dir / "attempts" / name / "stdout.log").read_text() for name in attempts(sweep_dir)]
    assert wrote == ["attempt 1\n", "attempt 2\n"]
    assert result[1].stdout.read_text() == "attempt 3\n"


def test_nothing_is_retried_unless_asked(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, well_at(2), SCRIPTED)
    assert (result[0].status, result[0].attempts) == ("failure", 1)
    assert attempts(sweep_dir) == []


def test_results_are_those_of_the_last_attempt(sweep_dir: Path) -> None:
    script = 'echo "{\\"n\\": $MULTIRUN_ATTEMPT}" > $MULTIRUN_RESULTS; test $MULTIRUN_ATTEMPT = 2'
    result = run_sweep(sweep_dir, [{"script": script}], SCRIPTED, retries=5, **AT_ONCE)
    assert result.results == [{"n": 2}]


def test_inputs_are_put_in_place_again(sweep_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("as given")
    script = "test $MULTIRUN_ATTEMPT = 2 && cp note seen || { rm note; false; }"
    result = run_sweep(sweep_dir, [{"script": script}], SCRIPTED, retries=1, input_files=[tmp_path / "note"], **AT_ONCE)
    assert (result[0].path / "seen").read_text() == "as given"


def test_only_the_last_end_is_reported(sweep_dir: Path) -> None:
    seen: list[tuple[int, str, int]] = []

    def look(run: Run) -> None:
        check_dead(run)
        seen.append((run.index, run.status, run.attempts))

    run_sweep(sweep_dir, well_at(1, 2, 9), SCRIPTED, retries=2, on_result=look, **AT_ONCE)
    assert sorted(seen) == [(0, "success", 1), (1, "success", 2), (2, "failure", 3)]


def test_never_more_at_once_than_allowed(sweep_dir: Path) -> None:
    """While a run waits for its next attempt, others have its place; counts add up at every change."""
    runner, most = ParallelLocalRunner(max_parallel=2), 0

    def look(_: Run | None) -> None:
        nonlocal most
        counts = runner.computeStatistics()
        most = max(most, counts.running_count)
        assert counts.complete_count + counts.pending_count + counts.running_count == counts.total_count
        assert runner.semaphore._value >= 0

    runner.ledger.listeners.append(look)
    runs = [{"script": f"sleep 0.06; {each['script']}"} for each in well_at(*[3] * 6)]
    result = run_sweep(sweep_dir, runs, SCRIPTED, retries=2, runner=runner, retry_delay=0.01)
    assert most == 2
    assert not result.failed


def test_the_place_of_a_waiting_run_is_free(sweep_dir: Path) -> None:
    """With one place, another run is executed during the pause."""
    order: list[int] = []
    runs = [*well_at(2), {"script": "true"}]
    runner = ParallelLocalRunner(max_parallel=1)
    run_sweep(
        sweep_dir,
        runs,
        SCRIPTED,
        retries=1,
        retry_delay=1.0,
        runner=runner,
        on_result=lambda run: order.append(run.index),
    )
    assert order == [1, 0]


def test_a_generator_s_runs_are_retried(sweep_dir: Path) -> None:
    def runs() -> Iterator[dict[str, str]]:
        yield from well_at(2, 1, 2)

    result = run_sweep(sweep_dir, runs(), SCRIPTED, retries=1, **AT_ONCE)
    assert [run.attempts for run in result] == [2, 1, 2]


def test_the_first_alone_has_its_retries(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, well_at(3, 1), SCRIPTED, retries=2, first_alone=True, **AT_ONCE)
    assert [run.status for run in result] == ["success", "success"]


# --------------------------------------------------------------------------------------------------- wishes


@pytest.mark.parametrize(
    ("retry_if", "counts"),
    [(["exit:75"], [2, 1, 1]), (["exit"], [2, 2, 1]), (["signal"], [1, 1, 2]), (None, [2, 2, 2])],
)
def test_only_after_these_reasons(sweep_dir: Path, retry_if: list[str] | None, counts: list[int]) -> None:
    runs = [{"script": script} for script in ("exit 75", "exit 3", "kill -SEGV $$")]
    result = run_sweep(sweep_dir, runs, SCRIPTED, retries=1, retry_if=retry_if, **AT_ONCE)
    assert [run.attempts for run in result] == counts


def test_a_function_decides(sweep_dir: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def worth_it(run: Run) -> bool:
        asked.append((run.index, run.reason, run.exit_code, run.attempts, run.evidence))
        return run.exit_code == 75

    runs = [{"script": "echo bad >&2; exit 75"}, {"script": "exit 3"}]
    result = run_sweep(sweep_dir, runs, SCRIPTED, retries=2, retry_if=worth_it, **AT_ONCE)
    assert [run.attempts for run in result] == [3, 1]
    assert sorted(asked) == [(0, "exit:75", 75, 1, "bad"), (0, "exit:75", 75, 2, "bad"), (1, "exit:3", 3, 1, None)]


def test_a_function_that_raises_ends_the_sweep(sweep_dir: Path) -> None:
    def broken(run: Run) -> bool:
        raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing") as failed:
        run_sweep(sweep_dir, [{"script": "false"}, {"script": "true"}], SCRIPTED, retries=1, retry_if=broken)
    assert any("retry_if raised this for run 0" in note for note in failed.value.__notes__)
    state = check_sweep(sweep_dir)
    assert state[0]["reason"] == "exit:1"


# ------------------------------------------------------------------------------------------- infrastructure


def test_a_lost_lane_costs_the_program_nothing(sweep_dir: Path) -> None:
    """One attempt is lost, one fails, one is well: one retry of each kind was enough."""
    script = f"case $MULTIRUN_ATTEMPT in 1) {KILL_LANE} ;; 2) exit 1 ;; esac"
    result = run_sweep(sweep_dir, [{"script": script}], SCRIPTED, retries=1, infrastructure_retries=1, **AT_ONCE)
    assert (result[0].status, result[0].attempts) == ("success", 3)
    assert events(sweep_dir, 0) == [
        ("started", 1, None),
        ("ended", 1, "lost"),
        ("started", 2, None),
        ("ended", 2, "exit:1"),
        ("started", 3, None),
        ("ended", 3, None),
    ]


@pytest.mark.parametrize("count", [0, 2])
def test_as_many_losses_as_the_budget_allows(sweep_dir: Path, count: int) -> None:
    runs = [{"script": KILL_LANE}, {"script": "true"}]
    result = run_sweep(sweep_dir, runs, SCRIPTED, retries=5, infrastructure_retries=count, **AT_ONCE)
    assert [(run.status, run.reason, run.attempts) for run in result] == [
        ("failure", "lost", 1 + count),
        ("success", None, 1),
    ]


# ------------------------------------------------------------------------------------------------ the pause


class Waiting:
    """A sweep whose first run waits for its second attempt for as long as it takes."""

    def __init__(self, path: Path, script: str = "exit 3", **given: Any) -> None:
        self.runner = ParallelLocalRunner(max_parallel=2)
        self.waits = asyncio.Event()
        self.runner.ledger.listeners.append(self._look)
        runs = [{"script": script}, *given.pop("others", [])]
        given = {"retries": 1, "retry_delay": 600, "runner": self.runner, "cmd": SCRIPTED, **given}
        self.call = asyncio.create_task(multirunAsync(runs=runs, output_path=path, **given))

    def _look(self, run: Run | None) -> None:
        if run is not None and run.status == "pending" and run.index == 0:
            self.waits.set()

    @property
    def run(self) -> Run:
        return self.runner.runs[0]


async def test_a_waiting_run_is_pending_and_holds_no_place(sweep_dir: Path) -> None:
    sweep = Waiting(sweep_dir)
    await sweep.waits.wait()
    run = sweep.run
    assert (run.status, run.attempts, run.reason, run.exit_code) == ("pending", 1, None, None)
    assert run.task is not None
    assert sweep.runner.semaphore._value == 2
    sweep.call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweep.call
    check_sweep(sweep_dir)


async def test_cancelling_a_waiting_run_leaves_it_as_it_failed(sweep_dir: Path) -> None:
    sweep = Waiting(sweep_dir)
    await sweep.waits.wait()
    assert sweep.run.task is not None
    sweep.run.task.cancel()
    result = await sweep.call
    assert (result[0].status, result[0].reason, result[0].attempts) == ("failure", "exit:3", 1)
    assert sweep.runner.semaphore._value == 2, "a place was given back twice"
    assert sweep.runner.ledger.retries == 0, "an attempt that was not made is counted"
    check_sweep(sweep_dir, result=result)


@pytest.mark.parametrize("words", [["0"], []], ids=["run", "sweep"])
async def test_another_terminal_ends_the_pause(sweep_dir: Path, words: list[str]) -> None:
    sweep = Waiting(sweep_dir, others=[{"script": "sleep 60"}], grace=0.1)
    await sweep.waits.wait()
    finished = await asyncio.to_thread(command, "cancel", sweep_dir, *words)
    assert (finished.returncode, finished.stderr) == (0, "")
    if words:
        assert not sweep.call.done()
        await asyncio.to_thread(command, "cancel", sweep_dir)
    result = await sweep.call
    assert [run.reason for run in result] == ["exit:3", "cancelled"]
    assert finished.stdout.startswith("run 0: failed: exit code 3" if words else "")
    assert sweep.runner.semaphore._value == 2
    check_sweep(sweep_dir, result=result)


async def test_cancelling_the_call_ends_the_pause(sweep_dir: Path) -> None:
    sweep = Waiting(sweep_dir)
    await sweep.waits.wait()
    before = monotonic()
    sweep.call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweep.call
    assert monotonic() - before < 30
    assert sweep.runner.semaphore._value == 2
    assert check_sweep(sweep_dir)[0]["reason"] == "exit:3"


async def test_a_sweep_that_ends_for_another_reason_waits_for_no_attempt(sweep_dir: Path) -> None:
    def broken(run: Run) -> None:
        raise ValueError("enough")

    sweep = Waiting(sweep_dir, others=[{"script": "true"}], on_result=broken)
    with pytest.raises(ValueError, match="enough"):
        await sweep.call
    assert check_sweep(sweep_dir)[0]["reason"] == "exit:3"


async def test_cancelling_during_the_second_attempt(sweep_dir: Path) -> None:
    sweep = Waiting(sweep_dir, "test $MULTIRUN_ATTEMPT = 2 && exec sleep 1000", retry_delay=0)
    await wait_until_async(lambda: bool(sweep.runner.runs) and (sweep.run.attempts, sweep.run.status) == (2, "running"))
    assert sweep.run.task is not None
    sweep.run.task.cancel()
    result = await sweep.call
    assert (result[0].reason, result[0].attempts) == ("cancelled", 2)
    assert sweep.runner.semaphore._value == 2
    check_sweep(sweep_dir, result=result)


# ----------------------------------------------------------------------------------- attempts never begun


class Unlucky(ScriptedRunner):
    """Its first attempt fails; the second is not even begun: it is dropped, or what should begin it breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(lambda params: Scene(exit_code=int(self.count == 1)), max_parallel=1)
        self.count = 0
        self._error = error

    async def execute(self, assignment: Assignment) -> None:
        self.count += 1
        if self.count != 2:
            await super().execute(assignment)
        elif self._error is None:
            assignment.observer.dropped(assignment.run, "lost", "its lane was killed")
        else:
            raise self._error


@pytest.mark.parametrize(("budget", "end"), [(1, ("success", None, 2)), (0, ("failure", "exit:1", 1))])
def test_a_further_attempt_that_never_began_leaves_no_trace(
    sweep_dir: Path, budget: int, end: tuple[str, str | None, int]
) -> None:
    result = run_sweep(
        sweep_dir, [{"x": 1}], ["simulate"], runner=Unlucky(), retries=1, infrastructure_retries=budget, **AT_ONCE
    )
    assert (result[0].status, result[0].reason, result[0].attempts) == end


def test_a_launcher_that_cannot_be_started_for_a_further_attempt(sweep_dir: Path) -> None:
    """The sweep breaks off, and its run stays as it failed."""
    runner = Unlucky(LauncherError("no processes left"))
    with pytest.raises(LauncherError, match="no processes left"):
        run_sweep(sweep_dir, [{"x": 1}, {"x": 2}], ["simulate"], runner=runner, retries=1, **AT_ONCE)
    assert [run.reason for run in runner.runs][:1] == ["exit:1"]
    state = check_sweep(sweep_dir)
    assert (state[0]["reason"], state[0]["attempt"]) == ("exit:1", 1)


# ------------------------------------------------------------------------------------------- other runners


def test_played_runs_are_retried_too(sweep_dir: Path) -> None:
    scenes = iter([Scene(exit_code=1, stdout="one"), Scene(lost=True), Scene(results=3)])
    script: Callable[[dict[str, Any]], Scene] = lambda params: next(scenes)  # noqa: E731
    runner = ScriptedRunner(script)
    result = run_sweep(sweep_dir, [{"x": 1}], ["simulate"], runner=runner, retries=1, **AT_ONCE)
    assert (result.results, result[0].attempts) == ([3], 3)
    assert (sweep_dir / "attempts" / "000000-1" / "stdout.log").read_text() == "one"
    assert json.loads((sweep_dir / "runs" / "000000" / "params.json").read_text()) == {"x": 1}
