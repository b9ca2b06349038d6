"""What an earlier attempt left is moved out of the way, and nothing is ever overwritten."""

import os
from pathlib import Path

import pytest

from multirun.attempts import prune, set_aside
from multirun.rundir import SweepPaths


@pytest.fixture
def paths(tmp_path: Path) -> SweepPaths:
    return SweepPaths(str(tmp_path))


def leave(paths: SweepPaths, text: str, index: int = 0) -> Path:
    """A run directory as an attempt leaves it."""
    folder = Path(paths.run(index))
    folder.mkdir(parents=True, exist_ok=True)
    pickle = f"results-{'a' * 64}.pkl"
    for name in ("stdout.log", "stderr.log", "results.json", "params.json", "checkpoint", pickle):
        (folder / name).write_text(text)
    return folder


def texts(folder: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in Path(folder).iterdir()}


def test_a_directory_is_moved_whole_to_the_name_of_its_attempt(paths: SweepPaths) -> None:
    folder = leave(paths, "one", 12_042)
    before = texts(str(folder))
    set_aside(paths, 12_042, 1)
    assert not folder.exists()
    assert texts(paths.attempt(12_042, 1)) == before


def test_nothing_is_done_where_nothing_is(paths: SweepPaths) -> None:
    set_aside(paths, 0, 1)
    set_aside(paths, 0, 1, keep_directory=True)
    assert os.listdir(paths.root) == []


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_is_overwritten(paths: SweepPaths, keep: bool) -> None:
    for text in ("one", "two", "three"):
        leave(paths, text)
        set_aside(paths, 0, 1, keep_directory=keep)
    names = [paths.attempt(0, 1) + more for more in ("", ".2", ".3")]
    assert [texts(name)["stdout.log"] for name in names] == ["one", "two", "three"]


def test_an_empty_directory_is_not_replaced(paths: SweepPaths) -> None:
    os.makedirs(paths.attempt(0, 1))
    leave(paths, "one")
    set_aside(paths, 0, 1)
    assert os.listdir(paths.attempt(0, 1)) == []
    assert texts(paths.attempt(0, 1) + ".2")["stdout.log"] == "one"


def test_a_directory_that_is_kept_loses_only_what_multirun_reads(paths: SweepPaths) -> None:
    folder = leave(paths, "one")
    set_aside(paths, 0, 1, keep_directory=True)
    assert sorted(texts(str(folder))) == ["checkpoint", "params.json"]
    moved = sorted(texts(paths.attempt(0, 1)))
    assert moved == [f"results-{'a' * 64}.pkl", "results.json", "stderr.log", "stdout.log"]
    set_aside(paths, 0, 2, keep_directory=True)
    assert not os.path.exists(paths.attempt(0, 2)), "nothing was left to move"


def test_old_attempts_are_pruned(paths: SweepPaths) -> None:
    for attempt in (1, 2, 4, 5):
        os.makedirs(f"{paths.attempt(7, attempt)}/deep")
    os.makedirs(paths.attempt(8, 1))
    prune(paths, 7, 5, 2)
    assert [os.path.lexists(paths.attempt(7, attempt)) for attempt in (1, 2, 4, 5)] == [False, False, True, True]
    prune(paths, 7, 5, 0)
    assert os.listdir(os.path.dirname(paths.attempt(7, 1))) == [os.path.basename(paths.attempt(8, 1))]
