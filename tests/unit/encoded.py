"""Values on their way through JSON, and those that are refused on it."""

from __future__ import annotations

import collections
import dataclasses
import enum
import io
import json
import os
import struct
import zoneinfo
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from tests.unit.sameness import nested

from multirun.encoding import decode_document, decode_map, dumps, encode_document, encode_map


def through_json(params: dict[str, Any]) -> dict[str, Any]:
    return decode_map(json.loads(dumps(encode_map(params))))


def through_document(value: Any) -> Any:
    return decode_document(json.loads(dumps(encode_document(value))))


def strict_json(text: str) -> Any:
    """Read JSON as a language does that knows neither NaN nor lone surrogates."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON")

    document = json.loads(text, parse_constant=refuse)
    json.dumps(document, ensure_ascii=False).encode()
    return document


# ------------------------------------------------------------------------------------------- refusals


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Mesh:
    size: int = 1


class Text(str):
    __slots__ = ()


class Zone(tzinfo):
    def utcoffset(self, _: Any) -> timedelta:
        return timedelta(0)

    def dst(self, _: Any) -> None:
        return None

    def tzname(self, _: Any) -> str:
        return "zone"


class MyFloat(np.float64):
    pass


def _cycle() -> Any:
    value: list[Any] = [1]
    value.append({"again": (value,)})
    return value


def _zone_without_key() -> Any:
    utc = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    return datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo.from_file(io.BytesIO(utc)))


REFUSED: dict[str, tuple[Any, str, str]] = {
    "object": (object(), "p", "is an object"),
    "in a list": ([1, object()], "p[1]", "is an object"),
    "in a map": ({"a": {"b c": [0, (1, object())]}}, "p.a['b c'][1][1]", "is an object"),
    "in a set": ({"a": {(1, Text("x"))}}, "p.a{…}[1]", "pass str(value)"),
    "as a key": ({"a": {1: 2, object(): 3}}, "p.a.keys()[1]", "is an object"),
    "below a number": ({1: {2.5: object()}}, "p[1][2.5]", "is an object"),
    "below a tuple": ({(1, "a"): object()}, "p[(1, 'a')]", "is an object"),
    "below a huge number": ({10**5000: object()}, "p[<int>]", "is an object"),
    "namedtuple": (Point(1, 2), "p", "_asdict()"),
    "enum": (Colour.RED, "p", "pass value.value"),
    "intenum": ([Level.LOW], "p[0]", "pass value.value"),
    "ordered map": (collections.OrderedDict(a=1), "p", "pass dict(value)"),
    "default map": (collections.defaultdict(int), "p", "pass dict(value)"),
    "counter": (collections.Counter("a"), "p", "pass dict(value)"),
    "mapping proxy": (MappingProxyType({}), "p", "mappingproxy"),
    "deque": (collections.deque([1]), "p", "collections.deque"),
    "text subclass": (Text("x"), "p", "pass str(value)"),
    "dataclass": (Mesh(), "p", "dataclasses.asdict(value)"),
    "array": (np.zeros(3), "p", "pass a list: value.tolist()"),
    "array of no dimension": (np.array(1.0), "p", "is a numpy.ndarray"),
    "record": (np.zeros(1, "i4,i4")[0], "p", "numpy.void"),
    "numpy type": (np.float64, "p", "is a type"),
    "numpy dtype": (np.dtype("f8"), "p", "numpy.dtype"),
    "subclass of a numpy scalar": (MyFloat(1), "p", "encoded.MyFloat"),
    "slice": (slice(1), "p", "range"),
    "memoryview": (memoryview(b"x"), "p", "memoryview"),
    "function": (lambda: 0, "p", "pass its name as text"),
    "builtin": (len, "p", "pass its name as text"),
    "class": (int, "p", "pass its name as text"),
    "module": (os, "p", "is a module"),
    "generator": ((letter for letter in "abc"), "p", "pass a list: list(value)"),
    "file": (io.StringIO(), "p", "pass the path of the file"),
    "zone of the user": (datetime(2024, 1, 1, tzinfo=Zone()), "p", "encoded.Zone"),
    "zone without a name": (_zone_without_key(), "p", "a time zone without a name"),
    "ellipsis": (..., "p", "is an ellipsis"),
    "exception": (ValueError("x"), "p", "is a ValueError"),
    "type that claims to be another": (
        type("datetime", (), {"__module__": "datetime"})(),
        "p",
        "is a datetime.datetime",
    ),
    "type with the name of another": (type("UUID", (), {})(), "p", "encoded.UUID"),
    "cycle": (_cycle(), "p[1].again[0]", "contains itself"),
    "list 101 deep": (nested(101, lambda value: [value]), "p[0]", "more than 100 levels deep"),
    "tuple 101 deep": (nested(101, lambda value: (value,)), "p[0]", "more than 100 levels deep"),
    "dict 101 deep": (nested(101, lambda value: {"a": value}), "p.a", "more than 100 levels deep"),
    "set 101 deep": (nested(101, lambda value: frozenset([value])), "p{…}", "more than 100 levels deep"),
    "list 50000 deep": (nested(50000, lambda value: [value]), "p[0]", "more than 100 levels deep"),
}
