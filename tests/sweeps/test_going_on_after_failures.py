"""Further attempts, stops and skipped runs in sweeps that go on later."""

from pathlib import Path
from typing import Any

from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import ParallelLocalRunner

BROKEN = 'echo no licence >&2; test -e "$MENDED"'


def runs(count: int, script: str = BROKEN) -> list[dict[str, Any]]:
    return [{"script": script, "n": n} for n in range(count)]


def go_on(path: Path, maps: list[dict[str, Any]], **given: Any) -> Any:
    return run_sweep(path, maps, SCRIPTED, resume=True, env={"MENDED": str(path.parent / "mended")}, **given)


def test_a_sweep_that_was_stopped_goes_on_once_the_cause_is_mended(sweep_dir: Path) -> None:
    first = go_on(sweep_dir, runs(20), max_same_failures=5, runner=ParallelLocalRunner(max_parallel=1))
    assert (first.stopped, first.statistics.failure_count) == ("same-failures", 5)
    again = go_on(sweep_dir, runs(20), max_same_failures=5, runner=ParallelLocalRunner(max_parallel=1))
    assert (again.stopped, again.statistics.complete_count) == ("same-failures", 5), "it begins to count anew"
    assert [run.attempts for run in again][:6] == [2, 2, 2, 2, 2, 0]
    (sweep_dir.parent / "mended").touch()
    last = go_on(sweep_dir, runs(20))
    assert last.statistics.success_count == 20
    assert sorted(path.name for path in (sweep_dir / "attempts").iterdir())[:2] == ["000000-1", "000000-2"]


def test_each_call_has_its_own_budget(sweep_dir: Path) -> None:
    for _ in range(2):
        go_on(sweep_dir, runs(1), retries=1, retry_delay=0)
    result = go_on(sweep_dir, runs(1), retries=1, retry_delay=0)
    assert (result[0].status, result[0].attempts) == ("failure", 6)
    assert len(list((sweep_dir / "attempts").iterdir())) == 5


def test_an_attempt_that_is_lost_is_tried_again_in_a_later_session(sweep_dir: Path) -> None:
    """Its number is 2 then: it was recorded, and a further one is allowed."""
    script = f"{BROKEN} || exit 3; test $MULTIRUN_ATTEMPT != 2 || {{ kill -KILL $PPID; exec sleep 100; }}"
    go_on(sweep_dir, runs(1, script))
    (sweep_dir.parent / "mended").touch()
    result = go_on(sweep_dir, runs(1, script), retry_delay=0)
    assert (result[0].status, result[0].attempts) == ("success", 3)


def test_a_stop_leaves_what_failed_before_as_it_was(sweep_dir: Path) -> None:
    go_on(sweep_dir, runs(4), max_same_failures=None)
    result = go_on(sweep_dir, runs(4), max_failures=1, runner=ParallelLocalRunner(max_parallel=1))
    assert result.stopped == "max-failures"
    assert [run.attempts for run in result] == [2, 1, 1, 1]
    assert [run.status for run in result] == ["failure"] * 4


def test_runs_that_were_skipped_are_asked_about_again(sweep_dir: Path) -> None:
    maps = runs(3, "true")
    first = go_on(sweep_dir, maps, skip_if=lambda params, directory: params["n"] == 1)
    assert [run.status for run in first] == ["success", "skipped", "success"]
    second = go_on(sweep_dir, maps, skip_if=lambda params, directory: "by hand")
    assert [run.status for run in second] == ["skipped"] * 3
    assert second[1].reason == "skip_if says so", "why it was skipped first"
    third = go_on(sweep_dir, maps)
    assert [(run.status, run.attempts) for run in third] == [("skipped", 1), ("success", 1), ("skipped", 1)]


def test_a_run_that_failed_before_may_be_skipped(sweep_dir: Path) -> None:
    go_on(sweep_dir, runs(1))
    result = go_on(sweep_dir, runs(1), skip_if=lambda params, directory: (directory / "stderr.log").exists() and "seen")
    assert (result[0].status, result[0].reason, result[0].attempts) == ("skipped", "seen", 1)
    (sweep_dir.parent / "mended").touch()
    assert go_on(sweep_dir, runs(1))[0].status == "success"
