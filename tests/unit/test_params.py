"""A parameter map is copied, stored and identified, or refused with run and key path."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import json
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
from tests.unit.sameness import ODD, same

from multirun.encoding import canonical, decode_map
from multirun.errors import ParamsError
from multirun.params import ParamMap, ParamValue, check_params, describe


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_text_and_copy_hold_the_same_map(value: Any) -> None:
    params = {"x": value, "y": 1}
    checked = check_params(0, params)
    assert same(checked.params, params)
    assert checked.params is not params
    assert same(decode_map(json.loads(checked.text)), params)
    assert "\n" not in checked.text


def test_the_digest_is_of_the_canonical_form() -> None:
    checked = check_params(7, {"b": (1,), "a": 2})
    assert checked.digest == hashlib.sha256(canonical({"a": 2, "b": (1,)})).hexdigest()[:32]
    assert checked.digest == check_params(8, {"a": 2, "b": (1,)}).digest
    assert checked.digest != check_params(7, {"a": 2, "b": [1]}).digest


def test_digests_stay_what_they_are() -> None:
    # Sweeps on disk are found again by these.
    assert check_params(0, {"x": 1, "y": 0.5, "name": "ü"}).digest == "339e9367cdc0b628b14acb088449ada3"
    assert (
        check_params(0, {"p": Path("a"), "t": (1, {2.5: b"x"}), "n": np.float32(1)}).digest
        == "8f1876bb2f32074bf6de979386dd93a5"
    )


def test_later_changes_of_the_users_map_change_nothing() -> None:
    inner: dict[str, Any] = {"list": [1, {"deep": {1}}], "bytes": bytearray(b"a")}
    params = {"x": inner, "y": [1], "z": bytearray(b"a")}
    checked = check_params(0, params)
    inner["list"][1]["deep"].add(2)
    inner["bytes"].append(98)
    inner["new"] = 1
    params["y"].append(2)  # type: ignore[attr-defined]
    params["z"].append(98)  # type: ignore[attr-defined]
    params["new"] = 1  # type: ignore[assignment]
    assert checked.params == {
        "x": {"list": [1, {"deep": {1}}], "bytes": bytearray(b"a")},
        "y": [1],
        "z": bytearray(b"a"),
    }


def test_later_changes_of_bytes_change_nothing() -> None:
    data = bytearray(b"a")
    checked = check_params(0, {"x": data})
    data.append(98)
    assert checked.params == {"x": bytearray(b"a")}


class Layered(Mapping[str, int]):
    def __getitem__(self, name: str) -> int:
        return {"b": 1, "a": 2}[name]

    def __iter__(self) -> Iterator[str]:
        return iter("ba")

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    "candidate",
    [
        Layered(),
        types.MappingProxyType({"b": 1, "a": 2}),
        collections.OrderedDict(b=1, a=2),
        collections.Counter(b=1, a=2),
    ],
    ids=lambda candidate: type(candidate).__name__,
)
def test_any_mapping_is_a_map(candidate: Any) -> None:
    assert same(check_params(0, candidate).params, {"b": 1, "a": 2})


def test_an_empty_map_is_a_map() -> None:
    assert check_params(0, {}).params == {}
    assert check_params(0, {}).text == "{}"


class Row(NamedTuple):
    x: int


@dataclasses.dataclass
class Data:
    x: int = 1


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (["x", 1], r"run 3 is a list \(\['x', 1\]\); each run needs a map such as \{'x': 1\}$"),
        (None, r"run 3 is None; each run needs a map"),
        ("x=1", r"run 3 is a str \('x=1'\);"),
        (5, r"run 3 is an int \(5\);"),
        ([("x", 1)], r"run 3 is a list"),
        (Row(1), r"run 3 is a tests.unit.test_params.Row .*Pass row\._asdict\(\)$"),
        (Data(), r"Pass dataclasses.asdict\(row\)$"),
        (argparse.Namespace(x=1), r"Pass vars\(row\)$"),
        (np.zeros(2), r"run 3 is a numpy.ndarray"),
        ("x" * 10000, r"run 3 is a str \('x{10,40}\.\.\.x{10,40}'\);"),
        ("a\x1b[31m\n", r"run 3 is a str \('a\\x1b\[31m\\n'\);"),
    ],
)
def test_what_is_no_map_is_refused(candidate: Any, words: str) -> None:
    with pytest.raises(ParamsError, match=words) as refused:
        check_params(3, candidate)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"mesh": {"sizes": [1, {"a": open}]}}, "run 12: parameter mesh.sizes[1].a is a builtin_function_or_method"),
        (
            {"field": np.zeros(3)},
            "run 12: parameter field is a numpy.ndarray, which has no exact form in JSON; pass a list",
        ),
        ({1: 2}, "run 12: parameter [1] is no usable name"),
        ({"a": {(1, 2): [object()]}}, "run 12: parameter a[(1, 2)][0] is an object"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_key_path(params: Any, words: str) -> None:
    with pytest.raises(ParamsError) as refused:
        check_params(12, params)
    assert str(refused.value).startswith(words)
    assert isinstance(refused.value, ValueError)


# ----------------------------------------------------------------------------------------- describe


class Stubborn:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, ""),
        ({"x": 1, "y": 0.5}, "x=1, y=0.5"),
        ({"name": "abc", "on": True, "no": None}, "name='abc', on=True, no=None"),
        ({"n": np.float64(0.5), "k": np.int32(3)}, "n=0.5, k=3"),
        ({"p": Path("/a/b")}, "p='/a/b'"),
        ({"s": "a\nb\t\x1b[0m\u202e"}, r"s='a\nb\t\x1b[0m\u202e'"),
        ({"a\nb": 1}, r"a\nb=1"),
        ({"l": list(range(100))}, "l=[0, 1, 2, 3, 4, 5, ...]"),
        ({"o": Stubborn()}, "o=<Stubborn instance at "),
        ({1: 2}, "1=2"),
    ],
)
def test_descriptions(params: Any, text: str) -> None:
    described = describe(params)
    assert described.startswith(text) if "Stubborn" in text else described == text


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_a_description_is_one_short_printable_line(value: Any) -> None:
    for params in ({"x": value}, {"x": value, "y": value}, {f"n{place}": value for place in range(100)}):
        text = describe(params, limit=60)
        assert len(text) <= 60
        assert text.isprintable()
        assert "=" in text


def test_a_long_description_is_cut_at_the_limit() -> None:
    params = {f"name{place}": place for place in range(100)}
    assert describe(params, limit=30) == "name0=0, name1=1, name2=2, na…"
    assert describe({"x": 1, "y": 2}, limit=8) == "x=1, y=2"
    assert describe({"x": 1, "y": 2}, limit=7) == "x=1, y…"
    assert describe({"s": "x" * 10**6}).count("x") < 80


# -------------------------------------------------------------------------------------------- types


def test_the_types_are_there_at_run_time() -> None:
    assert get_args(ParamMap)[0] is str
    assert {int, float, complex, str, bytes, type(None)} <= set(get_args(ParamValue))


def test_type_checkers_accept_what_runs_accept() -> None:
    params: ParamMap = {"x": 1, "p": Path("a"), "n": np.float64(1), "i": np.int64(1), "t": (1, {2: [3.5]}), "s": {1}}
    rows: list[dict[str, int]] = [{"x": 1}]
    accepted: list[ParamMap] = [params, *rows]
    assert [check_params(0, entry).params for entry in accepted] == accepted
