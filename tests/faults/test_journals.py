"""Journals that were torn or damaged: the last record may be lost, anything else is told with file and record."""

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.journals import read_all

from multirun import JournalDamagedError, ParallelLocalRunner, multirun
from multirun.fold import fold
from multirun.journal import JournalTail
from multirun.snapshot import take_snapshot

RUNS = 4
Damage = Callable[[list[bytes]], list[bytes]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of four successes, all executed by one lane."""
    path = tmp_path_factory.mktemp("journals") / "sweep"
    result = multirun(
        runs=[{"x": x} for x in range(RUNS)],
        cmd=["sh", "-c", 'echo "{x}" > results.json'],
        output_path=path,
        runner=ParallelLocalRunner(max_parallel=1),
        display=False,
    )
    check_sweep(path, result=result)
    return path


@pytest.fixture
def journal(finished: Path, tmp_path: Path) -> Path:
    """The lane's journal in a copy of the sweep."""
    shutil.copytree(finished, tmp_path / "copy")
    (path,) = (path for path in (tmp_path / "copy" / "journal").iterdir() if path.stem != "orchestrator")
    return path


def test_torn_last_record_is_as_if_it_had_not_been_written(journal: Path) -> None:
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    last = len(whole) - len(lines[-1])
    for end in range(last, len(whole)):
        journal.write_bytes(whole[:end])
        tail = JournalTail(str(journal))
        assert len(tail.read()) == len(lines) - 1
        assert (tail.offset, tail.torn) == (last, end - last)
        counts = take_snapshot(str(journal.parents[1])).statistics
        assert (counts.success_count, counts.pending_count) == (RUNS - 1, 1)


def test_reader_takes_a_record_up_once_it_is_whole(journal: Path) -> None:
    whole = journal.read_bytes()
    growing = journal.with_name("growing.jsonl")
    tail, records = JournalTail(str(growing)), []
    for end in range(0, len(whole) + 7, 7):
        growing.write_bytes(whole[:end])
        records += tail.read()
    assert records == JournalTail(str(journal)).read()


def test_every_damaged_byte_is_noticed(journal: Path) -> None:
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    truth = JournalTail(str(journal)).read()
    chance = random.Random(1)
    number, begin = 0, 0
    for position in range(len(whole)):
        if position == begin + len(lines[number]):
            number, begin = number + 1, position
        damaged = bytearray(whole)
        damaged[position] ^= chance.randrange(1, 256)
        journal.write_bytes(damaged)
        tail = JournalTail(str(journal))
        if position >= len(whole) - len(lines[-1]) - 1:  # from the line break before the last record on
            with suppress(JournalDamagedError):
                assert tail.read() == truth[:number], "damage at the end may look like a torn record"
            continue
        with pytest.raises(JournalDamagedError) as caught:
            tail.read()
        assert f"{journal} is damaged: record {number} at byte {begin}" in str(caught.value)


DAMAGES: dict[str, Damage] = {
    "a record is missing": lambda lines: lines[:3] + lines[4:],
    "a record is there twice": lambda lines: [*lines[:4], lines[3], *lines[4:]],
    "two records changed places": lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
    "the beginning is missing": lambda lines: lines[1:],
    "a block of zeros": lambda lines: [*lines[:3], bytes(len(lines[3])), *lines[4:]],
    "something else was appended": lambda lines: [*lines, b"hello\n", b"world\n"],
    "a line of another journal": lambda lines: [*lines[:3], lines[3].replace(b'"run":1', b'"run":2'), *lines[4:]],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_and_never_skipped(journal: Path, damage: Damage) -> None:
    journal.write_bytes(b"".join(damage(journal.read_bytes().splitlines(keepends=True))))
    with pytest.raises(JournalDamagedError) as caught:
        take_snapshot(str(journal.parents[1]))
    assert str(journal) in str(caught.value)
    assert "record" in str(caught.value)


def test_state_depends_on_no_order_of_files(finished: Path) -> None:
    journals = list(read_all(f"{finished}/journal").values())
    forward = fold(record for records in journals for record in records)
    backward = fold(record for records in reversed(journals) for record in reversed(records))
    assert forward == backward
    assert [forward[index]["status"] for index in range(RUNS)] == ["success"] * RUNS


def test_journal_that_is_damaged_while_it_is_written_loses_only_its_run(sweep_dir: Path) -> None:
    """The end of the run is too large for the pipe, so that it has to be read from the journal."""
    damage = 'for file in ../../journal/*-*; do printf "%9000s\n\n" x >> "$file"; done'
    post = """printf '{"x": "%4000s"}' "" > results.json"""
    result = multirun(
        runs=[{"first": damage}, {"first": ":"}],
        cmd=["sh", "-c", f"{{first}}; {post}"],
        output_path=sweep_dir,
        runner=ParallelLocalRunner(max_parallel=1),
        infrastructure_retries=0,
        display=False,
    )
    assert [run.reason for run in result] == ["lost", None]
    assert "is damaged" in (result[0].message or "")
    with pytest.raises(JournalDamagedError):
        take_snapshot(str(sweep_dir))


@pytest.mark.parametrize("size", [2, 3000, 3700, 3800, 3900, 4096, 4097, 20_000])
def test_results_of_every_size_arrive(sweep_dir: Path, size: int) -> None:
    """Whether the record fits into the pipe, only into the journal, or into neither."""
    result = multirun(
        runs=[{}] * 3,
        cmd=["sh", "-c", f"""printf '"%{size - 2}s"' "" > results.json"""],
        output_path=sweep_dir,
        runner=ParallelLocalRunner(max_parallel=1),
        display=False,
    )
    assert [len(text) for text in result.results] == [size - 2] * 3
    check_sweep(sweep_dir, result=result)


def test_launcher_that_dies_between_two_runs_is_replaced(sweep_dir: Path) -> None:
    """The second run kills its own keeper; the runs after it get a new launcher."""
    suicide = "kill -KILL $(awk '/^PPid/{print $2}' /proc/$PPID/status); exec sleep 100"
    result = multirun(
        runs=[{"words": words} for words in ("true", suicide, "true", "true")],
        cmd=["sh", "-c", "{words}"],
        output_path=sweep_dir,
        runner=ParallelLocalRunner(max_parallel=1),
        infrastructure_retries=0,
        display=False,
    )
    assert [run.reason for run in result] == [None, "lost", None, None]
    assert len(list((sweep_dir / "journal").iterdir())) == 3
    check_sweep(sweep_dir, result=result)
