"""Canonical texts: equal for the same values, and for no others."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tests.unit.sameness import ODD, same

from multirun.encoding import canonical


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
