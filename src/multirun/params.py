"""Parameter maps: their types, the check every map passes before its run is planned, and short texts of them."""

from __future__ import annotations

import hashlib
import json
import reprlib
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol, TypeAlias, Union
from uuid import UUID

from multirun.encoding import Unencodable, canonical, decode_map, dumps, encode_map
from multirun.errors import ParamsError


class NumpyScalar(Protocol):
    """A scalar of numpy, such as `numpy.int64(3)`."""

    @property
    def dtype(self) -> Any:  # noqa: ANN401, numpy need not be installed
        """The type of the scalar."""

    def item(self) -> Any:  # noqa: ANN401
        """Return the nearest value of Python itself."""


Scalar: TypeAlias = (
    bool | int | float | complex | str | bytes | bytearray | date | datetime | time | timedelta | tzinfo
    | Decimal | Fraction | UUID | PurePath | NumpyScalar | None
)  # fmt: skip

ParamValue: TypeAlias = Union[  # noqa: UP007, a text cannot be joined by |
    Scalar, Sequence["ParamValue"], AbstractSet["ParamValue"], Mapping[Any, "ParamValue"]
]
"""What a parameter can be. Lists, tuples, sets, ranges and maps may hold each other, 100 levels deep.

Type checkers accept a little more than runs do: only the types themselves come back exactly, so a subclass (a named
tuple, an enumeration, an ordered map) is refused when the sweep is planned.
"""

ParamMap: TypeAlias = Mapping[str, ParamValue]
"""The parameters of one run by name."""


class CheckedParams(NamedTuple):
    """A parameter map that can be stored.

    Attributes:
        params: the parameters; a copy of our own, so what the caller does to theirs changes nothing.
        text: the one line of JSON that is `params.json`.
        digest: 32 hexadecimal digits that are equal for equal parameters and for no others.
    """

    params: dict[str, Any]
    text: str
    digest: str


def check_params(index: int, candidate: object) -> CheckedParams:
    """Check what a source yielded as the parameters of a run, and copy it.

    Args:
        index: number of the run, for messages.
        candidate: what the source yielded.

    Raises:
        ParamsError: it is no map, or something in it cannot be stored exactly.
    """
    if not isinstance(candidate, Mapping):
        raise ParamsError(
            f"run {index} is {_name(candidate)}; each run needs a map such as {{'x': 1}}{_hint(candidate)}"
        )
    params = dict(candidate)
    try:
        text = dumps(encode_map(params))
        digest = digest_of(params)
    except Unencodable as refusal:
        raise ParamsError(f"run {index}: parameter {refusal}") from refusal
    if not all(type(value) in _IMMUTABLE for value in params.values()):
        params = decode_map(json.loads(text))
    return CheckedParams(params, text, digest)


def digest_of(params: Mapping[str, object]) -> str:
    """The digest of parameters, 32 hexadecimal digits.

    Raises:
        Unencodable: something in them cannot be stored.
    """
    return hashlib.sha256(canonical(params)).hexdigest()[:32]


_IMMUTABLE = frozenset({bool, int, float, complex, str, bytes, type(None)})


def _name(candidate: object) -> str:
    from multirun.encoding.refusal import name_value

    return "None" if candidate is None else f"{name_value(candidate)} ({_short(candidate)})"


def _hint(candidate: object) -> str:
    for attribute, call in _CONVERSIONS:
        if hasattr(type(candidate), attribute):
            return f". Pass {call}"
    return ""


_CONVERSIONS = (
    ("_asdict", "row._asdict()"),
    ("__dataclass_fields__", "dataclasses.asdict(row)"),
    ("model_dump", "row.model_dump()"),
    ("to_dict", "row.to_dict()"),
    ("_get_kwargs", "vars(row)"),
)


def describe(params: Mapping[str, object], limit: int = 80) -> str:
    """Return parameters as one short line such as `x=1, y=0.5`.

    Args:
        params: the parameters.
        limit: longest text in characters.
    """
    parts: list[str] = []
    length = 0
    for name, value in params.items():
        part = f"{_escape(str(name))}={_short(value)}"
        length += len(part) + 2
        if length > limit:
            return _cut(", ".join([*parts, part]), limit)
        parts.append(part)
    return ", ".join(parts)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _escape(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]


class _Short(reprlib.Repr):
    """Texts of values in which long ones are cut, numbers of numpy look like numbers, and paths like paths."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 40
        self.maxlong = 30
        self.maxlevel = 3

    def repr1(self, value: Any, level: int) -> str:  # noqa: ANN401, overrides
        if isinstance(value, PurePath):
            value = str(value)
        elif type(value).__module__ == "numpy" and isinstance(value, sys.modules["numpy"].generic):
            value = value.item()
        return super().repr1(value, level)

    def repr_int(self, value: int, level: int) -> str:
        return super().repr_int(value, level) if value.bit_length() < 1000 else f"{value:#x}"[:30] + "…"


def _short(value: object) -> str:
    try:
        return _escape(_SHORT.repr(value))
    except Exception:  # noqa: BLE001, a message must not fail because a value cannot be shown
        return f"<{type(value).__name__}>"


_SHORT = _Short()
