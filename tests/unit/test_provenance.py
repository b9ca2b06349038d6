"""Where a sweep comes from: what git says about the code, in bounded time, and nothing where there is no git."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

import pytest

from multirun import ParallelLocalRunner
from multirun.provenance import CodeState, code_directory, describe_origin


def git(folder: Path, *words: str) -> str:
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", "-C", str(folder), *person, *words],
        env={**os.environ, **clean},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "study with spaces"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "study.py").write_text("print(1)\n")
    git(folder, "add", "study.py")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def state_of(folder: Path | None) -> dict[str, Any] | None:
    with closing(CodeState(None if folder is None else str(folder))) as state:
        return state.result()


def test_a_clean_repository(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert len(commit) == 40
    assert state_of(repository) == {"directory": str(repository), "commit": commit, "dirty": False}


def test_changes_make_it_dirty_but_files_that_git_does_not_know_do_not(repository: Path) -> None:
    (repository / "new.txt").touch()
    assert (state_of(repository) or {})["dirty"] is False
    (repository / "study.py").write_text("print(2)\n")
    below = repository / "deep" / "er"
    below.mkdir(parents=True)
    assert (state_of(below) or {})["dirty"] is True
    git(repository, "add", "study.py")
    assert (state_of(repository) or {})["dirty"] is True


def test_git_changes_nothing(repository: Path) -> None:
    os.utime(repository / "study.py", ns=(1, 1))  # now git would like to refresh its index
    before = (repository / ".git" / "index").read_bytes()
    assert (state_of(repository) or {})["dirty"] is False
    assert (repository / ".git" / "index").read_bytes() == before


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert state_of(tmp_path) == {"directory": str(tmp_path), "commit": None, "dirty": False}


def test_no_repository_no_git_a_broken_one(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_of(None) is None
    (repository / ".git" / "HEAD").unlink()
    assert state_of(repository) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert state_of(repository) is None


def test_a_git_that_hangs_is_not_waited_for(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = repository.parent / "bin"
    tools.mkdir()
    (tools / "git").write_text('#!/bin/sh\ncase "$*" in *rev-parse*) echo 0123;; *) exec sleep 60;; esac\n')
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    before = monotonic()
    assert state_of(repository) == {"directory": str(repository), "commit": "0123", "dirty": None}
    assert monotonic() - before < 10


def test_the_directory_of_the_program_comes_first(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", program)
    monkeypatch.chdir(tmp_path)
    assert code_directory() is None
    program.__file__ = str(repository / "study.py")
    assert code_directory() == str(repository)
    program.__file__ = str(tmp_path / "elsewhere.py")
    (repository / "below").mkdir()
    monkeypatch.chdir(repository / "below")
    assert code_directory() == str(repository / "below")


def test_what_is_said_about_the_origin(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    with closing(CodeState(str(repository))) as state:
        found = describe_origin(state, ParallelLocalRunner(max_parallel=3))
    assert list(found) == [
        "time", "host", "user", "directory", "argv", "runner", "python", "multirun", "platform", "git",
    ]  # fmt: skip
    assert datetime.fromisoformat(str(found["time"])).tzinfo is not None
    assert found["directory"] == str(repository)
    assert found["runner"] == {"kind": "ParallelLocalRunner", "max_parallel": 3}
    assert found["git"] == {
        "directory": str(repository),
        "commit": git(repository, "rev-parse", "HEAD"),
        "dirty": False,
    }
    assert str(found["platform"]).startswith("Linux")
