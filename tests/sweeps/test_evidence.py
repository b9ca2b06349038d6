"""What failing programs wrote comes back as evidence, from whatever they wrote it in."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.sweeping import PYTHON, SCRIPTED, run_sweep

from multirun import Run
from multirun.snapshot import take_snapshot


def evidence_of(sweep_dir: Path, runs: list[dict[str, Any]], cmd: list[str], **keywords: Any) -> list[str | None]:
    """The evidence of all runs, which is the same in the result and on disk."""
    result = run_sweep(sweep_dir, runs, cmd, **keywords)
    told = {run.index: run.evidence for run in take_snapshot(str(sweep_dir)).failed}
    assert told == {run.index: run.evidence for run in result.failed}
    return [run.evidence for run in result]


def test_python_of_every_kind(sweep_dir: Path) -> None:
    codes = {
        "raise ValueError('singular at 7')": "ValueError: singular at 7",
        "class Diverged(Exception): pass\nraise Diverged('at step 3')": "Diverged: at step 3",
        "import sys; sys.exit('run 3 gave up')": "run 3 gave up",
        "print('density is negative'); raise SystemExit(3)": "density is negative",
        "import sys, os; print('Error: here'); sys.stderr.write('just a note'); sys.exit(1)": "Error: here",
        "import sys\nfor n in range(99): sys.stderr.write(f'\\r{n} %')\nsys.exit(1)": "98 %",
        "import sys\nfor n in range(99): sys.stderr.write(f'\\r{n} %')\n1 / 0": "ZeroDivisionError: division by zero",
        "import sys; sys.exit(1)": None,
        "import os, sys; os.write(2, bytes(range(256)) * 500); sys.exit(1)": None,
        "import os, sys; os.write(2, b'h\\xf4tel: cannot open \\x1b[31mmesh\\x1b[0m\\a'); sys.exit(1)": (
            "h\\xf4tel: cannot open mesh\\x07"
        ),
        "import sys; print('x' * 10**6); sys.exit(1)": "x" * 299 + "…",
        "import sys; print('step\\n' * 10**6, 'solver failed', sep=''); sys.exit(1)": "solver failed",
        "import os, sys; os.unlink('stderr.log'); os.mkfifo('stderr.log'); sys.exit('unheard')": None,
        "print('error: nobody cares')": None,
    }
    found = evidence_of(sweep_dir, [{"code": code} for code in codes], PYTHON)
    assert found == list(codes.values())


def test_shells_and_signals(sweep_dir: Path) -> None:
    scripts = {
        "echo step 1; frobnicate": "frobnicate: not found",
        "cat nowhere.dat": "cat: nowhere.dat: No such file or directory",
        "echo step 7; kill -SEGV $$": "step 7",
        "exit 3": None,
    }
    found = evidence_of(sweep_dir, [{"script": script} for script in scripts], SCRIPTED)
    for line, expected in zip(found, scripts.values(), strict=True):
        assert line == expected if expected is None else str(line).endswith(expected)


def test_a_run_that_took_too_long_and_one_that_posted_nothing(sweep_dir: Path) -> None:
    runs = [{"script": "echo step 12; exec sleep 60"}, {"script": "echo 'Error: measure vout out of interval'"}]
    found = evidence_of(sweep_dir, runs, SCRIPTED, timeout=0.5, required_results=True)
    assert found == ["step 12", "Error: measure vout out of interval"]


def test_a_program_that_cannot_be_started_said_nothing(sweep_dir: Path) -> None:
    assert evidence_of(sweep_dir, [{"name": "no-such-program"}], ["{name}"]) == [None]


def test_evidence_is_there_when_a_run_is_reported(sweep_dir: Path) -> None:
    seen: list[str | None] = []

    def note(run: Run) -> None:
        seen.append(run.evidence)

    run_sweep(sweep_dir, [{}], ["sh", "-c", "echo cannot >&2; exit 1"], on_result=note)
    assert seen == ["cannot"]


CPP = """
#include <stdexcept>
#include <cassert>
#include <cstdlib>
int main(int, char **argv) {
    if (atoi(argv[1]) == 0) throw std::runtime_error("mesh is empty");
    assert(atoi(argv[1]) != 1);
    volatile int *nowhere = nullptr;
    return *nowhere;
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_a_program_in_cpp(sweep_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text(CPP)
    subprocess.run(["g++", "-o", tmp_path / "a", tmp_path / "a.cpp"], check=True)
    thrown, asserted, nothing = evidence_of(sweep_dir, [{"n": n} for n in range(3)], [str(tmp_path / "a"), "{n}"])
    assert thrown == "terminate called after throwing an instance of 'std::runtime_error': what():  mesh is empty"
    assert str(asserted).endswith("Assertion `atoi(argv[1]) != 1' failed.")
    assert nothing is None


def test_a_deck_of_ngspice(ngspice: str, sweep_dir: Path, tmp_path: Path) -> None:
    deck = tmp_path / "deck.sp"
    deck.write_text("a divider\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k\n.tran 1u 5u\n.meas tran late WHEN v(b)=2\n.end\n")
    found = evidence_of(sweep_dir, [{}], [ngspice, "-b", "deck.sp"], input_files=[deck], required_results=True)
    assert "measure  late" in str(found[0])
