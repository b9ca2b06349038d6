"""Columns of tables: every value has one, no two have one name, and each has a kind that holds all its values."""

import json
import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.columns import (
    FIRST,
    LAST,
    Columns,
    Table,
    converted,
    distinct,
    dotted,
    kind_of,
    leaves,
    typed_columns,
    unwrap,
    with_numbers,
)
from multirun.encoding import encode_document, encode_map

KEYS = st.sampled_from(
    ["a", "b", "a.b", "b.c", ".", "", '"a.b"', '"', "index", "status", "results", "params.index", "ü"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
DOCUMENTS = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=2), lambda inner: st.dictionaries(KEYS, inner, min_size=1)
)
MAPS = st.dictionaries(KEYS, DOCUMENTS, max_size=5)


def rebuilt(found: dict[tuple[str, ...], object]) -> dict[str, Any]:
    """The nested maps that have these leaves."""
    document: dict[str, Any] = {}
    for path, value in found.items():
        inner = document
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
    return document


@given(MAPS)
def test_nothing_is_lost_when_maps_are_flattened(document: dict[str, Any]) -> None:
    assert rebuilt(leaves(document)) == document


@given(st.lists(st.tuples(MAPS, MAPS), min_size=1, max_size=4))
def test_every_value_has_a_column_of_its_own(runs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    columns = Columns()
    for params, results in runs:
        columns.see(leaves(params), leaves(results))
    header = columns.header()
    assert len(set(header)) == len(header)
    assert (header[0], tuple(header[-3:])) == (FIRST[0], LAST)
    assert set(columns.params) == {path for params, _ in runs for path in leaves(params)}
    assert set(columns.results) == {path for _, results in runs for path in leaves(results)}


@given(MAPS, st.randoms())
def test_names_do_not_depend_on_the_order_of_keys(document: dict[str, Any], random: Any) -> None:
    paths = list(leaves(document))
    shuffled = random.sample(paths, len(paths))
    assert dotted(shuffled) == dotted(paths)


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({"a": {"b": 1}, "a.b": 2}, ["a.b", '"a.b"']),
        ({"a.b": 2, "a": {"b": 1}}, ['"a.b"', "a.b"]),
        ({"a.b": 2, "c": {"d.e": 1}}, ["a.b", "c.d.e"]),
        ({"a.b": {"c": 1}, "a": {"b.c": 2}}, ['"a.b".c', 'a."b.c"']),
        ({"": 1, "a": {"": 2}}, ['""', 'a.""']),
        ({"a": {"b": 1}, "a.b": 2, '"a.b"': 3}, ["a.b", "results.\"a.b\"", '"a.b"']),
        (5, ["results"]),
    ],
)  # fmt: skip
def test_keys_with_dots_are_told_apart_from_maps(document: object, names: list[str]) -> None:
    found = list(distinct(dotted(leaves(document)), "results", set()).values())
    assert sorted(found) == sorted(names)
    if len(names) < 3:
        assert found == names


# ----------------------------------------------------------------------------------------- what is stored


@pytest.mark.parametrize(
    "value",
    [
        {"x": math.inf, "deep": {"y": -math.inf, "n": math.nan, "t": (1, math.nan)}, "word": "nan"},
        {"x": math.nan, "$typed": 1, "$x": 2},
        {"x": [math.nan]},
    ],
)
def test_numbers_that_json_lacks_are_numbers_in_tables(value: dict[str, Any]) -> None:
    shown = leaves(with_numbers(json.loads(json.dumps(encode_map(value)))))
    expected = {path: leaf for path, leaf in leaves(value).items() if isinstance(leaf, float)}
    assert repr({path: shown[path] for path in expected}) == repr(expected)


@pytest.mark.parametrize(
    ("posted", "shown"),
    [
        (math.inf, math.inf),
        ((1, 2), [1, 2]),
        ({"a": math.inf, "$typed": 5}, {"a": "inf", "$typed": 5}),
        ({1: 2}, {"1": 2}),
        ([1, 2], [1, 2]),
        ("text", "text"),
        (None, None),
    ],
)
def test_what_was_posted_is_shown_without_what_says_how_to_read_it(posted: object, shown: object) -> None:
    assert unwrap(json.loads(json.dumps(encode_document(posted)))) == shown


def test_damaged_tags_are_passed_over() -> None:
    assert unwrap({"x": "odd", "$typed": {"x": {"$float": "odd"}, "y": 5}}) == {"x": "odd"}
    assert unwrap({"x": "odd", "$typed": 7}) == {"x": "odd"}


# ------------------------------------------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([True, None, False], "bool", [True, None, False]),
        ([1, None, -(2**63)], "int", [1, None, -(2**63)]),
        ([1, 2**63], "uint", [1, 2**63]),
        ([-1, 2**63], "text", ["-1", str(2**63)]),
        ([0, 2**64], "text", ["0", str(2**64)]),
        ([1, 2.5, None], "float", [1.0, 2.5, None]),
        ([10**400, 2.5], "text", [str(10**400), "2.5"]),
        ([1.5, "inf", "-inf", None], "float", [1.5, math.inf, -math.inf, None]),
        (["inf", None], "text", ["inf", None]),
        (["inf", "word", 1], "text", ["inf", "word", "1"]),
        ([True, 1], "text", ["true", "1"]),
        (["a", 1, None], "text", ["a", "1", None]),
        ([[1, 2], None], "text", ["[1, 2]", None]),
        ([None, None], "empty", [None, None]),
        ([], "empty", []),
        (["\ud800x"], "text", ["\\ud800x"]),
    ],
)
def test_the_kind_of_a_column(values: list[Any], kind: str, expected: list[Any]) -> None:
    assert kind_of(values) == kind
    assert converted(values, kind_of(values)) == expected


@given(st.lists(SCALARS | st.lists(SCALARS, max_size=2), max_size=6))
def test_a_kind_holds_all_values_and_keeps_numbers(values: list[Any]) -> None:
    kind = kind_of(values)
    found = converted(values, kind)
    types = {"bool": bool, "int": int, "uint": int, "float": float, "text": str, "empty": type(None)}
    for before, after in zip(values, found, strict=True):
        assert (before is None) == (after is None)
        assert after is None or type(after) is types[kind]
        if kind in ("bool", "int", "uint"):
            assert after is before
        elif kind == "float" and isinstance(before, float):
            assert after == before


def test_a_table_without_rows_has_its_columns_nevertheless() -> None:
    assert list(typed_columns(Table(["a", "b"], [], {"a": "int"}))) == [("a", "int", []), ("b", "empty", [])]
