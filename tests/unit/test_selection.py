"""Choosing rows and runs by what a user types."""

import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.errors import MultirunError, SelectionError, UnknownNameError
from multirun.selection import (
    Selector,
    is_selector,
    is_spelled,
    parse_condition,
    parse_order,
    parse_selector,
    sort_rows,
)

ROW: dict[str, Any] = {
    "x": 0.3,
    "seed": 3,
    "mode": "fast",
    "final.energy": -1.5,
    "lr-rate": 1e-3,
    "lambda": 7,
    "done": True,
    "sizes": [16, 32],
    "limit": "inf",
    "bad": "nan",
    "nothing": None,
    "in": 1,
}
COLUMNS = [*ROW, "absent"]


def holds(condition: str, row: dict[str, Any] = ROW) -> bool:
    return parse_condition(condition, COLUMNS)(row)


# --------------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    "condition",
    [
        "x == 0.3",
        "0.3 == x",
        "x < 1",
        "x<=0.3",
        "x >= .3",
        "0 < x < 1",
        "x > -1",
        "x > - 1e-3",
        "seed == 3.0",
        "seed != 4",
        "x < seed",
        "mode == 'fast'",
        'mode == "fast"',
        "mode != 'slow' and seed in (1, 2, 3)",
        "seed not in [1, 2]",
        "'as' in mode",
        "32 in sizes",
        "sizes == [16, 32]",
        "sizes == (16, 32)",
        "final.energy < -1",
        "`final.energy` == -1.5",
        "`lr-rate` < 0.01",
        "lambda == 7",
        "`in` == 1",
        "done",
        "done == true",
        "not nothing",
        "not (seed == 1 or seed == 2)",
        "seed == 1 or seed == 2 or seed == 3",
        "nothing == None",
        "nothing is null",
        "absent == None",
        "seed is not None",
        "limit > 1e308",
        "-1 < limit",
        "limit == 'inf'",
        "mode > 'eager'",
        "  x == 0.3  ",
    ],
)
def test_a_condition_that_holds(condition: str) -> None:
    assert holds(condition)
    assert not holds(f"not ({condition})")


@pytest.mark.parametrize(
    "condition",
    [
        "x > 0.3",
        "x < 0.3",
        "1 < x < 2",
        "mode == 'Fast'",
        "mode < 3",
        "mode > 3",
        "nothing < 1",
        "nothing >= 0",
        "absent > 0",
        "absent <= 0",
        "absent",
        "bad > 0",
        "bad < 0",
        "seed in [1, 2]",
        "seed in mode",
        "sizes < 3",
        "seed == '3'",
    ],
)
def test_a_condition_that_does_not_hold(condition: str) -> None:
    assert not holds(condition)


def test_floating_point_numbers_are_what_somebody_means_by_them() -> None:
    third = {"x": 0.1 + 0.2}
    assert third["x"] != 0.3
    for condition in ("x == 0.3", "x <= 0.3", "x >= 0.3", "x in (0.3, 1)"):
        assert holds(condition, third), condition
    for condition in ("x != 0.3", "x > 0.3", "x < 0.3"):
        assert not holds(condition, third), condition
    assert not holds("x == 0.3", {"x": 0.3000001})


def test_large_integers_are_told_apart() -> None:
    assert holds("x != 1000000000000", {"x": 10**12 + 1})
    assert holds("x > 1000000000000", {"x": 10**12 + 1})


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_of_two_numbers_one_is_less_or_they_are_equal(one: float, other: float) -> None:
    row = {"x": one, "seed": other}
    assert [holds(f"x {sign} seed", row) for sign in ("<", "==", ">")].count(True) == 1
    assert holds("x <= seed", row) == (not holds("x > seed", row))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("y > 1", r"no column is called 'y'; there are x, seed"),
        ("sead > 1", "did you mean 'seed'"),
        ("MODE == 'fast'", "did you mean 'mode'"),
        ("mode == fast", 'it needs quotes: "fast"'),
        ("final.energi > 1", "did you mean 'final.energy'"),
        ("x = 1", "write == for equal"),
        ("x == 1 & seed == 2", "write and"),
        ("x == 1 || seed == 2", "write or"),
        ("!done", "write not"),
        ("x > 1; seed", "';' means nothing here"),
        ("x >", "cannot be read; write it like"),
        ("(x > 1", "cannot be read"),
        ("", "cannot be read"),
        ("x > 'a", "means nothing here"),
        ("1", "is not compared"),
        ("x + 1 > 2", "each side of a comparison"),
        ("[x] == [1]", "each side of a comparison"),
        ("_0 > 1", "no column is called '_0'"),
        ("x > 1 if done else x", "no column is called 'if'"),
    ],
)
def test_what_is_no_condition_is_explained(condition: str, words: str) -> None:
    with pytest.raises((SelectionError, UnknownNameError), match=words) as caught:
        parse_condition(condition, COLUMNS)
    assert repr(condition) in str(caught.value)


@pytest.mark.parametrize("deep", ["not " * 5000 + "x", "(" * 5000 + "x" + ")" * 5000, "not " * 60 + "x"])
def test_what_is_nested_too_deeply_is_refused(deep: str) -> None:
    with pytest.raises(SelectionError):
        parse_condition(deep, COLUMNS)


def test_no_condition_executes_anything() -> None:
    for text in ("__import__('os')", "x.real > 0", "x[0] == 1", "exec('1')", "(lambda: 1)()", "f'{x}' == 1", "x := 1"):
        with pytest.raises((SelectionError, UnknownNameError)):
            parse_condition(text, ["x"])


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_condition_or_refused(text: str) -> None:
    try:
        condition = parse_condition(text, COLUMNS)
    except MultirunError:
        return
    assert condition(ROW) in (True, False)
    assert condition({}) in (True, False)


# -------------------------------------------------------------------------------------------------- orders


def order(values: list[Any], *texts: str) -> list[Any]:
    rows = [{"x": value, "place": place} for place, value in enumerate(values)]
    return [row["x"] for row in sort_rows(list(rows), parse_order(texts, ["x", "place"]))]


def test_rows_are_sorted_and_what_is_missing_comes_last() -> None:
    values = [3, None, 1.5, "nan", "b", 2, "a", "inf", True]
    assert order(values, "x") == [True, 1.5, 2, 3, "inf", "a", "b", None, "nan"]
    assert order(values, "-x") == ["b", "a", "inf", 3, 2, 1.5, True, None, "nan"]


def test_rows_that_are_equal_stay_in_order() -> None:
    rows = [{"x": place % 2, "place": place} for place in range(6)]
    for text, expected in (("x", [0, 2, 4, 1, 3, 5]), ("-x", [1, 3, 5, 0, 2, 4]), ("-x,-place", [5, 3, 1, 4, 2, 0])):
        found = sort_rows(list(rows), parse_order([text], ["x", "place"]))
        assert [row["place"] for row in found] == expected


def test_several_orders_are_given_one_by_one_or_with_commas() -> None:
    columns = ["a", "b", "-c", "d,e"]
    assert parse_order(["a,-b"], columns) == parse_order(["a", "-b"], columns) == [("a", False), ("b", True)]
    assert parse_order(["-c", "d,e", "-d,e"], columns) == [("-c", False), ("d,e", False), ("d,e", True)]
    with pytest.raises(UnknownNameError, match=r"cannot sort by 'aa': no column is called so; did you mean 'a'\?"):
        parse_order(["-aa"], columns)


@given(st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans())))
def test_any_values_can_be_sorted(values: list[Any]) -> None:
    for text in ("x", "-x"):
        assert sorted(map(repr, order(values, text))) == sorted(map(repr, values))
        known = [value for value in order(values, text) if isinstance(value, float) and not math.isnan(value)]
        assert known == sorted(known, reverse=text == "-x")


# ---------------------------------------------------------------------------------------------------- runs


@pytest.mark.parametrize("word", ["17", "3-9", "3,5-7", "x=0.3", "x=", "final.energy=-1", "name=a/b", "a b=c", "x==1"])
def test_words_that_say_which_runs(word: str) -> None:
    assert is_selector(word)
    parse_selector([word])


@pytest.mark.parametrize("word", ["study", "./17", "-3", "3-", "1.5", "data/x=1", "=1", "3,", "x<1", "x>=1", "٣", ""])
def test_words_that_do_not(word: str) -> None:
    assert not is_selector(word)
    with pytest.raises(SelectionError, match="is no run; write a number"):
        parse_selector([word])


def test_numbers_are_alternatives_and_values_all_count() -> None:
    selector = parse_selector(["1,4-5", "7", "x=1", "mode=fast"])
    assert selector == Selector(((1, 1), (4, 5), (7, 7)), (("x", "1"), ("mode", "fast")))
    assert [index for index in range(10) if selector.takes_number(index)] == [1, 4, 5, 7]
    assert selector.takes_values({"x": 1.0, "mode": "fast", "more": 2})
    assert not selector.takes_values({"x": 1, "mode": "slow"})
    assert not selector.takes_values({"x": 1})
    everything = parse_selector([])
    assert everything.takes_number(10**9)
    assert everything.takes_values({})


def test_an_empty_range_is_a_mistake() -> None:
    with pytest.raises(SelectionError, match="the range 9-3 is empty; write 3-9"):
        parse_selector(["9-3"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.3, "0.3"),
        (0.3, "3e-1"),
        (0.1 + 0.2, "0.3"),
        (1, "1"),
        (1, "1.0"),
        (1.0, "1"),
        (-2, "-2"),
        (True, "true"),
        (True, "True"),
        (None, "null"),
        (None, "None"),
        ("fast", "fast"),
        ("fast", "'fast'"),
        ("1", "1"),
        ("", ""),
        ("a=b", "a=b"),
        ([1, 2], "[1, 2]"),
        ([1, 2], "1,2"),
        ("inf", "inf"),
    ],
)
def test_how_a_value_may_be_written(value: object, text: str) -> None:
    assert is_spelled(value, text)


@pytest.mark.parametrize(("value", "text"), [(0.3, "0.31"), ("fast", "Fast"), (1, "one"), (None, ""), ("fast", "fas")])
def test_how_a_value_is_not_written(value: object, text: str) -> None:
    assert not is_spelled(value, text)
