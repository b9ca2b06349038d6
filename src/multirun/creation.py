"""Making the directory of a sweep, exclusively and whole."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from multirun import records
from multirun.continuation import Opening, continue_sweep, define
from multirun.contract import JOURNAL_DIR, RUNS_DIR
from multirun.definition import write_definition
from multirun.errors import OutputExistsError, StorageError
from multirun.failpoints import reach
from multirun.hints import next_command
from multirun.ownership import Ownership, Patience, acquire
from multirun.provenance import CodeState, code_directory, describe_origin
from multirun.resources import explain
from multirun.rundir import INPUTS_DIR, LOCK_DIR, REQUESTS_DIR, SHARED_DIR, SWEEP_FILE, SweepPaths
from multirun.staging import sync_snapshot, take_snapshot

if TYPE_CHECKING:
    from multirun.request import Request
    from multirun.runners.abstract import AbstractRunner


_AT_BIRTH = frozenset({JOURNAL_DIR, RUNS_DIR, INPUTS_DIR, SHARED_DIR, LOCK_DIR, REQUESTS_DIR})
"""What there can be before `sweep.json`."""


class Entered(NamedTuple):
    """A sweep whose owner this process has become.

    Attributes:
        opening: where it is, what it executes, and what is on disk of it already.
        ownership: what has to be released at the end.
    """

    opening: Opening
    ownership: Ownership

    def close(self) -> None:
        """Leave it; does nothing if that was done before."""
        self.ownership.release()

    def abandon(self) -> None:
        """Leave it without having begun; if this session has a journal, that says so."""
        journal = self.opening.journal
        if journal is not None:
            with suppress(OSError):
                journal.append(records.closed(complete=False))
            journal.close()
        self.close()


def stamped_path(name: str, now: datetime, copy: int = 0) -> str:
    """Path of a new sweep directory below the current one, such as `multirun-20260131-235959-2`.

    Args:
        name: how it begins.
        now: the time stamp.
        copy: number that makes it unique, 0 for the first.
    """
    suffix = f"-{copy + 1}" if copy else ""
    return os.path.abspath(f"{name}-{now:%Y%m%d-%H%M%S}{suffix}")


def refuse_existing(path: str, *, resume: bool = False) -> None:
    """Refuse an output path that is there already.

    Args:
        path: the output path.
        resume: whether a sweep may be there, or one that was killed at its birth.

    Raises:
        OutputExistsError: it is.
    """
    if not os.path.lexists(path) or (resume and is_sweep(path)):
        return
    if not resume:
        hint = f"go on with it by resume=True or {next_command('resume', path)}, " if is_sweep(path) else ""
        raise OutputExistsError(
            f"{path} exists already and was not touched; {hint}give another output_path, or move it away"
        )
    foreign = _foreign(path)
    if foreign is not None:
        raise OutputExistsError(
            f"{path} cannot be continued: it is no sweep, {foreign}; it was not touched; give another output_path"
        )


def is_sweep(path: str) -> bool:
    """Whether there is a sweep."""
    return os.path.isfile(SweepPaths(path).sweep)


def _foreign(path: str) -> str | None:
    """What a path without a definition holds that a sweep killed at its birth does not; None if nothing."""
    if not os.path.isdir(path):
        return "but a file"
    names = sorted(os.listdir(path))
    alien = [name for name in names if name not in _AT_BIRTH and not name.startswith(f"{SWEEP_FILE}.")]
    if alien:
        return f"but holds {alien[0]!r}"
    full = [name for name in (JOURNAL_DIR, RUNS_DIR) if name in names and os.listdir(f"{path}/{name}")]
    return f"its {SWEEP_FILE} is missing" if full else None


def create_sweep(request: Request, runner: AbstractRunner, patience: Patience | None = None) -> Entered:
    """Become the owner of the sweep, and make its directory, inputs and definition, or take up what is there.

    Args:
        request: what was asked for.
        runner: where the runs will be executed; only written down.
        patience: how long to wait for another owner, who may have seen the directory in the meantime.

    Raises:
        LockedError: somebody else became the owner meanwhile.
        OutputExistsError: the output path appeared meanwhile.
        StorageError: the disk refused, or an input vanished; what was made is removed again.
        LockLostError: somebody else took it over, because this process was stopped meanwhile.
        MultirunError: the sweep that is there cannot be continued.
    """
    root, made = _make_root(request)
    ownership = _own(SweepPaths(root), patience, made=made)
    with ExitStack() as undo:
        undo.callback(ownership.release)
        opening = _open(SweepPaths(root, ownership.session), request, runner, ownership, made=made)
        undo.pop_all()
    return Entered(opening, ownership)


def _own(paths: SweepPaths, patience: Patience | None, *, made: bool) -> Ownership:
    """Become the owner; if the disk refuses, a directory that was just made goes unless somebody has used it."""
    try:
        return acquire(paths, patience)
    except StorageError:
        with suppress(OSError):
            if made:
                os.rmdir(paths.lock)
                os.rmdir(paths.root)
        raise


def _open(paths: SweepPaths, request: Request, runner: AbstractRunner, ownership: Ownership, *, made: bool) -> Opening:
    if is_sweep(paths.root):  # also one that was made by another owner in the meantime
        refuse_existing(paths.root, resume=bool(request.resume))
        return continue_sweep(paths, request, ownership)
    try:
        return _fill(paths, request, runner, ownership)
    except (OSError, ValueError) as error:
        ownership.confirm()  # else what is there is somebody else's
        if made:
            shutil.rmtree(paths.root, ignore_errors=True)
        why = f"the sweep could not be set up in {paths.root}: {explain(error)}; nothing was started"
        raise StorageError(why) from error


def _make_root(request: Request) -> tuple[str, bool]:
    """The directory of the sweep, and whether it was made just now."""
    try:
        if request.output_path is None:
            return _make_stamped(request.name), True
        os.makedirs(os.path.dirname(request.output_path), exist_ok=True)
        return request.output_path, _make(request.output_path, resume=bool(request.resume))
    except OutputExistsError:
        raise
    except OSError as error:
        wanted = request.output_path or os.getcwd()
        raise StorageError(
            f"{wanted} cannot be created: {error.strerror}; give an output_path where you may write"
        ) from error


def _make(path: str, *, resume: bool) -> bool:
    """Make a directory; False if it is there, and may be."""
    try:
        os.mkdir(path)
    except FileExistsError:
        refuse_existing(path, resume=resume)
        if not resume:
            raise
        return False
    return True


def _make_stamped(name: str) -> str:
    now = datetime.now().astimezone()
    copy = 0
    while True:
        path = stamped_path(name, now, copy)
        try:
            os.mkdir(path)
        except FileExistsError:
            copy += 1
        else:
            return path


def _fill(paths: SweepPaths, request: Request, runner: AbstractRunner, ownership: Ownership) -> Opening:
    reach("create.directory")
    ownership.confirm()
    for folder in (paths.inputs(), paths.shared()):  # half a snapshot, of a sweep that was killed at its birth
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(paths.journals, exist_ok=True)
    os.makedirs(f"{paths.root}/{RUNS_DIR}", exist_ok=True)
    reach("create.folders")
    with closing(CodeState(code_directory())) as code:
        inputs = take_snapshot(request.resources, paths)
        if request.options.survives_power_loss:
            sync_snapshot(paths)
        origin = describe_origin(code, runner)
    reach("create.inputs")
    definition = define(request, secrets.token_hex(8), inputs, origin)
    ownership.confirm()
    write_definition(paths, definition)
    reach("create.defined")
    return Opening(paths, definition)
