"""How the parameters of failed runs differ from those of the others, and that nothing is said that is not so."""

import re
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirun.contrast import Background

GRID = [
    {"vp": v / 10, "w": w, "mode": mode, "fixed": 1}
    for v, w, mode in product(range(1, 11), (1, 2, 5), ("fast", "slow"))
]


def contrast(runs: list[dict[str, Any]], is_bad: Callable[..., object]) -> str | None:
    """What is said if some of these runs failed."""
    failed = [params for params in runs if is_bad(params)]
    return Background(params for params in runs if params not in failed).contrast(failed)


@pytest.mark.parametrize(
    ("is_bad", "said"),
    [
        (lambda p: p["vp"] <= 0.4, "only with vp ≤ 0.4; every ok run has vp ≥ 0.5"),
        (lambda p: p["vp"] > 0.95, "only with vp=1"),
        (lambda p: p["vp"] >= 0.3, "only with vp ≥ 0.3; every ok run has vp ≤ 0.2"),
        (lambda p: 0.35 < p["vp"] < 0.65, "only with 0.4 ≤ vp ≤ 0.6"),
        (lambda p: 0.25 < p["vp"] < 0.75, "only with 0.3 ≤ vp ≤ 0.7"),
        (lambda p: p["mode"] == "fast", "only with mode='fast'"),
        (lambda p: p["w"] in (1, 5), "only with w=1 or 5"),
        (lambda p: p["w"] == 5 and p["vp"] < 0.45, "only with w=5 and vp ≤ 0.4"),
        (lambda p: p["mode"] == "fast" and p["vp"] > 0.55, "only with mode='fast' and vp ≥ 0.6"),
        (lambda p: p["w"] > 1 and p["vp"] > 0.85, "only with vp ≥ 0.9 and w ≥ 2"),
        (lambda p: p["w"] == 5 and p["vp"] == 0.5, "only with vp=0.5 and w=5"),
        (lambda p: p["mode"] == "fast" and p["vp"] * 10 % 4 < 3, "all with mode='fast', like 6 of the 36 ok runs"),
        (lambda p: (p["vp"] * 10 + p["w"]) % 4 < 1, None),
        (lambda p: p["vp"] == 0.5 and p["w"] == 1 and p["mode"] == "fast", None),  # one run says it all itself
        (lambda p: True, None),
        (lambda p: False, None),
    ],
)
def test_a_grid(is_bad: Callable[..., object], said: str | None) -> None:
    found = contrast(GRID, is_bad)
    assert found == said


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (True, False, "only with x=False"),
        (None, 3, "only with x=3"),
        ("", "a b", "only with x='a b'"),
        (1, True, "only with x=True"),
        (10**17, 10**17 + 1, "only with x=100000000000000001"),
        ([1, 2], [2, 1], "only with x=[2, 1]"),
        ((8, 8), (16, 16), "only with x=(16, 16)"),
        (Path("a"), Path("b"), "only with x='b'"),
        (1.5, float("nan"), "only with x=nan"),
        (np.int64(3), np.int64(4), "only with x=4"),
        (np.str_("a"), np.str_("b"), "only with x='b'"),
        (1.5, float("inf"), "only with x=inf"),
    ],
)
def test_values_of_every_kind(good: Any, bad: Any, said: str) -> None:
    runs = [{"x": value, "seed": n} for value in (good, bad) for n in range(5)]
    found = Background(runs[:5]).contrast(runs[5:])
    assert found is not None
    assert found.startswith(said)


@pytest.mark.parametrize(
    "value", [{"a": 1}, date(2024, 1, 1), 1 + 2j, list(range(100)), [[date(2024, 1, 1)]], object()]
)
def test_of_what_is_not_compared_nothing_is_said(value: Any) -> None:
    assert Background([{"x": 1}] * 9).contrast([{"x": value}] * 9) is None


def test_parameters_that_some_runs_lack() -> None:
    assert Background([{}] * 9).contrast([{"x": 1}] * 5) == "only with x=1"
    assert Background([{"x": 1}] * 9).contrast([{"x": 2}, {}] * 4) is None
    assert Background([{"x": 1}, {"y": 1}, {"x": 2, "y": 2}] * 3).contrast([{"y": 5}] * 4) == "only with y=5"
    some = [{"x": n} for n in range(9)] + [{"x": None}]
    assert Background(some).contrast([{"x": n} for n in range(9, 20)]) == "only with x ≥ 9"


def test_names_are_shown_safely() -> None:
    assert Background([{"a\n": 1.0}] * 9).contrast([{"a\n": 2.0}] * 5) == "only with a\\n=2"


# Whatever is said must be so: the sentence is read back and tried on every run.

_VALUE = r"-?\d+"
_CONDITION = re.compile(rf"(?:({_VALUE}) ≤ )?([abc])(?:=({_VALUE}(?: or {_VALUE})*)| ([≤≥]) ({_VALUE}))")


def holds(condition: str, params: dict[str, int]) -> bool:
    """Whether a condition, as it is written, is true of parameters."""
    found = _CONDITION.fullmatch(condition)
    assert found, condition
    low, name, values, sign, bound = found.groups()
    if name not in params:
        return False
    value = params[name]
    if values:
        return str(value) in values.split(" or ")
    fits = value <= int(bound) if sign == "≤" else value >= int(bound)
    return fits and (low is None or value >= int(low))


PARAMS = st.fixed_dictionaries(
    {"a": st.integers(-3, 9), "b": st.sampled_from([1, 2, 5])}, optional={"c": st.integers(0, 1)}
)


@settings(max_examples=400)
@given(st.lists(PARAMS, max_size=40), st.sampled_from(["a", "b", "ab", "c", ""]), st.integers(-3, 9), st.randoms())
def test_what_is_said_is_so(runs: list[dict[str, int]], kind: str, bound: int, chance: Any) -> None:
    def is_bad(params: dict[str, int]) -> bool:
        noise = chance.random() < 0.1 if bound % 2 else False
        clear = {"a": params["a"] <= bound, "b": params["b"] == 2, "c": params.get("c") == 1, "": chance.random() < 0.5}
        return (params["a"] > bound and params["b"] > 1 if kind == "ab" else clear[kind]) != noise

    bad = [is_bad(params) for params in runs]
    failed = [params for params, each in zip(runs, bad, strict=True) if each]
    ok = [params for params, each in zip(runs, bad, strict=True) if not each]
    said = Background(ok).contrast(failed)
    if said is None:
        return
    if said.startswith("only with "):
        conditions, _, rest = said.removeprefix("only with ").partition("; every ok run has ")
        parts = conditions.split(" and ")
        assert all(holds(part, params) for part in parts for params in failed)
        assert not any(all(holds(part, params) for part in parts) for params in ok)
        assert not rest or all(holds(rest, params) for params in ok)
    else:
        found = re.fullmatch(r"all with (.+), like (\d+) of the (\d+) ok runs", said)
        assert found
        assert all(holds(found[1], params) for params in failed)
        assert int(found[2]) == sum(holds(found[1], params) for params in ok) <= len(ok) / 2
        assert int(found[3]) == len(ok)


@given(st.integers(2, 60), st.integers(2, 60), st.randoms())
def test_chance_is_rarely_taken_for_a_cause(bad: int, good: int, chance: Any) -> None:
    runs = [{"seed": n} for n in range(bad + good)]
    chance.shuffle(runs)
    said = Background(runs[bad:]).contrast(runs[:bad])
    if said is not None:  # then the numbers of the failed ones must really lie apart
        numbers = sorted(params["seed"] for params in runs[:bad])
        assert numbers[-1] - numbers[0] <= bad + good * 3 // 4


@pytest.mark.timeout(20)
def test_many_runs_and_many_parameters_take_no_time() -> None:
    ok = [{f"p{k}": (n * (k + 1)) % 97 for k in range(5)} for n in range(100_000)]
    background = Background(ok)
    failed = [{f"p{k}": n % 7 for k in range(5)} for n in range(1000)]
    background.contrast(failed)
    for _ in range(20):
        background.contrast(failed)
