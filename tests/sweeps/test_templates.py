"""Parameters in commands and environment variables, and what surrounds a run."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.invariants import check_sweep
from tests.sweeps.sweeping import run_sweep

from multirun import FileResource, MultirunWarning, multirun
from multirun.contract import THREAD_VARIABLES

PRINT_WORDS = ["sh", "-c", 'for word; do printf "%s\\0" "$word"; done', "sh"]
PRINT_ENV = ["env", "-0"]


def words_of(output: Path, runs: list[dict[str, Any]], *words: str) -> list[list[str]]:
    """The words that a program is given in each run."""
    result = run_sweep(output, runs, [*PRINT_WORDS, *words])
    return [run.stdout.read_text().split("\0")[:-1] for run in result]


def env_of(output: Path, runs: list[dict[str, Any]] | None = None, **keywords: Any) -> list[dict[str, str]]:
    """The environment that a program is given in each run."""
    result = run_sweep(output, runs or [{}], PRINT_ENV, **keywords)
    texts = [os.fsdecode(run.stdout.read_bytes()) for run in result]
    return [dict(entry.split("=", 1) for entry in text.split("\0")[:-1]) for text in texts]


# ------------------------------------------------------------------------------------------ command


def test_parameters_in_the_command(sweep_dir: Path) -> None:
    runs = [{"x": 1.23456, "name": "a b"}, {"x": 2, "name": "ü"}]
    assert words_of(sweep_dir, runs, "{x}", "{x:.3f}", "--{name}={x:08.2f}!", "{name}{name}", "{name!r}") == [
        ["1.23456", "1.235", "--a b=00001.23!", "a ba b", "{name!r}"],
        ["2", "2.000", "--ü=00002.00!", "üü", "{name!r}"],
    ]


UNTOUCHED = [
    "{}", "{ }", "{y}", "{1}", "{x.y}", "{x[0]}", "{x!r}", "${x}", "$x", "{print}", "{print $1; x = 1}", "}x{", "{x",
    "x}", "{{}}", "{{y}}", "{a,b}", '{"x": 1}', "{X}", "{ x }", "f() { return x: 1 }", "{:.3f}", "%s", "\\{",
]  # fmt: skip


def test_every_other_brace_stays(sweep_dir: Path) -> None:
    assert words_of(sweep_dir, [{"x": 1}], *UNTOUCHED) == [UNTOUCHED]


def test_doubled_braces_give_a_literal_field(sweep_dir: Path) -> None:
    given = ["{{x}}", "{{x:.2f}}", "a{{x}}b{x}"]
    assert words_of(sweep_dir, [{"x": 7}], *given) == [["{x}", "{x:.2f}", "a{x}b7"]]


def test_values_are_not_templates(sweep_dir: Path) -> None:
    runs = [{"x": "{y}", "y": "{x}"}]
    assert words_of(sweep_dir, runs, "{x}{y}") == [["{y}{x}"]]


def test_odd_names_and_values_in_a_command(sweep_dir: Path) -> None:
    names = ["a b", "a.b", "a:b", "ü", "0", "a-b", "$"]
    values = [None, True, "", " ", "-rf", "'\"\\`$HOME", "new\nline", np.float64(0.1), Path("a/b"), (1, 2), 10**30]
    runs = [dict.fromkeys(names, value) for value in values]
    given = [f"{{{name}}}" for name in names]
    assert words_of(sweep_dir, runs, *given) == [[str(value)] * len(names) for value in values]


def test_awk_keeps_its_braces(tmp_path: Path, sweep_dir: Path) -> None:
    table = tmp_path / "table"
    table.write_text("1 2\n3 4\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_sweep(
            sweep_dir,
            [{"print_this": 1, "column": 2}],
            ["awk", "{print} {sum += $1} END {print sum * {column}}", "table"],
            input_files=[FileResource(table)],
        )
    assert result[0].stdout.read_text() == "1 2\n3 4\n8\n"


def test_a_near_miss_is_a_warning_and_stays_as_it_is(sweep_dir: Path) -> None:
    with pytest.warns(MultirunWarning) as caught:
        result = multirun(
            runs=[{"mass": 1, "velocity": 2}] * 3 + [{"velocity": 3}],
            cmd=["echo", "{masss}", "{velocty:.3f}", "{print}", "{mass}"],
            env={"A": "{Mass}"},
            output_path=sweep_dir,
            display=False,
        )
    check_sweep(sweep_dir, result=result)
    assert result[0].stdout.read_text() == "{masss} {velocty:.3f} {print} 1\n"
    texts = sorted({str(warning.message) for warning in caught})
    assert texts == [
        "{Mass} names no parameter and is passed on as it is; did you mean {mass}?",
        "{masss} names no parameter and is passed on as it is; did you mean {mass}?",
        "{velocty:.3f} names no parameter and is passed on as it is; did you mean {velocity}?",
    ]
    assert len(caught) <= 4  # once for each set of names, not for each run
    assert {Path(warning.filename).name for warning in caught} <= {Path(__file__).name, "planning.py"}


def test_words_may_be_paths(tmp_path: Path, sweep_dir: Path) -> None:
    program = tmp_path / "with space"
    program.write_text("#!/bin/sh\necho ran $1\n")
    program.chmod(0o755)
    result = run_sweep(sweep_dir, [{}], [program, Path("a/b")])
    assert result[0].stdout.read_text() == "ran a/b\n"


# -------------------------------------------------------------------------------------- environment


def test_variables_with_parameters(sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_CALLER", "kept")
    monkeypatch.setenv("REPLACED", "old")
    env = {
        "PLAIN": "a{b}${x}", "TEXT": "{x}-{x:.2f}", "REPLACED": "new", "NUMBER": 3, "HALF": 0.5, "A_PATH": Path("a/b"),
        "EMPTY": "", "ODD_ü": "ü\n",
    }  # fmt: skip
    for x, given in enumerate(env_of(sweep_dir, [{"x": 0}, {"x": 1}], env=env)):
        assert given["FROM_CALLER"] == "kept"
        assert {name: given[name] for name in env} == {
            "PLAIN": "a{b}${x}", "TEXT": f"{x}-{x:.2f}", "REPLACED": "new", "NUMBER": "3", "HALF": "0.5",
            "A_PATH": "a/b", "EMPTY": "", "ODD_ü": "ü\n",
        }  # fmt: skip
    assert os.environ["REPLACED"] == "old"


def test_what_a_run_is_told(sweep_dir: Path) -> None:
    for index, given in enumerate(env_of(sweep_dir, [{}, {}])):
        run_dir = f"{sweep_dir}/runs/{index:06}"
        told = {name: value for name, value in given.items() if name.startswith("MULTIRUN_")}
        assert told.pop("MULTIRUN_COOKIE")
        assert told == {
            "MULTIRUN_RUN_DIR": run_dir,
            "MULTIRUN_PARAMS": f"{run_dir}/params.json",
            "MULTIRUN_RESULTS": f"{run_dir}/results.json",
            "MULTIRUN_ATTEMPT": "1",
            "MULTIRUN_INDEX": str(index),
        }
        assert given["PWD"] == run_dir


def test_the_surroundings_of_a_run(sweep_dir: Path) -> None:
    script = 'pwd -P; readlink /proc/self/fd/0; test "$(ps -o sid= -p $$)" -eq $$ && echo own session; umask'
    before = os.umask(0o027)
    try:
        result = run_sweep(sweep_dir, [{}], ["sh", "-c", script])
    finally:
        os.umask(before)
    run_dir = result[0].path.resolve()
    assert result[0].stdout.read_text() == f"{run_dir}\n/dev/null\nown session\n0027\n"


def test_relative_programs_are_those_of_path(tmp_path: Path, sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, text in (("one", "one"), ("two", "two")):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "choose-me"
        program.write_text(f"#!/bin/sh\necho {text}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'one'}:{os.environ['PATH']}")
    env = {"PATH": f"{tmp_path}/{{folder}}:/usr/bin:/bin"}
    result = run_sweep(sweep_dir, [{"folder": "one"}, {"folder": "two"}], ["choose-me"], env=env)
    assert [run.stdout.read_text() for run in result] == ["one\n", "two\n"]


# ------------------------------------------------------------------------------------------ threads


@pytest.fixture
def no_thread_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def threads(given: dict[str, str]) -> list[str]:
    return [given[name] for name in THREAD_VARIABLES]


@pytest.mark.usefixtures("no_thread_variables")
def test_numerical_libraries_get_one_thread(sweep_dir: Path) -> None:
    assert "OMP_NUM_THREADS" in THREAD_VARIABLES
    assert threads(env_of(sweep_dir)[0]) == ["1"] * len(THREAD_VARIABLES)


@pytest.mark.usefixtures("no_thread_variables")
def test_the_callers_environment_decides_about_threads(sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    given = env_of(sweep_dir)[0]
    assert (given["OMP_NUM_THREADS"], given["MKL_NUM_THREADS"]) == ("7", "1")


@pytest.mark.usefixtures("no_thread_variables")
def test_threads_per_run_counts_more_and_env_most(sweep_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    given = env_of(sweep_dir, threads_per_run=3, env={"MKL_NUM_THREADS": "{x}"}, runs=[{"x": 5}])[0]
    assert given["MKL_NUM_THREADS"] == "5"
    assert {given[name] for name in THREAD_VARIABLES if name != "MKL_NUM_THREADS"} == {"3"}
