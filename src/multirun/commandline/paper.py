"""Where the commands write: data on standard output, talk on standard error, colours only on a terminal."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TextIO

from multirun.hints import shorten, working_directory
from multirun.locales import initial_environment, plainer, speaks_unicode
from multirun.paint import are_colours_welcome
from multirun.paint import paint as paint_pieces
from multirun.styled import Line, Role
from multirun.wording import printable

WIDEST = 1 << 20


def width() -> int:
    """How many columns standard output has; as good as no limit where it is no terminal."""
    if not sys.stdout.isatty():
        return WIDEST
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80


def paint(text: str, role: Role) -> str:
    """A text in the look of its role, as it is where nobody wants that."""
    return paint_line(Line.of((text, role)))


def paint_line(line: Line) -> str:
    """A line whose pieces have the looks of their roles, as it is where nobody wants that."""
    return paint_pieces(line, coloured=True) if _is_coloured() else line.plain


def _is_coloured() -> bool:
    return sys.stdout.isatty() and are_colours_welcome() and os.environ.get("TERM") != "dumb"


def put(text: str) -> None:
    """Write a line of data; in ASCII, as far as it is ours, on a terminal that shows nothing else."""
    sys.stdout.write(f"{text if _is_unicode() else plainer(text)}\n")


@cache
def _is_unicode() -> bool:
    return not sys.stdout.isatty() or speaks_unicode(initial_environment())


def put_line(line: Line) -> None:
    """Write a line whose pieces have roles."""
    put(paint_line(line))


def put_bytes(data: bytes) -> None:
    """Write what a program wrote, byte for byte, and at once."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def talk(text: str) -> None:
    """Say something about the data, where it does not get in their way."""
    sys.stdout.flush()
    sys.stderr.write(f"multirun: {text}\n")
    sys.stderr.flush()


def cut(text: str, room: int) -> str:
    """A text that fits into some columns."""
    if len(text) <= room:
        return text
    return text[: max(0, room - len(_ellipsis()))] + _ellipsis()


def _ellipsis() -> str:
    return "…" if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else "..."


def prepare() -> None:
    """Let any text be written, whatever the encoding; names of files come out byte for byte where that is possible."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
        stream.reconfigure(errors="surrogateescape" if unicode else "backslashreplace")  # type: ignore[union-attr]


def _nowhere() -> TextIO:
    """What stands for a stream that was closed by whoever started us."""
    return open(os.devnull, "w", encoding="utf-8")


def plural(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def name_of(root: str) -> str:
    """What a sweep is called in a sentence: its path as short as can be, the last part if that is here."""
    short = shortest(root)
    return printable(os.path.basename(root) if short == "." else short)


def shortest(path: str) -> str:
    """A path as short as the current directory allows."""
    here = working_directory()
    return "." if path == here else shorten(path, here)
