"""Means and standard errors, compared with the standard library; groups of runs; how both are written."""

import itertools
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun import Averages, Estimate, Run, SweepResult, UnknownNameError
from multirun.estimates import estimate
from multirun.results import ResultsHome, posted_of
from multirun.rundir import SweepPaths
from multirun.statistics import Tally

MODERATE = st.floats(-1e6, 1e6)
ANY_FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(MODERATE | st.integers(-1000, 1000), min_size=2, max_size=20))
def test_mean_and_error_are_those_of_the_textbook(values: list[float]) -> None:
    found = estimate(values)
    assert found.count == len(values)
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=1e-9)
    assert found.error == pytest.approx(
        statistics.stdev(map(float, values)) / math.sqrt(len(values)), rel=1e-6, abs=1e-9
    )


@given(st.lists(ANY_FINITE, min_size=1, max_size=10), st.randoms())
def test_neither_order_nor_size_of_the_values_matters(values: list[float], random: Any) -> None:
    found = estimate(values)
    assert min(values) <= found.mean <= max(values)
    assert repr(estimate(random.sample(values, len(values)))) == repr(found)
    assert found.error >= 0 or math.isnan(found.error)
    assert len(found.known()) == min(len(values), 2)


def test_a_sum_that_overflows_on_its_way_has_the_same_mean_in_any_order() -> None:
    values = [1.7e308, -sys.float_info.max, 6e264, 1.7e308, -1e308]
    assert len({repr(estimate(order)) for order in itertools.permutations(values)}) == 1


@pytest.mark.parametrize("count", range(1, 30))
def test_the_largest_number_is_its_own_mean(count: int) -> None:
    assert estimate([sys.float_info.max] * count).mean == sys.float_info.max
    assert math.isnan(estimate([math.inf, -math.inf] + [sys.float_info.max] * count).mean)


@given(st.lists(MODERATE, min_size=2, max_size=10), st.sampled_from([1e-150, 1e-3, 4.0, 1e150]))
def test_the_error_scales_with_the_values(values: list[float], factor: float) -> None:
    small, large = estimate(values), estimate([value * factor for value in values])
    assert large.error == pytest.approx(small.error * factor, rel=1e-6, abs=1e-9 * factor)


@given(MODERATE, st.integers(2, 20))
def test_equal_values_have_no_error(value: float, count: int) -> None:
    assert estimate([value] * count) == Estimate(value, 0.0, count)


def test_known_values() -> None:
    assert estimate([2, 4, 4, 4, 5, 5, 7, 9]).error == pytest.approx(math.sqrt(32 / 7 / 8))
    assert estimate([True, False, True, True]) == Estimate(0.75, 0.25, 4)
    assert estimate([]) == Estimate(math.nan, math.nan, 0)
    assert estimate([3]) == Estimate(3.0, math.nan, 1)


@pytest.mark.parametrize("values", [[math.nan, 1], [math.inf, 1], [math.inf, -math.inf], [1.7e308, -1.7e308, 1.7e308]])
def test_values_that_are_not_finite_or_too_large_give_no_wrong_number(values: list[float]) -> None:
    found = estimate(values)
    assert not math.isfinite(found.error)


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (0.59274612, 0.0041834, "0.5927 ± 0.0042"),
        (1234.56, 7.89, "1234.6 ± 7.9"),
        (123456.0, 2345.0, "123500 ± 2300"),
        (-0.5, 3.0, "-0.5 ± 3.0"),
        (1.5e20, 3.2e18, "(1.500 ± 0.032)e+20"),
        (1.5e-9, 3.2e-12, "(1.5000 ± 0.0032)e-09"),
        (0.0, 1e-310, "0 ± 1e-310"),
        (1 / 3, 0.0, "0.333333 ± 0"),
        (math.inf, math.nan, "inf ± nan"),
        (math.nan, math.nan, "nan ± nan"),
    ],
)
def test_as_many_digits_as_the_error_deserves(mean: float, error: float, text: str) -> None:
    found = Estimate(mean, error, 5)
    assert str(found) == f"{found}" == text


def test_a_format_holds_for_both() -> None:
    assert f"{Estimate(0.5, 0.01234, 3):.3f}" == "0.500 ± 0.012"
    assert f"{Estimate(1 / 3, math.nan, 1)}|{Estimate(math.nan, math.nan, 0)}" == "0.333333|"
    assert f"{Estimate(0.5, math.nan, 1):.2f}|{Estimate(math.nan, math.nan, 0):.2f}" == "0.50|"


# ----------------------------------------------------------------------------------------------- groups


def sweep(*runs: tuple[dict[str, Any], Any, str], folder: Path = Path("/nowhere")) -> SweepResult:
    """A sweep whose runs posted small results: parameters, results (... for none) and status of each."""
    home, made, tally = ResultsHome(SweepPaths(str(folder))), [], Tally()
    for index, (params, results, status) in enumerate(runs):
        run = Run(index, params, home)
        run.status = status  # type: ignore[assignment]
        run.posted = False if results is ... else posted_of({"results_digest": "d", "results": results})
        tally.add(run.status)
        made.append(run)
    return SweepResult(folder, made, tally.statistics(total_known=True))


@pytest.fixture
def study() -> SweepResult:
    return sweep(
        ({"t": 1, "seed": 1}, {"y": 1, "ok": True, "label": "a", "deep": {"z": 2.0}}, "success"),
        ({"t": 1.0, "seed": 2}, {"y": 3, "ok": False, "label": "b", "deep": {"z": 2.0}}, "success"),
        ({"t": 2, "seed": 1}, {"y": 5.5, "ok": True, "label": "c"}, "success"),
        ({"t": 2, "seed": 2}, {"y": 1000}, "failure"),
        ({"t": 3, "seed": 1}, ..., "failure"),
        ({"t": True, "seed": 1}, {"y": 7, "ok": True}, "skipped"),
    )


def test_runs_with_equal_parameters_make_a_group(study: SweepResult) -> None:
    found = study.mean_by("t")
    assert [group.params for group in found] == [{"t": 1}, {"t": 2}, {"t": 3}, {"t": True}]
    assert [[run.index for run in group.runs] for group in found] == [[0, 1], [2, 3], [4], [5]]
    assert found.values == ("y", "ok", "deep.z")
    assert (found[0]["y"], found[0]["ok"].mean) == (Estimate(2.0, 1.0, 2), 0.5)
    assert found[1]["y"] == Estimate(5.5, math.nan, 1), "a failed run counts"
    assert found[2]["y"] == Estimate(math.nan, math.nan, 0)
    assert found[3]["y"].mean == 7
    assert repr(found[0]) == "<Group t=1 of 2 runs: y: 2.0 ± 1.0, ok: 0.50 ± 0.50, deep.z: 2 ± 0>"
    assert repr(found) == "<Averages of 4 groups by t>"


def test_as_text(study: SweepResult) -> None:
    assert str(study.mean_by("t", values="y")).splitlines() == [
        "   t  runs             y",
        "   1     2     2.0 ± 1.0",
        "   2     2  5.5 (1 of 2)",
        "   3     1      (0 of 1)",
        "True     1             7",
    ]


def test_as_a_table(study: SweepResult) -> None:
    table = study.mean_by("t", values=["y"])._table()
    assert list(table.names) == ["t", "runs", "y.mean", "y.error", "y.count"]
    assert list(table.rows)[:2] == [[1, 2, 2.0, 1.0, 2], [2, 2, 5.5, None, 1]]


def test_without_names_runs_agree_in_all_parameters() -> None:
    twice = sweep(
        *[({"a": 1, "m": {"b": (1, 2)}}, {"y": y}, "success") for y in (1, 2, 6)], ({"a": 2}, {"y": 4}, "success")
    )
    found = twice.mean_by()
    assert [(group.params, group["y"].count) for group in found] == [
        ({"a": 1, "m.b": (1, 2)}, 3),
        ({"a": 2, "m.b": None}, 1),
    ]


def test_names_that_clash_with_ours_are_told_apart() -> None:
    found = sweep(({"runs": 1, "y.mean": 2, "index": 3}, {"y": 1}, "success")).mean_by("runs", "y.mean", "params.index")
    assert list(found._table().names) == [
        "params.runs", "y.mean", "params.index", "runs", "results.y.mean", "y.error", "y.count",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda study: study.mean_by("sed"), "no parameter is called 'sed'; did you mean 'seed'?"),
        (lambda study: study.mean_by("zzz"), "no parameter is called 'zzz'; there is t, seed"),
        (
            lambda study: study.mean_by("t", values=["label"]),
            "no number in the results is called 'label'; there is y, ",
        ),
        (lambda study: study.mean_by("t")[0]["deepz"], "did you mean 'deep.z'?"),
        (lambda study: study.where(sed=1), "no parameter is called 'sed'; did you mean 'seed'?"),
        (lambda study: study.run(6), "there is no run 6 here; their numbers go from 0 to 5"),
        (lambda study: study.run(-1), "there is no run -1 here"),
        (lambda study: study.where(t=3).run(0), "there is no run 0 here; their numbers go from 4 to 4"),
        (lambda study: study.where(t=99).run(0), "there is no run 0 here; there are no runs"),
    ],
)
def test_a_name_that_nothing_has_is_told_the_nearest(study: SweepResult, call: Any, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        call(study)
    assert message in str(caught.value)


# ------------------------------------------------------------------------------------------ selecting runs


def test_runs_by_their_parameters(study: SweepResult) -> None:
    def found(**wanted: Any) -> list[int]:
        return [run.index for run in study.where(**wanted)]

    assert found(t=1) == [0, 1]
    assert found(t=True) == [5]
    assert found(t=2, seed=2) == [3]
    assert found(t=9) == []
    assert found() == [0, 1, 2, 3, 4, 5]
    part = study.where(t=2)
    assert (part.statistics.success_count, part.statistics.failure_count, part.statistics.total_count) == (1, 1, 2)
    assert (part.run(3).index, part.where(seed=1)[0].index, part.path) == (3, 2, study.path)


def test_parameters_inside_maps_and_odd_values() -> None:
    odd = sweep(
        ({"m": {"a.b": 1, "c": {"d": 2}}, "a b": (1, 2), "x": math.nan}, ..., "success"),
        ({"m.c": {"d": 3}, "a b": [1, 2]}, ..., "success"),
    )
    assert [run.index for run in odd.where({"m.a.b": 1})] == [0]
    assert [run.index for run in odd.where({"m.c.d": 2})] == [0]
    assert [run.index for run in odd.where({"m.c.d": 3})] == [1]
    assert [run.index for run in odd.where({"a b": (1, 2)})] == [0]
    assert [run.index for run in odd.where(x=math.nan)] == [0]
    assert list(sweep().where(x=1)) == []


def test_no_runs_have_no_means(study: SweepResult) -> None:
    found = study.where(t=9).mean_by("t", values=["y"])
    assert (list(found), found._table().names) == ([], ["t", "runs", "y.mean", "y.error", "y.count"])
    assert str(found).split() == ["t", "runs", "y"]


def test_a_number_of_a_run_that_is_none(study: SweepResult) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no run '3' here; their numbers go from 0 to 5"):
        study.run("3")  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-5, 5)), min_size=1, max_size=20))
def test_groups_part_the_runs(rows: list[tuple[int, int, int]]) -> None:
    study = sweep(*[({"a": a, "seed": seed}, {"y": y}, "success") for a, seed, y in rows])
    found: Averages = study.mean_by("a")
    assert sorted(run.index for group in found for run in group.runs) == list(range(len(rows)))
    for group in found:
        assert [run.index for run in group.runs] == [run.index for run in study.where(a=group.params["a"])]
        assert group["y"] == estimate([run.results["y"] for run in group.runs])
