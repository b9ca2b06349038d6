"""Commands that people are told to type next; pure, apart from the question where they are."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable


def users_directory() -> str:
    """The directory where the user's shell is, wherever this process went since; empty if that is not known."""
    return os.path.realpath(named) if (named := os.environ.get("PWD")) else working_directory()


def working_directory() -> str:
    """The directory where this process is; empty if it does not exist any more."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def shorten(path: str, here: str) -> str:
    """A path as short as the user's directory allows, and such that no command takes it for an option.

    Args:
        path: an absolute path.
        here: the directory where the user is; empty if that is not known.
    """
    below = f"{here.rstrip('/')}/"
    short = path[len(below) :] if here and path.startswith(below) else path
    return f"./{short}" if short.startswith("-") else short


def next_command(verb: str, root: str, *words: str, here: str = "") -> str:
    """A command about a sweep, ready for a shell: `multirun show study 17`.

    Args:
        verb: what to do.
        root: the sweep directory, absolute.
        words: what follows the directory.
        here: the directory where the user is.
    """
    return shlex.join(["multirun", verb, shorten(root, here), *words])


def going_on(root: str) -> str:
    """What to do about a sweep that was stopped.

    Args:
        root: the sweep directory, absolute.
    """
    return f"to go on, call it again with resume=True, or type: {next_command('resume', root)}"


def root_of(path: str, roots: Iterable[str]) -> str | None:
    """The sweep directory that holds a path, the innermost if one lies in another; None if no one does."""
    holding = [root for root in roots if path.startswith(f"{root}/")]
    return max(holding, key=len) if holding else None
