"""How values stand in JSON: plain for other languages, tagged where that would lose something."""

from __future__ import annotations

import collections
import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.encoded import strict_json, through_document, through_json
from tests.unit.sameness import ODD, same

from multirun.encoding import decode_document, decode_map, dumps, encode_document, encode_map, excerpt

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
