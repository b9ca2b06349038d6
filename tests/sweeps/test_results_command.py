"""`multirun results`, as a user types it."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.looking import said
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import SweepResult

pytestmark = pytest.mark.xdist_group("looking")  # so that the sweeps run once for all of them


def rows_of(*words: str, cwd: Path) -> list[dict[str, Any]]:
    """The rows that `results --jsonl -` writes with some more words."""
    finished = command("results", *words, "--jsonl", "-", cwd=cwd)
    assert finished.returncode == 0, finished
    return [json.loads(line) for line in finished.stdout.splitlines()]


def test_results_as_a_table(here: Path) -> None:
    finished = command("results", "study", cwd=here)
    assert (finished.returncode, finished.stderr) == (0, "")
    header, *lines = finished.stdout.splitlines()
    assert header.split() == ["index", "x", "mode", "w", "y", "final.energy", "note", "status", "reason", "duration_s"]
    assert lines[3].split()[:7] == ["3", "3", "odd", "0.3", "-", "-", "-"]
    assert lines[3].split()[7:9] == ["failure", "exit:4"]
    assert "2.5            -2  a note for 2  success" in lines[2]


def test_results_as_csv_are_the_table_of_the_sweep(study: SweepResult, here: Path, tmp_path: Path) -> None:
    table = (study.path / "results.csv").read_text()
    assert command("results", "study", "--csv", "-", cwd=here).stdout == table
    finished = command("results", "study", "--csv", str(tmp_path / "a.csv"), cwd=here)
    assert (finished.stdout, finished.stderr) == ("", f"multirun: 6 rows in {tmp_path / 'a.csv'}\n")
    assert (tmp_path / "a.csv").read_text() == table
    (row,) = csv.DictReader(io.StringIO(command("results", "study", "--csv", "-", "--where", "x==2", cwd=here).stdout))
    assert (row["y"], row["final.energy"]) == ("2.5", "-2")


def test_json_and_jsonl_hold_the_same_rows_with_all_keys(here: Path, tmp_path: Path) -> None:
    finished = command("results", "study", "--json", "-", "--jsonl", str(tmp_path / "a.jsonl"), cwd=here)
    rows = json.loads(finished.stdout)
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == rows
    assert len({tuple(row) for row in rows}) == 1
    assert rows[3]["y"] is None
    assert rows[2] == {**rows[2], "index": 2, "x": 2, "w": 0.2, "y": 2.5, "final.energy": -2, "status": "success"}
    assert json.loads(command("results", "study", "--json", "-", "--where", "x > 99", cwd=here).stdout) == []


def test_numbers_that_are_not_finite(sweep_dir: Path) -> None:
    limits = [2.5, float("inf"), float("nan")]
    post = "import multirun; multirun.postRunResults({'y': -multirun.getRunParams()['limit']})"
    run_sweep(sweep_dir, [{"limit": limit} for limit in limits], [sys.executable, "-c", post])
    assert command("results", sweep_dir, "--csv", "-").stdout == (sweep_dir / "results.csv").read_text()
    finished = command("results", sweep_dir, "--json", "-", "--sort", "-limit")
    rows = json.loads(finished.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert [(row["limit"], row["y"]) for row in rows] == [("inf", "-inf"), (2.5, -2.5), ("nan", "nan")]
    for condition, indexes in (("limit > 1e300", [1]), ("y < 0", [0, 1]), ("limit == 'nan'", [2]), ("y == y", [0, 1])):
        found = command("results", sweep_dir, "--jsonl", "-", "--where", condition).stdout.splitlines()
        assert [json.loads(line)["index"] for line in found] == indexes, condition
    shown = [json.loads(line) for line in command("show", "--json", sweep_dir, "0-2").stdout.splitlines()]
    assert [run["results"]["y"] for run in shown] == [-2.5, "-inf", "nan"]
    assert json.loads(command("show", "--json", sweep_dir, "limit=inf").stdout)["index"] == 1
    assert json.loads(command("show", "--json", sweep_dir, "limit=nan").stdout)["index"] == 2


def test_rows_are_chosen_and_sorted(here: Path) -> None:
    def chosen(*words: str) -> list[int]:
        return [row["index"] for row in rows_of("study", *words, cwd=here)]

    assert chosen("--where", "y > 1 and mode == 'odd'") == [1, 5]
    assert chosen("--where", "y > 1", "--where", "mode == 'even'") == [2, 4]
    assert chosen("--where", "status == 'failure'") == [3]
    assert chosen("--where", "final.energy <= -4") == [4, 5]
    assert chosen("--sort", "-y") == [5, 4, 2, 1, 0, 3]
    assert chosen("--sort", "mode,-x") == [4, 2, 0, 5, 3, 1]
    finished = command("results", "study", "--where", "y > 1", cwd=here)
    assert finished.stderr == "multirun: 4 of 6 runs\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--where", "yy > 1"], "no column is called 'yy'; did you mean 'y'?"),
        (["--where", "mode == odd"], 'it needs quotes: "odd"'),
        (["--where", "y = 1"], "write == for equal"),
        (["--sort", "-energy"], "cannot sort by 'energy': no column is called so; did you mean 'final.energy'?"),
    ],
)
def test_columns_that_are_not_there(here: Path, words: list[str], complaint: str) -> None:
    assert complaint in said(command("results", "study", *words, cwd=here))


def test_a_file_that_cannot_be_written(here: Path, tmp_path: Path) -> None:
    finished = command("results", "study", "--csv", str(tmp_path / "none" / "a.csv"), cwd=here)
    assert (finished.returncode, finished.stdout) == (74, "")
    assert "No such file or directory" in finished.stderr
    line = f"{shlex.quote(str(PROGRAM))} results study >/dev/full"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    full = subprocess.run(["sh", "-c", line], cwd=here, env=env, capture_output=True, check=False)
    assert full.returncode == 74
    assert b"No space left on device" in full.stderr
    assert full.stderr.count(b"\n") == 1


def test_large_results_are_told_to_be_there_in_part(sweep_dir: Path) -> None:
    script = """printf '{"y": 1, "pad": "%05000d"}' 0 >$MULTIRUN_RESULTS"""
    run_sweep(sweep_dir, [{"script": script}], SCRIPTED)
    finished = command("results", sweep_dir, "--csv", "-")
    assert finished.stderr == "multirun: 1 result of more than 4 KiB: only part is here, all is in results.json\n"
    assert json.loads(command("show", "--json", sweep_dir, "0").stdout)["results_complete"] is False
    assert "the rest is in results.json" in command("show", sweep_dir, "0").stdout


def test_a_sweep_without_runs(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [], ["true"])
    assert command("results", sweep_dir).stdout == "index  status  reason  duration_s\n"
    assert "has no runs yet" in said(command("logs", sweep_dir))
    assert "there is no run 0; there are none" in said(command("show", sweep_dir, "0"))
