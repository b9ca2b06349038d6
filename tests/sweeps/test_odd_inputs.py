"""More than 400 odd or bad parameters and more than 100 bad inputs, through the public functions."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.unit.encoded import REFUSED
from tests.unit.sameness import ODD, ODD_NAMES, same
from tests.unit.test_resources import BAD_NAMES
from tests.unit.test_resources import ODD as BAD_SOURCES

from multirun import ConfigurationError, FileResource, SweepResult, getRunParams, multirun
from multirun.contract import ENV_PARAMS


def odd_maps() -> list[dict[str, Any]]:
    """Maps that can be stored; each call makes them anew."""
    maps = [{"first": 1, "odd": value, "last": "x"} for value in ODD.values()]
    maps += [{"odd": {"in": (value, [value])}} for name, value in ODD.items() if "100 deep" not in name]
    maps += [{name: 1, f"{name}!": name} for name in ODD_NAMES if name.isprintable() or "\ud800" not in name]
    return maps


def bad_maps() -> list[Any]:
    """What can be no parameter map."""
    maps: list[Any] = [{"ok": 1, "p": value} for value, _, _ in REFUSED.values()]
    maps += [{"p": {"q": [value]}} for value, _, _ in REFUSED.values()]
    return [*maps, None, 5, "x=1", ["x"], {1: 2}, {None: 1}, {b"x": 1}, {"\ud800": 1}, [("x", 1)], object()]


def test_there_are_400() -> None:
    assert len(odd_maps()) + len(bad_maps()) >= 400


@pytest.fixture(scope="module")
def odd_sweep(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    path = tmp_path_factory.mktemp("odd") / "sweep"
    return multirun(runs=odd_maps(), cmd=["true"], output_path=path, display=False)


def test_odd_maps_come_back_everywhere(odd_sweep: SweepResult, monkeypatch: pytest.MonkeyPatch) -> None:
    check_sweep(odd_sweep.path, result=odd_sweep)
    loaded = SweepResult.load(odd_sweep.path)
    for given, run, read in zip(odd_maps(), odd_sweep, loaded, strict=True):
        monkeypatch.setenv(ENV_PARAMS, str(run.path / "params.json"))
        for seen in (run.params, read.params, getRunParams()):
            assert same(seen, given), run


def test_odd_maps_are_known_again(odd_sweep: SweepResult) -> None:
    again = multirun(runs=reversed(odd_maps()), cmd=["true"], output_path=odd_sweep.path, display=False, resume=True)
    assert {run.status for run in again} == {"skipped"}
    assert [run.index for run in again] == list(reversed(range(len(odd_sweep))))
    check_sweep(odd_sweep.path, result=again)


def test_bad_maps_are_all_told_and_nothing_is_made(sweep_dir: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=bad_maps(), cmd=["true"], output_path=sweep_dir, display=False)
    told = refused.value.mistakes
    assert len(told) == len(bad_maps())
    assert all(f"run {number}" in mistake for number, mistake in enumerate(told))
    assert not sweep_dir.exists()


# --------------------------------------------------------------------------------------------------- inputs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("a")
    return tmp_path


def bad_inputs(folder: Path) -> Iterator[FileResource]:
    """What can be no input; special files are made in the folder."""
    for linkage in ("copy", "shared"):
        for name, _ in BAD_NAMES:
            yield FileResource("a", linkage, name)
    for number, (_, make, _, also_linked) in enumerate(BAD_SOURCES):
        make(folder / f"odd{number}")
        for linkage in ("copy", "shared", "link") if also_linked else ("copy", "shared"):
            yield FileResource(f"odd{number}", linkage)  # type: ignore[arg-type]
    for path in ("", "a/x", "none/x", "n" * 300, "a\0b", "/dev/zero", "\ud800"):
        yield FileResource(path, rename="x")


def test_bad_inputs_are_refused_one_by_one(folder: Path) -> None:
    refused = 0
    for resource in bad_inputs(folder):
        with pytest.raises(ConfigurationError):
            multirun(runs=[{}], cmd=["true"], input_files=[resource], output_path=folder / "sweep", display=False)
        refused += 1
    assert refused >= 100
    assert not os.path.lexists(folder / "sweep")


def test_bad_inputs_are_refused_all_at_once(folder: Path) -> None:
    inputs = list(bad_inputs(folder))
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=[{}], cmd=["true"], input_files=inputs, output_path=folder / "sweep", display=False)
    assert len(refused.value.mistakes) >= len(inputs)
    assert not os.path.lexists(folder / "sweep")
