"""The examples, run as a reader of them would: from some directory, to the end, for their known answers."""

import csv
import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from examples.percolation import demo, percolate
from matplotlib.image import imread
from tests.invariants import check_sweep
from tests.patience import wait_until
from tests.sweeps.trying import EXAMPLES, Finished, copy_example, run_example

SMALL = ("--side", "32", "--lattices", "20", "--replicas", "2", "--parallel", "2")


# ------------------------------------------------------------------------------------ percolation


@pytest.fixture(scope="module")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    """The demo on small lattices, and the directory of its sweep."""
    output = tmp_path_factory.mktemp("demo") / "sweep"
    finished = run_example(EXAMPLES / "percolation" / "demo.py", *SMALL, "--output", str(output), cwd=output.parent)
    return finished, output


def test_demo_finds_the_known_answer(small_demo: tuple[Finished, Path]) -> None:
    finished, _ = small_demo
    assert finished.returncode == 0, finished
    assert finished.stdout.count("✓") == 3
    assert "✗" not in finished.stdout
    spanning = [float(row) for row in re.findall(r"^ +\S+(?: = p_c)? +(\d\.\d{3}) ± ", finished.stdout, re.MULTILINE)]
    assert len(spanning) == len(demo.PROBABILITIES)
    assert spanning[0] < 0.1
    assert spanning[-1] > 0.9


def test_demo_draws_a_picture(small_demo: tuple[Finished, Path]) -> None:
    finished, output = small_demo
    picture = output / "percolation.png"
    assert f"Picture: {picture}" in finished.stdout
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    pixels = imread(picture)
    assert min(pixels.shape[:2]) > 500
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 50


def test_demo_leaves_a_table_of_all_runs(small_demo: tuple[Finished, Path]) -> None:
    _, output = small_demo
    check_sweep(output)
    with (output / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(demo.PROBABILITIES)
    assert {row["status"] for row in rows} == {"success"}


def test_each_run_can_be_repeated_from_its_recorded_parameters(small_demo: tuple[Finished, Path]) -> None:
    _, output = small_demo
    seeds = set()
    for run in sorted((output / "runs").iterdir()):
        params = json.loads((run / "params.json").read_text())
        seeds.add(params["seed"])
        again = percolate.simulate(params["p"], params["side"], params["lattices"], params["seed"])
        assert again == json.loads((run / "results.json").read_text())
    assert len(seeds) == 2 * len(demo.PROBABILITIES)


def test_demo_says_when_theory_disagrees(tmp_path: Path) -> None:
    posts = 'import multirun\nmultirun.postRunResults({"spanning": 0.5, "largest_cluster": 0.5})\n'
    program = copy_example("percolation", tmp_path, percolate__py=posts) / "demo.py"
    finished = run_example(program, *SMALL, cwd=tmp_path)
    assert finished.returncode == 1, finished
    assert finished.stdout.count("✗") == 2
    assert "✓ 1/2 at p_c" in finished.stdout


def test_demo_says_where_to_look_when_runs_fail(tmp_path: Path) -> None:
    program = copy_example("percolation", tmp_path, percolate__py="raise SystemExit(3)\n") / "demo.py"
    finished = run_example(program, *SMALL, cwd=tmp_path)
    assert finished.returncode == 1, finished
    assert "multirun status " in finished.stdout
    assert "✓" not in finished.stdout


def test_demo_ends_on_ctrl_c_without_a_traceback(tmp_path: Path) -> None:
    waits = "import time\ntime.sleep(1000)\n"
    program = copy_example("percolation", tmp_path, percolate__py=waits) / "demo.py"
    command = [sys.executable, str(program), *SMALL, "--output", str(tmp_path / "sweep")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        wait_until((tmp_path / "sweep" / "runs" / "000001" / "params.json").exists, what="the second run")
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130, complaint
    assert "Ctrl-C" in complaint
    assert "Traceback" not in complaint
    check_sweep(tmp_path / "sweep")


def test_demo_refuses_sizes_that_prove_nothing(tmp_path: Path) -> None:
    finished = run_example(EXAMPLES / "percolation" / "demo.py", "--replicas", "1", cwd=tmp_path)
    assert finished.returncode == 2
    assert "--replicas 2" in finished.stderr
    assert list(tmp_path.iterdir()) == []


def flood_fill(sites: percolate.Sites) -> list[set[tuple[int, int]]]:
    """The clusters of a lattice, found site by site."""
    unseen = {(int(row), int(column)) for row, column in np.argwhere(sites)}
    clusters = []
    while unseen:
        front = [unseen.pop()]
        cluster = set(front)
        while front:
            row, column = front.pop()
            around = {(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)} & unseen
            unseen -= around
            cluster |= around
            front += around
        clusters.append(cluster)
    return clusters


def small_lattices() -> list[percolate.Sites]:
    """All lattices of 3 x 3 sites, and random ones of other shapes."""
    every = [np.array(bits, dtype=np.bool_).reshape(3, 3) for bits in itertools.product([0, 1], repeat=9)]
    random = np.random.default_rng(7)
    return every + [random.random(random.integers(1, 20, 2)) < random.random() for _ in range(200)]


def test_clusters_are_those_of_a_flood_fill() -> None:
    for sites in small_lattices():
        clusters, labels = flood_fill(sites), percolate.label_clusters(sites)
        assert len({int(label) for label in labels[sites]}) == len(clusters)
        assert all(len({int(labels[site]) for site in cluster}) == 1 for cluster in clusters)
        last = len(sites) - 1
        assert percolate.spans(sites, labels) == any({0, last} <= {row for row, _ in cluster} for cluster in clusters)
        largest = max((len(cluster) for cluster in clusters), default=0)
        assert percolate.largest_cluster(sites, labels) == largest / sites.size


def test_spanning_probability_of_two_by_two_sites_is_exact() -> None:
    # One of two columns is open: 1 - (1 - p**2)**2.
    spanning = percolate.simulate(0.6, side=2, lattices=4000, seed=1)["spanning"]
    exact = 1 - (1 - 0.6**2) ** 2
    assert abs(spanning - exact) < 4 * math.sqrt(exact * (1 - exact) / 4000)


def test_standard_errors() -> None:
    assert demo.estimate_fraction(0, 100).error > 0
    assert demo.estimate_fraction(5000, 10_000).error == pytest.approx(0.005, rel=1e-3)


# --------------------------------------------------------------------------------- asyncio_app.py


def test_asyncio_app_runs_both_sweeps_beside_its_heart(tmp_path: Path) -> None:
    finished = run_example(EXAMPLES / "asyncio_app.py", "--output", str(tmp_path / "both"), cwd=tmp_path)
    assert finished.returncode == 0, finished
    assert re.search(r"^beat +\d+ .* [12] running .* 1 running$", finished.stdout, re.MULTILINE)
    assert "darts: 12 of 12 done, 0 running" in finished.stdout
    assert "series:  6 of  6 done, 0 running" in finished.stdout
    assert re.search(r"^darts: +3\.1\d+ ± ", finished.stdout, re.MULTILINE)
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["darts", "series"]
    check_sweep(tmp_path / "both" / "darts")
    check_sweep(tmp_path / "both" / "series")


def test_asyncio_app_leaves_nothing_behind_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert run_example(EXAMPLES / "asyncio_app.py", cwd=here).returncode == 0
    assert [*here.iterdir(), *temporary.iterdir()] == []


# ----------------------------------------------------------------------------------- any_language


def test_any_language_finds_the_known_integrals(tmp_path: Path) -> None:
    finished = run_example(EXAMPLES / "any_language" / "sweep.py", cwd=tmp_path)
    assert finished.returncode == 0, finished
    assert "12 of 12 integrals are as good" in finished.stdout
    (output,) = tmp_path.iterdir()
    assert f"Numbers: {output / 'results.csv'}" in finished.stdout
    assert not list(output.glob("runs/*/*.unfinished"))
    check_sweep(output)


def test_any_language_notices_a_wrong_integral(tmp_path: Path) -> None:
    wrong = """echo '{"integral": 1, "width": 0.1}' > "$MULTIRUN_RESULTS"\n"""
    program = copy_example("any_language", tmp_path, integrate__sh=wrong) / "sweep.py"
    finished = run_example(program, cwd=tmp_path)
    assert finished.returncode == 1, finished
    assert "0 of 12 integrals" in finished.stdout


def integrate(tmp_path: Path, params: str) -> tuple[Finished, Path]:
    """Run the shell program by hand, and where its results would be."""
    (tmp_path / "params.json").write_text(params)
    results = tmp_path / "results.json"
    given = {"MULTIRUN_PARAMS": str(tmp_path / "params.json"), "MULTIRUN_RESULTS": str(results)}
    command = ["sh", str(EXAMPLES / "any_language" / "integrate.sh")]
    finished = subprocess.run(
        command, env={**os.environ, **given}, capture_output=True, text=True, timeout=30, check=False
    )
    return finished, results


@pytest.mark.parametrize("params", ['{"bound":1e0,"steps":64}', '{\n  "steps": 64,\n  "bound": 1\n}'])
def test_shell_program_reads_json_however_it_is_laid_out(tmp_path: Path, params: str) -> None:
    finished, results = integrate(tmp_path, params)
    assert finished.returncode == 0, finished.stderr
    exact = math.sqrt(math.pi) * math.erf(1)
    assert json.loads(results.read_text())["integral"] == pytest.approx(exact, abs=1e-6)


def test_shell_program_fails_without_results_when_a_parameter_is_missing(tmp_path: Path) -> None:
    finished, results = integrate(tmp_path, '{"bound": 1}')
    assert finished.returncode != 0
    assert "no number called steps" in finished.stderr
    assert not results.exists()


# -------------------------------------------------------------------------------------- README.md


def test_readme_names_every_program() -> None:
    text = (EXAMPLES / "README.md").read_text()
    named = set(re.findall(r"\.venv/bin/python examples/(\S+\.py)", text))
    assert named == {
        "any_language/sweep.py",
        "asyncio_app.py",
        "files/sweep.py",
        "ngspice/sweep.py",
        "percolation/demo.py",
    }
    assert all((EXAMPLES / name).is_file() for name in named)
