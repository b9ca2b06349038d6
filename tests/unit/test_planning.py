"""From what a source yields to checked runs."""

import asyncio
import sys
import warnings
from typing import Any

import pytest

from multirun.errors import MultirunWarning, ParamsError
from multirun.planning import Planner, plan_each


def planner(*command: str, **env: str) -> Planner:
    return Planner(command, env)


def warned(planner: Planner, *candidates: dict[str, Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for index, candidate in enumerate(candidates):
            planner.plan(index, candidate)
    assert all(issubclass(warning.category, MultirunWarning) for warning in caught)
    return [str(warning.message) for warning in caught]


def test_a_run_that_fits_is_planned() -> None:
    planned = planner("job", "{x:.3f}", OUT="{name}").plan(0, {"x": 0.5, "name": "a"})
    assert planned.params == {"x": 0.5, "name": "a"}
    assert planned.text == '{"x": 0.5, "name": "a"}'
    assert planned.digest == planner("other").plan(5, {"name": "a", "x": 0.5}).digest


@pytest.mark.parametrize(
    ("command", "params", "problem"),
    [
        (["job", "{x:d}"], {"x": 0.5}, "run 3 (x=0.5): {x:d} cannot format 0.5: Unknown format code 'd'"),
        (["job", "{x:.2f}"], {"x": 10**400}, "cannot format 1000"),
        (["job", "{x}"], {"x": "a\0b"}, "'{x}' would contain NUL or a surrogate, which no program can be given"),
        (["a{x}{y}"], {"x": "", "y": "\ud800"}, "'a{x}{y}' would contain NUL or a surrogate"),
        (["job"], {"x": object()}, "run 3: parameter x "),
        (["job"], 5, "run 3 is "),
        (["job"], None, "run 3 is None"),
    ],
)
def test_a_run_that_does_not_is_refused_with_its_number(command: list[str], params: Any, problem: str) -> None:
    with pytest.raises(ParamsError) as caught:
        planner(*command).plan(3, params)
    assert str(caught.value).startswith("run 3")
    assert problem in str(caught.value)


def test_the_environment_is_checked_too() -> None:
    with pytest.raises(ParamsError, match=r"run 0 \(x='a'\): \{x:d\} cannot format 'a'"):
        planner("job", OUT="{x:d}").plan(0, {"x": "a"})


def test_values_that_no_template_uses_may_hold_anything() -> None:
    assert planner("job", "{y}").plan(0, {"x": "a\0b", "y": 1}).params == {"x": "a\0b", "y": 1}


def test_a_near_miss_is_a_warning_with_the_nearest_name() -> None:
    assert warned(planner("job", "{masss:.2f}", "{mass}"), {"mass": 1}) == [
        "{masss:.2f} names no parameter and is passed on as it is; did you mean {mass}?"
    ]


def test_the_warning_points_to_the_line_that_called_multirun() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        planner("job", "{masss}").plan(0, {"mass": 1})
        line = sys._getframe().f_lineno - 1
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]


async def test_also_from_within_an_event_loop() -> None:
    async def plan() -> None:
        planner("job", "{masss}").plan(0, {"mass": 1})

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await asyncio.create_task(plan())
    assert [warning.filename for warning in caught] == [__file__]


def test_the_environment_can_hold_one_too() -> None:
    assert warned(planner("job", OUT="{masss}"), {"mass": 1}) == [
        "{masss} names no parameter and is passed on as it is; did you mean {mass}?"
    ]


@pytest.mark.parametrize("word", ["{print $1}", "${mas}", "{{masss}}", "{}", "{other}", "masss", "{mass:>9}"])
def test_no_warning_without_a_near_miss(word: str) -> None:
    assert warned(planner("awk", word), {"mass": 1}) == []


def test_a_warning_comes_once_for_each_set_of_names() -> None:
    runs: list[dict[str, Any]] = [{"mass": 1}, {"mass": 2}, {"massa": 1, "y": 1}, {"y": 2, "massa": 2}, {"masss": 1}]
    assert warned(planner("job", "{masss}"), *runs) == [
        "{masss} names no parameter and is passed on as it is; did you mean {mass}?",
        "{masss} names no parameter and is passed on as it is; did you mean {massa}?",
    ]


def test_all_runs_are_looked_at_and_all_mistakes_found() -> None:
    mistakes = ["an earlier one"]
    runs = [{"x": 1}, 5, {"x": "a"}, {"x": 4}, None]
    planned = list(plan_each(planner("job", "{x:d}"), runs, mistakes))
    assert [None if run is None else run.params for run in planned] == [{"x": 1}, None, None, {"x": 4}, None]
    assert [mistake[:5] for mistake in mistakes] == ["an ea", "run 1", "run 2", "run 4"]


def test_runs_are_pulled_one_at_a_time() -> None:
    pulled = []

    def source() -> Any:
        for number in range(3):
            pulled.append(number)
            yield {"x": number}

    planned = plan_each(planner("job"), source(), [])
    next(planned)
    assert pulled == [0]
