"""Fixtures of the unit tests."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.terminals import Pty
from tests.unit.play import Play
from tests.unit.recorded import Sweep
from tests.unit.rules import RunDir
from tests.unit.rundirectory import RunDirectory

from multirun.ownership import Ownership, acquire
from multirun.rundir import SweepPaths

_PURE = {
    "test_averages",
    "test_columns",
    "test_command",
    "test_contract",
    "test_copying",
    "test_definition",
    "test_durations",
    "test_encoding_canonical",
    "test_encoding_documents",
    "test_encoding_refusals",
    "test_encoding_round_trip",
    "test_errors",
    "test_extraction",
    "test_extraction_conversion",
    "test_extraction_csv",
    "test_extraction_json",
    "test_extraction_parsing",
    "test_facts",
    "test_files",
    "test_fold",
    "test_journal",
    "test_frames",
    "test_markup",
    "test_memory",
    "test_messages",
    "test_params",
    "test_plan",
    "test_planning",
    "test_posted",
    "test_records",
    "test_replay",
    "test_request",
    "test_request_mistakes",
    "test_resources",
    "test_run",
    "test_rundir",
    "test_sameness",
    "test_snapshot",
    "test_staging",
    "test_statistics",
    "test_verdict",
    "test_waiting",
    "test_wording",
}
"""They start no process, or wait for it themselves; looking for some after each of so many tests takes minutes."""


@pytest.fixture(autouse=True)
def leaves_no_process(request: pytest.FixtureRequest) -> str:
    """As everywhere, but only where processes are started."""
    return "" if request.path.stem in _PURE else str(request.getfixturevalue("leaves_no_process"))


@pytest.fixture
def locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown does not depend on the locale of whoever starts the tests."""
    monkeypatch.setattr("multirun.display.outlet.initial_environment", lambda: {"LANG": "C.UTF-8"})


@pytest.fixture
def play() -> Play:
    return Play()


@pytest.fixture
def log() -> io.StringIO:
    """Standard error that is no terminal."""
    return io.StringIO()


@pytest.fixture
def pty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pty]:
    """A terminal with colours."""
    pty = Pty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield pty
    pty.close()


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = tmp_path / "run"
    directory.mkdir()
    return RunDirectory(directory)


@pytest.fixture
def inside(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """This very process is the program of the run."""
    for name, value in run.variables.items():
        monkeypatch.setenv(name, value)
    return run


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MULTIRUN_PARAMS", "MULTIRUN_RESULTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path / "sweep")


@pytest.fixture
def paths(tmp_path: Path) -> SweepPaths:
    return SweepPaths(str(tmp_path))


@pytest.fixture
def own(paths: SweepPaths) -> Iterator[Callable[..., Ownership]]:
    """Becomes the owner; leaves at the end of the test."""
    with ExitStack() as stack:

        def become(*given: Any, **named: Any) -> Ownership:
            ownership = acquire(paths, *given, **named)
            stack.callback(ownership.release)
            return ownership

        yield become
