"""Fixtures of all tests; how they wait is in `tests.patience`, how they look at a sweep in `tests.invariants`."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from tests.patience import wait_until
from tests.survivors import MARK, carriers, describe

settings.register_profile("multirun", deadline=None)
settings.load_profile("multirun")

# Whoever starts the tests in the background has them, and all that they start, ignore these.
_USUAL: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
}
for _signum, _handler in _USUAL.items():
    if signal.getsignal(_signum) is signal.SIG_IGN:
        signal.signal(_signum, _handler)

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


@pytest.fixture(scope="session")
def ngspice() -> str:
    """Path of ngspice. Where it is missing, `make test` has said why, and the test is left out; never in CI."""
    found = shutil.which("ngspice")
    if found is None:
        why = os.environ.get("WITHOUT_NGSPICE") or "ngspice is missing; as root on Debian, `make test` installs it"
        assert not os.environ.get("CI"), why
        pytest.skip(why)
    return found
