"""What JSON cannot hold does not go in, and what is damaged in it does not come out; both are told where."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from tests.unit.encoded import REFUSED, Level, Text, through_json
from tests.unit.sameness import same

from multirun.encoding import Unencodable, canonical, decode_document, decode_map, encode_document, encode_map
from multirun.errors import ParamsError, ResultsDamagedError

# ------------------------------------------------------------------------------------------- refusals


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
