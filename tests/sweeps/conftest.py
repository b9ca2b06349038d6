"""Fixtures of the tests that execute sweeps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.gates import Gates
from tests.sweeps.looking import PROGRAM_OF_RUNS
from tests.sweeps.studies import CommandedStudy
from tests.sweeps.sweeping import run_sweep

from multirun import SweepResult


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    """Sixteen closed gates, "0" to "15"."""
    made = Gates(tmp_path / "gates", range(16))
    yield made
    made.close()


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """Six runs, of which number 3 failed."""
    runs: list[dict[str, Any]] = [{"x": x, "mode": "even" if x % 2 == 0 else "odd", "w": x / 10} for x in range(6)]
    folder = tmp_path_factory.mktemp("looking") / "study"
    cmd = ["sh", "-c", PROGRAM_OF_RUNS, "sh", "{x}"]
    return run_sweep(folder, runs, cmd, env={"MESH": "mesh {x}"}, threads_per_run=2)


@pytest.fixture
def here(study: SweepResult) -> Path:
    """The directory in which somebody looks at it."""
    return study.path.parent


@pytest.fixture
def killed(tmp_path: Path) -> CommandedStudy:
    """Four of eight runs were cut off, runs 0 to 2 had ended; the script is gone."""
    study = CommandedStudy(tmp_path)
    study.begin_and_be_killed()
    return study
