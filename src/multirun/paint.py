"""Lines with the colours of a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multirun.styled import Line, Role


class _Look(NamedTuple):
    """Parameters of the control sequence that selects a rendition: the colour can be refused, the rest not."""

    weight: str = ""
    colour: str = ""


_BOLD, _FAINT = "1", "2"
_RED, _GREEN, _YELLOW, _CYAN = "31", "32", "33", "36"
_LOOKS: dict[Role, _Look] = {
    "": _Look(),
    "running": _Look(colour=_CYAN),
    "ok": _Look(colour=_GREEN),
    "failed": _Look(_BOLD, _RED),
    "skipped": _Look(_FAINT),
    "waiting": _Look(_FAINT),
    "notice": _Look(_BOLD, _YELLOW),
    "slow": _Look(colour=_YELLOW),
    "dim": _Look(_FAINT),
    "strong": _Look(_BOLD),
}


def are_colours_welcome() -> bool:
    """Whether nobody asked for none; see no-color.org."""
    return not os.environ.get("NO_COLOR")


def paint(line: Line, *, coloured: bool) -> str:
    """A line as a terminal takes it.

    Args:
        line: the line.
        coloured: whether it may have colours.
    """
    return "".join(_paint(text, _LOOKS[role], coloured=coloured) for text, role in line)


def _paint(text: str, look: _Look, *, coloured: bool) -> str:
    codes = ";".join(filter(None, (look.weight, look.colour if coloured else "")))
    return f"\x1b[{codes}m{text}\x1b[0m" if codes else text
