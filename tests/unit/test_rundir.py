"""Where everything of a sweep lies."""

import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.rundir import SweepPaths, run_name, up_to_sweep


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0, "000000"),
        (42, "000042"),
        (9_999, "009999"),
        (10_000, "10/010000"),
        (12_042, "12/012042"),
        (999_999, "999/999999"),
        (1_000_000, "1000/1000000"),
    ],
)
def test_the_directory_of_a_run_follows_from_its_number(index: int, name: str) -> None:
    assert run_name(index) == name


@given(st.integers(0, 3_000_000), st.integers(0, 3_000_000))
def test_different_runs_have_different_directories_and_none_lies_in_another(one: int, other: int) -> None:
    if one != other:
        assert run_name(one) != run_name(other)
        assert not run_name(one).startswith(f"{run_name(other)}/")


def test_no_folder_holds_more_than_a_thousand_runs_beyond_the_flat_ones() -> None:
    folders = [os.path.dirname(run_name(index)) for index in range(40_000)]
    assert folders.count("") == 10_000
    assert all(folders.count(folder) == 1_000 for folder in set(folders) - {""})


def test_every_path_lies_in_the_sweep() -> None:
    paths = SweepPaths("/data/sweep")
    assert paths.sweep == "/data/sweep/sweep.json"
    assert paths.plan == "/data/sweep/plan.jsonl"
    assert paths.table == "/data/sweep/results.csv"
    assert paths.journals == "/data/sweep/journal"
    assert paths.journal("orchestrator") == "/data/sweep/journal/orchestrator.jsonl"
    assert paths.inputs() == "/data/sweep/inputs"
    assert paths.shared() == "/data/sweep/shared"
    assert paths.run(12_042) == "/data/sweep/runs/12/012042"
    assert paths.attempt(42, 1) == "/data/sweep/attempts/000042-1"
    assert paths.attempt(12_042, 3) == "/data/sweep/attempts/12/012042-3"


def test_the_root_stays_when_the_process_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = SweepPaths("sweep")
    monkeypatch.chdir("/")
    assert paths.root == str(tmp_path / "sweep")


@given(st.integers(0, 2_000_000), st.integers(0, 4))
def test_a_relative_link_leads_back_to_the_sweep(index: int, depth: int) -> None:
    name = "/".join(["part"] * (depth + 1))
    paths = SweepPaths("/data/sweep")
    folder = os.path.dirname(f"{paths.run(index)}/{name}")
    assert os.path.normpath(f"{folder}/{up_to_sweep(index, name)}") == paths.root
