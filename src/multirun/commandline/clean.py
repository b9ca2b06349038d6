"""`multirun clean`: removes what a sweep does not need any more."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

import click

from multirun.commandline.exits import OK
from multirun.commandline.owning import held
from multirun.commandline.paper import name_of, put
from multirun.errors import LockedError, MultirunError, StorageError
from multirun.leftovers import Leftover, find_leftovers, remove
from multirun.replay import Replay
from multirun.sizes import format_size
from multirun.snapshot import locate


def clean(directory: str | None, *, keep_attempts: int, agreed: bool) -> int:
    """Remove what earlier attempts and repairs left, if the user agrees; returns the exit code.

    Args:
        directory: the sweep; None for the newest here.
        keep_attempts: how many of the latest earlier attempts of each run to keep.
        agreed: whether the user need not be asked.

    Raises:
        LockedError: somebody may be executing the sweep.
        StorageError: something cannot be removed.
    """
    replay = Replay(locate(directory))
    if replay.alive:
        raise LockedError(f"{replay.paths.root} is being executed; clean it when that has ended")
    found = find_leftovers(replay.paths, keep_attempts)
    if not found:
        put(f"nothing to remove in {name_of(replay.paths.root)}")
        return OK
    put(f"{name_of(replay.paths.root)} holds what is not needed to go on:")
    for line in describe(found):
        put(f"  {line}")
    if not agreed and not _asks():
        put("nothing was removed; with --yes it is removed without a question")
        return OK
    try:
        with held(replay.paths):
            remove(found)
    except MultirunError:
        raise
    except OSError as error:
        raise StorageError(f"{error.filename} cannot be removed: {error.strerror}") from error
    put(f"{format_size(sum(each.size for each in found))} are free again")
    return OK


def describe(found: Iterable[Leftover]) -> list[str]:
    """How much there is of each kind."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for each in found:
        counts[each.kind] += 1
        sizes[each.kind] += each.size
    return [f"{kind}: {count}, {format_size(sizes[kind])}" for kind, count in counts.items()]


def _asks() -> bool:
    """Whether the user, who has to be there, agrees."""
    return sys.stdin.isatty() and click.confirm("Remove them?", default=False)
