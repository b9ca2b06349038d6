"""Input files and folders that a sweep gives to its runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from multirun.contract import JOURNAL_DIR, RUNS_DIR, is_reserved_name, is_system_text

FileLinkage = Literal["copy", "shared", "link", "template"]
LINKAGES: tuple[FileLinkage, ...] = get_args(FileLinkage)


@dataclass(frozen=True, slots=True)
class FileResource:
    """A file or folder that every run finds in its directory.

    Attributes:
        path: the file or folder, relative to the current directory of the caller.
        linkage: `"shared"`: one read-only copy inside the sweep that each run sees through a symbolic link; `"copy"`:
            a private copy for each run, made from a snapshot taken when the sweep starts; `"link"`: a symbolic link to
            the original, which must not change while the sweep runs; `"template"`: a copy in which `{{ name }}` is
            replaced by the parameter of the run (the language is that of Jinja2).
        rename: its relative path in the run directory, which may be nested; by default the last part of `path`.
    """

    path: str | os.PathLike[str]
    linkage: FileLinkage = "shared"
    rename: str | None = None

    @property
    def name(self) -> str:
        """Relative path of the resource in a run directory."""
        if self.rename is None:
            return os.path.basename(os.path.abspath(os.fspath(self.path)))
        return "/".join(part for part in str(self.rename).split("/") if part != ".").rstrip("/")

    @property
    def source(self) -> str:
        """Absolute path of the original."""
        return os.path.abspath(os.fspath(self.path))


class Template(FileResource):
    """A text file, or a folder of them, that is filled in with the parameters of each run.

    The same as `FileResource(path, linkage="template", rename=rename)`.
    """

    __slots__ = ()

    def __init__(self, path: str | os.PathLike[str], rename: str | None = None) -> None:
        """Name a template.

        Args:
            path: the file or folder, relative to the current directory of the caller.
            rename: its relative path in the run directory; by default the last part of `path`.
        """
        super().__init__(path, "template", rename)

    def __repr__(self) -> str:
        rename = "" if self.rename is None else f", rename={self.rename!r}"
        return f"Template({self.path!r}{rename})"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder below a resource.

    Attributes:
        name: path relative to the resource, `""` for the resource itself.
        source: absolute path of the original.
        is_folder: whether it is a folder.
        mode: permission bits.
    """

    name: str
    source: str
    is_folder: bool
    mode: int


def find_same(resource: FileResource, resources: Iterable[FileResource]) -> FileResource | None:
    """The resource among others that gives a run the same thing under the same name, None if there is none."""
    facts = resource.source, resource.linkage, resource.name
    return next((each for each in resources if (each.source, each.linkage, each.name) == facts), None)


def check_resources(resources: Iterable[FileResource]) -> list[str]:
    """Everything that is wrong with the resources of a sweep, one sentence each."""
    listed = list(resources)
    mistakes = [mistake for resource in listed for mistake in check_resource(resource)]
    mistakes.extend(_clashes(listed))
    return mistakes


def check_resource(resource: FileResource) -> Iterator[str]:
    """Everything that is wrong with one resource."""
    label = f"input {os.fspath(resource.path)!r}"
    if resource.linkage not in LINKAGES:
        yield f"{label}: {_bad_linkage(resource.linkage)}"
    wrong = _name_mistake(resource)
    if wrong:
        yield f"{label}: {wrong}"
    yield from (f"{label}: {mistake}" for mistake in _file_mistakes(resource))


def _bad_linkage(linkage: object) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(linkage), LINKAGES, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(map(repr, LINKAGES))}"
    return f"unknown linkage {linkage!r}; {hint}"


def _name_mistake(resource: FileResource) -> str | None:
    name = resource.name
    parts = name.split("/")
    checks = {
        "is empty; give rename= a relative path": not name,
        "is absolute; it must be a path relative to the run directory": name.startswith("/"),
        'contains ".."; a resource must stay inside the run directory': ".." in parts,
        'contains an empty part; write "a/b" with single slashes': "" in parts[:-1] and not name.startswith("/"),
        "contains NUL or a surrogate, which no file name can": not is_system_text(name),
        "has a part longer than 255 bytes": any(len(part.encode(errors="replace")) > 255 for part in parts),
        "is reserved for multirun's own files; choose another with rename=": is_reserved_name(parts[0]),
    }
    return next((f"the name {name!r} {what}" for what, wrong in checks.items() if wrong), None)


def _file_mistakes(resource: FileResource) -> Iterator[str]:
    if not os.fspath(resource.path):
        yield "the path is empty; name a file or folder"
        return
    try:
        if resource.linkage == "link":
            kind_of(resource.source)
        else:
            for _ in entries(resource):
                pass
    except (OSError, ValueError) as error:
        yield explain(error)


def explain(error: Exception) -> str:
    """A sentence about an error met while looking at inputs."""
    if isinstance(error, FileNotFoundError):
        broken = os.path.islink(str(error.filename))
        return f"{error.filename!r} is a broken symbolic link" if broken else f"{error.filename!r} does not exist"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename!r} cannot be read: {error.strerror}"
    return str(error)


def kind_of(path: str) -> os.stat_result:
    """The `stat` of a regular file or folder, symbolic links followed.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is something else, such as a FIFO, a socket or a device.
    """
    found = os.stat(path)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise ValueError(f"{path!r} is {_special(found.st_mode)}, not a file or folder")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{path!r} cannot be read: permission denied")
    return found


def _special(mode: int) -> str:
    kinds = {
        stat.S_ISFIFO: "a FIFO",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a character device",
        stat.S_ISBLK: "a block device",
    }
    return next((text for test, text in kinds.items() if test(mode)), "a special file")


def entries(resource: FileResource) -> Iterator[Entry]:
    """The resource and everything below it, folders first, names in order; symbolic links are followed.

    Sweeps that lie in a folder are left out: with `"."` as an input, each sweep would else hold all earlier ones.

    Raises:
        OSError: something is missing or cannot be read.
        ValueError: something is neither file nor folder, or a symbolic link leads back into a folder around it.
    """
    yield from _walk("", resource.source, ())


def _walk(name: str, path: str, around: tuple[tuple[int, int], ...]) -> Iterator[Entry]:
    found = kind_of(path)
    is_folder = stat.S_ISDIR(found.st_mode)
    yield Entry(name, path, is_folder, stat.S_IMODE(found.st_mode))
    if not is_folder:
        return
    key = (found.st_dev, found.st_ino)
    if key in around:
        raise ValueError(f"{path!r} is a symbolic link back into a folder around it")
    for child in sorted(os.listdir(path)):
        if not is_sweep(f"{path}/{child}"):
            yield from _walk(f"{name}/{child}" if name else child, f"{path}/{child}", (*around, key))


def is_sweep(path: str) -> bool:
    """Whether a folder is the directory of a sweep, be it one that is just being made."""
    return os.path.isdir(f"{path}/{JOURNAL_DIR}") and os.path.isdir(f"{path}/{RUNS_DIR}")


def _clashes(resources: list[FileResource]) -> Iterator[str]:
    owners: dict[str, FileResource] = {}
    for resource in resources:
        if resource.name in owners:
            both = f"inputs {_quoted(owners[resource.name])} and {_quoted(resource)}"
            yield f"{both} would both be called {resource.name!r}; use rename= for one of them"
        owners.setdefault(resource.name, resource)
    for name, inner in owners.items():
        for outer in filter(None, map(owners.get, _folders_around(name))):
            what = f"input {_quoted(inner)}, called {name!r}, would lie inside {_quoted(outer)}"
            yield f"{what}, called {outer.name!r}; use rename= for one of them"


def _folders_around(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _quoted(resource: FileResource) -> str:
    return repr(os.fspath(resource.path))
