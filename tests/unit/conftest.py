"""Fixtures of the unit tests."""

import pytest

_PURE = {
    "test_averages",
    "test_columns",
    "test_command",
    "test_contract",
    "test_copying",
    "test_definition",
    "test_durations",
    "test_encoding",
    "test_errors",
    "test_extraction",
    "test_extraction_parsing",
    "test_facts",
    "test_files",
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
    "test_request",
    "test_resources",
    "test_run",
    "test_rundir",
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
