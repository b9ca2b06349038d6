"""What goes into JSON comes out with the same value and the same type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tests.unit.encoded import strict_json, through_document, through_json
from tests.unit.sameness import ODD, ODD_NAMES, same

from multirun.encoding import canonical, decode_document, decode_map, dumps, encode_document, encode_map


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
