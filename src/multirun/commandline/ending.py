"""The last lines of what a program wrote, as a terminal would show them."""

from __future__ import annotations

import os
import stat
from errno import EINVAL
from typing import BinaryIO, NamedTuple

from multirun.wording import printable

_LOOKED_AT_BYTES = 16 << 10


class Ending(NamedTuple):
    """The end of a file.

    Attributes:
        lines: its last lines, without line breaks and orders for terminals.
        whole: whether that is all of it.
        size: bytes of the file, None if there is no file.
    """

    lines: list[str]
    whole: bool = True
    size: int | None = None


def read_ending(path: str, count: int) -> Ending:
    """The last lines of a file, however large it is.

    Args:
        path: the file.
        count: how many lines at most.
    """
    try:
        with open_output(path) as file:
            size = os.fstat(file.fileno()).st_size
            begin = max(0, size - _LOOKED_AT_BYTES)
            file.seek(begin)
            data = file.read(_LOOKED_AT_BYTES)
    except OSError:
        return Ending([])
    lines = data.decode(errors="replace").split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    shown = lines[1:] if begin and len(lines) > 1 else lines
    return Ending([fold(line) for line in shown[-count:]], whole=not begin and len(shown) <= count, size=size)


def open_output(path: str) -> BinaryIO:
    """Open what a program wrote; it may have put anything else in its place, on which nobody may wait.

    Raises:
        OSError: it is not there, or no file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "it is no file", path)
    return os.fdopen(descriptor, "rb")


def fold(line: str) -> str:
    """What is left to be seen of a line: after a carriage return it is written anew."""
    kept = line.rstrip("\r").rpartition("\r")[2]
    return printable(kept.expandtabs())
