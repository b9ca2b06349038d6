"""Where a sweep lives: a path is taken exclusively, and one that is made up never collides."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.sweeps.sweeping import files_below, run_sweep

from multirun import ConfigurationError, OutputExistsError, ParallelLocalRunner, StorageError, multirun, multirunAsync
from multirun.creation import create_sweep
from multirun.request import Inspector

OCCUPANTS: dict[str, Callable[[Path], object]] = {
    "empty folder": Path.mkdir,
    "file": lambda path: path.write_text("mine"),
    "broken link": lambda path: path.symlink_to("nowhere"),
    "link to a folder": lambda path: path.symlink_to(path.parent),
    "fifo": os.mkfifo,
}


def facts(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


@pytest.mark.parametrize("occupy", OCCUPANTS.values(), ids=OCCUPANTS)
async def test_what_exists_is_refused_and_untouched(sweep_dir: Path, occupy: Callable[[Path], object]) -> None:
    occupy(sweep_dir)
    before = facts(sweep_dir), facts(sweep_dir.parent)
    with pytest.raises(OutputExistsError, match=rf"{re.escape(str(sweep_dir))} exists already") as refused:
        await multirunAsync(runs=[{}], cmd=["true"], output_path=sweep_dir)
    assert isinstance(refused.value, FileExistsError)
    assert (facts(sweep_dir), facts(sweep_dir.parent)) == before


def test_an_earlier_sweep_is_refused_and_untouched(sweep_dir: Path) -> None:
    earlier = run_sweep(sweep_dir, [{"x": 1}], ["true"])
    before = {name: facts(sweep_dir / name) for name in files_below(sweep_dir)}
    with pytest.raises(OutputExistsError):
        multirun(runs=iter([{"x": 2}]), cmd=["true"], output_path=str(sweep_dir))
    assert {name: facts(sweep_dir / name) for name in files_below(sweep_dir)} == before
    check_sweep(sweep_dir, result=earlier)


def test_mistakes_and_an_existing_path_are_told_together(sweep_dir: Path) -> None:
    sweep_dir.mkdir()
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=[{}], cmd=[], output_path=sweep_dir)
    assert len(refused.value.mistakes) == 2
    assert any("exists already" in mistake for mistake in refused.value.mistakes)


def test_of_many_that_want_one_path_one_gets_it(sweep_dir: Path) -> None:
    def attempt(number: int) -> str:
        try:
            result = multirun(runs=[{"number": number}] * 3, cmd=["true"], output_path=sweep_dir, display=False)
        except OutputExistsError:
            return "refused"
        check_sweep(sweep_dir, result=result)
        return "done"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))
    assert sorted(outcomes) == ["done"] + ["refused"] * 7


def test_a_path_that_appears_at_the_last_moment_is_refused(sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Inspector().request(
        runs=[], cmd=["true"], output_path=sweep_dir, input_files=None, env=None, timeout=None, grace=5.0, name=None,
        success_codes=(0,), required_results=None, required_files=(), threads_per_run=None, on_result=None,
        stdin=None, shell=False, max_output=None, nice=None, first_alone=False, results=None, resume=False,
        accept_changes=False, keep_directory=False, durability="process", keep_attempts=None,
        retries=0, retry_if=None, retry_delay=1.0, infrastructure_retries=3, max_failures=None, max_same_failures=None,
        skip_if=None,
    )  # fmt: skip
    sweep_dir.mkdir()
    with pytest.raises(OutputExistsError):
        create_sweep(request, ParallelLocalRunner())
    assert files_below(sweep_dir) == []


def test_missing_folders_above_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = multirun(runs=[{}], cmd=["true"], output_path="a/b/../c d/ü", display=False)
    assert result.path == tmp_path / "a" / "c d" / "ü"
    check_sweep(result.path, result=result)


def test_a_path_below_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/sweep cannot be created") as refused:
        multirun(runs=[{}], cmd=["true"], output_path=tmp_path / "file" / "sweep", display=False)
    assert isinstance(refused.value, OSError)


class Vanishing(list[dict[str, int]]):
    """Parameter maps; looking at them, which is done after the inputs were checked, removes a file."""

    source: Path

    def __iter__(self) -> Iterator[dict[str, int]]:
        self.source.unlink(missing_ok=True)
        return super().__iter__()


def test_nothing_is_left_when_the_sweep_cannot_be_set_up(tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.touch()
    runs = Vanishing([{}])
    runs.source = source
    with pytest.raises(StorageError, match="nothing was started"):
        multirun(runs=runs, cmd=["true"], output_path=tmp_path / "sweep", input_files=[source], display=False)
    assert files_below(tmp_path) == []


# ----------------------------------------------------------------------------- paths that are made up

SWEEPS = """
from concurrent.futures import ThreadPoolExecutor
from multirun import multirun

def sweep(number):
    return multirun(runs=[{"number": number}], cmd=["true"], name="crowd", display=False).path

with ThreadPoolExecutor(4) as pool:
    for path in pool.map(sweep, range(8)):
        print(path)
"""


def test_made_up_paths_never_collide(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SWEEPS]
    scripts = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = [Path(line) for script in scripts for line in script.communicate(timeout=60)[0].splitlines()]
    assert [script.returncode for script in scripts] == [0] * 3
    assert len(set(paths)) == len(paths) == 24
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    for path in paths:
        assert re.fullmatch(r"crowd-\d{8}-\d{6}(-\d+)?", path.name)
        check_sweep(path)


def test_the_default_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = multirun(runs=[{}], cmd=["true"], display=False)
    assert re.fullmatch(r"multirun-\d{8}-\d{6}", result.path.name)
    assert list(tmp_path.iterdir()) == [result.path]
    check_sweep(result.path, result=result)
