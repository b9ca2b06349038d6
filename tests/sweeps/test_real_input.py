"""Examples whose input is real: a circuit simulator with its deck, a folder of measurements."""

import csv
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from examples.files import fit
from tests.invariants import check_sweep
from tests.sweeps.trying import EXAMPLES, Finished, copy_example, run_example

# -------------------------------------------------------------------------------------------- ngspice


def test_ngspice_agrees_with_the_square_law(ngspice: str, tmp_path: Path) -> None:
    finished = run_example(EXAMPLES / "ngspice" / "sweep.py", "--output", str(tmp_path / "sweep"), cwd=tmp_path)
    assert finished.returncode == 0, finished
    assert "21 of 21 runs are as the square law says" in finished.stdout
    # With a PMOS transistor 2.5 times as wide, both edges take the same time: 2.5 ns at 0.5 V.
    assert re.search(r"^ +0\.5 +2\.5 +2500\.\d+ +2500\.00$", finished.stdout, re.MULTILINE)
    check_sweep(tmp_path / "sweep")


def test_ngspice_without_a_measurement_is_no_result(ngspice: str, tmp_path: Path) -> None:
    run_example(EXAMPLES / "ngspice" / "sweep.py", "--output", str(tmp_path / "sweep"), cwd=tmp_path)
    with (tmp_path / "sweep" / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["reason"] for row in rows] == ["no-result"] * 6 + [""] * 15
    assert [bool(row["delay"]) for row in rows] == [False] * 6 + [True] * 15
    # ngspice itself saw nothing wrong.
    assert "failed" in (tmp_path / "sweep" / "runs" / "000000" / "stdout.log").read_text()


def test_ngspice_example_notices_another_circuit(ngspice: str, tmp_path: Path) -> None:
    deck = (EXAMPLES / "ngspice" / "inverter.sp").read_text().replace("out 0 50f", "out 0 55f")
    finished = run_example(copy_example("ngspice", tmp_path, inverter__sp=deck) / "sweep.py", cwd=tmp_path)
    assert finished.returncode == 1, finished
    assert "6 of 21 runs" in finished.stdout


def install(tmp_path: Path, **commands: str) -> Finished:
    """Run install.sh where only these commands and what the script itself needs can be found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("mktemp", "rm", "sh", "tail", "tee", "timeout"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, script in commands.items():
        command = folder / name.replace("_", "-")
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
    return subprocess.run(
        ["sh", str(EXAMPLES / "ngspice" / "install.sh")],
        env={"PATH": str(folder), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


LEFT_OUT = "ngspice is missing, and what needs it is left out: "


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ({"ngspice": "true", "id": "echo 1000"}, ""),
        ({"id": "echo 0"}, LEFT_OUT + "there is no apt-get here to install it.\n"),
        (
            {"id": "echo 1000", "apt_get": "true"},
            LEFT_OUT + "only root can install it (apt-get install ngspice).\n",
        ),
        (
            {"id": "echo 0", "apt_get": "echo 'E: no network'; exit 100"},
            LEFT_OUT + "apt-get could not install it (E: no network).\n",
        ),
        ({"id": "echo 0", "apt_get": "true"}, ""),
    ],
    ids=["installed", "no apt-get", "not root", "no network", "root"],
)
def test_installing_ngspice_says_why_it_is_left_out(tmp_path: Path, commands: dict[str, str], said: str) -> None:
    finished = install(tmp_path, **commands)
    assert finished.returncode == 0
    assert finished.stdout == said
    assert finished.stderr.endswith(said)


def test_installing_ngspice_updates_the_lists_only_when_it_must(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    apt_get = (
        f'shift 5; echo "$1" >>"{calls}"; case $1 in update) : >"{tmp_path}/new" ;; *) : <"{tmp_path}/new" ;; esac'
    )
    finished = install(tmp_path, id="echo 0", apt_get=apt_get)
    assert finished.stdout == ""
    assert calls.read_text().split() == ["install", "update", "install"]


# ---------------------------------------------------------------------------------------------- files


def test_files_are_fitted_to_the_truth(tmp_path: Path) -> None:
    finished = run_example(EXAMPLES / "files" / "sweep.py", "--output", str(tmp_path / "sweep"), cwd=tmp_path)
    assert finished.returncode == 0, finished
    assert "8 of 8 fits are within four standard errors of the truth" in finished.stdout
    assert re.search(
        r"^Activation energy: 5[12]\.\d\d ± 0\.0\d kJ/mol; true is 52\.00\.$", finished.stdout, re.MULTILINE
    )
    check_sweep(tmp_path / "sweep")


def test_files_example_notices_a_wrong_fit(tmp_path: Path) -> None:
    program = (EXAMPLES / "files" / "fit.py").read_text().replace('"rate": float(rate)', '"rate": 1.1 * float(rate)')
    finished = run_example(copy_example("files", tmp_path, fit__py=program) / "sweep.py", cwd=tmp_path)
    assert finished.returncode == 1, finished
    assert "0 of 8 fits" in finished.stdout


def test_a_file_without_readings_fails_alone(tmp_path: Path) -> None:
    program = copy_example("files", tmp_path) / "sweep.py"
    (program.parent / "measurements" / "decay-330K.csv").write_text("time_s,concentration\n0.0,0.8\n")
    finished = run_example(program, "--output", str(tmp_path / "sweep"), cwd=tmp_path)
    assert finished.returncode == 1, finished
    assert "1 runs failed" in finished.stdout
    assert "2 values cannot be fitted to 1 readings" in (tmp_path / "sweep/runs/000004/stderr.log").read_text()


def test_the_measurements_are_those_of_the_script(tmp_path: Path) -> None:
    run_example(EXAMPLES / "files" / "measure.py", str(tmp_path / "measurements"), cwd=tmp_path)
    committed = [EXAMPLES / "files" / "truth.csv", *sorted((EXAMPLES / "files" / "measurements").iterdir())]
    assert len(committed) == 9
    for path in committed:
        assert (tmp_path / path.relative_to(EXAMPLES / "files")).read_text() == path.read_text(), path.name


def test_standard_errors_of_fits_are_as_large_as_the_scatter() -> None:
    random, time = np.random.default_rng(3), np.linspace(0.0, 3.0, 60)
    away = []
    for _ in range(400):
        (_, rate), (_, error) = fit.fit_decay(time, np.exp(-time) + random.normal(0, 0.01, time.size))
        away.append((rate - 1) / error)
    assert abs(np.mean(away)) < 4 / np.sqrt(400)
    assert np.std(away) == pytest.approx(1, abs=4 / np.sqrt(2 * 400))
