"""What rules take for a number, a text or a truth, and within which limits."""

import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.rules import FINITE

from multirun.extraction import Extraction, UnusableError
from multirun.extraction.conversion import beyond, convert, number_in


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("+1", 1), ("-0", 0), ("007", 7), ("1.", 1.0), (".5", 0.5), ("-1.5e-3", -1.5e-3), ("1E5", 1e5),
        ("1.0D+03", 1000.0), ("-2.5d-1", -0.25), ("1q2", 100.0), ("0.123-100", 0.123e-100), ("1.5+100", 1.5e100),
        (" 12\r\n", 12), ("1e999", math.inf), ("-1e999", -math.inf), ("inf", math.inf), ("-Infinity", -math.inf),
        ("+INF", math.inf), ("9" * 700, math.inf), ("123456789012345678901", 123456789012345678901),
    ],
)  # fmt: skip
def test_numbers_as_programs_write_them(text: str, number: float) -> None:
    found = number_in(text)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "nan(0x8000)", "NAN"])
def test_not_a_number_is_a_number_of_its_own(text: str) -> None:
    assert math.isnan(number_in(text) or 0)


@pytest.mark.parametrize(
    "text",
    ["", ".", "e5", "1_000", "0x10", "1,5", "12.5,", "*****", "1e", "--1", "1 2", "5-100", "1.5-10", "infini", "nano",
     "٣", "1.2.3", "1D", "True"],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    assert number_in(text) is None


@given(FINITE | st.integers())
def test_what_python_writes_is_read_exactly(number: float) -> None:
    found = number_in(repr(number))
    assert found == number
    assert type(found) is type(number)


@given(FINITE)
def test_what_fortran_writes_is_read_exactly(number: float) -> None:
    assert number_in(f"{number:.17e}".replace("e", "D")) == number


@given(st.text())
def test_no_text_breaks_the_conversion(text: str) -> None:
    number_in(text)
    for kind in ("int", "float", "bool", "text", None):
        try:
            convert(text, kind)
        except UnusableError:
            pass


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        ("3", "float", 3.0), ("1.0D+03", "int", 1000), (3.0, "int", 3), (3, "float", 3.0), ("3", "text", "3"),
        ("3", None, 3), ("a", None, "a"), (".TRUE.", "bool", True), ("F", "bool", False), ("no", "bool", False),
        (1, "bool", True), (0, "bool", False), (True, "bool", True), (True, "text", "true"), (1.5, "text", "1.5"),
        (["1", "b"], None, [1, "b"]), (["1", "2"], "float", [1.0, 2.0]), ([[1], [2]], "float", [[1.0], [2.0]]),
        (10**400, "float", math.inf),
    ],
)  # fmt: skip
def test_types(raw: Any, kind: str | None, value: Any) -> None:
    found = convert(raw, kind)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("raw", "kind", "why"),
    [
        ("a", "float", "'a', which is no number"),
        ("*****", "int", "'*****', which is no number"),
        ("3.7", "int", "'3.7', which is no whole number"),
        ("nan", "int", "'nan', which is no whole number"),
        ("inf", "int", "'inf', which is no whole number"),
        ("maybe", "bool", "'maybe', which is neither true nor false"),
        (2, "bool", "2, which is neither true nor false"),
        (1.0, "bool", "1.0, which is neither true nor false"),
        (True, "float", "True, which is no number"),
        ({"a": 1}, "float", "{'a': 1}, which is no number"),
        ({"a": 1}, "text", "{'a': 1}, which is a map"),
        ({"a": 1}, "bool", "{'a': 1}, which is neither true nor false"),
        (["1", "b"], "int", "'b', which is no number"),
        ("y" * 999, "int", f"'{'y' * 58}…, which is no number"),
    ],
)
def test_what_cannot_be_converted(raw: Any, kind: str, why: str) -> None:
    with pytest.raises(UnusableError) as caught:
        convert(raw, kind)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("value", "limits", "wrong"),
    [
        (1, {"min": 1, "max": 1, "finite": True}, None),
        (0.999, {"min": 1}, "0.999 is not at least 1, its min"),
        (1.001, {"max": 1}, "1.001 is not at most 1, its max"),
        (math.nan, {"finite": True}, "nan is not finite"),
        (math.nan, {"min": 0}, "nan is not at least 0, its min"),
        (math.nan, {"max": 0}, "nan is not at most 0, its max"),
        (-math.inf, {"finite": True}, "-inf is not finite"),
        (math.inf, {"min": 0}, None),
        (10**400, {"finite": True}, None),
        (10**400, {"max": 1e308}, f"1{'0' * 58}… is not at most 1e+308, its max"),
        ([1, 2, 3], {"max": 2}, "3 is not at most 2, its max"),
        ([[1], [-1]], {"min": 0}, "-1 is not at least 0, its min"),
        ([], {"min": 0}, None),
    ],
)
def test_limits(value: Any, limits: dict[str, Any], wrong: str | None) -> None:
    assert beyond(value, Extraction("x", "json", "f", **limits)) == wrong
