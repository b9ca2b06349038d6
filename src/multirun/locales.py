"""Which characters the user's terminal shows."""

from __future__ import annotations

import os
from collections.abc import Mapping

_LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")
"""The variables that say which encoding a terminal has; the first that is set counts."""
_PLAINER = str.maketrans({"…": "...", "·": "-", "≤": "<=", "≥": ">="})


def initial_environment() -> dict[str, str]:
    """The environment as the process was given it: Python changes its locale if that is C."""
    try:
        with open("/proc/self/environ", "rb") as file:
            items = file.read().decode(errors="replace").split("\0")
    except OSError:
        return dict(os.environ)
    return dict((*item.partition("=")[::2],) for item in items if "=" in item)


def speaks_unicode(environment: Mapping[str, str]) -> bool:
    """Whether the user's locale does, or somebody told Python that UTF-8 is what is wanted.

    Args:
        environment: the variables that the user set.
    """
    if environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8") == "1":
        return True
    locale = next((environment[name] for name in _LOCALES if environment.get(name)), "C")
    return locale not in ("C", "POSIX")


def plainer(text: str) -> str:
    """A text in which the characters that we like to use, and not every terminal shows, are spelled in ASCII."""
    return text.translate(_PLAINER)
