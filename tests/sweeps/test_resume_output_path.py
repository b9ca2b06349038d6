"""What a sweep that is to go on finds at its path: nothing, something else, or half a sweep."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sweeps.studies import CalledStudy
from tests.sweeps.sweeping import files_below

from multirun import ConfigurationError, FileResource, FormatError, OutputExistsError, multirun


@pytest.fixture
def study(tmp_path: Path) -> CalledStudy:
    return CalledStudy(tmp_path)


def test_without_a_path_there_is_nothing_to_go_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="resume: without output_path"):
        multirun(runs=[{}], cmd=["true"], resume=True)
    with pytest.raises(ConfigurationError, match="resume: 'finished' is neither True nor False nor 'unfinished'"):
        multirun(runs=[{}], cmd=["true"], resume="finished", output_path="x")  # type: ignore[arg-type]
    assert files_below(tmp_path) == []


def at_birth(path: Path) -> None:
    for name in ("journal", "runs", "inputs"):
        (path / name).mkdir(parents=True)
    (path / "inputs" / "data.txt").write_text("half")
    (path / "sweep.json.17.tmp").write_text("{")


@pytest.mark.parametrize("make", [at_birth, os.makedirs, lambda path: (path / "journal").mkdir(parents=True)])
def test_a_sweep_that_was_killed_at_its_birth_begins_anew(study: CalledStudy, make: Callable[[Path], None]) -> None:
    (study.folder / "data.txt").write_text("whole")
    make(study.path)
    inputs = [FileResource(study.folder / "data.txt", "copy")]
    with pytest.raises(OutputExistsError):
        study.call([0], resume=False, input_files=inputs)
    result = study.call([0], input_files=inputs)
    assert (result[0].path / "data.txt").read_text() == "whole"


def with_a_stranger(path: Path) -> None:
    at_birth(path)
    (path / "thesis.tex").touch()


def with_runs(path: Path) -> None:
    at_birth(path)
    (path / "runs" / "000000").mkdir()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (with_a_stranger, "is no sweep, but holds 'thesis.tex'"),
        (with_runs, "is no sweep, its sweep.json is missing"),
        (Path.touch, "is no sweep, but a file"),
    ],
)
def test_what_is_no_sweep_is_not_touched(study: CalledStudy, make: Callable[[Path], None], told: str) -> None:
    make(study.path)
    before = files_below(study.folder)
    with pytest.raises(OutputExistsError, match=told):
        study.call([0])
    assert files_below(study.folder) == before


def test_a_damaged_plan_is_told(study: CalledStudy) -> None:
    study.call([0, 1, 2], resume=False)
    plan = study.path / "plan.jsonl"
    plan.write_bytes(b"".join(plan.read_bytes().splitlines(keepends=True)[:2]))
    with pytest.raises(FormatError, match="lists 1 runs, but the journals tell of run 2"):
        study.call([0, 1, 2])


def test_a_torn_plan_is_mended_and_its_tail_kept(study: CalledStudy) -> None:
    study.call([0, 1], resume=False)
    plan = study.path / "plan.jsonl"
    torn = plan.read_bytes().splitlines(keepends=True)
    plan.write_bytes(b"".join(torn[:3]) + b'{"run":2,"dig')
    study.call([1, 0, 2])
    assert study.executed() == [0, 1, 2]
    assert plan.read_bytes().startswith(b"".join(torn[:3]) + b'{"run":2,"digest":')
    (kept,) = study.path.glob("plan.jsonl.torn-*")
    assert kept.read_bytes() == b'{"run":2,"dig'


def test_a_sweep_without_a_plan_goes_on(study: CalledStudy) -> None:
    study.call([], resume=False)
    for content in (None, b"", b'{"format":"multi'):
        (study.path / "plan.jsonl").unlink()
        if content is not None:
            (study.path / "plan.jsonl").write_bytes(content)
        study.call([])
    assert [run.status for run in study.call([0])] == ["success"]
