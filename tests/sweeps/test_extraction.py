"""Results from what programs print and write: sweeps of real programs, from the keyword to the table."""

import asyncio
import csv
import json
import math
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.faults.scripts import Script
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async
from tests.sweeps.commands import command
from tests.sweeps.sweeping import PYTHON, SCRIPTED, files_below, run_sweep

from multirun import ConfigurationError, MultirunWarning, SweepResult, multirun, multirunAsync
from multirun.results import load_results
from multirun.snapshot import take_snapshot
from multirun.testing import Scene, ScriptedRunner

CATASTROPHE = {"x": {"stdout": "(?:a+)+b"}}
SLOW = "head -c 5000 /dev/zero | tr '\\0' a; touch done"


def play(output: Path, scripts: list[str], **keywords: Any) -> SweepResult:
    return run_sweep(output, [{"script": script} for script in scripts], SCRIPTED, **keywords)


def table(result: SweepResult) -> list[dict[str, str]]:
    with (result.path / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


SIMULATOR = r"""
printf 'inv_delay           =   1.25D-0{n}\n'
echo "warning: step {n}" >&2
echo '{"final": {"energy": -{n}.5}, "steps": [1, 2, {n}]}' > out-{n}.json
printf '\357\273\277t,p\r\n0,1\r\n1,{n}\r\n2,2\r\n' > log.csv
"""

RULES: dict[str, Any] = {
    "delay": {"stdout": r"inv_delay\s+=\s+(\S+)", "min": 0},
    "energy": {"json": "out-{n}.json", "key": "final.energy"},
    "last step": {"json": "out-{n}.json", "key": "steps.-1", "type": "float"},
    "peak": {"csv": "log.csv", "column": "p", "take": "max"},
    "warnings": {"stderr": "warning: (.*)", "take": "all"},
    "restarts": {"file": "restart.log", "regex": "restart", "optional": True},
}


def test_a_simulator_that_knows_nothing_of_us(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"n": n} for n in (1, 5)], ["sh", "-c", SIMULATOR], results=RULES)
    assert result.results == [
        {"delay": 0.125, "energy": -1.5, "last step": 1.0, "peak": 2, "warnings": ["step 1"], "restarts": None},
        {"delay": 1.25e-5, "energy": -5.5, "last step": 5.0, "peak": 5, "warnings": ["step 5"], "restarts": None},
    ]
    assert [run.results for run in result] == [load_results(str(run.path)) for run in result]
    assert [(row["delay"], row["peak"], row["restarts"]) for row in table(result)] == [
        ("0.125", "2", ""),
        ("1.25e-05", "5", ""),
    ]
    rules = json.loads((sweep_dir / "sweep.json").read_text())["rules"]["results"]
    assert [rule["name"] for rule in rules] == list(RULES)
    assert len(take_snapshot(str(sweep_dir)).definition.rules.results) == len(RULES)


def test_without_rules_the_definition_is_as_it_was(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{}], ["true"], results={})
    assert "results" not in json.loads((sweep_dir / "sweep.json").read_text())["rules"]


ENERGY = {"energy": {"stdout": r"energy = (\S+)", "type": "float", "max": 0, "finite": True}}


def test_what_becomes_of_runs_whose_numbers_are_of_no_use(sweep_dir: Path) -> None:
    texts = ["energy = -1", "energy = nan", "energy = 5", "energy = *****", "", "energy = -1e999"]
    result = play(sweep_dir, [f"echo '{text}'" for text in texts], results=ENERGY)
    assert [(run.reason, run.message) for run in result] == [
        (None, None),
        ("rule:energy", "'energy' from stdout.log: nan is not finite"),
        ("rule:energy", "'energy' from stdout.log: 5.0 is not at most 0, its max"),
        ("bad-result", "'energy' cannot be used: stdout.log holds '*****', which is no number"),
        ("no-result", r"'energy' was not found: stdout.log has no match of r'energy = (\S+)'"),
        ("rule:energy", "'energy' from stdout.log: -inf is not finite"),
    ]
    assert result[2].results == {"energy": 5.0}  # what failed it can be seen
    assert math.isnan(result[1].results["energy"])
    assert [row["energy"] for row in table(result)] == ["-1.0", "nan", "5.0", "", "", "-inf"]
    assert all(run.exit_code == 0 for run in result)


def test_a_program_that_failed_is_not_searched(sweep_dir: Path) -> None:
    result = play(sweep_dir, ["echo energy = -1; exit 3", "echo energy = -1; kill -9 $$"], results=ENERGY)
    assert [run.reason for run in result] == ["exit:3", "signal:SIGKILL"]
    assert result.results == [None, None]


def test_what_is_found_joins_what_was_posted(sweep_dir: Path) -> None:
    codes = [
        "post({'a': 1, 'energy': 'posted'})",
        "post({'a': (1, 2), 3: {4}})",
        "post({'a': {1}, 'energy': (5,)})",
        "post({'f': lambda: 7, 'a': 1, 'energy': 3})",
        "post([1])",
        "post(7)",
        "open('results.json', 'w').write('{')",
        "pass",
    ]
    head = "from multirun import postRunResults as post\nprint('energy = -1.5')\n"
    result = run_sweep(sweep_dir, [{"code": head + code} for code in codes], PYTHON, results=ENERGY)
    assert [run.reason for run in result] == [None] * 4 + ["bad-result"] * 3 + [None]
    assert result[4].message == "results.json holds something else than a map of names, which other results could join"
    assert str(result[6].message).startswith("results.json is no valid JSON")
    assert result[0].results == {"a": 1, "energy": -1.5}
    assert result[1].results == {"a": (1, 2), 3: {4}, "energy": -1.5}
    assert result[2].results == {"a": {1}, "energy": -1.5}
    assert {**result[3].results, "f": result[3].results["f"]()} == {"f": 7, "a": 1, "energy": -1.5}
    assert [result[4].results, result[5].results, result[7].results] == [[1], 7, {"energy": -1.5}]
    assert [row["energy"] for row in table(result)] == ["-1.5"] * 4 + [""] * 3 + ["-1.5"]


def test_limits_for_what_was_posted(sweep_dir: Path) -> None:
    codes = [f"import multirun; multirun.postRunResults({{'e': {e}, 'f': (1,)}})" for e in ("-1", "2", "float('nan')")]
    rules = {"e": {"json": "results.json", "key": "e", "max": 0, "finite": True}}
    result = run_sweep(sweep_dir, [{"code": code} for code in codes], PYTHON, results=rules)
    assert [run.reason for run in result] == [None, "rule:e", "rule:e"]
    assert result[1].results == {"e": 2, "f": (1,)}
    assert math.isnan(result[2].results["e"])


def test_required_results_may_be_those_of_rules(sweep_dir: Path) -> None:
    scripts = ["echo energy = -1", "echo energy = -1; echo '{\"x\": 1}' > $MULTIRUN_RESULTS"]
    result = play(sweep_dir, scripts, results=ENERGY, required_results=["energy", "x"])
    assert [run.reason for run in result] == ["no-result", None]
    assert result[0].message == "the results lack 'x'"


def test_files_that_wait_for_somebody(sweep_dir: Path) -> None:
    rules = {"x": {"file": "f", "regex": "a"}, "y": {"json": "f"}, "z": {"csv": "f", "column": 0}}
    begin = monotonic()
    result = play(sweep_dir, ["mkfifo f", "ln -s /dev/zero f", "rm stdout.log; mkdir f"], results=rules)
    assert [run.reason for run in result] == ["bad-result"] * 3
    assert monotonic() - begin < 30


def test_binary_output_of_a_gigabyte(sweep_dir: Path) -> None:
    script = r"head -c 100000 /dev/urandom; truncate -s 1G stdout.log; printf '\377\nenergy = -2.5\n\000'"
    result = play(sweep_dir, [script], results=ENERGY)
    assert result.results == [{"energy": -2.5}]
    os.truncate(result[0].stdout, 0)


def test_an_input_can_be_looked_into_through_its_link(tmp_path: Path, sweep_dir: Path) -> None:
    (tmp_path / "mesh.csv").write_text("n\n64\n")
    rule = {"n": {"csv": "mesh.csv", "column": "n"}}
    assert run_sweep(sweep_dir, [{}], ["true"], input_files=[tmp_path / "mesh.csv"], results=rule).results == [
        {"n": 64}
    ]


def test_large_findings_are_read_back(sweep_dir: Path) -> None:
    rules = {"n": {"stdout": r"\d+", "take": "all"}, "last": {"stdout": r"\d+"}}
    result = play(sweep_dir, ["seq 20000"], results=rules)
    assert result[0].results == {"n": list(range(1, 20001)), "last": 20000}
    assert table(result)[0]["last"] == "20000"


# -------------------------------------------------------------------------------------- before anything starts


def test_mistakes_in_rules_are_told_with_all_others(sweep_dir: Path) -> None:
    rules = {"a": {"stdout": "("}, "b": {"stdout": "(a)(b)", "taek": "last"}}
    with pytest.raises(ConfigurationError) as caught:
        multirun(runs=[{"x": 1}], cmd=[], output_path=sweep_dir, results=rules)
    assert [mistake.split(";")[0] for mistake in caught.value.mistakes] == [
        "results: 'a' has the regular expression '(', which is wrong: missing ), unterminated subpattern at position 0",
        "results: 'b' has 'taek', which 'stdout' does not know",
        "results: 'b' has 2 groups in '(a)(b)'",
        "cmd: [] is no list of words",
    ]
    assert files_below(sweep_dir.parent) == []


def test_a_misspelt_parameter_in_the_name_of_a_file(sweep_dir: Path) -> None:
    rules = {"x": {"json": "out-{mas}.json", "optional": True}}
    with pytest.warns(MultirunWarning, match=r"\{mas\} names no parameter .* did you mean \{mass\}"):
        multirun(runs=[{"mass": 1}], cmd=["true"], output_path=sweep_dir, results=rules, dry_run=True)


def test_a_format_that_does_not_fit_the_name_of_a_file(sweep_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot format 'a'"):
        multirun(runs=[{"m": "a"}], cmd=["true"], output_path=sweep_dir, results={"x": {"json": "{m:d}.json"}})


def test_an_odd_expression_warns_once(sweep_dir: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = run_sweep(sweep_dir, [{}, {}], ["echo", "[a"], results={"x": {"stdout": "[[]a"}})
    assert result.results == [{"x": "[a"}] * 2
    assert [each.category for each in caught] == [FutureWarning]


# --------------------------------------------------------------------------------------- while results are taken


async def test_cancelling_while_an_expression_goes_on_without_end(sweep_dir: Path) -> None:
    call = asyncio.create_task(
        multirunAsync(runs=[{"script": SLOW}], cmd=SCRIPTED, output_path=sweep_dir, results=CATASTROPHE, grace=30)
    )
    await wait_until_async((sweep_dir / "runs/000000/done").exists)
    begin = monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert monotonic() - begin < 10
    assert check_sweep(sweep_dir)[0]["reason"] == "cancelled"


def test_killing_us_while_an_expression_goes_on_without_end(tmp_path: Path) -> None:
    """That nothing is left is looked at after each test."""
    script = Script(tmp_path, runs=[{"script": SLOW}], command=SCRIPTED, options=f"results={CATASTROPHE!r}")
    wait_until((script.root / "runs/000000/done").exists)
    script.kill()
    script.dispose()
    check_sweep(script.root, killed=True)


def test_other_runs_go_on_meanwhile(sweep_dir: Path) -> None:
    """One lane waits for an expression; the others, and the display, do not."""

    async def main() -> list[str | None]:
        reasons = []
        slow_first = [{"script": SLOW}, *({"script": "echo aab"} for _ in range(5))]
        call = asyncio.create_task(
            multirunAsync(
                runs=slow_first, cmd=SCRIPTED, output_path=sweep_dir, results=CATASTROPHE,
                on_result=lambda run: reasons.append(run.reason),
            )
        )  # fmt: skip
        await wait_until_async(lambda: len(reasons) == 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return reasons

    assert asyncio.run(main()) == [None] * 5 + ["cancelled"]
    check_sweep(sweep_dir)


def test_the_time_that_rules_take_is_not_that_of_the_program(sweep_dir: Path) -> None:
    run = play(sweep_dir, [f"echo {22 * 'a'}"], results=CATASTROPHE)[0]
    begin, record = (take_record(sweep_dir, event) for event in ("started", "ended"))
    assert record["rules_s"] > 0.1
    assert run.duration_s == record["duration_s"]
    assert record["duration_s"] + record["rules_s"] <= record["time"] - begin["time"] + 0.002
    shown = json.loads(command("show", "--json", str(sweep_dir), "0").stdout)
    assert shown["started"] == pytest.approx(begin["time"], abs=0.2)


def take_record(sweep_dir: Path, event: str) -> dict[str, Any]:
    journals = "".join(path.read_text() for path in (sweep_dir / "journal").iterdir())
    return next(record for record in map(json.loads, journals.splitlines()) if record["event"] == event)


# ------------------------------------------------------------------------------------------------ played runs


def test_played_runs_have_their_rules_too(sweep_dir: Path) -> None:
    def script(params: dict[str, Any]) -> Scene:
        return Scene(stdout=f"energy = {params['e']}", results={"x": 1}, exit_code=params.get("code", 0))

    runner = ScriptedRunner(script)
    runs: list[dict[str, Any]] = [{"e": -1}, {"e": 1}, {"e": "x"}, {"e": -1, "code": 2}]
    result = run_sweep(sweep_dir, runs, ["simulate"], runner=runner, results=ENERGY)
    assert [run.reason for run in result] == [None, "rule:energy", "bad-result", "exit:2"]
    assert result.results == [{"x": 1, "energy": -1.0}, {"x": 1, "energy": 1.0}, {"x": 1}, {"x": 1}]


# ------------------------------------------------------------------------------------------------- out of memory

MEMORY = Path("/sys/fs/cgroup/memory")
HUNGRY = [sys.executable, "-c", "import os, sys; exec(sys.argv[1])", "{code}"]


@pytest.fixture
def narrow() -> Iterator[Path]:
    """A control group with little memory, where one can be made."""
    new = Path("/sys/fs/cgroup") / f"multirun-test-{os.getpid()}"
    group, limit = (MEMORY / new.name, "memory.limit_in_bytes") if MEMORY.is_dir() else (new, "memory.max")
    try:
        group.mkdir()
        (group / limit).write_text(str(200 << 20))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no control group with a memory limit can be made here: {error.strerror}")
    yield group
    wait_until(lambda: not (group / "cgroup.procs").read_text(), what="the end of all processes in the control group")
    group.rmdir()


def test_a_program_that_the_system_ends_for_want_of_memory(tmp_path: Path, narrow: Path) -> None:
    codes = ["x = bytearray(1 << 30)", "os.kill(os.getpid(), 9)", "raise SystemExit(137)", "pass"]
    script = Script(
        tmp_path,
        before=f"import os; open({str(narrow / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))",
        runs=[{"code": code} for code in codes],
        command=HUNGRY,
        max_parallel=1,
    )
    assert script.end() == 0, script.output
    script.dispose()
    state = check_sweep(script.root)
    reasons = [state[index]["reason"] for index in range(4)]
    assert reasons == ["out-of-memory", "signal:SIGKILL", "exit:137", None]
    assert state[0]["signal"] == "SIGKILL"
