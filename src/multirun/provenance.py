"""Where a sweep comes from: who started it, where, when, with which versions, and from which state of which code."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from time import monotonic
from typing import Any

from multirun.durations import local_time
from multirun.processes import user_name

_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false")
_GIT_LIMIT_S = 2.0


def describe_origin(git: CodeState, runner: object) -> dict[str, object]:
    """Who starts a sweep, where, when and with which versions; for people only.

    Args:
        git: the state of the code; it is waited for.
        runner: where the runs will be executed.
    """
    return {
        "time": local_time(),
        "host": socket.gethostname(),
        "user": user_name(),
        "directory": os.getcwd(),
        "argv": sys.argv,
        "runner": {"kind": type(runner).__name__, "max_parallel": getattr(runner, "max_parallel", None)},
        "python": platform.python_version(),
        "multirun": _version(),
        "platform": platform.platform(),
        "git": git.result(),
    }


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("multirun-sweep")
    except PackageNotFoundError:
        return "unknown"


def code_directory() -> str | None:
    """The directory of the program that calls, or else the current one; None if neither is in a git repository."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    candidates = [os.path.dirname(os.path.abspath(program))] if program else []
    return next(filter(_is_in_repository, [*candidates, os.getcwd()]), None)


class CodeState:
    """The commit of a git repository, and whether it has changes that are not committed; found out meanwhile.

    Git gets two seconds. What it does not say by then, or where there is no git, is None. It has to be closed.
    """

    def __init__(self, directory: str | None) -> None:
        """Ask git about a directory; nothing is started if there is none."""
        self._directory = directory
        self._deadline = monotonic() + _GIT_LIMIT_S
        self._commit = self._start("rev-parse", "--verify", "HEAD")
        self._changes = self._start("status", "--porcelain", "--untracked-files=no")

    def close(self) -> None:
        """Leave no process behind."""
        for process in (self._commit, self._changes):
            if process is not None and process.returncode is None:
                process.kill()
                process.communicate()

    def _start(self, *words: str) -> subprocess.Popen[bytes] | None:
        if self._directory is None:
            return None
        try:
            return subprocess.Popen(
                [*_GIT, "-C", self._directory, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return None

    def result(self) -> dict[str, Any] | None:
        """`directory`, `commit` and `dirty`; None if there is no repository."""
        commit, changes = self._answer(self._commit), self._answer(self._changes)
        if commit is None and changes is None:
            return None
        dirty = None if changes is None else bool(changes)
        return {"directory": self._directory, "commit": commit.decode() if commit else None, "dirty": dirty}

    def _answer(self, process: subprocess.Popen[bytes] | None) -> bytes | None:
        """What git wrote, None if it failed or took too long."""
        if process is None:
            return None
        try:
            output, _ = process.communicate(timeout=max(0.0, self._deadline - monotonic()))
        except subprocess.TimeoutExpired:
            return None
        return output.strip() if process.returncode == 0 else None


def _is_in_repository(directory: str) -> bool:
    while True:
        if os.path.lexists(os.path.join(directory, ".git")):
            return True
        above = os.path.dirname(directory)
        if above == directory:
            return False
        directory = above
