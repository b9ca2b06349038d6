"""Files written so that readers see all of a thing or nothing of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, repeat

from multirun.failpoints import reach

LACKING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
"""Errors that say nothing about the sweep: the machine lacks something now and may have it later."""
FAILING = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.EROFS})
"""Errors of the disk itself: whatever is in a file that met one, nothing may be built on it."""


def pauses_s() -> Iterator[float]:
    """Seconds to wait before each further try of what the machine lacks something for."""
    return chain((0.05, 0.2, 1.0), repeat(5.0))


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write `data` at the end of a file, of which this process is the only writer.

    What could not be written whole is taken back, so that nothing ever follows half a line. If the disk itself fails,
    the file is left alone: its writer must never use it again.

    Args:
        descriptor: the file.
        data: what to write.
        offset: the length of the file.

    Raises:
        OSError: nothing was written.
    """
    try:
        written = os.pwrite(descriptor, data, offset)
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], offset + written)
    except OSError as error:
        if error.errno not in FAILING:
            os.ftruncate(descriptor, offset)
        raise


def sync_data(descriptor: int) -> None:
    """Bring to the disk what was written to a file.

    Raises:
        OSError: it failed. The error is never one of `LACKING`: the system may have dropped what it could not write, so
            a second try that succeeds would prove nothing.
    """
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        raise OSError(errno.EIO, f"what was written cannot be brought to the disk: {error.strerror}") from error


def sync_file(path: str) -> None:
    """Bring to the disk what a file holds; see `sync_data`.

    Raises:
        OSError: it cannot be opened, or the disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # it may be a FIFO that nobody writes to
    try:
        sync_data(descriptor)
    finally:
        os.close(descriptor)


def publish(path: str, data: bytes) -> None:
    """Write a file so that readers see all of it or none, also after a power cut."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[os.write(file.fileno(), view) :]
            reach("publish.written")
            os.fsync(file.fileno())
        reach("publish.synced")
        os.replace(temporary, path)
        reach("publish.renamed")
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
