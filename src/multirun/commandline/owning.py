"""Being the owner of a sweep while a command changes its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from multirun.ownership import Patience, acquire

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths


@contextmanager
def held(paths: SweepPaths) -> Iterator[None]:
    """Let nobody else execute or change a sweep meanwhile.

    Raises:
        LockedError: somebody executes it.
        StorageError: the disk refuses.
    """
    ownership = acquire(paths, Patience(_tell))
    try:
        yield
    finally:
        ownership.release()


def _tell(text: str | None) -> None:
    if text is not None:
        click.echo(f"multirun: {text}", err=True)
