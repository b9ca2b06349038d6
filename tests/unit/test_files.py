"""Files of which readers see all or nothing."""

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.files import publish, sync_folder, write_at


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Let this process write no file beyond a size, as on a disk that becomes full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@given(st.binary(max_size=30), st.binary(min_size=1, max_size=30), st.integers(0, 30))
def test_what_does_not_fit_is_taken_back(before: bytes, data: bytes, room: int) -> None:
    descriptor = os.memfd_create("file")
    try:
        write_at(descriptor, before, 0)
        with no_file_beyond(len(before) + room):
            try:
                write_at(descriptor, data, len(before))
            except OSError:
                expected = before
            else:
                expected = before + data
        assert (len(data) > room) is (expected == before)
        assert os.pread(descriptor, 100, 0) == expected
    finally:
        os.close(descriptor)


def test_short_writes_are_carried_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:3], at))
    descriptor = os.memfd_create("file")
    write_at(descriptor, b"0123456789", 0)
    write_at(descriptor, b"abcde", 10)
    assert os.pread(descriptor, 100, 0) == b"0123456789abcde"
    os.close(descriptor)


def test_a_folder_that_is_gone_cannot_be_made_durable(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    sync_folder(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        sync_folder(str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError):
        publish(str(tmp_path / "gone" / "x.json"), b"data")
    assert os.listdir("/proc/self/fd") == before


def test_publishing_replaces_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    publish(str(path), b"one")
    with path.open("rb") as before:
        publish(str(path), b"two")
        assert before.read() == b"one"
    assert path.read_bytes() == b"two"
    assert [found.name for found in tmp_path.iterdir()] == ["x.json"]


def test_published_means_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    synced: list[tuple[bool, int, bool]] = []

    def note(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((stat.S_ISDIR(found.st_mode), found.st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    before = os.listdir("/proc/self/fd")
    publish(str(path), b"data")
    assert os.listdir("/proc/self/fd") == before
    (file, folder) = synced
    assert file == (False, 4, False)
    assert (folder[0], folder[2]) == (True, True)


def test_a_failed_publishing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    publish(str(path), b"one")
    with no_file_beyond(10), pytest.raises(OSError, match="too large"):
        publish(str(path), b"x" * 100)
    assert path.read_bytes() == b"one"
    assert [found.name for found in tmp_path.iterdir()] == ["x.json"]
