"""Copying one file: by sharing its blocks, inside the kernel, or by hand, and always whole."""

import errno
import fcntl
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from multirun import staging
from multirun.staging import copy_file

BLOCK = 1 << 20
CONTENTS = {
    "empty": b"",
    "small": b"x",
    "one block": bytes(range(256)) * (BLOCK // 256),
    "blocks and a bit": os.urandom(2 * BLOCK + 17),
}


def mode_of(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def copied(folder: Path, content: bytes) -> bytes:
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    copy_file(str(source), str(target), 0o600)
    return target.read_bytes()


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test know which devices refused in an earlier one."""
    monkeypatch.setattr(staging, "_clone_refused", set())


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_copy_has_the_same_content(tmp_path: Path, content: bytes) -> None:
    assert copied(tmp_path, content) == content


@pytest.mark.parametrize("refusal", ["EXDEV", "EINVAL", "EOPNOTSUPP", "ENOSYS", "EPERM", "EBADF", "ETXTBSY", "ENOTTY"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_without_help_of_the_kernel_it_is_copied_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, refusal: str
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(getattr(errno, refusal), "refused")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assert copied(tmp_path, content) == content


def test_the_kernel_may_give_up_halfway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_once(read: int, write: int, _: int) -> int:
        if os.lseek(read, 0, os.SEEK_CUR):
            raise OSError(errno.EINVAL, "refused")
        return os.write(write, os.read(read, 1000))

    monkeypatch.setattr(os, "copy_file_range", copy_once)
    assert copied(tmp_path, CONTENTS["blocks and a bit"]) == CONTENTS["blocks and a bit"]


def test_the_kernel_may_pretend_that_a_file_is_empty(tmp_path: Path) -> None:
    copy_file("/proc/version", str(tmp_path / "target"), 0o600)
    assert (tmp_path / "target").read_bytes() == Path("/proc/version").read_bytes() != b""


def test_a_system_may_lack_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    assert copied(tmp_path, CONTENTS["blocks and a bit"]) == CONTENTS["blocks and a bit"]


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.delattr(os, "copy_file_range")
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:70_000])))
    assert copied(tmp_path, CONTENTS["blocks and a bit"]) == CONTENTS["blocks and a bit"]


@pytest.mark.parametrize("problem", ["ENOSPC", "EDQUOT", "EIO"])
def test_what_other_ways_would_not_cure_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    def fail(*_: Any) -> int:
        raise OSError(getattr(errno, problem), problem)

    monkeypatch.setattr(os, "copy_file_range", fail)
    with pytest.raises(OSError, match=problem):
        copied(tmp_path, b"content")


def test_a_disk_without_room_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENTS["one block"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            copy_file(str(tmp_path / "source"), str(tmp_path / "target"), 0o600)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_where_the_disk_can_share_blocks_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def share(write: int, request: int, read: int) -> int:
        asked.append(request)
        return os.write(write, b"shared " + os.pread(read, 100, 0)) * 0

    monkeypatch.setattr(fcntl, "ioctl", share)
    assert copied(tmp_path, b"content") == b"shared content"
    assert asked == [0x40049409]


def test_devices_that_refused_to_share_are_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(write: int, _: int, read: int) -> int:
        asked.append((os.fstat(read).st_dev, os.fstat(write).st_dev))
        raise OSError(errno.EXDEV, "refused")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    for number in range(3):
        copy_file("/proc/version", str(tmp_path / f"far-{number}"), 0o600)
    for number in range(3):
        copy_file(str(tmp_path / "far-0"), str(tmp_path / f"near-{number}"), 0o600)
    here, there = tmp_path.stat().st_dev, os.stat("/proc/version").st_dev
    assert asked == [(there, here), (here, here)]


def test_a_file_with_holes_is_whole(tmp_path: Path) -> None:
    with (tmp_path / "source").open("wb") as file:
        for at in (0, 3 * BLOCK + 5, 9 * BLOCK):
            file.seek(at)
            file.write(b"island")
        file.truncate(12 * BLOCK)
    copy_file(str(tmp_path / "source"), str(tmp_path / "target"), 0o600)
    assert (tmp_path / "target").read_bytes() == (tmp_path / "source").read_bytes()


@pytest.mark.parametrize("mode", [0o400, 0o444, 0o600, 0o755, 0o777, 0o111])
def test_the_mode_is_as_asked_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    (tmp_path / "source").write_bytes(b"x")
    before = os.umask(0o077)
    try:
        copy_file(str(tmp_path / "source"), str(tmp_path / "target"), mode)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "target") == mode
    assert (tmp_path / "target").read_bytes() == b"x"


def test_nothing_is_written_over_and_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (tmp_path / "target").write_bytes(b"old")
    before = os.listdir("/proc/self/fd")
    copy_file(str(tmp_path / "source"), str(tmp_path / "other"), 0o600)
    with pytest.raises(FileExistsError):
        copy_file(str(tmp_path / "source"), str(tmp_path / "target"), 0o600)
    with pytest.raises(FileNotFoundError):
        copy_file(str(tmp_path / "none"), str(tmp_path / "new"), 0o600)
    assert (tmp_path / "target").read_bytes() == b"old"
    assert os.listdir("/proc/self/fd") == before
