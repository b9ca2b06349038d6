"""Starting a program, and telling apart why one cannot be started."""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Mapping

from multirun.files import LACKING

TEXT_BUSY_TRIES = 8
_DEFAULT_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_OUTPUT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC


class CannotExecuteError(Exception):
    """The program itself cannot be started, now or later."""


def spawn(argv: list[str], env: Mapping[bytes, bytes], stdout: str, stderr: str, stdin: str | None = None) -> int:
    """Start a program in the current directory with a session of its own; return its process id.

    Args:
        argv: the words of the command; the first is looked up in the `PATH` of `env` unless it contains a slash.
        env: its whole environment.
        stdout: file for its standard output.
        stderr: file for its standard error.
        stdin: file that it reads as its standard input; without it, the null device.

    Raises:
        CannotExecuteError: the command is not found, is not executable or has no interpreter.
        OSError: the machine lacks something (see `files.LACKING`), or the executable is being written (`ETXTBSY`).
    """
    word = argv[0]
    path = word if "/" in word else find_program(word, os.fsdecode(env.get(b"PATH", os.defpath.encode())))
    opened: list[int] = []
    try:
        opened.append(os.open(stdout, _OUTPUT, 0o666))
        opened.append(os.open(stderr, _OUTPUT, 0o666))
        if stdin is not None:
            opened.append(os.open(stdin, os.O_RDONLY | os.O_CLOEXEC))
        return _posix_spawn(path, argv, env, opened)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _posix_spawn(path: str, argv: list[str], env: Mapping[bytes, bytes], opened: list[int]) -> int:
    out, err, *read = opened
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    actions = (
        (os.POSIX_SPAWN_DUP2, read[0], 0) if read else nothing,
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, err, 2),
    )
    try:
        return os.posix_spawn(
            path, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_DEFAULT_SIGNALS
        )
    except OSError as error:
        if error.errno in LACKING or error.errno == errno.ETXTBSY:
            raise
        raise CannotExecuteError(explain(path, error)) from error
    except ValueError as error:
        raise CannotExecuteError(f"the command cannot be passed to a program: {error}") from error


_found: dict[tuple[str, str], str] = {}


def find_program(word: str, search_path: str) -> str:
    """Path of the program that the first word of a command means.

    Args:
        word: the first word.
        search_path: the value of `PATH`.

    Raises:
        CannotExecuteError: no directory of `PATH` has it.
    """
    if "/" in word:
        return word
    known = _found.get((word, search_path))
    if known is not None and os.access(known, os.X_OK):
        return known
    path = _search(word, search_path)
    if path.startswith("/"):
        _found[(word, search_path)] = path
    return path


def _search(word: str, search_path: str) -> str:
    candidates = [f"{folder or '.'}/{word}" for folder in search_path.split(os.pathsep)]
    files = [path for path in candidates if os.path.isfile(path)]
    for path in files:
        if os.access(path, os.X_OK):
            return path
    if files:
        raise CannotExecuteError(f"{files[0]!r} is not executable; make it so with chmod +x")
    raise CannotExecuteError(f"command not found: {word!r} is in no folder of PATH; give its full path")


def explain(path: str, error: OSError) -> str:
    """Why the system refused to execute `path`, in words."""
    if error.errno == errno.ENOENT:
        return _missing(path)
    if error.errno == errno.EACCES:
        return _refused(path)
    if error.errno == errno.ENOEXEC:
        return f"{path!r} is no program this machine can execute; a script needs a first line such as #!/bin/sh"
    if error.errno == errno.E2BIG:
        return f"the command and environment for {path!r} are too long for this machine; pass large values in files"
    return f"{path!r} cannot be executed: {error.strerror}"


def _missing(path: str) -> str:
    if os.path.isfile(path):
        interpreter = read_interpreter(path)
        named = f"its interpreter {interpreter!r}" if interpreter else "the loader it was linked for"
        return f"{path!r} cannot be executed: {named} does not exist"
    where = "" if path.startswith("/") else " in the run directory; give its full path or add it to input_files"
    return f"command not found: there is no {path!r}{where}"


def _refused(path: str) -> str:
    if os.path.isdir(path):
        return f"{path!r} is a folder, not a program"
    interpreter = read_interpreter(path)
    if os.access(path, os.X_OK) and interpreter:
        return f"{path!r} cannot be executed: its interpreter {interpreter!r} is not executable"
    mode = stat.filemode(os.stat(path).st_mode) if os.path.exists(path) else "out of reach"
    return f"{path!r} is not executable ({mode}); make it so with chmod +x"


def read_interpreter(path: str) -> str | None:
    """The interpreter that the first line of a script names, None if there is no such line."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            first = file.readline(512)
    except OSError:
        return None
    words = first[2:].split() if first.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None
