"""The lock of a sweep on disks that have no hard links, answer late, are full or hold something else."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.owners import ME, Clock, files, leave_behind

from multirun import lock
from multirun.errors import FormatError, LockedError, StorageError
from multirun.ownership import STALE_S, Ownership, acquire
from multirun.rundir import SweepPaths


def test_an_answer_that_is_lost_on_its_way_is_a_success(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of a network disk has made the link, but the client asks again and is told that it exists."""
    link = os.link

    def lose_answer(source: str, target: str) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", lose_answer)
    assert own().session == 1
    assert files(paths) == ["000001.json"]


def test_without_hard_links_the_name_itself_is_exclusive(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert own().session == 1
    assert files(paths) == ["000001.json"]
    with pytest.raises(LockedError):
        acquire(paths)
    assert lock.claim(paths, 1, ME) is None


def test_a_file_that_is_not_whole_is_given_time(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    """Without hard links there is a moment in which an owner has its name, but has not said yet who it is."""
    os.mkdir(paths.lock)
    Path(lock.file_of(paths, 1)).touch()
    clock = Clock()
    assert own(clock).session == 2
    assert clock.now - 1000 >= STALE_S


def test_a_file_that_becomes_whole_is_the_owner(paths: SweepPaths) -> None:
    os.mkdir(paths.lock)
    Path(lock.file_of(paths, 1)).touch()
    clock = Clock()
    clock.meanwhile = lambda: Path(lock.file_of(paths, 1)).write_bytes(lock.compose({**ME, "user": "ada"}))
    with pytest.raises(LockedError):
        acquire(paths, clock)


def test_a_number_that_was_given_is_never_won_again(paths: SweepPaths) -> None:
    os.close(leave_behind(paths, {**ME, "pid_start": 1}))
    before = Path(lock.file_of(paths, 1)).read_bytes()
    assert lock.claim(paths, 1, ME) is None
    assert Path(lock.file_of(paths, 1)).read_bytes() == before
    assert files(paths) == ["000001.json"]


def test_a_listing_that_is_out_of_date_does_not_matter(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk may show a folder as it was a minute ago; linking tells the truth."""
    os.close(leave_behind(paths, {**ME, "pid_start": 1}))
    monkeypatch.setattr(lock, "newest_session", lambda paths: 0)
    assert own().session == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_as_a_user(paths: SweepPaths) -> None:
    os.mkdir(paths.lock, 0o555)
    with pytest.raises(StorageError, match=r"lock, cannot be written: Permission denied"):
        acquire(paths)


def test_a_directory_that_cannot_be_written(paths: SweepPaths) -> None:
    Path(paths.lock).touch()
    with pytest.raises(StorageError, match=r"lock of the sweep, .*/lock, cannot be written: Not a directory"):
        acquire(paths)


def test_a_disk_that_is_full(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, data: bytes, offset: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock, "write_at", refuse)
    with pytest.raises(StorageError, match="No space left on device"):
        acquire(paths)
    assert files(paths) == []


def test_a_newer_version_is_not_overridden(paths: SweepPaths) -> None:
    os.close(leave_behind(paths, {**ME, "pid_start": 1}))
    file = Path(lock.file_of(paths, 1))
    file.write_text(file.read_text().replace('"version":1', '"version":2'))
    with pytest.raises(FormatError, match="format 2"):
        acquire(paths)
