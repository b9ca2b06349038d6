"""`getRunParams` and `postRunResults` from wherever a program calls them, and results from any language."""

import collections
import csv
import json
import os
import pickle
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.sweeping import PYTHON, SCRIPTED, run_sweep
from tests.unit.sameness import ODD, ODD_NAMES, same

from multirun import (
    NotInRunError,
    ResultsDamagedError,
    Run,
    SweepResult,
    getRunParams,
    postRunResults,
)
from multirun.encoding import canonical

PROGRAMS = {
    "child": """
        import multirun
        params = multirun.getRunParams()
        params["x"].append(4)
        multirun.postRunResults([params["x"], multirun.getRunParams()["x"]])
    """,
    "grandchild": """
        import subprocess, sys
        code = "import multirun as m; m.postRunResults(m.getRunParams()['x'])"
        subprocess.run([sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)",
                        sys.executable, "-c", code], check=True)
    """,
    "after chdir": """
        import os, multirun
        os.chdir("/")
        multirun.postRunResults([multirun.getRunParams()["x"], os.getcwd()])
    """,
    "thread": """
        import threading, multirun
        thread = threading.Thread(target=lambda: multirun.postRunResults(multirun.getRunParams()["x"]))
        thread.start()
        thread.join()
    """,
    "twice": """
        import multirun
        multirun.postRunResults({"first": 1})
        multirun.postRunResults(object)
        multirun.postRunResults({"last": 2})
    """,
    "nothing": "pass",
    "none": "import multirun; multirun.postRunResults(None)",
    "zero": "import multirun; multirun.postRunResults(0)",
    "typed": """
        import multirun, datetime, pathlib
        multirun.postRunResults({"t": (1, 2.5), 3: {4}, "p": pathlib.Path("a"), "d": datetime.date(2024, 2, 29)})
    """,
    "pickled": """
        import multirun, collections
        multirun.postRunResults({"count": 2, "words": collections.Counter("aab")})
    """,
    "class": """
        import multirun
        class Fit:
            slope = 3
            def __init__(self, offset): self.offset = offset
            def __call__(self, x): return self.slope * x + self.offset
        multirun.postRunResults(Fit(5))
    """,
    "large": "import multirun; multirun.postRunResults({'name': 'large', 'list': list(range(100_000))})",
    "huge": "import multirun; multirun.postRunResults({'text': 'x' * (17 << 20)})",
    "unpicklable": """
        import multirun
        multirun.postRunResults({"first": 1})
        multirun.postRunResults({"a": [1, {"b": (yes for yes in [1])}]})
    """,
    "unpicklable, caught": """
        import multirun
        multirun.postRunResults({"first": 1})
        try:
            multirun.postRunResults((yes for yes in [1]))
        except multirun.ResultsError as error:
            assert isinstance(error, TypeError)
    """,
    "killed after posting": """
        import multirun, os, signal
        multirun.postRunResults({"safe": True})
        os.kill(os.getpid(), signal.SIGKILL)
    """,
    "explodes": """
        import multirun, pathlib
        class Explodes:
            def __reduce__(self): return pathlib.Path.touch, (pathlib.Path(multirun.getRunParams()["marker"]),)
        multirun.postRunResults({"value": 1, "bomb": Explodes()})
    """,
}


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that appears when a pickle is loaded."""
    return tmp_path_factory.mktemp("marker") / "loaded"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, marker: Path) -> dict[str, Run]:
    """Every program as a run, by name."""
    maps = [{"code": _dedent(code), "x": [1, 2, 3], "marker": str(marker)} for code in PROGRAMS.values()]
    result = run_sweep(tmp_path_factory.mktemp("posting") / "sweep", maps, PYTHON)
    return dict(zip(PROGRAMS, result, strict=True))


def _dedent(code: str) -> str:
    lines = code.strip("\n").splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[margin:] for line in lines)


pytestmark = pytest.mark.xdist_group("posting")  # so that the sweep runs once for all of them

EXPECTED = {
    "child": [[1, 2, 3, 4], [1, 2, 3]],
    "grandchild": [1, 2, 3],
    "after chdir": [[1, 2, 3], "/"],
    "thread": [1, 2, 3],
    "twice": {"last": 2},
    "nothing": None,
    "none": None,
    "zero": 0,
    "pickled": {"count": 2, "words": collections.Counter("aab")},
    "large": {"name": "large", "list": list(range(100_000))},
    "huge": {"text": "x" * (17 << 20)},
    "unpicklable, caught": {"first": 1},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_results_come_back(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert run.status == "success", run.stderr.read_text()
    assert run.results == EXPECTED[name]
    assert type(run.results) is type(EXPECTED[name])


def test_typed_results_keep_their_types(runs: dict[str, Run]) -> None:
    assert same(runs["typed"].results, {"t": (1, 2.5), 3: {4}, "p": Path("a"), "d": date(2024, 2, 29)})


def test_a_class_of_the_program_itself_comes_back(runs: dict[str, Run]) -> None:
    fit = runs["class"].results
    assert fit(2) == 11


def test_posting_nothing_is_told_from_posting_none(runs: dict[str, Run]) -> None:
    assert not (runs["nothing"].path / "results.json").exists()
    assert (runs["none"].path / "results.json").read_text() == "null\n"


def test_an_earlier_pickle_is_cleared_away(runs: dict[str, Run]) -> None:
    assert {path.name for path in runs["twice"].path.iterdir()} == {
        "params.json", "results.json", "stderr.log", "stdout.log",
    }  # fmt: skip
    assert len(list(runs["pickled"].path.glob("results-*.pkl"))) == 1


def test_what_cannot_be_posted_fails_that_run_alone(runs: dict[str, Run]) -> None:
    run = runs["unpicklable"]
    assert (run.status, run.reason) == ("failure", "exit:1")
    error = run.stderr.read_text()
    assert re.search(r"ResultsError: run \d+: the results cannot be posted\. As JSON: results\.a\[1\]\.b ", error)
    assert "As a pickle: TypeError: cannot pickle 'generator' object" in error
    assert run.results == {"first": 1}
    assert sum(each.status == "failure" for each in runs.values()) == 2


def test_what_was_posted_survives_the_program(runs: dict[str, Run]) -> None:
    run = runs["killed after posting"]
    assert (run.reason, run.results) == ("signal:SIGKILL", {"safe": True})


def test_a_pickle_is_loaded_only_when_results_are_asked_for(runs: dict[str, Run], marker: Path) -> None:
    run = runs["explodes"]
    assert run.status == "success"
    assert not marker.exists()
    assert run.results["value"] == 1
    assert marker.exists()


def test_damage_is_an_error_for_that_run_alone(tmp_path: Path) -> None:
    code = "import multirun, collections; multirun.postRunResults(collections.Counter('ab'))"
    result = run_sweep(tmp_path / "sweep", [{"code": code}] * 5, PYTHON)
    pickles = [next(run.path.glob("*.pkl")) for run in result]
    pickles[0].write_bytes(pickle.dumps("something else"))
    pickles[1].unlink()
    (result[2].path / "results.json").write_text('{"$pickle": "../000000/results.json"}')
    (result[3].path / "results.json").write_text("{")
    for run in result[:4]:
        with pytest.raises(ResultsDamagedError, match=re.escape(str(run.path))) as damaged:
            _ = run.results
        assert isinstance(damaged.value, ValueError)
    assert result[4].results == collections.Counter("ab")
    with pytest.raises(ResultsDamagedError):
        _ = result.results


# ----------------------------------------------------------------------------------- any language


def test_any_language_can_read_parameters_and_post(tmp_path: Path) -> None:
    scripts = [
        """x=$(sed 's/.*"x": *\\([0-9]*\\).*/\\1/' "$MULTIRUN_PARAMS")
           printf '{"doubled": %d}' $((2 * x)) > "$MULTIRUN_RESULTS" """,
        """awk -F'"x": ' '{print "{\\"doubled\\": " 2 * $2 "}" > ENVIRON["MULTIRUN_RESULTS"]}' params.json""",
        """cd / && echo '[1, 2.5, null, true, {"ü": "\\u00fc"}]' > "$MULTIRUN_RESULTS" """,
        """echo '  "text"  ' > results.json""",
        """echo NaN > results.json""",
        """echo '{"a": Infinity, "b": [-Infinity]}' > results.json""",
        """echo 17 > half && mv half "$MULTIRUN_RESULTS" """,
    ]
    result = run_sweep(tmp_path / "sweep", [{"script": script, "x": 21} for script in scripts], SCRIPTED)
    assert [run.status for run in result] == ["success"] * len(scripts)
    expected = [{"doubled": 42}, {"doubled": 42}, [1, 2.5, None, True, {"ü": "ü"}], "text", float("nan"),
                {"a": float("inf"), "b": [-float("inf")]}, 17]  # fmt: skip
    assert all(same(found, wanted) for found, wanted in zip(result.results, expected, strict=True)), result.results


def test_params_json_is_the_map_itself_where_json_is_exact(tmp_path: Path) -> None:
    params = {"b": 1, "a": [1.5, None, {"ü": True}], "$HOME": "text"}
    result = run_sweep(tmp_path / "sweep", [params, {**params, "t": (1, 2)}], ["true"])
    exact, typed = (json.loads((run.path / "params.json").read_text()) for run in result)
    assert (exact, list(exact)) == (params, list(params))
    assert list(typed) == ["b", "a", "$HOME", "t", "$typed"]
    assert typed["t"] == [1, 2]


# ------------------------------------------------------------------------------------ outside a run


@pytest.mark.parametrize("call", [getRunParams, lambda: postRunResults(1)], ids=["getRunParams", "postRunResults"])
def test_outside_a_run(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MULTIRUN_")]:
        monkeypatch.delenv(name)
    with pytest.raises(NotInRunError, match=r"called outside a run: the variable MULTIRUN_(PARAMS|RESULTS)") as refused:
        call()
    assert isinstance(refused.value, RuntimeError)


def test_a_program_can_be_tried_by_hand(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"x": 3}')
    code = "import multirun as m; m.postRunResults(m.getRunParams())"
    env = {**os.environ, "MULTIRUN_PARAMS": str(tmp_path / "mine.json"), "MULTIRUN_RESULTS": "out.json"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True, timeout=30)
    assert json.loads((tmp_path / "out.json").read_text()) == {"x": 3}


# --------------------------------------------------------------------------------- odd parameters

ROUND_TRIP = """
import multirun
from multirun.encoding import canonical
params = multirun.getRunParams()
multirun.postRunResults({"params": params, "canonical": canonical(params).hex(), "names": list(params)})
"""


@pytest.fixture(scope="module")
def odd_maps() -> list[dict[str, Any]]:
    """All odd values and all odd names, in few maps."""
    items = list(ODD.items())
    maps: list[dict[str, Any]] = [dict(items[start : start + 40]) for start in range(0, len(items), 40)]
    names: dict[str, Any] = {name: number for number, name in enumerate(ODD_NAMES)}
    typed_names = {name: (number, name) for number, name in enumerate(reversed(ODD_NAMES))}
    return [*maps, names, typed_names, {}]


@pytest.fixture(scope="module")
def round_trip(odd_maps: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A program posts what it was given."""
    output = tmp_path_factory.mktemp("odd") / "sweep"
    return run_sweep(output, [{**params, "code": ROUND_TRIP} for params in odd_maps], PYTHON)


def test_there_are_many_odd_parameters(odd_maps: list[dict[str, Any]]) -> None:
    assert sum(map(len, odd_maps)) >= 150


def test_odd_parameters_reach_programs_and_return_as_results(
    odd_maps: list[dict[str, Any]], round_trip: SweepResult
) -> None:
    for run, params in zip(round_trip, odd_maps, strict=True):
        given = {**params, "code": ROUND_TRIP}
        assert run.status == "success", run.stderr.read_text()
        assert same(run.params, given)
        posted = run.results
        assert posted["names"] == list(given)
        assert posted["canonical"] == canonical(given).hex()
        assert same(posted["params"], given)


def test_odd_parameters_stand_in_the_table(odd_maps: list[dict[str, Any]], round_trip: SweepResult) -> None:
    with (round_trip.path / "results.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert len(rows) == len(odd_maps)
    assert len(set(header)) == len(header)
    assert {len(row) for row in rows} == {len(header)}
    scalars = {name for name, value in ODD.items() if not isinstance(value, dict | range)}
    assert scalars <= set(header)
    first = dict(zip(header, rows[0], strict=True))
    assert [first[name] for name in ("none", "true", "1/3", "nul")] == ["", "true", repr(1 / 3), "\0"]
