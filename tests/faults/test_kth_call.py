"""The k-th call of a function of the system fails, for k = 1, 2, ... until a sweep makes no such call any more.

What the machine lacks for a while fails no run. A disk that fails may cost a run, but nothing false is recorded.
`MULTIRUN_TEST_SOAK=1` tries every k of every call; without it some are left out where there are many.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.forge import EXPECTED, SOAK, Forge, Outcome, forge, go_on
from tests.invariants import check_sweep

from multirun import failpoints

ERRORS = {"open": ("EMFILE", "EIO")}
MOST_ERRORS = ("ENOSPC", "EIO")
ALL_ERRORS = ("ENOSPC", "EDQUOT", "EMFILE", "EIO")
CALLS = {
    "orchestrator": ("pwrite", "write", "fsync", "replace", "mkdir", "open"),
    "lane": ("pwrite", "write", "symlink", "mkdir", "open"),
    "extractor": ("write", "fsync", "replace", "open"),
    "keeper": ("open",),
    "program": ("fsync", "rename", "open"),
}
CASES = [
    (kind, call, error)
    for kind, calls in CALLS.items()
    for call in calls
    for error in (ALL_ERRORS if SOAK else ERRORS.get(call, MOST_ERRORS))
]
STEP = {"open": 1 if SOAK else 6}
"""Many calls are alike."""
MOST = 200
COSTS_RUNS = {"lost", "staging-failed", "bad-result"}
"""Why a run may fail when the disk does."""


@pytest.fixture(scope="module")
def smith() -> Iterator[Forge]:
    with forge() as made:
        yield made


def check_outcome(outcome: Outcome, kind: str, error: str) -> None:
    """What the caller of `multirun` may be told."""
    assert outcome.exit_status == 0, outcome
    if outcome.error is not None:
        assert outcome.error in ("StorageError", "LauncherError"), outcome
        untouched = ("nothing was started", "cannot be created", "free processes or descriptors")
        assert error == "EIO" or any(words in outcome.message for words in untouched), outcome
        return
    for (status, reason, *values), expected in zip(outcome.runs, EXPECTED, strict=True):
        if status == "success":
            assert values == expected
        else:
            own_fault = kind == "program" and reason == "exit:1"
            assert own_fault or (error == "EIO" and reason in COSTS_RUNS), (reason, outcome)


@pytest.mark.parametrize(("kind", "call", "error"), CASES)
def test_kth_call_fails(smith: Forge, tmp_path: Path, kind: str, call: str, error: str) -> None:
    count, step = 0, STEP.get(call, 1)
    for count in range(1, MOST, step):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        environment = {
            failpoints.ENV_CALL: f"{call}:{error}:{count}@{kind}",
            failpoints.ENV_ONCE: str(folder / "once"),
        }
        outcome = smith.sweep(folder, environment=environment)
        try:
            check_outcome(outcome, kind, error)
            if (folder / "sweep" / "plan.jsonl").exists():
                check_sweep(folder / "sweep", killed=True)
            if SOAK or set(outcome.statuses) != {"success"}:
                go_on(smith, folder)
        except AssertionError as problem:
            problem.add_note(f"{call} {count} of a {kind} failed with {error}")
            raise
        if not (folder / f"once.{call}").exists():
            break
    assert 1 < count < MOST - step, f"{kind} never calls {call}, or for ever"
