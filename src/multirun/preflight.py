"""A look at the program before anything starts: whether it is there, can be executed, and can import multirun."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from multirun.command import fields
from multirun.launcher.spawn import CannotExecuteError, explain, find_program
from multirun.pythons import explain_missing, is_own, is_python, script_of

if TYPE_CHECKING:
    from multirun.resources import FileResource

_LARGEST_SCRIPT = 1 << 20


class Program(NamedTuple):
    """What each run is going to execute.

    Attributes:
        words: the words of the command, templates included.
        env: environment variables of the runs on top of the caller's, templates included.
        resources: what each run finds in its directory.
    """

    words: Sequence[str]
    env: Mapping[str, str]
    resources: Sequence[FileResource]

    def search_path(self) -> str | None:
        """The `PATH` of the runs, None if it differs between them."""
        path = self.env.get("PATH", os.environ.get("PATH", os.defpath))
        return None if fields([path]) else path

    def staged(self, name: str) -> tuple[FileResource, str] | None:
        """The resource that a path in a run directory belongs to, and the path of the original.

        Args:
            name: the path, relative to the run directory.
        """
        wanted = os.path.normpath(name)
        for resource in self.resources:
            if wanted == resource.name or wanted.startswith(f"{resource.name}/"):
                return resource, resource.source + wanted[len(resource.name) :]
        return None


def check_program(program: Program) -> Iterator[str]:
    """Everything that will keep every run from being executed, one sentence each; nothing where that is not certain.

    Args:
        program: what each run is going to execute.
    """
    word, path = program.words[0], program.search_path()
    if fields([word]) or path is None:
        return
    try:
        found = _find(program, word, path)
        if found is not None:
            interpreter = _check_interpreter(found, path)
            _check_script(program, found)
            words = [found.path, *program.words[1:]]
            missing = _explain_python(program, words if is_python(found.path) else [*interpreter, *words])
            if missing is not None:
                yield missing
    except CannotExecuteError as error:
        yield str(error)


# ------------------------------------------------------------------------------- found and executable


class _Found(NamedTuple):
    path: str
    is_template: bool = False


def _find(program: Program, word: str, search_path: str) -> _Found | None:
    """The program that a word means, None if nobody can tell yet.

    Raises:
        CannotExecuteError: there is none, or it is not executable.
    """
    if word.startswith("/"):
        _check_mode(word, executable=os.access(word, os.X_OK))
        return _Found(word)
    if "/" in word:
        return _find_staged(program, word)
    folders = search_path.split(os.pathsep)
    if any(not folder.startswith("/") and program.staged(f"{folder or '.'}/{word}") for folder in folders):
        return None
    try:
        return _Found(find_program(word, os.pathsep.join(filter(os.path.isabs, folders)) or "/"))
    except CannotExecuteError as error:
        if program.staged(word) is None:
            raise
        why = str(error).partition(";")[0]
        raise CannotExecuteError(f"{why}; for the input of that name write the text './{word}'") from error


def _find_staged(program: Program, word: str) -> _Found | None:
    if os.path.normpath(word).startswith(".."):
        return None
    staged = program.staged(word)
    if staged is None:
        raise CannotExecuteError(f"command not found: {_not_there(word)}")
    resource, source = staged
    if not os.path.exists(resource.source):
        return None  # a mistake of the inputs, told there
    executable = os.path.exists(source) and bool(stat.S_IMODE(os.stat(source).st_mode) & 0o111)
    _check_mode(source, executable=executable)
    return _Found(source, is_template=resource.linkage == "template")


def _not_there(word: str) -> str:
    here = os.path.abspath(word)
    full = f"its full path, {here}" if os.path.exists(here) else "its full path"
    return f"there is no {word!r} in the run directory; add it to input_files, or give {full}"


def _check_mode(path: str, *, executable: bool) -> None:
    if not os.path.exists(path):
        raise CannotExecuteError(explain(path, FileNotFoundError(errno.ENOENT, "", path)))
    if os.path.isdir(path) or not executable:
        raise CannotExecuteError(explain(path, PermissionError(errno.EACCES, "", path)))


def _check_interpreter(found: _Found, search_path: str) -> list[str]:
    """The first line of a script as words, `env` resolved; nothing for other programs.

    Raises:
        CannotExecuteError: its interpreter is missing.
    """
    words = [] if found.is_template else _first_line(found.path)
    if not words or not words[0].startswith("/"):
        return []
    if words[-1].endswith("\r"):
        raise CannotExecuteError(
            f"{found.path!r} cannot be executed: its lines end as on Windows; correct that with sed -i 's/\\r$//'"
        )
    for code in (errno.ENOENT, errno.EACCES):
        if not os.access(words[0], os.F_OK if code == errno.ENOENT else os.X_OK):
            raise CannotExecuteError(explain(found.path, OSError(code, "", found.path)))
    if os.path.basename(words[0]) != "env" or len(words) < 2 or words[1].startswith("-") or "=" in words[1]:
        return words
    try:
        return [find_program(words[1], search_path), *words[2:]]
    except CannotExecuteError as error:
        raise CannotExecuteError(
            f"{found.path!r} cannot be executed: its interpreter {words[1]!r} is in no folder of PATH"
        ) from error


def _check_script(program: Program, found: _Found) -> None:
    """The script that a Python is told to execute has to be there, wherever the caller is now.

    Raises:
        CannotExecuteError: it is not.
    """
    script = script_of(program.words[1:]) if is_python(found.path) else None
    if script is None or fields([script]) or os.path.isabs(script) or os.path.normpath(script).startswith(".."):
        return
    if program.staged(script) is None:
        raise CannotExecuteError(_not_there(script))


def _first_line(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            first = file.readline(512)
    except OSError:
        return []
    words = first[2:].rstrip(b"\n").split(b" ") if first.startswith(b"#!") else []
    return [os.fsdecode(word) for word in words if word]


# ------------------------------------------------------------------------------- able to import multirun


def _explain_python(program: Program, words: Sequence[str]) -> str | None:
    if not is_python(words[0]) or is_own(words[0]) or program.staged("multirun") or program.staged("multirun.py"):
        return None
    return explain_missing(words, _scripts(program, words[1:]), program.env)


def _scripts(program: Program, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Names and texts of what a Python will or may execute."""
    for before, word in pairwise(["", *words]):
        staged = program.staged(f"{word}.py" if before == "-m" else word)
        path = staged[1] if staged else word
        if before == "-c":
            yield "the text after -c", word.encode("utf-8", "surrogateescape")
        elif path.startswith("/"):
            yield os.path.basename(path), _read(path)
    for resource in program.resources:
        if resource.name.endswith(".py"):
            yield resource.name, _read(resource.source)


def _read(path: str) -> bytes:
    with suppress(OSError, ValueError):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read(_LARGEST_SCRIPT)
    return b""
