"""What goes into JSON comes out with the same value and the same type, or does not go in."""

from __future__ import annotations

import collections
import dataclasses
import enum
import io
import json
import math
import os
import struct
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tests.unit.sameness import ODD, ODD_NAMES, nested, same

from multirun.encoding import (
    Unencodable,
    canonical,
    decode_document,
    decode_map,
    dumps,
    encode_document,
    encode_map,
    excerpt,
)
from multirun.errors import ParamsError, ResultsDamagedError


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


# ------------------------------------------------------------------------------------------ sameness


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (float("nan"), 0.0),
        ((1,), [1]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: 2}, {True: 2}),
        ({1}, {True}),
        (Path("a"), PurePosixPath("a")),
        (ODD["datetime with fold"].replace(fold=0), ODD["datetime with fold"]),
        (timezone(timedelta(hours=1)), timezone(timedelta(hours=1), "x")),
        (np.int64(1), np.longlong(1)),
        (np.float64(1), 1.0),
        (np.datetime64(1, "s"), np.datetime64(1000, "ms")),
        (np.str_("a"), np.str_("a\0")),
    ],
)
def test_sameness_is_strict(left: Any, right: Any) -> None:
    assert same(left, left)
    assert same(right, right)
    assert not same(left, right)


def test_there_are_enough_odd_values() -> None:
    assert len(ODD) + len(ODD_NAMES) >= 150


# ---------------------------------------------------------------------------------------- round trip


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_odd_values_come_back_as_parameters(value: Any) -> None:
    params = {"first": 1, "odd": value, "last": "x"}
    assert same(through_json(params), params)


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_odd_values_come_back_as_results(value: Any) -> None:
    assert same(through_document(value), value)
    assert same(through_document({"x": value}), {"x": value})


@pytest.mark.parametrize("name", [name for name in ODD if "100 deep" not in name])
def test_odd_values_come_back_in_a_list(name: str) -> None:
    assert same(through_document([ODD[name]]), [ODD[name]])
    assert same(through_document({"x": {"y": (ODD[name],)}}), {"x": {"y": (ODD[name],)}})


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_the_text_is_json_for_every_language(value: Any) -> None:
    text = dumps(encode_map({"odd": value}))
    assert text.isascii()
    assert "\n" not in text
    assert next(iter(strict_json(text))) == "odd"


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_odd_names_come_back(name: str) -> None:
    for value in (1, (1, 2)):
        params = {"a": 1, name: value, "z": (3,)}
        assert same(through_json(params), params)
        assert same(through_document(params), params)


def test_all_odd_names_and_values_in_one_map_keep_their_order() -> None:
    params = dict(zip(ODD_NAMES, ODD.values(), strict=False)) | {f"value {name}": value for name, value in ODD.items()}
    assert same(through_json(params), params)
    assert same(through_json(dict(reversed(params.items()))), dict(reversed(params.items())))


def hashables() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=8),
        st.sampled_from(["$typed", "$value", "$tuple", "$dict", "$"]),
        st.binary(max_size=8),
        st.complex_numbers(),
        st.datetimes(timezones=st.none() | st.timezones()),
        st.dates(),
        st.times(),
        st.timedeltas(),
        st.decimals(allow_nan=False),
        st.fractions(),
        st.uuids(),
        st.floats(width=32).map(np.float32),
        st.integers(-(2**63), 2**63 - 1).map(np.int64),
        st.from_regex(r"[a-z./]{1,9}", fullmatch=True).map(Path),
    )


def values() -> st.SearchStrategy[Any]:
    keys = st.recursive(
        hashables(), lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=3
    )
    # Too large to be compared with the keys that are floats.
    huge = st.integers(min_value=2**2040, max_value=2**2060)
    return st.recursive(
        keys | huge,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.sets(keys, max_size=4),
            st.dictionaries(st.text(max_size=4), inner, max_size=4),
            st.dictionaries(keys, inner, max_size=4),
        ),
        max_leaves=12,
    )


@given(st.dictionaries(st.text(max_size=5) | st.sampled_from(ODD_NAMES), values(), max_size=4))
def test_any_map_comes_back(params: dict[str, Any]) -> None:
    text = dumps(encode_map(params))
    assert same(decode_map(strict_json(text)), params)
    assert canonical(decode_map(json.loads(text))) == canonical(params)


@given(values())
def test_any_value_comes_back_as_results(value: Any) -> None:
    assert same(decode_document(strict_json(dumps(encode_document(value)))), value)


# -------------------------------------------------------------------------------------- documents


@pytest.mark.parametrize("params", [{}, {"x": 1, "y": 0.5, "name": "ü"}, {"a": {"b": [1, None, {"c": ""}]}}])
def test_what_json_holds_is_exactly_the_map(params: dict[str, Any]) -> None:
    assert same(encode_map(params), params)
    assert same(encode_document(params), params)
    assert json.loads(dumps(encode_map(params))) == params


def test_only_what_is_not_lossless_is_tagged_and_the_tags_come_last() -> None:
    document = encode_map({"t": (1, 2), "x": 1, "deep": {"p": [Path("a")]}})
    assert list(document) == ["t", "x", "deep", "$typed"]
    assert document["t"] == [1, 2]
    assert document["deep"] == {"p": ["a"]}
    assert document["$typed"] == {"t": {"$tuple": [1, 2]}, "deep": {"p": [{"$PosixPath": "a"}]}}


def test_a_typed_name_of_the_user_lives_only_inside_typed() -> None:
    document = encode_map({"a": 1, "$typed": 2, "b": (3,)})
    assert document == {"a": 1, "b": [3], "$typed": {"a": 1, "$typed": 2, "b": {"$tuple": [3]}}}


def test_the_map_is_not_shared_with_its_document() -> None:
    params = {"x": 1}
    encode_map(params)["y"] = 2
    assert params == {"x": 1}


@pytest.mark.parametrize("value", [42, "text", None, [1, [2]], 0.5, True])
def test_results_that_json_holds_are_stored_as_they_are(value: Any) -> None:
    assert same(encode_document(value), value)


def test_other_results_are_stored_beside_their_plain_view() -> None:
    assert encode_document((1, 2)) == {"$value": [1, 2], "$typed": {"$value": {"$tuple": [1, 2]}}}
    assert encode_document({1: "a"}) == {"$value": {"1": "a"}, "$typed": {"$value": {"$dict": [[1, "a"]]}}}


@pytest.mark.parametrize("name", ["$typed", "$value", "$pickle", "$pickled"])
def test_a_map_with_one_of_our_keys_is_not_taken_for_ours(name: str) -> None:
    value = {"a": 1, name: {"a": {"$tuple": [1]}}}
    document = encode_document(value)
    assert isinstance(document, dict)
    assert list(document) == ["$value", "$typed"]
    assert same(through_document(value), value)


@pytest.mark.parametrize("document", [{"$value": 3}, {"$tuple": [1]}, {"x": {"$tuple": [1]}}, [{"$int": "0x1"}], 3])
def test_what_another_language_posts_is_not_interpreted(document: Any) -> None:
    assert same(decode_document(document), document)


PLAIN = {
    "tuple": ((1, (2,)), [1, [2]]),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "path": (Path("a/b"), "a/b"),
    "undecodable path": (Path("a\udcff"), "a\ufffd"),
    "surrogates like a pair": ("\ud83d\ude00", "😀"),
    "datetime": (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
    "date": (ODD["date"], "2024-02-29"),
    "time": (ODD["time"], "12:30:00"),
    "timedelta": (timedelta(minutes=1, milliseconds=500), 60.5),
    "timezone": (ODD["timezone"], "JST"),
    "zoneinfo": (ODD["zoneinfo"], "America/New_York"),
    "bytes": (b"\x00\xff", "AP8="),
    "bytearray": (bytearray(b"abc"), "YWJj"),
    "nan": (float("nan"), "nan"),
    "inf": (float("inf"), "inf"),
    "-inf": (float("-inf"), "-inf"),
    "huge int": (2**4096, hex(2**4096)),
    "complex": (complex(1, float("nan")), [1.0, "nan"]),
    "decimal": (ODD["decimal"], "0.10"),
    "fraction": (ODD["fraction"], "1/3"),
    "huge fraction": (ODD["huge fraction"], "a huge fractions.Fraction"),
    "uuid": (ODD["uuid"], "12345678-1234-5678-1234-567812345678"),
    "range": (range(1, 10, 2), {"start": 1, "stop": 10, "step": 2}),
    "int keys": ({1: (2,), "$x": 3}, {"1": [2], "$x": 3}),
    "tuple keys": ({(1, 2): 3}, {"(1, 2)": 3}),
    "np.int64": (np.int64(3), 3),
    "np.float32": (np.float32(0.5), 0.5),
    "np.float64 of nan": (np.float64("nan"), "nan"),
    "np.bool_": (np.True_, True),
    "np.str_": (np.str_("x"), "x"),
    "np.bytes_": (np.bytes_(b"\x00\xff"), "AP8="),
    "np.complex64": (np.complex64(1 + 2j), [1.0, 2.0]),
    "np.longdouble": (np.longdouble(0.5), 0.5),
    "np.clongdouble": (np.clongdouble(1 + 2j), [1.0, 2.0]),
    "np.datetime64": (ODD["np.datetime64"], "2024-01-01T12:00:00.000000001"),
    "np.timedelta64": (np.timedelta64(1500, "ms"), 1.5),
    "np.timedelta64 of months": (ODD["np.timedelta64 of months"], 5.0),
    "np.timedelta64 of NaT": (ODD["np.timedelta64 of NaT"], "nan"),
}


@pytest.mark.parametrize(("value", "view"), PLAIN.values(), ids=PLAIN.keys())
def test_other_languages_see_a_plain_view(value: Any, view: Any) -> None:
    document = strict_json(dumps(encode_map({"x": value, "in list": [value]})))
    assert same(document["x"], view)
    assert same(document["in list"], [view])


def test_every_kind_has_a_plain_view_in_json() -> None:
    from multirun.encoding.kinds import KINDS

    shown = {kind for kind in KINDS if any(f'"${kind}"' in dumps(encode_map({"x": value})) for value in ODD.values())}
    assert shown == set(KINDS)


# ------------------------------------------------------------------------------------------- format

STORED = {
    "nan": '{"$float": "nan"}',
    "lone low surrogate": '{"$str": "eO2zv3k="}',
    "dict with mixed keys": '{"$dict": [[1, "int"], ["1", "text"], [null, "none"], [2.5, "float"], '
    '[{"$tuple": [1, 2]}, "tuple"]]}',
    "tuple": '{"$tuple": [1, 2.0, "x"]}',
    "set of mixed": '{"$set": ["1", 1, 2.5, null, {"$bytes": "eA=="}, {"$tuple": [1, 2]}]}',
    "frozenset": '{"$frozenset": ["a", "b"]}',
    "bytes": '{"$bytes": "AP8gYWJj"}',
    "bytearray": '{"$bytearray": "YWJj"}',
    "complex with nan": '{"$complex": [{"$float": "nan"}, {"$float": "-inf"}]}',
    "range with a step": '{"$range": [10, -10, -3]}',
    "path": '{"$PosixPath": "a/b.txt"}',
    "pure path": '{"$PurePosixPath": "a/../b"}',
    "windows path": '{"$PureWindowsPath": "C:\\\\Users\\\\x"}',
    "datetime in the fold of a zone": '{"$datetime": ["2024-11-03T01:30:00", 1, {"$ZoneInfo": "America/New_York"}]}',
    "time with zone": '{"$time": ["01:30:00", 0, {"$timezone": [{"$timedelta": [0, 32400, 0]}, "JST"]}]}',
    "date": '{"$date": "2024-02-29"}',
    "timedelta": '{"$timedelta": [1, 2, 3]}',
    "decimal": '{"$Decimal": "0.10"}',
    "fraction": '{"$Fraction": [1, 3]}',
    "uuid": '{"$UUID": "12345678-1234-5678-1234-567812345678"}',
    "np.float32": '{"$numpy": ["<f4", {"$bytes": "zczMPQ=="}]}',
    "np.longlong": '{"$numpy": ["<i8", {"$bytes": "BQAAAAAAAAA="}, "longlong"]}',
    "np.longdouble of -0.0": '{"$numpy": ["longdouble", "-0.e+00"]}',
    "np.clongdouble": '{"$numpy": ["clongdouble", "1.0000000000000000555e-01", "-0.e+00"]}',
    "np.str_": '{"$numpy": ["str_", "\\u00e4x"]}',
    "np.bytes_": '{"$numpy": ["bytes_", {"$bytes": "YWI="}]}',
    "np.datetime64 of 25 seconds": '{"$numpy": ["<M8[25s]", {"$bytes": "BQAAAAAAAAA="}]}',
}


@pytest.mark.parametrize(("name", "text"), STORED.items(), ids=STORED.keys())
def test_the_tagged_form_stays_what_it_is(name: str, text: str) -> None:
    assert same(decode_map(json.loads(f'{{"x": 0, "$typed": {{"x": {text}}}}}')), {"x": ODD[name]})
    assert dumps(encode_map({"x": ODD[name]})).endswith(f'"$typed": {{"x": {text}}}}}')


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
    "subclass of a numpy scalar": (MyFloat(1), "p", "test_encoding.MyFloat"),
    "slice": (slice(1), "p", "range"),
    "memoryview": (memoryview(b"x"), "p", "memoryview"),
    "function": (lambda: 0, "p", "pass its name as text"),
    "builtin": (len, "p", "pass its name as text"),
    "class": (int, "p", "pass its name as text"),
    "module": (os, "p", "is a module"),
    "generator": ((letter for letter in "abc"), "p", "pass a list: list(value)"),
    "file": (io.StringIO(), "p", "pass the path of the file"),
    "zone of the user": (datetime(2024, 1, 1, tzinfo=Zone()), "p", "test_encoding.Zone"),
    "zone without a name": (_zone_without_key(), "p", "a time zone without a name"),
    "ellipsis": (..., "p", "is an ellipsis"),
    "exception": (ValueError("x"), "p", "is a ValueError"),
    "type that claims to be another": (
        type("datetime", (), {"__module__": "datetime"})(),
        "p",
        "is a datetime.datetime",
    ),
    "type with the name of another": (type("UUID", (), {})(), "p", "test_encoding.UUID"),
    "cycle": (_cycle(), "p[1].again[0]", "contains itself"),
    "list 101 deep": (nested(101, lambda value: [value]), "p[0]", "more than 100 levels deep"),
    "tuple 101 deep": (nested(101, lambda value: (value,)), "p[0]", "more than 100 levels deep"),
    "dict 101 deep": (nested(101, lambda value: {"a": value}), "p.a", "more than 100 levels deep"),
    "set 101 deep": (nested(101, lambda value: frozenset([value])), "p{…}", "more than 100 levels deep"),
    "list 50000 deep": (nested(50000, lambda value: [value]), "p[0]", "more than 100 levels deep"),
}


@pytest.mark.parametrize(("value", "path", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_other_values_are_refused_with_the_way_to_them(value: Any, path: str, words: str) -> None:
    for store in (encode_map, encode_document, canonical):
        with pytest.raises(Unencodable) as refused:
            store({"ok": 1, "p": value})
        shown = refused.value.path
        assert shown == path or (shown.startswith(path) and "deep" in words and len(shown) < 100)
        assert words in refused.value.why
        assert str(refused.value) == f"{shown} {refused.value.why}"


def test_the_value_itself_can_be_what_is_refused() -> None:
    with pytest.raises(Unencodable) as refused:
        encode_document(object())
    assert refused.value.path == ""
    assert str(refused.value).startswith("the value is an object")


@pytest.mark.parametrize("name", [1, None, ("a",), Text("a"), np.str_("a"), b"a", "\ud800", Level.LOW], ids=repr)
def test_names_at_the_top_are_text(name: Any) -> None:
    for store in (encode_map, canonical):
        with pytest.raises(Unencodable, match="names are text"):
            store({"b": 1, name: 2})


def test_the_same_list_twice_is_no_cycle() -> None:
    shared = [(1,)]
    assert same(through_json({"x": [shared, shared, {"y": shared}]}), {"x": [shared, shared, {"y": shared}]})


# ---------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "tagged",
    [
        {"$nothing": 1},
        {"$tuple": 1},
        {"$int": "zz"},
        {"$bytes": "no base64!"},
        {"$datetime": ["never", 0, None]},
        {"$Decimal": "x"},
        {"$Fraction": [1, 0]},
        {"$set": [[]]},
        {"$dict": [1]},
        {"$complex": [1, 2, 3]},
        {"$UUID": None},
        {"$numpy": ["no dtype", {"$bytes": ""}]},
        {"$numpy": ["<f8", {"$bytes": "AAAA"}]},
        {"$numpy": ["|O", {"$bytes": "AAAAAAAAAAA="}]},
        {"$numpy": []},
        {"$date": 5},
        {"$timedelta": [10**30, 0, 0]},
        {"$ZoneInfo": "../../etc/passwd"},
    ],
    ids=repr,
)
def test_damage_names_the_parameter(tagged: Any) -> None:
    with pytest.raises(ParamsError, match=r"^parameter mesh is damaged, or was written by a newer multirun \("):
        decode_map({"mesh": 1, "$typed": {"mesh": tagged}})
    with pytest.raises(ResultsDamagedError, match="mesh is damaged"):
        decode_document({"mesh": 1, "$typed": {"mesh": tagged}})
    with pytest.raises(ResultsDamagedError, match="value is damaged"):
        decode_document({"$value": 1, "$typed": {"$value": tagged}})


def test_damaged_tags_as_a_whole() -> None:
    with pytest.raises(ParamsError, match="it is not an object"):
        decode_map({"x": 1, "$typed": [1]})
    with pytest.raises(ResultsDamagedError, match="it is not an object"):
        decode_document({"x": 1, "$typed": None})


def test_an_unknown_time_zone_says_what_to_install() -> None:
    with pytest.raises(ParamsError, match="pip install tzdata"):
        decode_map({"z": 1, "$typed": {"z": {"$ZoneInfo": "Mars/Olympus"}}})


def test_a_missing_module_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    document = encode_map({"mesh": [np.float64(1)]})
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ParamsError, match=r"parameter mesh .*pip install numpy"):
        decode_map(document)


# ------------------------------------------------------------------------------------- canonical


def test_canonical_texts_of_different_values_differ() -> None:
    texts: dict[bytes, Any] = {}
    for name, value in ODD.items():
        text = canonical({"x": value})
        assert text.isascii()
        assert text not in texts or same(texts[text], value), name
        texts[text] = value
    assert len(texts) > len(ODD) - 10


def _nans(kind: Any) -> list[Any]:
    return [kind("nan"), -kind("nan"), kind("inf") - kind("inf")]


@pytest.mark.parametrize("kind", [float, np.float16, np.float32, np.float64, np.longdouble])
def test_nan_is_nan_whatever_its_bits(kind: Any) -> None:
    with np.errstate(invalid="ignore"):
        assert len({canonical({"x": nan}) for nan in _nans(kind)}) == 1


def test_complex_nan_is_nan_whatever_its_bits() -> None:
    for kind in (complex, np.complex64, np.complex128):
        one, other = kind(complex(float("nan"), 1)), kind(complex(-float("nan"), 1))
        assert canonical({"x": one}) == canonical({"x": other})
        assert canonical({"x": one}) != canonical({"x": kind(complex(float("nan"), 2))})


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="only the processor's 80 bit numbers have padding")
def test_the_padding_of_a_long_double_does_not_matter() -> None:
    raw = np.longdouble(0.1).tobytes()
    padded = np.frombuffer(raw[:10] + b"\x55" * (len(raw) - 10), np.longdouble)[0]
    assert canonical({"x": padded}) == canonical({"x": np.longdouble(0.1)})


def test_canonical_ignores_the_order_of_keys_at_every_level() -> None:
    one = {"a": 1, "b": {"c": (1,), "d": {1: 2, "x": 3}}}
    other = {"b": {"d": {"x": 3, 1: 2}, "c": (1,)}, "a": 1}
    assert canonical(one) == canonical(other)
    assert canonical(one) != canonical({**one, "a": 1.0})


def confusable() -> st.SearchStrategy[Any]:
    scalars = st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, "1", "", None, float("nan"), "nan", b"", np.int64(1)])
    keys = st.sampled_from(["a", "b", "$", "$tuple", "$dict", 1, True, "1", None])
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.lists(inner, max_size=2).map(tuple),
            st.dictionaries(keys, inner, max_size=2),
        ),
        max_leaves=4,
    )


@given(confusable(), confusable())
def test_canonical_texts_are_equal_exactly_for_same_values(left: Any, right: Any) -> None:
    assert (canonical({"x": left}) == canonical({"x": right})) == same(left, right, ordered=False)


@given(st.dictionaries(st.text(max_size=3), confusable(), max_size=4), st.randoms())
def test_canonical_of_shuffled_maps(params: dict[str, Any], random: Any) -> None:
    items = list(params.items())
    random.shuffle(items)
    assert canonical(dict(items)) == canonical(params)


def test_texts_do_not_depend_on_the_hashes_of_the_process() -> None:
    code = (
        "from multirun.encoding import *\n"
        "value = {'x': {'a', 'b', 'c', ('d', 1)}, 'y': {1: frozenset('xyz')}}\n"
        "print(dumps(encode_map(value)), canonical(value))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "12345"
    }
    assert len(texts) == 1


# --------------------------------------------------------------------------------------- excerpts


def test_an_excerpt_holds_what_has_an_exact_form() -> None:
    shown, lacking = excerpt(
        {
            "energy": 1.5,
            "where": Path("a"),
            "field": np.zeros(2),
            "nested": {"ok": (1,), "bad": object(), "deep": {"worse": object()}},
            "all bad": {"x": object()},
            "empty": {},
            1: 2,
            "\ud800": 3,
            "$pickle": 4,
            "$typed": object(),
        }
    )
    assert same(shown, {"energy": 1.5, "where": "a", "nested": {"ok": [1]}, "empty": {}})
    assert lacking == ["field", "nested", "all bad", "$typed", "$pickle"]


@pytest.mark.parametrize("value", [object(), [1], 3, None, lambda: 0])
def test_only_maps_have_an_excerpt(value: Any) -> None:
    assert excerpt(value) == ({}, [])


def test_the_excerpt_of_a_subclass_or_a_cycle() -> None:
    assert excerpt(collections.OrderedDict(a=1, b=object())) == ({"a": 1}, ["b"])
    cycle: dict[str, Any] = {"a": 1}
    cycle["self"] = cycle
    shown, lacking = excerpt(cycle)
    assert shown["a"] == 1
    assert lacking == ["self"]
    assert json.loads(dumps(shown)) == shown


# ------------------------------------------------------------------------------------------ weight


def test_a_plain_map_loads_nothing_but_json() -> None:
    code = (
        "import __future__, sys, json; before = set(sys.modules)\n"
        "from multirun.encoding import *\n"
        "decode_map(json.loads(dumps(encode_map({'x': 1, 'y': [0.5, 'a']}))))\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert loaded == ["multirun", "multirun.contract", "multirun.encoding", "multirun.encoding.lossless"]


def test_infinity_is_not_less_strict() -> None:
    assert math.isinf(through_json({"x": [-math.inf]})["x"][0])
