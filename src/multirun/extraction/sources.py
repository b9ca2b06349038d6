"""What a program printed or wrote, and finding things in it: by regular expression, by key in JSON, by column in CSV.

Files of any size and any content are met here: they are mapped into memory or read line by line, and what is taken out
of them is bounded.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import IO, Any

from multirun.extraction import Extraction, MissingError, UnusableError
from multirun.extraction.columns import options, take_column
from multirun.files import LACKING

LARGEST_JSON = 64 << 20
"""Bytes of JSON that are parsed; it takes many times its size in memory."""
LARGEST_DECODED = 64 << 20
"""Bytes that are searched for an expression with characters beyond ASCII, for which they have to be decoded."""
LARGEST_TEXT = 8 << 20
"""Bytes that one rule may take out of a file."""
MOST_VALUES = 100_000
_SHOWN = 80


def find(rule: Extraction, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """What a rule finds in a file: text, a list of texts, a number, or a JSON value.

    Args:
        rule: the rule.
        path: the file.

    Raises:
        MissingError: it is not there.
        UnusableError: the file cannot be read as what it should be.
        OSError: the machine lacks something (see `files.LACKING`).
    """
    with _open(path) as file:
        return _FINDERS[rule.kind](rule, file)


def _open(path: str) -> IO[bytes]:
    """Open a regular file, without waiting for the writer of a FIFO.

    Raises:
        MissingError: there is none.
        UnusableError: it is something else, or may not be read.
    """
    try:
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError("does not exist") from error
    except IsADirectoryError as error:
        raise UnusableError("is a folder") from error
    except OSError as error:
        if error.errno in LACKING:
            raise
        raise UnusableError(f"cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UnusableError("is no regular file")
    return file


# ------------------------------------------------------------------------------------ regular expressions


def compile_pattern(pattern: str) -> re.Pattern[Any]:
    """An expression as it is searched for: in bytes if it is ASCII, otherwise in decoded text.

    Raises:
        ValueError: it is no regular expression; the text says why.
    """
    try:
        return re.compile(pattern.encode("ascii") if pattern.isascii() else pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(str(error)) from error


def show_pattern(pattern: str) -> str:
    """An expression as it is written in a program, cut if it is long."""
    text = f"r'{pattern}'" if "\\" in pattern and pattern.isprintable() and "'" not in pattern else repr(pattern)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _find_text(rule: Extraction, file: IO[bytes]) -> str | list[str]:
    pattern = compile_pattern(str(rule.target))
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise MissingError("is empty")
    if isinstance(pattern.pattern, str) and size > LARGEST_DECODED:
        raise UnusableError(
            f"has {size} bytes; an expression with characters beyond ASCII is searched in at most {LARGEST_DECODED}"
        )
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    content.madvise(mmap.MADV_SEQUENTIAL)
    whole = _decode(content[:]) if isinstance(pattern.pattern, str) else content
    found = [_decode(text) for text in _TAKES[str(rule.take)](_groups(pattern, whole))]
    if not found:
        raise MissingError(f"has no match of {show_pattern(str(rule.target))}")
    return found if rule.take == "all" else found[0]


def _groups(pattern: re.Pattern[Any], content: Any) -> Iterator[Any]:  # noqa: ANN401 - what can be searched
    """What the group of each match holds, or the whole match if there is no group."""
    for match in pattern.finditer(content):
        begin, end = match.span(pattern.groups)
        if end - begin > LARGEST_TEXT:
            raise UnusableError(f"has a match of {end - begin} bytes; at most {LARGEST_TEXT} can be taken")
        if begin >= 0:
            yield content[begin:end]


def _decode(text: str | bytes) -> str:
    return text if isinstance(text, str) else str(text, "utf-8", "backslashreplace")


def _first(texts: Iterator[Any]) -> list[Any]:
    return [text for text, _ in zip(texts, range(1), strict=False)]


def _last(texts: Iterator[Any]) -> list[Any]:
    last = []
    for text in texts:
        last = [text]
    return last


def _all(texts: Iterator[Any]) -> list[Any]:
    taken, size = [], 0
    for text in texts:
        taken.append(text)
        size += len(text)
        if len(taken) > MOST_VALUES or size > LARGEST_TEXT:
            raise UnusableError(f"has more matches than can be taken, {MOST_VALUES} with {LARGEST_TEXT} bytes at most")
    return taken


_TAKES: dict[str, Callable[[Iterator[Any]], list[Any]]] = {"first": _first, "last": _last, "all": _all}


# ------------------------------------------------------------------------------------------------- JSON


def _find_key(rule: Extraction, file: IO[bytes]) -> object:
    size = os.fstat(file.fileno()).st_size
    if size > LARGEST_JSON:
        raise UnusableError(f"has {size} bytes; JSON is read up to {LARGEST_JSON}")
    data = file.read()
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        why = "it is empty" if not data else "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UnusableError(f"is no valid JSON: {why}") from error
    return document if rule.target is None else look_up(document, str(rule.target))


def look_up(document: object, key: str) -> object:
    """The value at a dotted key; in a list, a step is a number from 0, or from -1 backwards.

    Keys that contain dots are found too.

    Raises:
        MissingError: there is none; the text lists what there is.
    """
    for value in _matches(document, key):
        return value
    raise MissingError(f"has no {key!r}{_hint(document, key)}")


def _matches(document: object, key: str) -> Iterator[object]:
    steps = key.split(".")
    for length in range(len(steps), 0, -1):
        found = _step(document, ".".join(steps[:length]))
        for value in found:
            if length == len(steps):
                yield value
            else:
                yield from _matches(value, ".".join(steps[length:]))


def _step(document: object, step: str) -> list[object]:
    """The value behind one step, in a list that is empty if there is none."""
    if isinstance(document, dict):
        return [document[step]] if step in document else []
    if isinstance(document, list) and step.removeprefix("-").isdecimal() and len(step) < 10:
        return [document[int(step)]] if -len(document) <= int(step) < len(document) else []
    return []


def _hint(document: object, key: str, way: str = "") -> str:
    """What there is instead: at the first step that leads nowhere."""
    step, dot, rest = key.partition(".")
    inner = _step(document, step)
    if inner and dot:
        return _hint(inner[0], rest, f"{way}.{step}" if way else step)
    where = repr(way) if way else "it"
    if isinstance(document, dict):
        return options(step, list(document), way)
    return f"; {where} is a list of {len(document)}" if isinstance(document, list) else f"; {where} is no map"


# -------------------------------------------------------------------------------------------------- CSV


def _find_cells(rule: Extraction, file: IO[bytes]) -> str | int | float:
    head = file.read(2)
    file.seek(0)
    encoding = "utf-16" if head in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with io.TextIOWrapper(file, encoding=encoding, errors="backslashreplace", newline="") as text:
        return take_column(rule, text)


_FINDERS: dict[str, Callable[[Extraction, IO[bytes]], Any]] = {
    "regex": _find_text,
    "json": _find_key,
    "csv": _find_cells,
}
