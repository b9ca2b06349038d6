"""Real sweeps whose runs fail, and what is said about why."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.sweeping import PYTHON, SCRIPTED, run_sweep

from multirun import Run, SweepResult
from multirun.diagnosis import explain_runs, explain_snapshot, read_last_lines
from multirun.snapshot import take_snapshot
from multirun.summary import Place

JOB = """
import os, sys
vp, w, mode = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
print("meshing", w, "cells", flush=True)
for n in range(50): sys.stderr.write(f"\\r step {n}/50")
sys.stderr.write("\\n")
if vp < 0.25:
    raise ValueError(f"singular matrix at node {w * 17}, pivot {vp * 1e-9:g}")
if mode == "fast" and vp > 0.75:
    print("doAnalyses: iteration limit reached")
    sys.exit(1)
if w == 5 and vp == 0.5:
    os.kill(os.getpid(), 11)
"""

GRID = [
    {"vp": v / 10, "w": w, "same": 1, "mode": mode}
    for v in range(1, 10)
    for w in (1, 2, 5)
    for mode in ("fast", "slow")
]

EXPLAINED = """\
20 runs failed for 3 reasons:
12 runs failed: exit code 1
  ValueError: singular matrix at node 17, pivot 1e-10
  runs 0-11
  only with vp ≤ 0.2; every ok run has vp ≥ 0.3
  the end of run 0 (vp=0.1, w=1, mode='fast'), sweep/runs/000000/stderr.log:
  |     raise ValueError(f"singular matrix at node {w * 17}, pivot {vp * 1e-9:g}")
  | ValueError: singular matrix at node 17, pivot 1e-10
  more: multirun show sweep 0
2 runs failed: stopped by SIGSEGV (access to memory that is not its own)
  runs 28-29
  only with vp=0.5 and w=5
  the end of run 28 (vp=0.5, w=5, mode='fast'), sweep/runs/000028/stderr.log:
  |  step 49/50
  more: multirun show sweep 28
6 runs failed: exit code 1
  doAnalyses: iteration limit reached
  runs 42, 44, 46, 48, 50, 52
  only with vp ≥ 0.8 and mode='fast'
  the end of run 42 (vp=0.8, w=1, mode='fast'), sweep/runs/000042/stdout.log:
  | meshing 1 cells
  | doAnalyses: iteration limit reached
  more: multirun show sweep 42
"""


def explained(result: SweepResult, width: int | None = None) -> str:
    """What is said, of which a reader of the directory says the same."""
    here = str(result.path.parent)
    lines = explain_runs(list(result), Place(str(result.path), here, width))
    assert explain_snapshot(take_snapshot(str(result.path)), here=here, width=width) == lines
    return "".join(f"{line.plain}\n" for line in lines)


def test_a_grid_with_three_causes(sweep_dir: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text(JOB)
    result = run_sweep(sweep_dir, GRID, [PYTHON[0], "-S", str(job), "{vp}", "{w}", "{mode}"])
    found = explained(result)
    shorter = re.sub(r"  \| (Traceback|  File).*\n", "", found).replace(sweep_dir.name, "sweep")
    assert shorter == EXPLAINED
    assert max(map(len, explained(result, 60).splitlines())) <= 60


@pytest.mark.parametrize("code", ["", "import os; os.write(2, bytes(range(128, 256)) * 9999)"])
def test_programs_that_say_nothing(sweep_dir: Path, code: str) -> None:
    result = run_sweep(sweep_dir, [{"code": f"{code}\nraise SystemExit(3)", "n": n} for n in range(3)], PYTHON)
    lines = explained(result).splitlines()
    assert lines[0] == "3 runs failed: exit code 3"
    assert lines[1:3] == ["  runs 0-2", "  it wrote nothing that can be read" if code else "  it wrote nothing"]


def test_a_program_that_writes_a_great_deal(sweep_dir: Path) -> None:
    code = "for n in range(300_000): print('step', n)\nprint('x' * 10**6)\nraise SystemExit('cannot go on')"
    result = run_sweep(sweep_dir, [{"code": code}], PYTHON)
    lines = explained(result, 100).splitlines()
    assert lines[1] == "  cannot go on"
    assert len(lines) < 12


def test_what_was_never_started_has_no_output(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"name": f"no-such-program-{n}"} for n in range(3)], ["{name}"])
    found = explained(result)
    assert found.startswith("3 runs failed: command not found: 'no-such-program-0'")
    assert "wrote" not in found


def test_results_that_are_missing(sweep_dir: Path) -> None:
    runs: list[dict[str, Any]] = [{"script": f"echo 'Error: measure v{n} out of interval'", "n": n} for n in range(4)]
    runs += [{"script": "echo '{\"y\": 1}' > $MULTIRUN_RESULTS", "n": n} for n in range(4, 9)]
    result = run_sweep(sweep_dir, runs, SCRIPTED, required_results=True)
    lines = explained(result).splitlines()
    assert lines[0] == "4 runs failed: the program ended well but posted no results"
    assert lines[1] == "  Error: measure v0 out of interval"
    assert lines[2:4] == ["  runs 0-3", "  only with n ≤ 3; every ok run has n ≥ 4"]


def test_a_sweep_in_which_all_went_well(sweep_dir: Path) -> None:
    assert explained(run_sweep(sweep_dir, [{"x": 1}], ["true"])) == ""


def test_a_directory_that_is_gone_is_no_obstacle(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"script": "echo cannot >&2; exit 1"}] * 2, SCRIPTED)
    first: Run = result[0]
    first.stderr.unlink()
    first.stdout.unlink()
    assert "  cannot\n" in explained(result)
    assert read_last_lines(str(first.path), 3).lines == []
