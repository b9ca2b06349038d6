"""Sweeps read back from their directories, and how little is opened for that."""

import asyncio
import math
import shutil
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import PYTHON, run_sweep
from tests.unit.sameness import same

from multirun import (
    FormatError,
    JournalDamagedError,
    NotASweepError,
    ParallelLocalRunner,
    ParamsError,
    ResultsDamagedError,
    Run,
    SweepResult,
    multirun,
    multirunAsync,
)

POSTS = """
import collections, multirun
params = multirun.getRunParams()
kind = params["kind"]
posts = {
    "small": {"y": params["x"], "deep": {"z": (1, 2.5)}},
    "middle": {"y": params["x"], "text": "x" * 2000},
    "large": {"y": params["x"], "text": "x" * 9000},
    "pickled": {"y": params["x"], "count": collections.Counter("aab")},
}
if kind in posts:
    multirun.postRunResults(posts[kind])
raise SystemExit(kind == "fails")
"""
KINDS = ["small", "middle", "large", "pickled", "fails", "silent"]
ODD: dict[str, Any] = {"when": date(2024, 2, 29), "nan": math.nan, "tags": ("a", b"b"), "deep": {"er": [1, None]}}

TOLD = ("index", "status", "reason", "message", "exit_code", "attempts", "duration_s", "results", "path", "stdout")

pytestmark = pytest.mark.xdist_group("loading")  # so that the sweep runs once for all of them


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    maps = [{"x": x, "kind": kind, "code": POSTS, **ODD} for x, kind in enumerate(KINDS)]
    return run_sweep(tmp_path_factory.mktemp("loading") / "sweep", maps, PYTHON)


def told(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in TOLD}


def test_a_sweep_read_back_is_what_the_call_returned(result: SweepResult) -> None:
    loaded = SweepResult.load(result.path)
    check_sweep(result.path, result=loaded)
    assert (loaded.path, loaded.statistics) == (result.path, result.statistics)
    assert [told(run) for run in loaded] == [told(run) for run in result]
    for ours, theirs in zip(loaded, result, strict=True):
        assert same(ours.params, theirs.params)
        assert same(ours.posted, theirs.posted)
    assert loaded.results[0] == {"y": 0, "deep": {"z": (1, 2.5)}}
    assert loaded.results[3] == {"y": 3, "count": Counter("aab")}
    assert repr(loaded) == repr(result)


def test_its_table_is_the_one_on_disk(result: SweepResult, tmp_path: Path) -> None:
    SweepResult.load(str(result.path)).to_csv(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (result.path / "results.csv").read_text()


def test_a_relative_path_keeps_its_meaning(result: SweepResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(result.path.parent)
    loaded = SweepResult.load("sweep")
    monkeypatch.chdir("/")
    assert loaded.path == result.path
    assert loaded.results == result.results


async def test_a_sweep_while_it_is_running(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=1)
    runs = [{"gate": name} for name in range(3)]
    running = asyncio.create_task(multirunAsync(runs=runs, cmd=gates.command(), output_path=sweep_dir, runner=runner))
    gates.open(0)
    await wait_until_async(lambda: gates.waiting() == {"1"})
    meanwhile = SweepResult.load(sweep_dir)
    gates.open_all()
    await running
    assert [run.status for run in meanwhile] == ["success", "running", "pending"]
    assert [run.attempts for run in meanwhile] == [1, 1, 0]
    assert meanwhile.results == [{"gate": "0", "word": "go"}, None, None]
    assert (meanwhile.statistics.running_count, meanwhile.statistics.total_known) == (1, True)
    assert [str(value) for value in meanwhile.to_polars()["status"]] == ["success", "running", "pending"]
    check_sweep(sweep_dir, result=SweepResult.load(sweep_dir))


def test_a_sweep_that_was_cut_off(result: SweepResult, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(result.path, tmp_path / "copy", symlinks=True))
    plan = copy / "plan.jsonl"
    plan.write_bytes(b"".join(plan.read_bytes().splitlines(keepends=True)[:3]))
    loaded = SweepResult.load(copy)
    assert (len(loaded), loaded.statistics.total_known) == (2, False)
    plan.unlink()
    assert len(SweepResult.load(copy)) == 0


def test_what_cannot_be_read_is_named(result: SweepResult, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(result.path, tmp_path / "copy", symlinks=True))
    with pytest.raises(NotASweepError, match="is no sweep: it does not exist"):
        SweepResult.load(tmp_path / "nowhere")
    with pytest.raises(NotASweepError, match=r"holds no sweep\.json"):
        SweepResult.load(tmp_path)
    plan = copy / "plan.jsonl"
    good = plan.read_text()
    plan.write_text(good.replace('{"$date": "2024-02-29"}', '{"$date": "2024-02-30"}', 1))
    with pytest.raises(ParamsError, match="run 0: parameter when"):
        SweepResult.load(copy)
    plan.write_text(good.replace('"version":1', '"version":2'))
    with pytest.raises(FormatError, match="use the version"):
        SweepResult.load(copy)
    plan.write_text(good)
    journal = max((copy / "journal").iterdir(), key=lambda path: path.stat().st_size)
    journal.write_bytes(journal.read_bytes().replace(b'"started"', b'"startex"', 1))
    with pytest.raises(JournalDamagedError):
        SweepResult.load(copy)


# ------------------------------------------------------------------------- how little is opened


class Opened:
    """Notes what this process opens below a directory; a hook of Python cannot be taken back, only silenced."""

    def __init__(self) -> None:
        self.below: str | None = None
        self.paths: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.below is not None and event in ("open", "os.listdir", "os.scandir"):
            path = str(arguments[0])
            if path.startswith(self.below):
                self.paths.append(path)

    def __enter__(self) -> list[str]:
        self.paths.clear()
        return self.paths

    def __exit__(self, *_: object) -> None:
        self.below = None


OPENED = Opened()


def opened_below(folder: Path, action: Any) -> list[str]:
    """What an action opens below a folder."""
    with OPENED as paths:
        OPENED.below = str(folder)
        action()
    return list(paths)


def use_all(study: SweepResult) -> None:
    """Everything that looks at the results of many runs."""
    for run in study:
        assert run.results is not None
    assert len(study.results) == len(study)
    study.where(x=1)
    study.mean_by("x")
    study.to_csv("/dev/null")
    study.to_pandas()
    study.to_polars()
    study.to_arrow()
    study._repr_html_()


@pytest.mark.parametrize("back", [False, True], ids=["returned", "read back"])
def test_no_directory_of_a_run_is_opened_for_results_that_journals_hold(sweep_dir: Path, back: bool) -> None:
    count = 60
    sizes = [10, 400, 600, 2000, 3900]
    script = """printf '{"y": {x}, "pad": "%0{size}d"}' 0 >$MULTIRUN_RESULTS"""
    maps = [{"x": x, "size": sizes[x % len(sizes)], "script": script} for x in range(count)]
    study = run_sweep(sweep_dir, maps, ["sh", "-c", script])
    if back:
        study = SweepResult.load(sweep_dir)
    assert opened_below(sweep_dir / "runs", lambda: use_all(study)) == []
    assert [run.results["y"] for run in study] == list(range(count))
    assert [len(run.results["pad"]) for run in study] == [run.params["size"] for run in study]
    shutil.rmtree(sweep_dir / "runs")
    assert [run.results["y"] for run in study] == list(range(count))


def test_reading_back_opens_no_directory_of_a_run(result: SweepResult) -> None:
    assert opened_below(result.path / "runs", lambda: SweepResult.load(result.path)) == []
    assert opened_below(result.path, lambda: SweepResult.load(result.path)) != []


def test_what_no_journal_holds_is_read_from_its_own_directory_alone(result: SweepResult, tmp_path: Path) -> None:
    loaded = SweepResult.load(result.path)
    for kind, files in (("small", 0), ("middle", 0), ("large", 1), ("pickled", 2), ("silent", 0)):
        run = loaded.run(KINDS.index(kind))
        found = opened_below(result.path / "runs", lambda run=run: run.results)
        assert len(found) == files, kind
        assert all(path.startswith(str(run.path)) for path in found)


def test_results_are_read_while_the_sweep_goes_on(sweep_dir: Path) -> None:
    seen: list[int] = []
    script = """printf '{"pad": "%0{size}d"}' 0 >$MULTIRUN_RESULTS"""
    multirun(
        runs=[{"size": size} for size in (10, 1000, 9000)],
        cmd=["sh", "-c", script],
        output_path=sweep_dir,
        display=False,
        on_result=lambda run: seen.append(len(run.results["pad"])),
    )
    assert sorted(seen) == [10, 1000, 9000]


def test_damage_in_one_run_is_the_business_of_that_run(result: SweepResult, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(result.path, tmp_path / "copy", symlinks=True))
    loaded = SweepResult.load(copy)
    (copy / "runs" / "000002" / "results.json").write_text("{")
    with pytest.raises(ResultsDamagedError, match="000002"):
        _ = loaded[2].results
    assert loaded[1].results["y"] == 1
    assert [value.get("y") for value in loaded.to_pandas().to_dict("records")][2] == 2


def test_without_journals_results_come_from_the_directories(result: SweepResult, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(result.path, tmp_path / "copy", symlinks=True))
    loaded = SweepResult.load(copy)
    shutil.rmtree(copy / "journal")
    assert loaded.results == result.results
