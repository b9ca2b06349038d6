"""Strict sameness of values, and a list of odd ones that must come back the same."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np


def same(left: Any, right: Any, ordered: bool = True) -> bool:
    """Whether two values have the same types and values all the way down; maps may be compared out of order."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.generic):
        return _same_scalar(left, right)
    return bool(_RULES[type(left)](left, right, ordered))


def _same_float(left: float, right: float, _: bool) -> bool:
    if math.isnan(left):
        return math.isnan(right)
    return left == right and math.copysign(1, left) == math.copysign(1, right)


def _same_scalar(left: Any, right: Any) -> bool:
    if left.dtype != right.dtype:
        return False
    if left.dtype.kind in "US":
        return bool(left == right) and len(left) == len(right)
    if left.dtype.char in "gG":
        parts = [(left.real, right.real), (left.imag, right.imag)]
        return all(
            bool(np.isnan(one) and np.isnan(two)) or bool(one == two and np.signbit(one) == np.signbit(two))
            for one, two in parts
        )
    return bool(left.tobytes() == right.tobytes())


def _same_items(left: Any, right: Any, ordered: bool) -> bool:
    return len(left) == len(right) and all(same(*pair, ordered) for pair in zip(left, right, strict=True))


def _same_members(left: Any, right: Any, ordered: bool) -> bool:
    rest = list(right)
    for item in left:
        found = next((place for place, other in enumerate(rest) if same(item, other, ordered)), None)
        if found is None:
            return False
        del rest[found]
    return not rest


def _same_dict(left: Any, right: Any, ordered: bool) -> bool:
    one, other = ([list(pair) for pair in value.items()] for value in (left, right))
    return (_same_items if ordered else _same_members)(one, other, ordered)


def _same_moment(left: Any, right: Any, ordered: bool) -> bool:
    naive = left.replace(tzinfo=None) == right.replace(tzinfo=None)
    return naive and left.fold == right.fold and same(left.tzinfo, right.tzinfo, ordered)


def _equal(left: Any, right: Any, _: bool) -> bool:
    return bool(left == right)


def _same_complex(left: complex, right: complex, ordered: bool) -> bool:
    return _same_items([left.real, left.imag], [right.real, right.imag], ordered)


def _same_decimal(left: Decimal, right: Decimal, _: bool) -> bool:
    return left.as_tuple() == right.as_tuple()


def _same_range(left: range, right: range, _: bool) -> bool:
    return (left.start, left.stop, left.step) == (right.start, right.stop, right.step)


def _same_zone(left: Any, right: Any, _: bool) -> bool:
    return bool(left.__getinitargs__() == right.__getinitargs__())


_RULES: dict[type, Any] = {
    **dict.fromkeys((bool, int, str, bytes, bytearray, type(None)), _equal),
    **dict.fromkeys((type(Path()), PurePosixPath, PureWindowsPath), _equal),
    **dict.fromkeys((date, timedelta, Fraction, UUID), _equal),
    float: _same_float,
    complex: _same_complex,
    list: _same_items,
    tuple: _same_items,
    set: _same_members,
    frozenset: _same_members,
    dict: _same_dict,
    datetime: _same_moment,
    time: _same_moment,
    timezone: _same_zone,
    ZoneInfo: lambda left, right, _: left.key == right.key,
    Decimal: _same_decimal,
    range: _same_range,
}


def nested(depth: int, kind: Any) -> Any:
    """A value in which `depth` containers lie in each other; `kind` puts a value into one."""
    value: Any = 1
    for _ in range(depth):
        value = kind(value)
    return value


_NEW_YORK, _LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
_TOKYO = timezone(timedelta(hours=9), "JST")
_NAN, _INF = float("nan"), float("inf")

_NAIVE = datetime.fromisoformat("2024-02-29T12:30:15.123456")

ODD: dict[str, Any] = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "one": 1,
    "minus one": -1,
    "2**31": 2**31,
    "2**53 + 1": 2**53 + 1,
    "2**63": 2**63,
    "2**64": 2**64,
    "-2**64": -(2**64),
    "the largest plain int": 2**2048 - 1,
    "the smallest tagged int": 2**2048,
    "its negative": -(2**2048),
    "an int of 5000 digits": 10**4999,
    "a negative int of 5000 digits": -(10**4999) - 7,
    "0.0": 0.0,
    "-0.0": -0.0,
    "1.0": 1.0,
    "0.1": 0.1,
    "1/3": 1 / 3,
    "1e22": 1e22,
    "1e23": 1e23,
    "largest float": 1.7976931348623157e308,
    "smallest float": 5e-324,
    "smallest normal float": 2.2250738585072014e-308,
    "nan": _NAN,
    "inf": _INF,
    "-inf": -_INF,
    "empty text": "",
    "text": "abc",
    "quotes": "\"'\\/",
    "controls": "".join(map(chr, range(33))) + "\x7f\x80\x9f",
    "nul": "\0",
    "crlf": "a\r\nb",
    "line separators": "\u2028\u2029\x85",
    "accents": "Ärger, naïve",
    "combining": "e\u0301",
    "right to left": "\u202eabc\u202c שלום",
    "astral": "🧪𝔘",
    "last character": "\U0010ffff",
    "not a character": "\ufffe\uffff",
    "byte order mark": "\ufeffx",
    "lone high surrogate": "\ud800",
    "lone low surrogate": "x\udcffy",
    "surrogates like a pair": "\ud83d\ude00",
    "text 'nan'": "nan",
    "text 'NaN'": "NaN",
    "text 'null'": "null",
    "text '1'": "1",
    "text '$typed'": "$typed",
    "text of JSON": '{"$tuple": [1]}',
    "empty list": [],
    "list": [1, "a", None],
    "list of lists": [[], [[]], [[[]]]],
    "list of nan": [1.0, _NAN, -_INF],
    "list 100 deep": nested(100, lambda value: [value]),
    "long list": list(range(3000)),
    "empty tuple": (),
    "tuple of one": (1,),
    "tuple": (1, 2.0, "x"),
    "tuple of lists": ([1], (2,), {"a": (3,)}),
    "tuple 100 deep": nested(100, lambda value: (value,)),
    "list in tuple 100 deep": nested(50, lambda value: ([value],)),
    "empty set": set(),
    "set": {3, 1, 2},
    "set of mixed": {1, "1", 2.5, None, (1, 2), b"x"},
    "set of nan": {_NAN, float("nan")},
    "set of frozensets": {frozenset(), frozenset({1, 2}), frozenset({frozenset()})},
    "empty frozenset": frozenset(),
    "frozenset": frozenset({"a", "b"}),
    "frozenset 100 deep": nested(100, lambda value: frozenset({value})),
    "empty dict": {},
    "dict": {"b": 1, "a": 2},
    "dict with an empty key": {"": 1},
    "dict with odd keys": {"a.b": 1, "a b": 2, "ä": 3, "\n": 4, "a[0]": 5, "__proto__": 6},
    "dict with int keys": {1: "a", 2: "b"},
    "dict with mixed keys": {1: "int", "1": "text", None: "none", 2.5: "float", (1, 2): "tuple"},
    "dict with a bool key": {True: 1, False: 0},
    "dict with nan keys": {_NAN: 1, float("nan"): 2},
    "dict with a bytes key": {b"x": 1},
    "dict with a surrogate key": {"\udc80": 1},
    "dict with a $ key": {"$": 1},
    "dict that looks tagged": {"$tuple": [1, 2]},
    "dict that looks typed": {"a": 1, "$typed": {"a": 2}},
    "dict that looks pickled": {"$pickle": "results-0.pkl"},
    "dict with a nested $ key": {"a": {"$dict": [[1, 2]]}},
    "dict with a huge int key": {10**5000: 1},
    "dict with a huge int in a key": {(10**5000,): 1},
    "dict with numpy keys": {np.int64(1): "a", np.str_("b"): 2},
    "dict with path keys": {Path("a"): 1},
    "dict with frozenset keys": {frozenset({1}): [1]},
    "dict 100 deep": nested(100, lambda value: {"a": value}),
    "dict with int keys 100 deep": nested(100, lambda value: {1: value}),
    "empty bytes": b"",
    "bytes": b"\x00\xff abc",
    "all bytes": bytes(range(256)),
    "bytearray": bytearray(b"abc"),
    "empty bytearray": bytearray(),
    "complex": 1 + 2j,
    "complex zeros": complex(-0.0, -0.0),
    "complex zeros of other signs": complex(0.0, -0.0),
    "complex with nan": complex(_NAN, -_INF),
    "range": range(5),
    "range with a step": range(10, -10, -3),
    "empty range": range(0),
    "huge range": range(10**30, 10**700),
    "path": Path("a/b.txt"),
    "absolute path": Path("/tmp/x"),
    "empty path": Path(),
    "path with two slashes": Path("//host/x"),
    "path with spaces": Path("a b/ü\n"),
    "path with undecodable bytes": Path("a\udcff"),
    "pure path": PurePosixPath("a/../b"),
    "windows path": PureWindowsPath(r"C:\Users\x"),
    "windows path on a drive": PureWindowsPath("C:x"),
    "windows share": PureWindowsPath(r"\\host\share\x"),
    "datetime": _NAIVE,
    "datetime of the minute": _NAIVE.replace(second=0, microsecond=0),
    "first datetime": datetime.fromisoformat("0001-01-01T00:00:00"),
    "last datetime": datetime.fromisoformat("9999-12-31T23:59:59.999999"),
    "datetime with fold": _NAIVE.replace(fold=1),
    "datetime utc": datetime(2024, 1, 1, tzinfo=UTC),
    "datetime with offset": datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    "datetime with odd offset": datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=1, microseconds=5))),
    "datetime with named zone": datetime(2024, 1, 1, tzinfo=_TOKYO),
    "datetime with zone": datetime(2024, 7, 1, tzinfo=_NEW_YORK),
    "datetime in the fold of a zone": datetime(2024, 11, 3, 1, 30, tzinfo=_NEW_YORK, fold=1),
    "datetime before the fold of a zone": datetime(2024, 11, 3, 1, 30, tzinfo=_NEW_YORK),
    "datetime in the gap of a zone": datetime(2024, 3, 31, 1, 30, tzinfo=_LONDON),
    "date": date(2024, 2, 29),
    "first date": date.min,
    "time": time(12, 30),
    "time with microseconds": time(23, 59, 59, 999999),
    "time with fold": time(1, 30, fold=1),
    "time with zone": time(1, 30, tzinfo=_TOKYO),
    "time with a zone of the system": time(1, 30, tzinfo=_NEW_YORK),
    "timezone": _TOKYO,
    "timezone with the usual name": timezone(timedelta(hours=9), "UTC+09:00"),
    "timezone utc": UTC,
    "zoneinfo": _NEW_YORK,
    "timedelta": timedelta(days=1, seconds=2, microseconds=3),
    "negative timedelta": timedelta(microseconds=-1),
    "longest timedelta": timedelta.max,
    "shortest timedelta": timedelta.min,
    "decimal": Decimal("0.10"),
    "decimal with many digits": Decimal("1." + "1234567890" * 20),
    "decimal with exponent": Decimal("1E+300"),
    "decimal zero": Decimal("-0.00"),
    "decimal nan": Decimal("-NaN123"),
    "decimal signalling nan": Decimal("sNaN"),
    "decimal infinity": Decimal("-Infinity"),
    "fraction": Fraction(1, 3),
    "negative fraction": Fraction(-7, 2),
    "whole fraction": Fraction(3),
    "huge fraction": Fraction(10**5000, 3),
    "uuid": UUID("12345678-1234-5678-1234-567812345678"),
    "np.int8": np.int8(-128),
    "np.uint8": np.uint8(255),
    "np.int16": np.int16(-3),
    "np.uint16": np.uint16(3),
    "np.int32": np.int32(-(2**31)),
    "np.uint32": np.uint32(2**32 - 1),
    "np.int64": np.int64(-(2**63)),
    "np.uint64": np.uint64(2**64 - 1),
    "np.longlong": np.longlong(5),
    "np.ulonglong": np.ulonglong(5),
    "np.intp": np.intp(7),
    "np.float16": np.float16(0.1),
    "np.float32": np.float32(0.1),
    "np.float64": np.float64(0.1),
    "np.float64 of -0.0": np.float64(-0.0),
    "np.float64 of nan": np.float64(_NAN),
    "np.float32 of inf": np.float32(_INF),
    "np.longdouble": np.longdouble("0.1") / 3,
    "np.longdouble of -0.0": np.longdouble(-0.0),
    "np.longdouble of nan": np.longdouble(_NAN),
    "np.longdouble of -inf": np.longdouble(-_INF),
    "largest np.longdouble": np.finfo(np.longdouble).max,
    "smallest np.longdouble": np.finfo(np.longdouble).smallest_subnormal,
    "np.complex64": np.complex64(1 - 2j),
    "np.complex128": np.complex128(complex(-0.0, _NAN)),
    "np.clongdouble": np.clongdouble(complex(0.1, -0.0)),
    "np.True_": np.True_,
    "np.False_": np.False_,
    "np.str_": np.str_("äx"),
    "empty np.str_": np.str_(""),
    "np.str_ with nul": np.str_("a\0"),
    "np.str_ with a surrogate": np.str_("a\ud800"),
    "np.bytes_": np.bytes_(b"ab"),
    "np.bytes_ with nul": np.bytes_(b"a\0"),
    "np.datetime64": np.datetime64("2024-01-01T12:00:00.000000001"),
    "np.datetime64 of a day": np.datetime64("2024-01-01"),
    "np.datetime64 of 25 seconds": np.datetime64(5, ("s", 25)),
    "np.datetime64 of NaT": np.datetime64("NaT", "s"),
    "np.timedelta64": np.timedelta64(5, "ns"),
    "np.timedelta64 of months": np.timedelta64(5, "M"),
    "np.timedelta64 of NaT": np.timedelta64("NaT", "s"),
    "np.timedelta64 of years": np.timedelta64(-1, "Y"),
    "scalar of an array": np.arange(3, dtype=">f4")[1],
    "all in one": {"a": [(1, {2: {Path("x"), 3.5}}), {"$x": [b"y", {"z": -0.0}]}], "b": np.float32(1)},
}

ODD_NAMES = (
    "",
    " ",
    "a b",
    "a.b",
    "a[0]",
    "ä",
    "日本",
    "🧪",
    "\n",
    "\0",
    '"',
    "\\",
    "$",
    "$x",
    "$typed",
    "$value",
    "$pickle",
    "$pickled",
    "$tuple",
    "x" * 1000,
    "0",
    "__proto__",
    "constructor",
    "index",
    "status",
    "\u202e",
    "{x}",
    "%s",
    "../x",
    "nan",
)
