"""Columns of tables: which there are, what they are called, and what kind of values each holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from multirun.contract import EXTRACTED, PICKLED_KEYS
from multirun.encoding import PICKLE, TYPED, VALUE

KeyPath = tuple[str, ...]
"""The keys that lead to a value in nested maps."""

Kind = Literal["bool", "int", "uint", "float", "text", "empty"]
"""What a column holds; `uint` is for whole numbers of which some only fit 64 bits without a sign."""

NUMERIC: frozenset[Kind] = frozenset({"bool", "int", "uint", "float"})
FIRST, LAST = ("index",), ("status", "reason", "duration_s")
FIXED: Mapping[str, Kind] = {"index": "int", "status": "text", "reason": "text", "duration_s": "float"}
"""The columns that every table of runs has."""

_HIDDEN = frozenset({TYPED, PICKLE, PICKLED_KEYS, EXTRACTED})
_NOT_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
"""Numbers that JSON lacks, by the words that stand for them in plain views."""


@dataclass(frozen=True, slots=True)
class Table:
    """Names and rows.

    Attributes:
        names: names of the columns, each different.
        rows: one list of values for each row, as long as `names`; can be iterated again and again.
        kinds: kinds of those columns where they are known beforehand.
    """

    names: Sequence[str]
    rows: Iterable[Sequence[object]]
    kinds: Mapping[str, Kind] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------ flattening


def leaves(document: object, lone: str = "results") -> dict[KeyPath, object]:
    """The leaves of nested maps, by the keys that lead to them; lists stay whole.

    Args:
        document: any JSON value.
        lone: the key of a document that is no map.
    """
    if not isinstance(document, dict):
        return {(lone,): document}
    found: dict[KeyPath, object] = {}
    _collect(document, (), found)
    return found


def _collect(document: dict[str, object], path: KeyPath, found: dict[KeyPath, object]) -> None:
    for key, value in document.items():
        if isinstance(value, dict):
            _collect(value, (*path, key), found)
        else:
            found[(*path, key)] = value


def unwrap(document: object) -> object:
    """What a program posted, as tables show it, without what only says how to read it back.

    Args:
        document: the JSON value that a `results.json` holds, or an excerpt of it.
    """
    if not isinstance(document, dict):
        return document
    shown = {key: value for key, value in with_numbers(document).items() if key not in _HIDDEN}
    return shown[VALUE] if list(shown) == [VALUE] else shown


def with_numbers(document: dict[str, object]) -> dict[str, object]:
    """A stored map without `$typed`, where NaN and infinities are numbers again instead of words."""
    if TYPED not in document:
        return document
    typed = document[TYPED]
    shown = {key: value for key, value in document.items() if key != TYPED}
    if not isinstance(typed, dict):
        return shown
    return {key: _with_numbers(value, typed.get(key)) for key, value in shown.items()}


def _with_numbers(view: object, packed: object) -> object:
    if not isinstance(packed, dict):
        return view
    if list(packed) == ["$float"]:
        return _NOT_FINITE.get(packed["$float"], view)
    if isinstance(view, dict):
        return {key: _with_numbers(value, packed.get(key)) for key, value in view.items()}
    return view


# ----------------------------------------------------------------------------------------------- names


class Columns:
    """Names of the columns: parameters and results keep their names unless they clash.

    Attributes:
        params: the name of each parameter, by the keys that lead to it; empty until `header` was called.
        results: the same for the results.
    """

    def __init__(self) -> None:
        self.params: dict[KeyPath, str] = {}
        self.results: dict[KeyPath, str] = {}

    def see(self, params: Iterable[KeyPath], results: Iterable[KeyPath]) -> None:
        """Take note of the keys of one run."""
        self.params.update(dict.fromkeys(params, ""))
        self.results.update(dict.fromkeys(results, ""))

    def header(self) -> list[str]:
        """All names in order, each once; call it when every run was seen."""
        taken = {*FIRST, *LAST}
        self.params = distinct(dotted(self.params), "params", taken)
        self.results = distinct(dotted(self.results), "results", taken)
        return [*FIRST, *self.params.values(), *self.results.values(), *LAST]


def dotted(paths: Iterable[KeyPath]) -> dict[KeyPath, str]:
    """A name for each path: its keys, joined by dots.

    Where two paths would have one name, `{"a": {"b": 1}, "a.b": 2}`, keys that have a dot themselves are quoted as in
    TOML: `a.b` and `"a.b"`. So are keys without a letter.
    """
    plain = {path: ".".join(path) for path in paths}
    count = Counter(plain.values())
    return {path: _quoted(path) if count[name] > 1 or "" in path else name for path, name in plain.items()}


def _quoted(path: KeyPath) -> str:
    return ".".join(json.dumps(key, ensure_ascii=False) if not key or "." in key else key for key in path)


def distinct(wanted: Mapping[KeyPath, str], prefix: str, taken: set[str]) -> dict[KeyPath, str]:
    """A name for each path, which joins those that are taken: the wanted one where it is free.

    Args:
        wanted: the name that each should have.
        prefix: what is put in front of a name that is taken.
        taken: names that are in use; grows.
    """
    names: dict[KeyPath, str] = {}
    for path, name in wanted.items():
        if name not in taken:
            names[path] = name
            taken.add(name)
    for path, name in wanted.items():
        if path not in names:
            names[path] = _free(f"{prefix}.{name}", prefix, taken)
    return {path: names[path] for path in wanted}


def _free(name: str, prefix: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{prefix}.{name}"
    taken.add(name)
    return name


# ----------------------------------------------------------------------------------------------- kinds


def kind_of(values: Sequence[object]) -> Kind:
    """What a column holds; what is missing does not count.

    Whole numbers and others together are `float`. So are numbers among which the words `nan`, `inf` and `-inf` stand:
    that is how excerpts of large results show them. Any other mixture is `text`.
    """
    found = {_kind(value) for value in values} - {"empty"}
    if not found:
        return "empty"
    if found == {"int"}:
        return _kind_of_whole([value for value in values if isinstance(value, int)])
    if found <= {"int", "float", "word"} and found != {"word"}:
        return "float" if all(map(_fits_float, values)) else "text"
    return "bool" if found == {"bool"} else "text"


def _kind(value: object) -> Literal["empty", "bool", "int", "float", "word", "text"]:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "int" if isinstance(value, int) else "float"
    return "word" if isinstance(value, str) and value in _NOT_FINITE else "text"


def _kind_of_whole(values: Sequence[int]) -> Kind:
    low, high = min(values), max(values)
    if low >= -(1 << 63) and high < 1 << 63:
        return "int"
    return "uint" if low >= 0 and high < 1 << 64 else "text"


def _fits_float(value: object) -> bool:
    try:
        return not isinstance(value, int) or float(value) is not None
    except OverflowError:
        return False


def converted(values: Iterable[object], kind: Kind) -> list[object]:
    """The values of a column as its kind has them; None where one is missing."""
    if kind == "float":
        return [None if value is None else float(value) for value in values]  # type: ignore[arg-type]
    if kind == "text":
        return [None if value is None else _text(value) for value in values]
    return list(values)


def _text(value: object) -> str:
    text = value if isinstance(value, str) else str(cell(value))
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def cell(value: object) -> object:
    """A value as it stands in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(value)
    return value


def typed_columns(table: Table) -> Iterator[tuple[str, Kind, list[object]]]:
    """Name, kind and values of each column."""
    rows = list(table.rows)
    columns = zip(*rows, strict=True) if rows else chain(() for _ in table.names)
    for name, values in zip(table.names, columns, strict=True):
        kind = table.kinds.get(name) or kind_of(values)
        yield name, kind, converted(values, kind)
