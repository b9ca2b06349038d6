"""Templates: what becomes a parameter, and all that belongs to the user's shell, awk or simulator."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.command import fields, near_misses, render, split_field

PARAMS: dict[str, Any] = {
    "x": 5,
    "rate": 0.1234567,
    "name": "Ag",
    "a": 2,
    "a:b": 7,
    "a.b": 8,
    "learning rate": 9,
    "η": 3,
    "0": "zero",
    "$y": "cash",
    "loop": "{x}",
    "flag": True,
    "nothing": None,
    "sizes": [1, 2],
}

RENDERED = [
    ("", ""),
    ("plain", "plain"),
    ("{x}", "5"),
    ("a{x}b", "a5b"),
    ("{x}{x}-{name}", "55-Ag"),
    ("{x:}", "5"),
    ("{x:03d}", "005"),
    ("{rate:.3f}", "0.123"),
    ("{rate:>8.2e}", "1.23e-01"),
    ("{name:>4}", "  Ag"),
    ("{name:x<4}", "Agxx"),
    ("{x::>3}", "::5"),
    ("{a:b}", "7"),
    ("{a:b:03d}", "007"),
    ("{a:03d}", "002"),
    ("{a.b}", "8"),
    ("{learning rate}", "9"),
    ("{η}", "3"),
    ("{0}", "zero"),
    ("{$y}", "cash"),
    ("{flag}", "True"),
    ("{nothing}", "None"),
    ("{sizes}", "[1, 2]"),
    ("{loop}", "{x}"),
    ("{{x}}", "{x}"),
    ("{{rate:.3f}}", "{rate:.3f}"),
    ("{{x}} {x}", "{x} 5"),
    ("{{{x}}}", "{5}"),
    ("{{{y}}}", "{{{y}}}"),
    ("{{x}", "{5"),
    ("{x}}", "5}"),
    ('{"x": {x}, "m": {"a": {a}}}', '{"x": 5, "m": {"a": 2}}'),
    ("\\frac{{x}}{x}", "\\frac{x}5"),
]

UNTOUCHED = [
    "${x}",
    "$${x}",
    "${x:-1}",
    "${rate:.3f}",
    "{print $1}",
    "{print}",
    "{{print}}",
    "{ x }",
    "{x!r}",
    "{x.real}",
    "{sizes[0]}",
    "{}",
    "{{}}",
    "{:}",
    "{unknown}",
    "{unknown:.3f}",
    "{X}",
    "{x",
    "x}",
    "}{",
    "{",
    "{a\n}",
    'BEGIN {FS=":"} {s += $2} END {printf "%d\\n", s}',
    "find . -name '*.log' -exec rm {} +",
    "echo file{1,2,3}.txt {1..9}",
    "\\textbf{Ag}",
]


@pytest.mark.parametrize(("text", "rendered"), RENDERED)
def test_fields_that_name_a_parameter_are_replaced(text: str, rendered: str) -> None:
    assert render(text, PARAMS) == rendered


@pytest.mark.parametrize("text", UNTOUCHED)
def test_all_other_braces_stay(text: str) -> None:
    assert render(text, PARAMS) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{v:.3f}", "text"),
        ("{v:d}", 0.5),
        ("{v:.2f}", [1]),
        ("{v:>4}", None),
        ("{v:.3f}", 10**400),
        ("{v:nonsense}", 1),
        ("{v:.99999999999f}", 1.0),
    ],
)
def test_a_format_that_does_not_fit_names_field_and_value(text: str, value: object) -> None:
    with pytest.raises(ValueError, match="cannot format") as caught:
        render(text, {"v": value})
    assert str(caught.value).startswith(f"{text} cannot format {value!r}: ")


@given(st.text())
def test_without_parameters_any_text_stays(text: str) -> None:
    assert render(text, {}) == text


names = st.text(st.characters(exclude_characters="{}"), min_size=1)


@given(names, st.text() | st.integers() | st.floats() | st.booleans())
def test_any_name_without_braces_can_be_used(name: str, value: object) -> None:
    params = {name: value}
    assert render(f"<{{{name}}}>", params) == f"<{value}>"
    assert render(f"<{{{{{name}}}}}>", params) == f"<{{{name}}}>"
    assert render(f"<${{{name}}}>", params) == f"<${{{name}}}>"


@given(names, st.integers(-999, 999))
def test_any_name_can_have_a_format(name: str, value: int) -> None:
    assert render(f"{{{name}:+5d}}", {name: value}) == f"{value:+5d}"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("x", ("x", "")),
        ("x:", ("x", "")),
        ("x:.3f", ("x", ".3f")),
        ("a:b", ("a:b", "")),
        ("a:b:c", ("a:b", "c")),
        ("a:c", ("a", "c")),
        ("a:c:b", ("a", "c:b")),
        ("x::>3", ("x", ":>3")),
        ("y", None),
        ("y:x", None),
        ("", None),
        (":", None),
        (":x", None),
    ],
)
@pytest.mark.parametrize("kind", [list, set, dict.fromkeys])
def test_the_longest_name_that_fits_is_taken(field: str, found: tuple[str, str] | None, kind: Any) -> None:
    assert split_field(field, kind(["x", "a", "a:b"])) == found


def test_only_single_braces_hold_fields() -> None:
    texts = ["run {x} {y:.3f}", "{{z}} ${w} {}", "awk '{print $1}'", "none"]
    assert fields(texts) == {"x", "y:.3f", "print $1"}


@pytest.mark.parametrize(
    ("field", "nearest"),
    [
        ("masss", "mass"),
        ("mas", "mass"),
        ("masss:.3f", "mass"),
        ("Mass", "mass"),
        ("temperaturex", "temperature"),
        ("steps", "step"),
        ("print $1", None),
        ("mass ", None),
        ("m", None),
        ("pressure", None),
        ("", None),
        ("1..9", None),
        ("mass,mas", None),
    ],
)
def test_a_field_that_looks_misspelt_gets_the_nearest_name(field: str, nearest: str | None) -> None:
    expected = [(field, nearest)] if nearest else []
    assert list(near_misses({field}, ["mass", "step", "temperature"])) == expected


def test_near_misses_come_in_order() -> None:
    assert list(near_misses({"stepp", "masss", "other"}, ["mass", "step"])) == [("masss", "mass"), ("stepp", "step")]
