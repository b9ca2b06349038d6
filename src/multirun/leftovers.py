"""What a sweep does not need any more: directories of earlier attempts, copies of damaged files, files half written."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from multirun.rundir import PLAN_FILE, SweepPaths

_ATTEMPT = re.compile(r"(\d{6,})-(\d+)(?:\.\d+)?")


class Leftover(NamedTuple):
    """Something that can be removed.

    Attributes:
        path: absolute path of a file or folder.
        kind: what it is, in the plural.
        size: bytes on the disk.
    """

    path: str
    kind: str
    size: int


def find_leftovers(paths: SweepPaths, keep_attempts: int = 0) -> list[Leftover]:
    """Everything in a sweep that nobody needs.

    Args:
        paths: the sweep.
        keep_attempts: how many of the latest earlier attempts of each run to keep.
    """
    return [Leftover(path, kind, size_of(path)) for path, kind in _paths(paths, keep_attempts)]


def _paths(paths: SweepPaths, keep_attempts: int) -> Iterator[tuple[str, str]]:
    for path in surplus(list(attempts_in(paths.attempts)), keep_attempts):
        yield path, "directories of earlier attempts"
    for name in sorted(os.listdir(paths.root)):
        if name.startswith(f"{PLAN_FILE}.torn-"):
            yield f"{paths.root}/{name}", "torn ends of plans"
    if os.path.isdir(paths.damaged):
        yield paths.damaged, "copies of damaged files"
    for folder in (paths.root, paths.journals):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".tmp"):
                yield f"{folder}/{name}", "files that were being written"


def attempts_in(folder: str) -> Iterator[str]:
    """The directories of earlier attempts below a folder, also where 1,000 runs share one."""
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda each: each.name):
            if _ATTEMPT.fullmatch(entry.name):
                yield entry.path
            elif entry.is_dir(follow_symlinks=False) and entry.name.isdecimal():
                yield from attempts_in(entry.path)


def surplus(attempts: Iterable[str], keep: int) -> list[str]:
    """Those of some directories that are not among the latest attempts of their runs.

    Args:
        attempts: their paths, which end in `<run>-<attempt>`.
        keep: how many of each run to keep.
    """
    of_run: dict[str, list[tuple[int, str]]] = {}
    for path in attempts:
        found = _ATTEMPT.fullmatch(os.path.basename(path))
        if found:
            of_run.setdefault(found[1], []).append((int(found[2]), path))
    return [path for each in of_run.values() for _, path in sorted(each)[: max(0, len(each) - keep)]]


def size_of(path: str) -> int:
    """Bytes that a file or folder takes on the disk; links are not followed."""
    total = _blocks(path)
    for folder, folders, others in os.walk(path):
        total += sum(_blocks(f"{folder}/{name}") for name in (*folders, *others))
    return total


def _blocks(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:
        return 0


def remove(leftovers: Iterable[Leftover]) -> None:
    """Remove leftovers.

    Raises:
        OSError: one of them cannot be removed.
    """
    for leftover in leftovers:
        if os.path.isdir(leftover.path) and not os.path.islink(leftover.path):
            shutil.rmtree(leftover.path)
        else:
            os.unlink(leftover.path)
