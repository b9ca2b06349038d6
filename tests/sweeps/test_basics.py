"""From parameter maps to results: order, forms of `runs`, both functions, and what comes back."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.journals import read_all
from tests.patience import wait_until_async
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import POST_PARAMS, PYTHON, SCRIPTED, files_below, run_sweep

from multirun import (
    ConfigurationError,
    ParallelLocalRunner,
    Run,
    RunningLoopError,
    RunsFailedError,
    RunStatistics,
    StorageError,
    SweepResult,
    multirun,
    multirunAsync,
)
from multirun.snapshot import take_snapshot

JOB = """
from multirun import getRunParams, postRunResults
postRunResults({"square": getRunParams()["x"] ** 2})
"""
POST_X = ["sh", "-c", 'echo "{\\"x\\": $0}" > "$MULTIRUN_RESULTS"', "{x}"]


def test_the_call_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text(JOB)
    result = multirun(runs=[{"x": 1}, {"x": 2}], cmd=[sys.executable, "job.py"], input_files=["job.py"], display=False)
    assert result.results == [{"square": 1}, {"square": 4}]
    assert result.path.parent == tmp_path
    check_sweep(result.path, result=result)


FORMS: dict[str, Callable[[list[dict[str, int]]], Iterable[dict[str, int]]]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda maps: (each for each in maps),
    "iterator": iter,
    "view": lambda maps: dict(enumerate(maps)).values(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_runs_come_in_many_forms(sweep_dir: Path, form: Callable[[Any], Any]) -> None:
    maps = [{"x": number} for number in (3, 1, 2, 1)]
    result = run_sweep(sweep_dir, form(maps), POST_X)
    assert [run.params for run in result] == maps
    assert result.results == maps
    assert result.statistics == RunStatistics(0, 0, 0, 4, 0, 4, 4, total_known=True)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_no_runs_at_all(sweep_dir: Path, form: Callable[[Any], Any]) -> None:
    result = run_sweep(sweep_dir, form([]), ["true"])
    assert list(result) == result.results == result.failed == []
    assert result.statistics.total_count == 0
    assert (sweep_dir / "results.csv").read_text() == "index,status,reason,duration_s\n"


async def test_results_are_in_the_order_of_the_maps_whatever_ends_first(sweep_dir: Path, gates: Gates) -> None:
    finished: list[int] = []
    sweep = asyncio.create_task(
        multirunAsync(
            runs=[{"gate": number} for number in range(4)],
            cmd=gates.command(),
            output_path=sweep_dir,
            on_result=lambda run: finished.append(run.index),
        )
    )
    await wait_until_async(lambda: len(gates.waiting()) == 4)
    for number in (3, 1, 0, 2):
        gates.open(number)
        await wait_until_async(lambda: finished and finished[-1] == number)  # noqa: B023 - awaited at once
    result = await sweep
    assert finished == [3, 1, 0, 2]
    assert [run.index for run in result] == [0, 1, 2, 3]
    assert [results["gate"] for results in result.results] == ["0", "1", "2", "3"]
    check_sweep(sweep_dir, result=result)


def test_the_result_is_a_sequence_of_runs(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"script": f"exit {code}"} for code in (0, 3, 0)], SCRIPTED)
    assert isinstance(result, Sequence)
    assert len(result) == 3
    assert result[-1] is result[2]
    assert list(result[1:]) == [result[1], result[2]]
    assert result.failed == [result[1]]
    assert result[1] in result
    assert repr(result) == f"<SweepResult 2 ok, 1 failed of 3 in {sweep_dir}>"


def test_what_is_known_of_a_run(sweep_dir: Path) -> None:
    script = "echo out; echo err >&2; exit 3"
    good, bad = run_sweep(sweep_dir, [{"script": "true"}, {"script": script}], SCRIPTED)
    assert (good.index, good.status, good.reason, good.exit_code, good.attempts) == (0, "success", None, 0, 1)
    assert (bad.index, bad.status, bad.reason, bad.exit_code, bad.attempts) == (1, "failure", "exit:3", 3, 1)
    assert bad.path == sweep_dir / "runs" / "000001"
    assert (bad.stdout.read_text(), bad.stderr.read_text()) == ("out\n", "err\n")
    assert bad.duration_s is not None
    assert 0 < bad.duration_s < 60
    assert bad.results is None
    assert repr(bad) == f"<Run 1 failure exit:3 {{'script': {script!r}}}>"


@pytest.mark.parametrize("form", [FORMS["list"], FORMS["generator"]], ids=["list", "generator"])
def test_many_runs(sweep_dir: Path, form: Callable[[Any], Any]) -> None:
    finished: list[int] = []
    result = run_sweep(
        sweep_dir, form([{"x": x} for x in range(601)]), ["true"], on_result=lambda run: finished.append(run.index)
    )
    assert result.statistics == RunStatistics(0, 0, 0, 601, 0, 601, 601, total_known=True)
    assert sorted(finished) == [run.params["x"] for run in result] == list(range(601))
    assert (sweep_dir / "results.csv").read_text().count("\n") == 602


def test_a_table_that_cannot_be_written_is_said_and_takes_no_result_away(sweep_dir: Path) -> None:
    with pytest.raises(StorageError, match="the end of the sweep could not be written") as refused:
        multirun(
            runs=[{"x": 1}],
            cmd=POST_X,
            output_path=sweep_dir,
            display=False,
            on_result=lambda run: (sweep_dir / "results.csv").mkdir(),
        )
    assert isinstance(refused.value, OSError)
    assert str(sweep_dir) in str(refused.value)
    snapshot = take_snapshot(str(sweep_dir))
    assert (snapshot.statistics.success_count, snapshot.alive) == (1, False)


def test_a_generator_may_use_one_map_again_and_again(sweep_dir: Path) -> None:
    def grow() -> Iterator[dict[str, list[int]]]:
        params: dict[str, list[int]] = {"sizes": []}
        for number in range(3):
            params["sizes"].append(number)
            yield params

    result = run_sweep(sweep_dir, grow(), POST_PARAMS)
    assert [run.params for run in result] == result.results == [{"sizes": list(range(n + 1))} for n in range(3)]


def test_what_the_journal_tells_of_a_run(sweep_dir: Path) -> None:
    code = "import time; text = 'x' * (64 << 20)\nwhile time.process_time() < 0.2: pass"
    started_at = time.time()
    run_sweep(sweep_dir, [{"code": code}], PYTHON)
    (records,) = (records for writer, records in read_all(f"{sweep_dir}/journal").items() if writer != "orchestrator")
    header, started, ended = records
    assert [record["event"] for record in records] == ["journal", "started", "ended"]
    assert started_at - 1 < header["time"] <= started["time"] <= ended["time"] <= time.time() + 1
    assert (started["run"], started["attempt"], ended["exit_code"]) == (0, 1, 0)
    assert 0.2 <= ended["cpu_s"] < 60
    assert ended["duration_s"] == pytest.approx(ended["time"] - started["time"], abs=1)
    assert 64 << 20 <= ended["max_rss_bytes"] < 2 << 30


SWEEP_IN_A_RUN = """
import multirun, sys
inner = multirun.multirun(runs=[{"y": y} for y in range(2)], cmd=["sh", "-c", "echo {y} > $MULTIRUN_RESULTS"],
                          output_path="inner", display=False)
multirun.postRunResults({"x": multirun.getRunParams()["x"], "inner": inner.results})
"""


def test_a_run_may_be_a_sweep_itself(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"code": SWEEP_IN_A_RUN, "x": x} for x in range(2)], PYTHON)
    assert result.results == [{"x": x, "inner": [0, 1]} for x in range(2)]
    for run in result:
        check_sweep(run.path / "inner")


# -------------------------------------------------------------------------------------- event loops


async def test_multirun_names_the_other_function_inside_a_loop(sweep_dir: Path) -> None:
    with pytest.raises(RunningLoopError, match=r"await multirunAsync\(") as refused:
        multirun(runs=[{}], cmd=["true"], output_path=sweep_dir)
    assert isinstance(refused.value, RuntimeError)
    assert files_below(sweep_dir.parent) == []


def test_a_runner_serves_one_loop_after_another(tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=1)  # so that runs have to wait for each other
    for number in range(3):
        run_sweep(tmp_path / f"sync{number}", [{"x": x} for x in range(4)], ["true"], runner=runner)
        asyncio.run(_serve(tmp_path / f"async{number}", runner))
    assert len(runner.runs) == 3 * (4 + 8)
    assert runner.computeStatistics() == RunStatistics(0, 0, 0, 36, 0, 36, 36, total_known=True)


async def _serve(folder: Path, runner: ParallelLocalRunner) -> None:
    sweeps = [
        multirunAsync(runs=[{"x": x} for x in range(4)], cmd=["true"], output_path=folder / name, runner=runner)
        for name in ("a", "b")
    ]
    for result in await asyncio.gather(*sweeps):
        check_sweep(result.path, result=result)


def test_the_semaphore_before_a_loop_is_that_of_the_next_loop() -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    before = runner.semaphore

    async def inside() -> asyncio.Semaphore:
        return runner.semaphore

    assert asyncio.run(inside()) is before
    assert asyncio.run(inside()) is not before
    assert runner.semaphore is not before


# ---------------------------------------------------------------------------------------- on_result


def test_on_result_sees_each_complete_run_once(sweep_dir: Path) -> None:
    seen: list[tuple[int, str, str | None, Any]] = []
    maps = [{"script": script} for script in ("echo 1 > $MULTIRUN_RESULTS", "exit 2", "true")]
    run_sweep(
        sweep_dir,
        maps,
        SCRIPTED,
        on_result=lambda run: seen.append((run.index, run.status, run.reason, run.results)),
    )
    assert sorted(seen) == [(0, "success", None, 1), (1, "failure", "exit:2", None), (2, "success", None, None)]


class UnhappyError(Exception):
    pass


async def test_an_exception_of_on_result_ends_the_sweep_once_started_runs_have(sweep_dir: Path, gates: Gates) -> None:
    error = UnhappyError("enough")

    def complain(run: Run) -> None:
        raise error

    sweep = asyncio.create_task(
        multirunAsync(
            runs=[{"gate": number} for number in range(6)],
            cmd=gates.command(),
            output_path=sweep_dir,
            runner=ParallelLocalRunner(max_parallel=2),
            on_result=complain,
        )
    )
    await wait_until_async(lambda: gates.waiting() == {"0", "1"})
    gates.open(0, 2, 3, 4, 5)
    await wait_until_async(lambda: gates.waiting() == {"1"})
    assert not sweep.done()
    gates.open(1, word="last")
    with pytest.raises(UnhappyError) as raised:
        await sweep
    assert raised.value is error
    assert any(str(sweep_dir) in note for note in error.__notes__)
    assert sorted(path.name for path in (sweep_dir / "runs").iterdir()) == ["000000", "000001"]
    assert "last" in (sweep_dir / "runs" / "000001" / "results.json").read_text()
    check_sweep(sweep_dir)


# -------------------------------------------------------------------------------------------- check


def test_check_raises_with_the_whole_result(sweep_dir: Path) -> None:
    maps = [{"script": f"exit {code}", "x": code} for code in (0, 1, 2, 3, 4, 5, 6, 7)]
    with pytest.raises(RunsFailedError) as failed:
        multirun(runs=maps, cmd=SCRIPTED, output_path=sweep_dir, display=False, check=True)
    result = failed.value.result
    assert isinstance(failed.value, RuntimeError)
    assert isinstance(result, SweepResult)
    assert [run.exit_code for run in result] == list(range(8))
    text = str(failed.value)
    assert f"7 of 8 runs failed; the results of all are in {sweep_dir}" in text
    assert "run 1 (script='exit 1', x=1) failed: exit code 1" in text
    assert str(result[1].stderr) in text
    assert "and 2 more" in text
    check_sweep(sweep_dir, result=result)


def test_check_is_content_when_nothing_failed(sweep_dir: Path) -> None:
    assert run_sweep(sweep_dir, [{}], ["true"], check=True).failed == []


# ------------------------------------------------------------------------------------------ dry_run


@pytest.mark.parametrize("form", [FORMS["list"], FORMS["generator"]], ids=["list", "generator"])
def test_a_dry_run_plans_everything_and_creates_nothing(
    tmp_path: Path, sweep_dir: Path, form: Callable[[Any], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "marker"
    maps = [{"x": x} for x in range(3)]
    runner = ParallelLocalRunner()
    result = multirun(
        runs=form(maps), cmd=["touch", f"{marker}-{{x}}"], output_path=sweep_dir, runner=runner, dry_run=True
    )
    assert files_below(tmp_path) == []
    assert [run.params for run in result] == maps
    assert {run.status for run in result} == {"pending"}
    assert result.statistics == RunStatistics(0, 3, 0, 0, 0, 0, 3, total_known=True)
    assert result.path == sweep_dir
    assert result.results == [None, None, None]
    assert list(runner.runs) == []
    told = capfd.readouterr()
    assert told.out == ""
    assert "3 runs would be executed" in told.err
    assert f"touch {marker}-0" in told.err


def test_a_dry_run_without_a_path_names_one_and_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = multirun(runs=[{}], cmd=["true"], name="melting", dry_run=True, display=False)
    assert result.path.parent == tmp_path
    assert result.path.name.startswith("melting-")
    assert files_below(tmp_path) == []


def test_a_dry_run_finds_all_mistakes(sweep_dir: Path) -> None:
    maps: Any = iter([{"x": 1}, {"x": object()}, 5])
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=maps, cmd=[], output_path=sweep_dir, input_files=["/no"], dry_run=True)
    assert len(refused.value.mistakes) == 4


# --------------------------------------------------------------------------------- signals and text


def test_signals_are_put_back(sweep_dir: Path) -> None:
    def mine(signum: int, frame: object) -> None:
        """Stand for a handler of the caller."""

    before = {signum: signal.signal(signum, mine) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    inside: list[object] = []
    try:
        run_sweep(sweep_dir, [{}], ["true"], on_result=lambda run: inside.append(signal.getsignal(signal.SIGTERM)))
        assert inside != [mine]
        assert {signal.getsignal(signum) for signum in before} == {mine}
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


async def test_the_async_function_touches_no_signal_and_writes_nothing(
    sweep_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = [signal.getsignal(signum) for signum in signals]
    inside: list[list[object]] = []
    result = await multirunAsync(
        runs=[{}],
        cmd=["false"],
        output_path=sweep_dir,
        on_result=lambda run: inside.append([signal.getsignal(signum) for signum in signals]),
    )
    assert inside == [before]
    assert capfd.readouterr() == ("", "")
    check_sweep(sweep_dir, result=result)
