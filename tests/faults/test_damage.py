"""Every file of a sweep cut at every byte, and every byte of it changed: a part of the truth or an error, never a lie.

`MULTIRUN_TEST_SOAK=1` changes each bit of each byte; without it one bit of each, which another seed changes.
"""

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.forge import EXPECTED, SOAK, standard
from tests.invariants import check_sweep

from multirun import FormatError, JournalDamagedError, ResultsDamagedError, SweepResult, multirun
from multirun.snapshot import take_snapshot

SEED = int(os.environ.get("MULTIRUN_TEST_SEED", "1"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of three successes, each with a pickle beside its results."""
    folder = tmp_path_factory.mktemp("damage")
    result = multirun(**standard(folder))
    check_sweep(folder / "sweep", result=result)
    return folder / "sweep"


@pytest.fixture
def sweep(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "copy", symlinks=True))


def journals(sweep: Path) -> list[Path]:
    """Its journals."""
    return sorted((sweep / "journal").iterdir())


def told(sweep: Path) -> list[list[Any] | None] | None:
    """What a reader is told: `x` and `energy` of each run that succeeded, None for others; None if there is damage."""
    try:
        result = SweepResult.load(sweep)
        return [[run.results["x"], run.results["energy"]] if run.status == "success" else None for run in result]
    except (FormatError, JournalDamagedError, ResultsDamagedError):
        return None


def check_truth(sweep: Path, what: str) -> list[list[Any] | None] | None:
    """What is told is a part of the truth; returns it, or None if damage was reported."""
    said = told(sweep)
    if said is not None:
        for values, expected in zip(said, EXPECTED, strict=False):
            assert values is None or values == expected, f"{what}: {values} is no result of this sweep"
        assert len(said) <= len(EXPECTED), what
    return said


def changes(position: int, byte: int, chance: random.Random) -> Iterator[int]:
    """Other values for a byte: it with each bit changed, or with one of them."""
    bits = range(8) if SOAK else [chance.randrange(8)]
    return (byte ^ (1 << bit) for bit in bits)


def test_reader_of_what_is_whole_is_told_the_truth(sweep: Path) -> None:
    assert told(sweep) == EXPECTED


def test_journals_cut_at_every_byte(sweep: Path) -> None:
    """A torn end is no damage: what is left is a prefix."""
    for path in journals(sweep):
        whole = path.read_bytes()
        ends = whole.count(b'"ended"')
        for end in range(len(whole)):
            path.write_bytes(whole[:end])
            said = check_truth(sweep, f"{path.name} cut at {end}")
            assert said is not None, f"{path.name} cut at {end} is called damaged"
            assert sum(values is not None for values in said) >= len(EXPECTED) - ends
        path.write_bytes(whole)


def test_every_byte_of_journals_changed(sweep: Path) -> None:
    """Each change is reported, except where it may be a torn end."""
    chance = random.Random(SEED)
    for path in journals(sweep):
        whole = path.read_bytes()
        last = whole.rfind(b"\n", 0, -1)
        for position, byte in enumerate(whole):
            for changed in changes(position, byte, chance):
                path.write_bytes(b"%b%c%b" % (whole[:position], changed, whole[position + 1 :]))
                reported = check_truth(sweep, f"{path.name}: byte {position} is {changed}") is None
                assert reported or position >= last, f"{path.name}: byte {position} is {changed}, and nobody notices"
        path.write_bytes(whole)


def test_plan_cut_at_every_byte(sweep: Path) -> None:
    whole = (sweep / "plan.jsonl").read_bytes()
    for end in range(len(whole)):
        (sweep / "plan.jsonl").write_bytes(whole[:end])
        said = check_truth(sweep, f"plan cut at {end}")
        assert said is not None, f"plan cut at {end} is called damaged"
        assert len(said) == min(len(EXPECTED), max(0, whole[:end].count(b"\n") - 1))


def test_every_byte_of_the_plan_changed(sweep: Path) -> None:
    chance = random.Random(SEED)
    whole = (sweep / "plan.jsonl").read_bytes()
    last = whole.rfind(b"\n", 0, -1)
    for position, byte in enumerate(whole):
        for changed in changes(position, byte, chance):
            (sweep / "plan.jsonl").write_bytes(b"%b%c%b" % (whole[:position], changed, whole[position + 1 :]))
            reported = check_truth(sweep, f"plan: byte {position} is {changed}") is None
            harmless = whole[:position].endswith(
                b'"repetition":'
            )  # says only what is the same run when a sweep goes on
            assert reported or harmless or position >= last, f"plan: byte {position} is {changed}, and nobody notices"


@pytest.mark.parametrize("pattern", ["results.json", "results-*.pkl"])
def test_every_byte_of_results_changed(sweep: Path, pattern: str) -> None:
    chance = random.Random(SEED)
    (path,) = (sweep / "runs" / "000001").glob(pattern)
    whole = path.read_bytes()
    for position, byte in enumerate(whole):
        for changed in changes(position, byte, chance):
            path.write_bytes(b"%b%c%b" % (whole[:position], changed, whole[position + 1 :]))
            assert check_truth(sweep, f"{path.name}: byte {position} is {changed}") is None
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert check_truth(sweep, f"{path.name} cut at {end}") is None


def test_definition_cut_at_every_byte(sweep: Path) -> None:
    whole = (sweep / "sweep.json").read_bytes()
    json.loads(whole)
    for end in range(len(whole) - 1):  # the line break at its end says nothing
        (sweep / "sweep.json").write_bytes(whole[:end])
        with pytest.raises(FormatError):
            take_snapshot(str(sweep))
