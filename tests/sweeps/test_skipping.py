"""Runs that need not be executed: left out, counted, recorded, and shown with the reason."""

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.journals import read_all
from tests.sweeps.commands import command
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import MultirunWarning, ParallelLocalRunner, Run, SweepResult, multirun


def runs(count: int = 4, script: str = "true") -> list[dict[str, Any]]:
    return [{"script": script, "n": n} for n in range(count)]


def odd(params: dict[str, Any], directory: Path) -> object:
    return f"{params['n']} is odd" if params["n"] % 2 else None


def test_they_are_not_executed_and_say_why(sweep_dir: Path) -> None:
    reported: list[tuple[int, str, str | None]] = []
    result = run_sweep(
        sweep_dir,
        runs(),
        SCRIPTED,
        skip_if=odd,
        on_result=lambda run: reported.append((run.index, run.status, run.reason)),
    )
    assert [(run.status, run.reason) for run in result][1::2] == [("skipped", "1 is odd"), ("skipped", "3 is odd")]
    assert [run.status for run in result][::2] == ["success", "success"]
    assert sorted(reported)[1] == (1, "skipped", "1 is odd")
    assert (result[1].attempts, result[1].results, result[1].task) == (0, None, None)
    assert sorted(path.name for path in (sweep_dir / "runs").iterdir()) == ["000000", "000002"]
    assert (result.statistics.skipped_count, result.statistics.complete_count) == (2, 4)


def test_the_reason_is_recorded_and_read_back(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, runs(2), SCRIPTED, skip_if=odd)
    (record,) = [each for each in read_all(str(sweep_dir / "journal"))["orchestrator"] if each["event"] == "skipped"]
    assert (record["run"], record["attempt"], record["reason"]) == (1, 0, "1 is odd")
    loaded = SweepResult.load(sweep_dir)
    assert [(run.status, run.reason, run.attempts) for run in loaded] == [
        ("success", None, 1),
        ("skipped", "1 is odd", 0),
    ]
    assert (sweep_dir / "results.csv").read_text().splitlines()[2].startswith("1,true,1,skipped,1 is odd")
    shown = command("show", sweep_dir, "1")
    assert "run 1 in " in shown.stdout
    assert "skipped" in shown.stdout.splitlines()[0]
    assert "1 is odd" in shown.stdout
    document = json.loads(command("show", "--json", sweep_dir, "1").stdout)
    assert (document["status"], document["reason"], document["why"]) == ("skipped", "1 is odd", "1 is odd")
    assert command("logs", sweep_dir, "1").returncode == 0
    assert json.loads(command("status", "--json", sweep_dir).stdout)["counts"]["skipped"] == 1


def test_complete_files_are_enough(sweep_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "0.json").write_text(json.dumps({"energy": 1.5}))
    (tmp_path / "1.json").write_text('{"ener')
    result = run_sweep(
        sweep_dir, runs(3), SCRIPTED, skip_if=[{"json": f"{tmp_path}/{{n}}.json", "key": "energy", "type": "float"}]
    )
    assert [run.status for run in result] == ["skipped", "success", "success"]
    assert result[0].reason == f"complete already: {tmp_path}/0.json"


def test_all_of_them(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, runs(50), SCRIPTED, skip_if=lambda params, directory: True)
    assert result.statistics.skipped_count == 50
    assert result.stopped is None


def test_the_first_alone_is_the_first_that_is_executed(sweep_dir: Path) -> None:
    result = run_sweep(
        sweep_dir, runs(4, "exit 3"), SCRIPTED, first_alone=True, skip_if=lambda params, directory: params["n"] == 0
    )
    assert [run.status for run in result] == ["skipped", "failure", "pending", "pending"]


def test_a_generator(sweep_dir: Path) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from runs(5)

    result = run_sweep(sweep_dir, source(), SCRIPTED, skip_if=odd)
    assert [run.status for run in result] == ["success", "skipped"] * 2 + ["success"]


def test_a_run_is_asked_about_when_its_turn_comes(sweep_dir: Path) -> None:
    """What an earlier run left can be the reason; and the event loop is not held up by the asking."""
    threads: set[str] = set()

    def after_first(params: dict[str, Any], directory: Path) -> bool:
        threads.add(threading.current_thread().name)
        return (directory.parent / "000000" / "stdout.log").exists()

    result = run_sweep(
        sweep_dir, runs(3, "sleep 0.06"), SCRIPTED, skip_if=after_first, runner=ParallelLocalRunner(max_parallel=1)
    )
    assert result[0].status == "success"
    assert result[2].status == "skipped"
    assert "MainThread" not in threads


@pytest.mark.parametrize("error", [ZeroDivisionError("n is 2"), SystemExit(4)], ids=lambda error: type(error).__name__)
def test_a_function_that_raises_ends_the_sweep_and_names_the_run(sweep_dir: Path, error: BaseException) -> None:
    def broken(params: dict[str, Any], directory: Path) -> bool:
        if params["n"] == 2:
            raise error
        return False

    with pytest.raises(type(error)) as raised:
        run_sweep(sweep_dir, runs(5), SCRIPTED, skip_if=broken)
    assert any(note.startswith("skip_if raised this for run 2 (") for note in raised.value.__notes__)
    state = check_sweep(sweep_dir)
    assert sorted(state) == [0, 1], "what was started has ended, and nothing else was"


def test_the_display_counts_them(sweep_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from multirun import multirun

    multirun(runs=runs(4), cmd=SCRIPTED, output_path=sweep_dir, skip_if=odd)
    assert "2 ok, 2 skipped of 4" in capsys.readouterr().err


def test_no_run_is_asked_about_twice(sweep_dir: Path) -> None:
    asked: list[int] = []

    def note(params: dict[str, Any], directory: Path) -> None:
        asked.append(params["n"])

    script = "test $MULTIRUN_ATTEMPT = 2"
    result = run_sweep(sweep_dir, runs(3, script), SCRIPTED, skip_if=note, retries=1, retry_delay=0)
    assert asked == [0, 1, 2]
    assert [run.attempts for run in result] == [2, 2, 2]


def test_it_goes_with_python_that_is_stopped_by_nothing(sweep_dir: Path) -> None:
    """Rules are found out in a thread, one at a time: the counts never go wrong."""
    runner = ParallelLocalRunner(max_parallel=3)
    wrong: list[Any] = []

    def look(_: Run | None) -> None:
        counts = runner.computeStatistics()
        if counts.complete_count + counts.pending_count + counts.running_count != counts.total_count:
            wrong.append(counts)

    runner.ledger.listeners.append(look)
    run_sweep(sweep_dir, runs(30), [sys.executable, "-c", "pass"], skip_if=odd, runner=runner)
    assert wrong == []


def test_a_misspelt_parameter_in_a_path_is_told(sweep_dir: Path) -> None:
    with pytest.warns(MultirunWarning, match=r"\{vddd\} names no parameter .* did you mean \{vdd\}"):
        multirun(
            runs=[{"vdd": 1}],
            cmd=["true"],
            output_path=sweep_dir,
            skip_if=[{"json": "done/{vddd}.json", "key": "y"}],
            dry_run=True,
        )
