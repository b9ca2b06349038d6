"""What keeps every run from being executed is told before anything is created."""

import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.sweeping import files_below, run_sweep

from multirun import ConfigurationError, FileResource, multirun, multirunAsync
from multirun.testing import Scene, ScriptedRunner


def refusal(tmp_path: Path, cmd: Any, **keywords: Any) -> str:
    before = files_below(tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=[{"x": 1}], cmd=cmd, output_path=tmp_path / "sweep", **keywords)
    assert files_below(tmp_path) == before
    (mistake,) = refused.value.mistakes
    return mistake


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path, ["no-such-command", "{x}"]) == (
        "cmd: command not found: 'no-such-command' is in no folder of PATH; give its full path"
    )


async def test_the_async_function_looks_too(sweep_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-such-command"):
        await multirunAsync(runs=[{"x": 1}], cmd=["no-such-command"], output_path=sweep_dir)


def test_a_script_that_is_not_executable(tmp_path: Path) -> None:
    (tmp_path / "sim").write_text("#!/bin/sh\n")
    (tmp_path / "sim").chmod(0o640)
    mistake = refusal(tmp_path, [Path("sim")], input_files=[tmp_path / "sim"])
    assert mistake.startswith("cmd: command not found: 'sim' is in no folder of PATH; for the input of that name write")
    mistake = refusal(tmp_path, ["./sim"], input_files=[FileResource(tmp_path / "sim", "copy")])
    assert mistake == f"cmd: '{tmp_path}/sim' is not executable (-rw-r-----); make it so with chmod +x"


def test_it_is_one_mistake_among_others(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=[5], cmd=["./none"], timeout="soon", output_path=tmp_path / "sweep")  # type: ignore[list-item]
    assert len(refused.value.mistakes) == 3


def test_a_dry_run_looks_too(tmp_path: Path) -> None:
    assert "no-such-command" in refusal(tmp_path, ["no-such-command"], dry_run=True)


def test_who_plays_runs_needs_no_program(sweep_dir: Path) -> None:
    (run,) = run_sweep(sweep_dir, [{"x": 1}], ["no-such-command"], runner=ScriptedRunner(lambda params: Scene()))
    assert run.status == "success"


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without multirun and without pip."""
    folder = tmp_path_factory.mktemp("bare python")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def test_a_python_without_multirun(tmp_path: Path, bare_python: Path, sweep_dir: Path) -> None:
    (tmp_path / "job.py").write_text("from multirun import getRunParams\nprint(getRunParams())\n")
    mistake = refusal(tmp_path, [bare_python, "job.py"], input_files=[tmp_path / "job.py"])
    advice = f"{shlex.quote(sys.executable)} -m pip --python {shlex.quote(str(bare_python))} install "
    assert mistake.startswith(
        f"cmd: job.py imports multirun, which {bare_python} does not have; install it there: {advice}"
    )
    origin = shlex.split(mistake)[-1]
    assert origin == "multirun-sweep" or Path(origin, "pyproject.toml").exists()


def test_a_python_without_multirun_for_a_script_that_does_without(
    tmp_path: Path, bare_python: Path, sweep_dir: Path
) -> None:
    (tmp_path / "job.py").write_text("import json\nprint(json.load(open('params.json')))\n")
    (run,) = run_sweep(sweep_dir, [{"x": 1}], [bare_python, "job.py"], input_files=[tmp_path / "job.py"])
    assert run.stdout.read_text() == "{'x': 1}\n"


def test_a_python_that_is_told_where_multirun_is(tmp_path: Path, bare_python: Path, sweep_dir: Path) -> None:
    (tmp_path / "job.py").write_text("from multirun import getRunParams\nprint(getRunParams())\n")
    package = Path(multirun.__code__.co_filename).parents[1]
    (run,) = run_sweep(
        sweep_dir,
        [{"x": 1}],
        [bare_python, "job.py"],
        input_files=[tmp_path / "job.py"],
        env={"PYTHONPATH": str(package)},
    )
    assert run.stdout.read_text() == "{'x': 1}\n"


def test_a_python_that_is_told_to_be_isolated(tmp_path: Path, bare_python: Path) -> None:
    package = Path(multirun.__code__.co_filename).parents[1]
    code = [str(bare_python), "-I", "-c", "import multirun"]
    assert "does not have" in refusal(tmp_path, code, env={"PYTHONPATH": str(package)})


def test_the_advice_is_true(bare_python: Path) -> None:
    """The Python of these tests can install into another one, as the advice says."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(bare_python), "list"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
