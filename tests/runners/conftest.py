from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runners.harness import HARNESSES, Harness


@pytest.fixture(params=list(HARNESSES.values()), ids=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    """Each kind of runner in turn."""
    made: Harness = request.param(tmp_path)
    yield made
    made.close()
