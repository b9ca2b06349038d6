"""`multirun show`, as a user types it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.looking import PROGRAM_OF_RUNS, said
from tests.sweeps.sweeping import files_below, run_sweep

from multirun import SweepResult

pytestmark = pytest.mark.xdist_group("looking")  # so that the sweeps run once for all of them


def test_show_tells_all_about_a_failure(study: SweepResult, here: Path) -> None:
    before = files_below(study.path)
    finished = command("show", "study", "3", cwd=here)
    assert (finished.returncode, finished.stderr) == (0, "")
    lines = finished.stdout.splitlines()
    assert lines[0] == "run 3 in study: failed"
    assert lines[1:3] == ["  why         exit code 4", "  reason      exit:4"]
    for expected in ("parameters  x    = 3", "            mode = odd", "            w    = 0.3", "results     none"):
        assert f"  {expected}" in lines
    assert "  exit code   4" in lines
    assert "  directory   study/runs/000003" in lines
    assert re.search(
        r"^  time        started \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, took \d+\.\d+ s$", finished.stdout, re.MULTILINE
    )
    after = finished.stdout.partition("stdout.log:\n")[2]
    assert after.startswith("  x is 3\n\nstderr.log:\n  last words\n  Error: diverged\n\nrepeat it by hand:\n  cd ")
    assert files_below(study.path) == before


def test_show_tells_all_about_a_success(here: Path) -> None:
    finished = command("show", "study", "w=0.2", cwd=here)
    assert finished.stdout.startswith("run 2 in study: ok\n")
    for expected in ("y            = 2.5", "final.energy = -2", "note         = a note for 2"):
        assert expected in finished.stdout


def test_the_line_that_repeats_a_run_repeats_it(study: SweepResult, here: Path) -> None:
    for index, code in ((3, 4), (2, 0)):
        line = command("show", "study", str(index), cwd=here).stdout.partition("repeat it by hand:\n")[2]
        done = subprocess.run(["sh", "-c", line], cwd=here, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (code, f"x is {index}\n"), done
    again = study[2].path / "by-hand" / "results.json"
    assert json.loads(again.read_text()) == study[2].results
    check_sweep(study.path, result=study)


def test_the_line_has_every_variable_and_the_parameters(sweep_dir: Path) -> None:
    script = 'env | grep -E "^(MULTIRUN_|OMP_NUM|MESH|PWD)" | grep -v COOKIE | sort; cat "$MULTIRUN_PARAMS"; cat'
    run_sweep(
        sweep_dir,
        [{"tricky": "it's\n$HOME `x` {y}\t\\"}],
        ["sh", "-c", f'printf "%s|" "$@"; {script}', "sh", "{tricky}", ""],
        env={"MESH": "a b"},
        threads_per_run=3,
    )
    (by_hand,) = [json.loads(command("show", "--json", sweep_dir, "0").stdout)["by_hand"]]
    done = subprocess.run(["bash", "-c", by_hand], capture_output=True, text=True, check=True)
    recorded = (sweep_dir / "runs" / "000000" / "stdout.log").read_text()
    assert done.stdout.replace("by-hand/results.json", "results.json") == recorded
    assert "OMP_NUM_THREADS=3" in recorded
    assert "MULTIRUN_ATTEMPT=1" in recorded


def test_show_as_json_is_one_object_a_line(study: SweepResult, here: Path) -> None:
    finished = command("show", "--json", "study", "2-3", cwd=here)
    assert (finished.returncode, finished.stderr) == (0, "")
    good, bad = map(json.loads, finished.stdout.splitlines())
    assert list(good) == list(bad)
    assert (good["index"], good["status"], good["reason"], good["exit_code"]) == (2, "success", None, 0)
    assert (good["results"], good["results_complete"]) == (study[2].results, True)
    assert (bad["index"], bad["status"], bad["reason"], bad["exit_code"]) == (3, "failure", "exit:4", 4)
    assert (good["why"], bad["why"]) == (None, "exit code 4")
    assert (bad["params"], bad["results"], bad["attempts"]) == ({"x": 3, "mode": "odd", "w": 0.3}, None, 1)
    assert (bad["path"], bad["stderr"]) == (str(study[3].path), str(study[3].stderr))
    assert bad["command"] == ["sh", "-c", PROGRAM_OF_RUNS, "sh", "3"]
    assert bad["ended"] - bad["started"] == pytest.approx(bad["duration_s"], abs=0.002)


def test_which_run_has_to_be_said(here: Path) -> None:
    assert "say which of the 6 runs, for example: multirun show study 3\n" in said(command("show", "study", cwd=here))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["17"], "there is no run 17; the runs are 0 to 5"),
        (["2", "17-20"], "there is no run 17"),
        (["9-3"], "the range 9-3 is empty; write 3-9"),
        (["mod=odd"], "no parameter is called 'mod'; did you mean 'mode'?"),
        (["w=0.31"], "no run has w=0.31; the nearest are 0.3, 0.4, 0.2"),
        (["mode=od"], "no run has mode=od; the nearest is odd"),
        (["mode=odd", "x=2"], "no run has all of mode=odd, x=2"),
        (["study", "three"], "'three' is no run; write a number (17), a range (3-9) or a parameter (x=0.3)"),
        (["studies", "3"], "studies is no sweep: it does not exist; did you mean "),
    ],
)
@pytest.mark.parametrize("name", ["show", "logs"])
def test_runs_that_are_not_there(here: Path, name: str, words: list[str], complaint: str) -> None:
    assert complaint in said(command(name, *words, cwd=here))


def test_a_file_that_cannot_be_written_is_named_in_words(here: Path) -> None:
    finished = command("results", "study", "--csv", "none/table.csv", cwd=here)
    assert (finished.returncode, finished.stderr) == (74, "multirun: none/table.csv: No such file or directory\n")


@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_streams_are_borne_in_silence(here: Path, closed: str) -> None:
    for words, code in (["status", "study"], 1), (["status", "none"], 2):
        line = ["sh", "-c", f'exec {closed}>&-; exec "$@"', "sh", str(PROGRAM), *words]
        finished = subprocess.run(line, cwd=here, capture_output=True, text=True, timeout=30, check=False)
        assert finished.returncode == code
        assert "Traceback" not in finished.stderr
        assert "internal error" not in finished.stderr


def test_a_program_that_was_never_started_and_one_that_was_killed(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"name": "no-such-program"}, {"name": "sh"}], ["{name}", "-c", "kill -FPE $$"])
    never, killed = (command("show", sweep_dir, index).stdout for index in "01")
    assert "exit code   none, it was not started" in never
    assert "exit code   none, SIGFPE ended it" in killed
    assert "  why         stopped by SIGFPE (floating-point error)\n  reason      signal:SIGFPE\n" in killed
