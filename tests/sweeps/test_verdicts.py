"""When a run counts as a success, and what is said when it does not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import Run, SweepResult

Verdict = tuple[str, str | None, int | None]


def verdict(run: Run) -> Verdict:
    return run.status, run.reason, run.exit_code


def judged(output: Path, scripts: list[str], **rules: Any) -> SweepResult:
    return run_sweep(output, [{"script": script} for script in scripts], SCRIPTED, **rules)


def test_exit_codes_and_signals(sweep_dir: Path) -> None:
    scripts = ["exit 0", "exit 1", "exit 126", "exit 127", "exit 255", "kill -SEGV $$", "kill -TERM $$", "kill -40 $$"]
    assert [verdict(run) for run in judged(sweep_dir, scripts)] == [
        ("success", None, 0),
        ("failure", "exit:1", 1),
        ("failure", "exit:126", 126),
        ("failure", "exit:127", 127),
        ("failure", "exit:255", 255),
        ("failure", "signal:SIGSEGV", None),
        ("failure", "signal:SIGTERM", None),
        ("failure", "signal:40", None),
    ]


def test_a_solver_that_says_satisfiable_by_exit_code_10(sweep_dir: Path) -> None:
    scripts = ['echo true > "$MULTIRUN_RESULTS"; exit 10', "exit 20", "exit 0", "exit 1"]
    result = judged(sweep_dir, scripts, success_codes=[10, 20])
    assert [verdict(run) for run in result] == [
        ("success", None, 10), ("success", None, 20), ("failure", "exit:0", 0), ("failure", "exit:1", 1),
    ]  # fmt: skip
    assert result.results == [True, None, None, None]


def post(text: str) -> str:
    return f"echo '{text}' > \"$MULTIRUN_RESULTS\""


def test_results_that_must_be_there(sweep_dir: Path) -> None:
    result = judged(sweep_dir, [post("{}"), post("null"), "true", "exit 3"], required_results=True)
    assert [run.reason for run in result] == [None, None, "no-result", "exit:3"]
    assert result[2].message == "the program ended well but posted no results"
    assert result[2].exit_code == 0


def test_keys_that_results_must_have(sweep_dir: Path) -> None:
    documents = ['{"a": {"b": 1}, "c": null}', '{"a": {"x": 1}, "c": 2}', '{"a.b": 1, "c": 1}', '{"c": 1}', "[1]"]
    result = judged(sweep_dir, [*map(post, documents), "true"], required_results=["a.b", "c"])
    assert [run.reason for run in result] == [None, "no-result", None, "no-result", "no-result", "no-result"]
    assert result[1].message == "the results lack 'a.b'"
    assert result[4].message == "the results lack 'a.b', 'c'"


def test_damaged_results_are_told_from_missing_ones(sweep_dir: Path) -> None:
    scripts = [post("{"), ': > "$MULTIRUN_RESULTS"', post('{"$pickle": "../../x"}'), 'mkdir "$MULTIRUN_RESULTS"',
               'mkfifo "$MULTIRUN_RESULTS"', post("[" * 3000 + "]" * 3000)]  # fmt: skip
    for folder, rules in (("lenient", {}), ("strict", {"required_results": True})):
        result = judged(sweep_dir / folder, scripts, **rules)
        assert [run.reason for run in result] == ["bad-result"] * len(scripts)
        assert all("results.json" in str(run.message) for run in result)
        assert result.results == [None] * len(scripts)


def test_files_that_must_be_there_and_not_be_empty(sweep_dir: Path) -> None:
    scripts = ["mkdir d; echo 1 > a; echo 1 > d/b", "echo 1 > a", "mkdir d; : > a; echo 1 > d/b", "mkdir a d d/b"]
    result = judged(sweep_dir, scripts, required_files=["a", Path("d/b")])
    assert [run.reason for run in result] == [None, "no-result", "no-result", None]
    assert result[1].message == "missing or empty: 'd/b'"
    assert result[2].message == "missing or empty: 'a'"


def test_names_of_required_files_hold_parameters(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"n": 1}, {"n": 2}], ["sh", "-c", "echo 1 > out-1"], required_files=["out-{n}"])
    assert [run.message for run in result] == [None, "missing or empty: 'out-2'"]


def test_programs_that_cannot_be_executed(tmp_path: Path, sweep_dir: Path) -> None:
    (tmp_path / "text").write_text("true\n")
    (tmp_path / "no_interpreter").write_text("#!/no/such/thing\n")
    (tmp_path / "no_interpreter").chmod(0o755)
    (tmp_path / "garbage").write_bytes(b"\x7fnothing")
    (tmp_path / "garbage").chmod(0o755)
    programs = ["no-such-command", "./none", tmp_path / "none", tmp_path / "text", tmp_path / "no_interpreter",
                tmp_path / "garbage", tmp_path]  # fmt: skip
    result = run_sweep(sweep_dir, [{"program": str(program)} for program in programs], ["{program}"])
    assert [verdict(run) for run in result] == [("failure", "exec-failed", None)] * len(programs)
    messages = [str(run.message) for run in result]
    for message, words in zip(
        messages,
        ["command not found", "command not found", "command not found", "chmod +x", "/no/such/thing", "#!", "folder"],
        strict=True,
    ):
        assert words in message
    assert len(set(messages)) == len(messages)


# --------------------------------------------------------------------------------------------- time


def test_a_run_that_takes_too_long(sweep_dir: Path, gates: Gates) -> None:
    runs = [{"gate": 0}, {"gate": 1}]
    gates.open(1)
    slow, fast = run_sweep(sweep_dir, runs, gates.command(), timeout="1.5s", grace=30)
    assert verdict(slow) == ("failure", "timeout", None)
    assert verdict(fast) == ("success", None, 0)
    assert slow.duration_s is not None
    assert 1.5 <= slow.duration_s < 20


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("2h", 7200), ("1h30m", 5400), ("1h 30m 5s", 5405), ("1:30:00", 5400), ("5:00", 300), ("1.5d", 129600),
     (" 10 S ", 10), (0.5, 0.5), (7, 7), ("30d", 2592000), (1e9, 1e9)],
)  # fmt: skip
def test_time_limits_as_people_write_them(sweep_dir: Path, text: str | float, seconds: float) -> None:
    result = run_sweep(sweep_dir, [{}], ["true"], timeout=text)
    assert json.loads((sweep_dir / "sweep.json").read_text())["options"]["timeout_s"] == seconds
    assert verdict(result[0]) == ("success", None, 0)


@pytest.mark.parametrize(("grace", "seconds"), [(0, 0), (2.5, 2.5), ("1m", 60)])
def test_grace_as_people_write_it(sweep_dir: Path, grace: str | float, seconds: float) -> None:
    run_sweep(sweep_dir, [{}], ["true"], grace=grace)
    assert json.loads((sweep_dir / "sweep.json").read_text())["options"]["grace_s"] == seconds


# --------------------------------------------------------------------------- a script as users write it

SCRIPT = """
import sys
from multirun import multirun
multirun(runs=[{"code": 0}, {"code": 4}], cmd=["sh", "-c", "echo to stderr >&2; exit {code}"],
         output_path="sweep", check=True)
"""


def test_a_script_with_check_ends_with_a_message_that_says_where_to_look(tmp_path: Path) -> None:
    script = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert script.returncode == 1
    last = script.stderr[script.stderr.index("RunsFailedError") :]
    assert "1 of 2 runs failed" in last
    assert "run 1 (code=4) failed: exit code 4" in last
    assert f"{tmp_path}/sweep/runs/000001/stderr.log" in last
