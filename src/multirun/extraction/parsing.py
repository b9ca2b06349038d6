"""The keyword `results`: from the map that a user writes to rules, with every mistake in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from multirun.contract import STDERR_FILE, STDOUT_FILE, is_system_text
from multirun.extraction import Extraction
from multirun.extraction.sources import compile_pattern, show_pattern

EXAMPLE = r'{"delay": {"stdout": r"delay = (\S+)"}}'
SOURCES = ("stdout", "stderr", "file", "json", "csv")
TYPES = ("int", "float", "bool", "text")
_COMMON = ("type", "optional", "min", "max", "finite")
_OPTIONS = {
    "stdout": ("take", *_COMMON),
    "stderr": ("take", *_COMMON),
    "file": ("regex", "take", *_COMMON),
    "json": ("key", *_COMMON),
    "csv": ("column", "take", "delimiter", *_COMMON),
}
_TAKES: dict[str, tuple[str, ...]] = {
    "json": (),
    "csv": ("first", "last", "min", "max", "mean"),
    **dict.fromkeys(("stdout", "stderr", "file"), ("first", "last", "all")),
}
_LONGEST_NAME = 100


class _Mistake(Exception):  # noqa: N818 - it never leaves this module
    """What is wrong with one part of a rule."""


def parse_results(given: object) -> tuple[Extraction, ...]:
    """The rules in the value of the keyword `results`.

    Args:
        given: a map from names of results to rules, or None for no rules.

    Raises:
        ValueError: there are mistakes; `args` holds one sentence for each.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise ValueError(f"{_short(given)} is no map; write something like {EXAMPLE}")  # noqa: TRY004 - see Inspector
    mistakes: list[str] = []
    rules = [_Reader(name, rule, mistakes).read() for name, rule in given.items()]
    if mistakes:
        raise ValueError(*mistakes)
    return tuple(rule for rule in rules if rule is not None)


class _Reader:
    """Reads one rule and collects the mistakes in it."""

    def __init__(self, name: object, rule: object, mistakes: list[str]) -> None:
        self._name = name
        self._rule: Mapping[Any, Any] = rule if isinstance(rule, Mapping) else {}
        self._is_map = isinstance(rule, Mapping)
        self._given = rule
        self._mistakes = mistakes

    def read(self) -> Extraction | None:
        before = len(self._mistakes)
        self._check(_check_name, self._name)
        source = self._check(self._source)
        if source is None:
            return None
        self._check_options(source)
        kind = source if source in ("json", "csv") else "regex"
        fields: dict[str, Any] = {
            "file": self._check(self._file, source),
            "target": self._check(_TARGETS[source], self._rule),
            "take": self._take(source),
            "type": self._one_of("type", TYPES, None),
            "optional": self._switch("optional"),
            "finite": self._switch("finite"),
            "min": self._check(_limit, "min", self._rule),
            "max": self._check(_limit, "max", self._rule),
            "delimiter": self._check(_delimiter, self._rule) if source == "csv" else ",",
        }
        self._check(_check_limits, fields)
        return Extraction(str(self._name), kind, **fields) if len(self._mistakes) == before else None

    def _check(self, part: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - any field
        try:
            return part(*arguments)
        except _Mistake as mistake:
            self._mistakes.append(f"{_short(self._name)} {mistake}")
            return None

    def _source(self) -> str:
        if not self._is_map:
            hint = f'{{"stdout": {_short(self._given)}}}' if isinstance(self._given, str) else EXAMPLE[10:-1]
            raise _Mistake(f"is {_short(self._given)}, which is no rule; write something like {hint}")
        found = [source for source in SOURCES if source in self._rule]
        if len(found) == 1:
            return found[0]
        if found:
            raise _Mistake(f"has {len(found)} sources, {_listed(found, 'and')}; keep one of them")
        unknown = [hint for key in self._rule if (hint := _nearest(key, SOURCES))]
        raise _Mistake(f"does not say where to look; give {_listed(SOURCES, 'or')}{unknown[0] if unknown else ''}")

    def _check_options(self, source: str) -> None:
        known = (source, *_OPTIONS[source])
        for key in self._rule:
            if key not in known:
                hint = _nearest(key, known) or f"; there is {_listed(_OPTIONS[source], 'and')}"
                self._mistakes.append(f"{_short(self._name)} has {_short(key)}, which {source!r} does not know{hint}")

    def _file(self, source: str) -> str:
        if source in ("stdout", "stderr"):
            return STDOUT_FILE if source == "stdout" else STDERR_FILE
        name = self._rule[source]
        text = name if isinstance(name, str) else getattr(name, "__fspath__", lambda: None)()
        if isinstance(text, str) and is_system_text(text) and text[:1] not in ("", "/") and ".." not in text.split("/"):
            return text
        raise _Mistake(f"has {source!r}: {_short(name)}, which is no path below the run directory")

    def _take(self, source: str) -> Any:  # noqa: ANN401 - a word, or None for JSON
        return self._one_of("take", _TAKES[source], "last") if _TAKES[source] else None

    def _one_of(self, option: str, words: tuple[str, ...], otherwise: str | None) -> Any:  # noqa: ANN401
        return self._check(_word, option, self._rule.get(option, otherwise), words, otherwise)

    def _switch(self, option: str) -> Any:  # noqa: ANN401 - a truth value, or None after a mistake
        return self._check(_truth, option, self._rule.get(option, False))


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name[0] == "$":
        raise _Mistake(
            f"cannot be the name of a result; use up to {_LONGEST_NAME} printable characters, not beginning with '$'"
        )


def _word(option: str, value: object, words: tuple[str, ...], otherwise: str | None) -> str | None:
    if value == otherwise or (isinstance(value, str) and value in words):
        return value if isinstance(value, str) else None
    hint = _nearest(value, words) or f"; write {_listed(words, 'or')}"
    raise _Mistake(f"has {option!r}: {_short(value)}{hint}")


def _truth(option: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _Mistake(f"has {option!r}: {_short(value)}, which is neither True nor False")


def _pattern(option: str) -> Callable[[Mapping[Any, Any]], str]:
    def read(rule: Mapping[Any, Any]) -> str:
        pattern = rule.get(option)
        if not isinstance(pattern, str):
            told = f"has {option!r}: {_short(pattern)}, which is none" if option in rule else f"has no {option!r}"
            raise _Mistake(rf"{told}; give a regular expression such as r'delay = (\S+)'")
        try:
            groups = compile_pattern(pattern).groups
        except ValueError as error:
            raise _Mistake(f"has the regular expression {show_pattern(pattern)}, which is wrong: {error}") from error
        if groups > 1:
            raise _Mistake(f"has {groups} groups in {show_pattern(pattern)}; keep one, and write (?:…) for the others")
        return pattern

    return read


def _key(rule: Mapping[Any, Any]) -> str | None:
    key = rule.get("key")
    if key is None or (isinstance(key, str) and key):
        return key
    raise _Mistake(
        f"has 'key': {_short(key)}; write the way to the value as text, such as 'final.energy' or 'steps.-1'"
    )


def _column(rule: Mapping[Any, Any]) -> str | int:
    column = rule.get("column")
    if (isinstance(column, str) and column.strip()) or (isinstance(column, int) and not isinstance(column, bool)):
        return column.strip() if isinstance(column, str) else column
    told = f"has 'column': {_short(column)}" if "column" in rule else "has no 'column'"
    raise _Mistake(f"{told}; give its name, or its number from 0 (-1 is the last)")


_TARGETS: dict[str, Callable[[Mapping[Any, Any]], Any]] = {
    "stdout": _pattern("stdout"),
    "stderr": _pattern("stderr"),
    "file": _pattern("regex"),
    "json": _key,
    "csv": _column,
}


def _limit(option: str, rule: Mapping[Any, Any]) -> float | None:
    limit = rule.get(option)
    if limit is None or (isinstance(limit, int | float) and not isinstance(limit, bool) and _is_finite(limit)):
        return limit
    raise _Mistake(f"has {option!r}: {_short(limit)}, which is no finite number")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _check_limits(fields: Mapping[str, Any]) -> None:
    least, most, kind = fields["min"], fields["max"], fields["type"]
    if least is not None and most is not None and least > most:
        raise _Mistake(f"has 'min': {least!r}, which is more than its 'max': {most!r}")
    limits = [option for option in ("min", "max", "finite") if fields[option] not in (None, False)]
    if limits and kind in ("bool", "text"):
        raise _Mistake(f"has {limits[0]!r}, which is for numbers, but 'type': {kind!r}")


def _delimiter(rule: Mapping[Any, Any]) -> str:
    delimiter = rule.get("delimiter", ",")
    if isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '\n\r\0"':
        return delimiter
    raise _Mistake(f"has 'delimiter': {_short(delimiter)}; give one character, such as ';', or ' ' for any white space")


def _nearest(value: object, words: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(value, list(words), n=1) if isinstance(value, str) else []
    return f"; did you mean {close[0]!r}?" if close else ""


def _listed(words: Iterable[str], last: str) -> str:
    shown = [repr(word) for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
