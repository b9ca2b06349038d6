"""Other Pythons: whether the one that is going to execute a script can import multirun."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from multirun.command import fields

_PYTHON = re.compile(r"python[\d.]*t?|pypy[\d.]*")
_FLAGS = re.compile(r"-[bBdEiIOPqRsSuv]+")
_IMPORT = re.compile(
    rb"""(?:^|;)[ \t]*
    (?: from[ \t]+multirun\b
    | import[ \t]+(?:[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*,[ \t]*)*multirun\b )""",
    re.MULTILINE | re.VERBOSE,
)
_GUARDS = (b"ImportError", b"ModuleNotFoundError")
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_OLDEST = (3, 11)
_PATIENCE_S = 10.0
_PROBE = """
import sys
try:
    import multirun
    multirun.getRunParams
    print("fine")
except Exception:
    print("%d.%d" % sys.version_info[:2])
    try:
        import pip
        print("pip")
    except Exception:
        print("no pip")
"""


def is_python(path: str) -> bool:
    """Whether a program is a Python, by its name."""
    return _PYTHON.fullmatch(os.path.basename(path)) is not None


def is_own(path: str) -> bool:
    """Whether a program is the one that executes this."""
    return os.path.abspath(path) == os.path.abspath(sys.executable)


def script_of(words: Sequence[str]) -> str | None:
    """The script among the words that a Python is told, None if there is none that looks like one.

    Args:
        words: what follows the Python in a command.
    """
    before = ""
    for word in words:
        if before not in _WITH_VALUE and not word.startswith("-"):
            return word if word.endswith(".py") else None
        if word in ("-c", "-m"):
            return None
        before = word
    return None


def explain_missing(words: Sequence[str], scripts: Iterable[tuple[str, bytes]], env: Mapping[str, str]) -> str | None:
    """Which Python cannot import multirun, what needs it, and what to install there; None if all is well or unknown.

    Args:
        words: a Python, and what it is going to be told.
        scripts: names and texts of what it will or may execute.
        env: environment variables on top of ours, templates included.
    """
    needy = next((name for name, source in scripts if _imports_multirun(source)), None)
    if needy is None or any(name.startswith("PYTHON") and fields([value]) for name, value in env.items()):
        return None
    answer = _ask(words, {name: value for name, value in env.items() if not fields([value])})
    return None if not answer or answer[0] == "fine" else _advise(words[0], needy, answer)


def _imports_multirun(source: bytes) -> bool:
    """Whether a script cannot do without; one that catches the error can."""
    return b"\0" not in source and bool(_IMPORT.search(source)) and not any(guard in source for guard in _GUARDS)


def _ask(words: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """What a Python says when it imports multirun: `fine`, or its version and whether it has pip."""
    flags = takewhile(_FLAGS.fullmatch, words[1:])
    try:
        done = subprocess.run(
            [words[0], *flags, "-c", _PROBE],
            env=os.environ | env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


def _advise(python: str, script: str, answer: Sequence[str]) -> str:
    version = tuple(int(part) for part in answer[0].split(".") if part.isdigit())
    if version < _OLDEST:
        return (
            f"{script} imports multirun, but {python} is Python {answer[0]} and multirun needs 3.11 or newer; "
            f"use a newer one, such as {sys.executable}"
        )
    there = shlex.quote(python)
    pip = f"{there} -m pip" if "pip" in answer else f"{shlex.quote(sys.executable)} -m pip --python {there}"
    return f"{script} imports multirun, which {python} does not have; install it there: {pip} install {_origin()}"


def _origin() -> str:
    """What pip has to be told to install the multirun that is running now."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    try:
        recorded = json.loads(distribution("multirun-sweep").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        recorded = {}
    url = recorded.get("url", "")
    if url.startswith("file://"):
        return shlex.quote(unquote(urlsplit(url).path))
    vcs = recorded.get("vcs_info", {}).get("vcs")
    return shlex.quote(f"{vcs}+{url}" if vcs else url or "multirun-sweep")
