"""Every state in which a loss of power may leave some files, found by watching which steps are on the disk when.

The model is that of POSIX: what was written to a file is on the disk for certain after an fsync of the file; before
that any beginning of it may be, with the last part torn. A name is on the disk for certain after an fsync of its
folder; before that any beginning of the changes in the folder may be.
"""

import builtins
import itertools
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

Contents = Mapping[str, int]
"""Of a folder: its names, and the numbers of the files and folders that have them."""
_STEPS = ("open", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "rename", "replace", "link", "unlink", "mkdir")


class Things(NamedTuple):
    """What there is at one moment, by number.

    Attributes:
        files: what they hold.
        folders: what they hold.
    """

    files: dict[int, bytes]
    folders: dict[int, Contents]


class Recorder:
    """Watches a folder while something is written there.

    Attributes:
        states: every tree that a loss of power may leave, with what had been promised by then.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = root.stat().st_ino
        self._promised: list[object] = []
        now = self._look()
        self._files = {number: [data] for number, data in now.files.items()}
        self._folders = {number: [names] for number, names in now.folders.items()}
        self.states: dict[tuple[object, ...], tuple[Tree, list[object]]] = {}
        self._enumerate()

    def promise(self, what: object) -> None:
        """Note that a caller was told that something is kept."""
        self._promised = [*self._promised, what]
        self._enumerate()

    def _look(self) -> Things:
        files: dict[int, bytes] = {}
        folders: dict[int, Contents] = {}
        for path, names, others in os.walk(self._root):
            folders[os.stat(path).st_ino] = {name: os.lstat(f"{path}/{name}").st_ino for name in (*names, *others)}
            for name in others:
                files[os.stat(f"{path}/{name}").st_ino] = Path(path, name).read_bytes()
        return Things(files, folders)

    def step(self) -> None:
        """Note what has changed."""
        now = self._look()
        for number, data in now.files.items():
            versions = self._files.setdefault(number, [b""])
            if versions[-1] != data:
                versions.append(data)
        for number, names in now.folders.items():
            known = self._folders.setdefault(number, [{}])
            if known[-1] != names:
                known.append(names)
        self._enumerate()

    def synced(self, descriptor: int) -> None:
        """Note that a file or folder is on the disk as it is."""
        self.step()
        found = os.fstat(descriptor)
        versions: dict[int, list[Any]] = self._folders if stat.S_ISDIR(found.st_mode) else self._files
        if found.st_ino in versions:
            del versions[found.st_ino][:-1]
            self._enumerate()

    def _enumerate(self) -> None:
        folders = list(self._folders)
        for chosen in itertools.product(*(range(len(self._folders[number])) for number in folders)):
            tree = {number: self._folders[number][at] for number, at in zip(folders, chosen, strict=True)}
            for state in self._fill(self._top, tree):
                key = (_key(state), *map(repr, self._promised))
                self.states.setdefault(key, (state, self._promised))

    def _fill(self, folder: int, folders: Mapping[int, Contents]) -> Iterator["Tree"]:
        """The trees below a folder whose folders hold what they are said to hold."""
        names = sorted(folders.get(folder, {}).items())
        choices = [
            list(self._fill(number, folders)) if number in self._folders else _parts(self._files[number])
            for _, number in names
        ]
        for chosen in itertools.product(*choices):
            yield {name: content for (name, _), content in zip(names, chosen, strict=True)}


Tree = dict[str, Any]
"""Names, and for each the bytes of a file or another tree."""


def _parts(versions: list[bytes]) -> list[bytes]:
    """What may be on the disk of a file: each version, and between two of them half of what the later one adds."""
    found = dict.fromkeys(versions)
    for before, after in itertools.pairwise(versions):
        if after.startswith(before):
            found[after[: (len(before) + len(after)) // 2]] = None
            found[before + bytes(len(after) - len(before))] = None  # the new length, but not yet what is there
    return list(found)


def _key(tree: Tree) -> tuple[object, ...]:
    return tuple((name, _key(item) if isinstance(item, dict) else item) for name, item in sorted(tree.items()))


@contextmanager
def recorded(root: Path) -> Iterator[Recorder]:
    """Watch what this process writes below a folder."""
    recorder = Recorder(root)
    genuine = {name: getattr(os, name) for name in _STEPS}
    genuine_open = builtins.open
    busy = False

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def do(*arguments: Any, **options: Any) -> Any:
            nonlocal busy
            if busy:
                return call(*arguments, **options)
            done = call(*arguments, **options)
            busy = True
            try:
                recorder.synced(arguments[0]) if name in ("fsync", "fdatasync") else recorder.step()
            finally:
                busy = False
            return done

        return do

    try:
        for name, call in genuine.items():
            setattr(os, name, watched(name, call))
        builtins.open = watched("open", genuine_open)
        yield recorder
    finally:
        builtins.open = genuine_open
        for name, call in genuine.items():
            setattr(os, name, call)


def build(tree: Tree, path: Path) -> Path:
    """Make a tree real, in place of what was there."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for name, item in tree.items():
        if isinstance(item, dict):
            build(item, path / name)
        else:
            (path / name).write_bytes(item)
    return path
