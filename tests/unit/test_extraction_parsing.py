"""The keyword `results`: what may be written, and all mistakes in what may not."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.extraction import Extraction
from multirun.extraction.parsing import EXAMPLE, parse_results


def mistakes_in(given: object) -> list[str]:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its arguments are compared
        parse_results(given)
    return list(caught.value.args)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"stdout": r"d = (\S+)"}, Extraction("x", "regex", "stdout.log", r"d = (\S+)", "last")),
        ({"stderr": "a", "take": "all"}, Extraction("x", "regex", "stderr.log", "a", "all")),
        ({"file": Path("a/b"), "regex": "(?:a)(b)"}, Extraction("x", "regex", "a/b", "(?:a)(b)", "last")),
        ({"file": "{x}..log", "regex": "µ", "take": "first"}, Extraction("x", "regex", "{x}..log", "µ", "first")),
        ({"json": "o.json"}, Extraction("x", "json", "o.json")),
        (
            {"json": "o.json", "key": "a.0", "type": "int", "min": -1, "max": 2.5, "finite": True, "optional": True},
            Extraction("x", "json", "o.json", "a.0", None, "int", optional=True, min=-1, max=2.5, finite=True),
        ),
        ({"csv": "t.csv", "column": " p "}, Extraction("x", "csv", "t.csv", "p", "last")),
        (
            {"csv": "t.csv", "column": -1, "take": "mean", "delimiter": " "},
            Extraction("x", "csv", "t.csv", -1, "mean", delimiter=" "),
        ),
    ],
)
def test_good_rules(rule: dict[str, Any], expected: Extraction) -> None:
    assert parse_results({"x": rule}) == (expected,)


def test_no_rules() -> None:
    assert parse_results(None) == parse_results({}) == ()


def test_the_order_is_kept() -> None:
    assert [rule.name for rule in parse_results({key: {"stdout": "x"} for key in "cab"})] == ["c", "a", "b"]


@pytest.mark.parametrize("given", [[], "x", 5, {"x"}, [("x", {"stdout": "a"})]])
def test_rules_that_are_no_map(given: object) -> None:
    assert mistakes_in(given) == [f"{given!r} is no map; write something like {EXAMPLE}"]


NO_NAME = "cannot be the name of a result; use up to 100 printable characters, not beginning with '$'"
NO_PATH = "which is no path below the run directory"
NO_REGEX = r"give a regular expression such as r'delay = (\S+)'"

BAD: list[tuple[Any, str]] = [
    ("d = (.)", "is 'd = (.)', which is no rule; write something like {\"stdout\": 'd = (.)'}"),
    (5, r'is 5, which is no rule; write something like {"stdout": r"delay = (\S+)"}'),
    ({}, "does not say where to look; give 'stdout', 'stderr', 'file', 'json' or 'csv'"),
    ({"stout": "a"},
     "does not say where to look; give 'stdout', 'stderr', 'file', 'json' or 'csv'; did you mean 'stdout'?"),
    ({"stdout": "a", "json": "b", "csv": "c"}, "has 3 sources, 'stdout', 'json' and 'csv'; keep one of them"),
    ({"stdout": "a", "tak": "all"}, "has 'tak', which 'stdout' does not know; did you mean 'take'?"),
    ({"json": "a", "regex": "b"}, ("has 'regex', which 'json' does not know; "
     "there is 'key', 'type', 'optional', 'min', 'max' and 'finite'")),
    ({"json": "a", "take": "last"}, ("has 'take', which 'json' does not know; "
     "there is 'key', 'type', 'optional', 'min', 'max' and 'finite'")),
    ({"stdout": "a", 5: 1}, ("has 5, which 'stdout' does not know; "
     "there is 'take', 'type', 'optional', 'min', 'max' and 'finite'")),
    ({"stdout": "x("}, ("has the regular expression 'x(', which is wrong: "
     "missing ), unterminated subpattern at position 1")),
    ({"stdout": "a{999999999999999}"}, ("has the regular expression 'a{999999999999999}', which is wrong: "
     "the repetition number is too large")),
    ({"stdout": "(a)(b)"}, "has 2 groups in '(a)(b)'; keep one, and write (?:…) for the others"),
    ({"stdout": None}, f"has 'stdout': None, which is none; {NO_REGEX}"),
    ({"stdout": b"a"}, f"has 'stdout': b'a', which is none; {NO_REGEX}"),
    ({"file": "a"}, f"has no 'regex'; {NO_REGEX}"),
    ({"file": "/a", "regex": "a"}, f"has 'file': '/a', {NO_PATH}"),
    ({"file": "a/../b", "regex": "a"}, f"has 'file': 'a/../b', {NO_PATH}"),
    ({"json": ""}, f"has 'json': '', {NO_PATH}"),
    ({"json": 5}, f"has 'json': 5, {NO_PATH}"),
    ({"json": "a\0"}, f"has 'json': 'a\\x00', {NO_PATH}"),
    ({"json": "a", "key": 0}, "has 'key': 0; write the way to the value as text, such as 'final.energy' or 'steps.-1'"),
    ({"csv": "a"}, "has no 'column'; give its name, or its number from 0 (-1 is the last)"),
    ({"csv": "a", "column": True}, "has 'column': True; give its name, or its number from 0 (-1 is the last)"),
    ({"csv": "a", "column": " "}, "has 'column': ' '; give its name, or its number from 0 (-1 is the last)"),
    ({"csv": "a", "column": 1, "delimiter": ", "},
     "has 'delimiter': ', '; give one character, such as ';', or ' ' for any white space"),
    ({"csv": "a", "column": 1, "delimiter": '"'},
     "has 'delimiter': '\"'; give one character, such as ';', or ' ' for any white space"),
    ({"csv": "a", "column": 1, "take": "all"},
     "has 'take': 'all'; write 'first', 'last', 'min', 'max' or 'mean'"),
    ({"stdout": "a", "take": "frst"}, "has 'take': 'frst'; did you mean 'first'?"),
    ({"stdout": "a", "take": ["last"]}, "has 'take': ['last']; write 'first', 'last' or 'all'"),
    ({"stdout": "a", "take": None}, "has 'take': None; write 'first', 'last' or 'all'"),
    ({"stdout": "a", "type": float}, "has 'type': <class 'float'>; write 'int', 'float', 'bool' or 'text'"),
    ({"stdout": "a", "type": "flot"}, "has 'type': 'flot'; did you mean 'float'?"),
    ({"stdout": "a", "optional": 1}, "has 'optional': 1, which is neither True nor False"),
    ({"stdout": "a", "finite": "yes"}, "has 'finite': 'yes', which is neither True nor False"),
    ({"stdout": "a", "min": "0"}, "has 'min': '0', which is no finite number"),
    ({"stdout": "a", "max": True}, "has 'max': True, which is no finite number"),
    ({"stdout": "a", "max": float("nan")}, "has 'max': nan, which is no finite number"),
    ({"stdout": "a", "min": 2, "max": 1}, "has 'min': 2, which is more than its 'max': 1"),
    ({"stdout": "a", "max": 2, "type": "text"}, "has 'max', which is for numbers, but 'type': 'text'"),
    ({"stdout": "a", "finite": True, "type": "bool"}, "has 'finite', which is for numbers, but 'type': 'bool'"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "mistake"), BAD)
def test_bad_rules(rule: Any, mistake: str) -> None:
    assert mistakes_in({"x": rule}) == [f"'x' {mistake}"]


@pytest.mark.parametrize("name", ["", "$typed", "a\nb", "\ud800", 5, None, "x" * 101, ("a",)])
def test_bad_names(name: Any) -> None:
    (mistake,) = mistakes_in({name: {"stdout": "a"}})
    assert mistake.endswith(f" {NO_NAME}")


def test_good_names() -> None:
    names = ["a", "final.energy", "E (eV)", "ü", "x" * 100, "a$"]
    assert [rule.name for rule in parse_results({key: {"stdout": "a"} for key in names})] == names


def test_all_mistakes_of_all_rules_are_found() -> None:
    rules = {
        "a": {"stdout": "(", "taek": "x", "type": "flot", "optional": 5, "min": "x"},
        "b": {"stdout": "good"},
        "c": {"csv": "/t.csv", "take": "all", "delimiter": ""},
        "$d": {"jsn": "x"},
    }
    found = mistakes_in(rules)
    assert [mistake.split()[0] for mistake in found] == ["'a'"] * 5 + ["'c'"] * 4 + ["'$d'"] * 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["stdout", "file", "json", "csv", "regex", "key", "column", "take", "type", "min"])
                | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_nothing_at_all_escapes_as_another_error(given: object) -> None:
    try:
        rules = parse_results(given)
    except ValueError as error:
        assert all(isinstance(mistake, str) for mistake in error.args)  # noqa: PT017 - no error is fine too
    else:
        assert all(isinstance(rule, Extraction) for rule in rules)
