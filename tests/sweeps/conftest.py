from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sweeps.gates import Gates


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    """Sixteen closed gates, "0" to "15"."""
    made = Gates(tmp_path / "gates", range(16))
    yield made
    made.close()
