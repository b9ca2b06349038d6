"""Putting resources in place: once into the sweep, then into each run directory."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from multirun.definition import Input
from multirun.failpoints import reach
from multirun.files import sync_file, sync_folder
from multirun.resources import Entry, FileResource, entries, explain
from multirun.rundir import SHARED_DIR, SweepPaths, numbered, up_to_sweep
from multirun.templates import TextTemplate, has_tags

_FICLONE = 0x40049409
_BLOCK = 16 << 20
_CHECKED_IN_AFTER = 20
"""So many small files are copied in a moment."""
_READ = os.O_RDONLY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NO_KERNEL_COPY = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)


_Place = Callable[[str], AbstractContextManager[str | None]]
"""Gives the name under which to write what is to be at a path; None if it is there."""


class InputChangedError(Exception):
    """A linked input is no longer what it was when the sweep started."""


def take_snapshot(resources: Sequence[FileResource], paths: SweepPaths, number: int = 1) -> tuple[Input, ...]:
    """Copy the inputs into the sweep and say what they were.

    Args:
        resources: the inputs.
        paths: the sweep.
        number: of the session that does it.

    Raises:
        OSError: an input vanished or cannot be read, or the disk is full.
        ValueError: an input turned into something that cannot be copied.
    """
    folders = {"shared": paths.shared(number)}
    return tuple(
        _linked(resource)
        if resource.linkage == "link"
        else _snapshot(resource, folders.get(resource.linkage, paths.inputs(number)))
        for resource in resources
    )


def sync_snapshot(paths: SweepPaths, number: int = 1) -> None:
    """Bring to the disk what `take_snapshot` has copied.

    Raises:
        OSError: the disk failed.
    """
    for top in (paths.inputs(number), paths.shared(number)):
        for folder, _, names in os.walk(top):
            for name in names:
                sync_file(f"{folder}/{name}")
            sync_folder(folder)
    sync_folder(paths.root)


def survey(resources: Sequence[FileResource]) -> tuple[Input, ...]:
    """What `take_snapshot` would say of the inputs as they are now; nothing is copied.

    Raises:
        OSError: an input vanished or cannot be read.
        ValueError: an input turned into something that cannot be copied.
    """
    return tuple(
        _linked(resource) if resource.linkage == "link" else _snapshot(resource, None) for resource in resources
    )


def _linked(resource: FileResource) -> Input:
    found = os.stat(resource.source)
    folder = stat.S_ISDIR(found.st_mode)
    size, mtime = (0, None) if folder else (found.st_size, found.st_mtime_ns)
    return Input(resource.name, "link", resource.source, "folder" if folder else "file", None, size, mtime)


def _snapshot(resource: FileResource, folder: str | None) -> Input:
    """Copy one resource into a folder of the sweep, or only look at it."""
    top = "" if folder is None else f"{folder}/{resource.name}"
    if top:
        os.makedirs(os.path.dirname(top), exist_ok=True)
    total, digest = 0, hashlib.sha256()
    listed = list(entries(resource))
    for entry in listed:
        target = f"{top}/{entry.name}" if entry.name else top
        size, content = _store(entry, target, read_only=resource.linkage == "shared") if top else _look_at(entry)
        total += size
        digest.update(f"{entry.name}\0{entry.mode & 0o111:o}\0{content}\n".encode("utf-8", "surrogateescape"))
    kind = "folder" if listed[0].is_folder else "file"
    return Input(resource.name, resource.linkage, resource.source, kind, digest.hexdigest(), total)


def _store(entry: Entry, target: str, *, read_only: bool) -> tuple[int, str]:
    """Copy one entry into the sweep; return its size and the digest of what was stored."""
    if entry.is_folder:
        os.mkdir(target)
        return 0, ""
    mode = entry.mode & ~0o222 if read_only else entry.mode | 0o200
    copy_file(entry.source, target, mode)
    reach("snapshot.stored")
    return _size_and_digest(target)


def _look_at(entry: Entry) -> tuple[int, str]:
    return (0, "") if entry.is_folder else _size_and_digest(entry.source)


def _size_and_digest(path: str) -> tuple[int, str]:
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _go_on() -> None:
    """Nothing interrupts a copy."""


def call(action: Callable[[], None]) -> None:
    """Call it."""
    action()


def copy_file(source: str, target: str, mode: int, check_in: Callable[[], None] = _go_on) -> None:
    """Copy a file to a new name, sharing its blocks where the disk can (reflink), else inside the kernel.

    Args:
        source: the file.
        target: the copy, which must not exist.
        mode: permission bits of the copy.
        check_in: called now and then; what it raises ends the copy.
    """
    read = os.open(source, _READ)
    try:
        write = os.open(target, _CREATE, mode)
        try:
            _copy_content(read, write, check_in)
            os.fchmod(write, mode)
        finally:
            os.close(write)
    finally:
        os.close(read)


def _copy_content(read: int, write: int, check_in: Callable[[], None]) -> None:
    if _clone(read, write):
        return
    try:
        while os.copy_file_range(read, write, _BLOCK) == _BLOCK:
            check_in()
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_KERNEL_COPY:
            raise
    # Also after copy_file_range: some file systems report 0 bytes of files that have content.
    while block := os.read(read, _BLOCK):
        check_in()
        view = memoryview(block)
        while view:
            view = view[os.write(write, view) :]


_clone_refused: set[tuple[int, int]] = set()


def _clone(read: int, write: int) -> bool:
    """Whether the copy now shares the blocks of the original; two devices that refused once are not asked again."""
    import fcntl

    devices = os.fstat(read).st_dev, os.fstat(write).st_dev
    if devices in _clone_refused:
        return False
    try:
        fcntl.ioctl(write, _FICLONE, read)
    except OSError:
        _clone_refused.add(devices)
        return False
    return True


def write_pieces(pieces: Iterator[bytes], target: str, mode: int) -> None:
    """Write what comes piece by piece to a new file.

    Args:
        pieces: its content.
        target: the file, which must not exist.
        mode: its permission bits.
    """
    with open(os.open(target, _CREATE, mode), "wb") as file:
        file.writelines(pieces)
        os.fchmod(file.fileno(), mode)


class Stager:
    """Fills run directories from the snapshot of one sweep; looks at the snapshot once.

    Attributes:
        renders: whether it needs the parameters of the runs, because there are templates among the inputs.
    """

    def __init__(self, paths: SweepPaths, inputs: Sequence[Input], snapshot: int = 1) -> None:
        """Prepare.

        Args:
            paths: the sweep.
            inputs: its inputs.
            snapshot: number of the session that took their snapshot.

        Raises:
            OSError: the snapshot cannot be read.
        """
        self._links = [entry for entry in inputs if entry.linkage in ("shared", "link")]
        self._shared = numbered(SHARED_DIR, snapshot)
        self._folders: list[str] = []
        self._copies: list[tuple[str, str, int]] = []
        self._templates: list[tuple[TextTemplate, str, int]] = []
        for entry in inputs:
            self._add_parents(entry.name)
            if entry not in self._links:
                fill_in = entry.linkage == "template"
                self._add_copy(f"{paths.inputs(snapshot)}/{entry.name}", entry.name, fill_in=fill_in)
        self.renders = bool(self._templates)

    def _add_parents(self, name: str) -> None:
        parts = name.split("/")[:-1]
        for depth in range(len(parts)):
            folder = "/".join(parts[: depth + 1])
            if folder not in self._folders:
                self._folders.append(folder)

    def _add_copy(self, top: str, name: str, *, fill_in: bool) -> None:
        for entry in entries(FileResource(top)):
            target = f"{name}/{entry.name}" if entry.name else name
            if entry.is_folder:
                self._folders.append(target)
            elif fill_in and _has_tags(entry.source):
                self._templates.append((TextTemplate(target, entry.source), target, entry.mode))
            else:
                self._copies.append((entry.source, target, entry.mode))

    def stage(
        self,
        run_dir: str,
        index: int,
        check_in: Callable[[], None] = _go_on,
        params: Mapping[str, Any] | None = None,
        interruptibly: Callable[[Callable[[], None]], None] = call,
        *,
        only_missing: bool = False,
    ) -> None:
        """Put every resource into a run directory.

        Args:
            run_dir: the directory, which exists.
            index: number of the run.
            check_in: called now and then; what it raises ends the staging.
            params: the parameters of the run, if there are templates.
            interruptibly: calls what fills in templates, which can compute for ever.
            only_missing: whether what is there already stays. What comes in then comes in whole: half of it would later
                be taken for all.

        Raises:
            OSError: the disk refused.
            InputChangedError: a linked file is missing or was changed.
            ValueError: a template cannot be filled in.
        """
        place: _Place = _whole if only_missing else nullcontext
        for folder in self._folders:
            _make_folder(f"{run_dir}/{folder}", only_missing=only_missing)
        self._copy(run_dir, check_in, place)
        if self._templates:
            interruptibly(lambda: self._fill_in(run_dir, params or {}, place))
        for entry in self._links:
            with place(f"{run_dir}/{entry.name}") as path:
                if path is not None:
                    os.symlink(self._target(entry, index), path)

    def _copy(self, run_dir: str, check_in: Callable[[], None], place: _Place) -> None:
        for number, (source, target, mode) in enumerate(self._copies, start=1):
            with place(f"{run_dir}/{target}") as path:
                if path is not None:
                    copy_file(source, path, mode, check_in)
            if number % _CHECKED_IN_AFTER == 0:
                check_in()

    def _fill_in(self, run_dir: str, params: Mapping[str, Any], place: _Place) -> None:
        for template, target, mode in self._templates:
            with place(f"{run_dir}/{target}") as path:
                if path is not None:
                    write_pieces(template.render(params), path, mode)

    def _target(self, entry: Input, index: int) -> str:
        if entry.linkage == "shared":
            return f"{up_to_sweep(index, entry.name)}{self._shared}/{entry.name}"
        _check_unchanged(entry)
        return entry.source


def _make_folder(path: str, *, only_missing: bool) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        if not only_missing:
            raise


@contextmanager
def _whole(path: str) -> Iterator[str | None]:
    """The name under which to write a file that is to appear as a whole; None if it is there."""
    if os.path.lexists(path):
        yield None
        return
    temporary = f"{path}.multirun.tmp"
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    yield temporary
    os.rename(temporary, path)


def _has_tags(path: str) -> bool:
    with open(path, "rb") as file:
        return has_tags(file.read())


def _check_unchanged(entry: Input) -> None:
    try:
        found = os.stat(entry.source)
    except OSError as error:
        raise InputChangedError(f"the linked input {explain(error)}") from error
    if entry.kind == "file" and (found.st_size, found.st_mtime_ns) != (entry.size, entry.mtime_ns):
        raise InputChangedError(
            f"the linked input {entry.source!r} was changed after the sweep started; "
            "start a new sweep, or use linkage='copy'"
        )
