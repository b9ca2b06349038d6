"""Fixtures of all tests; how they wait is in `tests.patience`, how they look at a sweep in `tests.invariants`."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from tests.invariants import MARK, carriers, describe
from tests.patience import wait_until

settings.register_profile("multirun", deadline=None)
settings.load_profile("multirun")

_LEAVING_S = 5.0


@pytest.fixture(autouse=True)
def leaves_no_process() -> Iterator[str]:
    """Fail a test that leaves any process behind: a launcher, a run, a script; yields the test's mark."""
    mark = uuid4().hex
    before = os.environ.get(MARK)
    os.environ[MARK] = mark
    try:
        yield mark
    finally:
        os.environ.pop(MARK)
        if before is not None:
            os.environ[MARK] = before
    with suppress(AssertionError):
        wait_until(lambda: not carriers(mark, MARK), _LEAVING_S)
    left = carriers(mark, MARK)
    assert not left, f"the test left processes behind: {describe(left)}"


@pytest.fixture
def sweep_dir(tmp_path: Path) -> Path:
    """Path for a new sweep directory, which does not exist yet."""
    return tmp_path / "sweep"
