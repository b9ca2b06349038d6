"""Fixtures of the tests that do harm."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.scripts import Script


@pytest.fixture
def start_script(leaves_no_process: str, tmp_path: Path) -> Iterator[Callable[..., Script]]:
    """Starts a script that calls `multirun` (see `Script`); scripts that are left are killed at the end."""
    started: list[Script] = []

    def start(**given: object) -> Script:
        script = Script(**{"folder": tmp_path, **given})  # type: ignore[arg-type]
        started.append(script)
        return script

    yield start
    for script in started:
        script.dispose()
