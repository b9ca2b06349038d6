"""Making the directory of a sweep, exclusively and whole."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from multirun.contract import RUNS_DIR
from multirun.definition import Definition, write_definition
from multirun.errors import OutputExistsError, StorageError
from multirun.ownership import Ownership, Patience, acquire
from multirun.provenance import CodeState, code_directory, describe_origin
from multirun.resources import explain
from multirun.rundir import SweepPaths
from multirun.staging import take_snapshot

if TYPE_CHECKING:
    from multirun.request import Request
    from multirun.runners.abstract import AbstractRunner


class Entered(NamedTuple):
    """A sweep whose owner this process has become.

    Attributes:
        paths: where it is.
        definition: what it executes.
        ownership: what has to be released at the end.
    """

    paths: SweepPaths
    definition: Definition
    ownership: Ownership

    def close(self) -> None:
        """Leave it; does nothing if that was done before."""
        self.ownership.release()


def stamped_path(name: str, now: datetime, copy: int = 0) -> str:
    """Path of a new sweep directory below the current one, such as `multirun-20260131-235959-2`.

    Args:
        name: how it begins.
        now: the time stamp.
        copy: number that makes it unique, 0 for the first.
    """
    suffix = f"-{copy + 1}" if copy else ""
    return os.path.abspath(f"{name}-{now:%Y%m%d-%H%M%S}{suffix}")


def refuse_existing(path: str) -> None:
    """Refuse an output path that is there already.

    Raises:
        OutputExistsError: it is.
    """
    if os.path.lexists(path):
        raise OutputExistsError(f"{path} exists already and was not touched; give another output_path, or move it away")


def create_sweep(request: Request, runner: AbstractRunner, patience: Patience | None = None) -> Entered:
    """Make the sweep directory: its inputs and its definition, and become its owner.

    Args:
        request: what was asked for.
        runner: where the runs will be executed; only written down.
        patience: how long to wait for another owner, who may have seen the directory in the meantime.

    Raises:
        LockedError: somebody else became the owner meanwhile.
        OutputExistsError: the output path appeared meanwhile.
        StorageError: the disk refused, or an input vanished; what was made is removed again.
    """
    root = _make_root(request)
    paths = SweepPaths(root)
    ownership = _own(paths, patience)
    with ExitStack() as undo:
        undo.callback(ownership.release)
        try:
            definition = _fill(paths, request, runner)
        except (OSError, ValueError) as error:
            shutil.rmtree(root, ignore_errors=True)
            why = f"the sweep could not be set up in {root}: {explain(error)}; nothing was started"
            raise StorageError(why) from error
        undo.pop_all()
    return Entered(paths, definition, ownership)


def _own(paths: SweepPaths, patience: Patience | None) -> Ownership:
    """Become the owner of a directory that was just made; if the disk refuses, it goes unless somebody has used it."""
    try:
        return acquire(paths, patience)
    except StorageError:
        with suppress(OSError):
            os.rmdir(paths.lock)
            os.rmdir(paths.root)
        raise


def _make_root(request: Request) -> str:
    try:
        if request.output_path is None:
            return _make_stamped(request.name)
        os.makedirs(os.path.dirname(request.output_path), exist_ok=True)
        _make_exclusively(request.output_path)
    except OutputExistsError:
        raise
    except OSError as error:
        wanted = request.output_path or os.getcwd()
        raise StorageError(
            f"{wanted} cannot be created: {error.strerror}; give an output_path where you may write"
        ) from error
    return request.output_path


def _make_exclusively(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        refuse_existing(path)
        raise


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


def _fill(paths: SweepPaths, request: Request, runner: AbstractRunner) -> Definition:
    os.mkdir(paths.journals)
    os.mkdir(f"{paths.root}/{RUNS_DIR}")
    with closing(CodeState(code_directory())) as code:
        inputs = take_snapshot(request.resources, paths)
        origin = describe_origin(code, runner)
    definition = Definition(
        id=secrets.token_hex(8),
        name=request.name,
        command=request.command,
        env=request.env,
        inputs=inputs,
        rules=request.rules,
        options=request.options,
        provenance=origin,
        shell=request.shell,
        stdin=request.stdin,
    )
    write_definition(paths, definition)
    return definition
