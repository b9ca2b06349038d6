"""Commands that look at a sweep: readers that leave early, terminals, and many runs."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.sweeping import run_sweep
from tests.terminals import Pty, widest

from multirun import SweepResult

pytestmark = pytest.mark.xdist_group("looking")  # so that the sweeps run once for all of them

# --------------------------------------------------------------------------------------- pipes and terminals


@pytest.mark.parametrize("words", ["status", "show 0-5", "logs", "results", "results --csv -", "results --json -"])
def test_a_reader_that_leaves_early(study: SweepResult, here: Path, words: str) -> None:
    line = f"{shlex.quote(str(PROGRAM))} {words} | head -c 1 | wc -c; echo $? ${{PIPESTATUS[0]}}"
    finished = subprocess.run(["bash", "-c", line], cwd=here, capture_output=True, text=True, timeout=60, check=True)
    assert finished.stdout.startswith("1\n")
    assert finished.stderr == ""


def test_much_output_and_a_reader_that_leaves(tmp_path: Path) -> None:
    run_sweep(tmp_path / "sweep", [{}], ["sh", "-c", "yes | head -c 3000000"])
    line = f"set -o pipefail; {shlex.quote(str(PROGRAM))} logs sweep 0 | head -n 1"
    finished = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (finished.returncode, finished.stderr) == (128 + signal.SIGPIPE, "")
    assert finished.stdout == "==> run 0 stdout <==\n"


@contextmanager
def on_terminal(
    columns: int, words: list[str], cwd: Path, **variables: str
) -> Iterator[tuple[Pty, subprocess.Popen[str]]]:
    """A command whose output and errors are a terminal."""
    pty = Pty(columns)
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm", **variables}
    try:
        with subprocess.Popen(
            [PROGRAM, *words], cwd=cwd, env=env, stdout=pty.stream, stderr=pty.stream, text=True
        ) as process:
            yield pty, process
    finally:
        pty.close()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_fits_its_terminal(here: Path, columns: int) -> None:
    with on_terminal(columns, ["results", "study"], here) as (pty, process):
        process.wait(30)
        text = pty.read()
    table = [line for line in text.splitlines() if not line.startswith("multirun:")]
    assert len(table) == 7
    assert widest("\n".join(table)) <= columns
    assert "\x1b[1;31m" in pty.raw
    assert ("no room for" in text) == (columns < 120)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_colours_can_be_refused(here: Path, variables: dict[str, str]) -> None:
    for words in (["results", "study"], ["show", "study", "3"], ["status", "study"], ["logs", "study", "3"]):
        with on_terminal(80, words, here, **variables) as (pty, process):
            process.wait(30)
            pty.read()
        assert "\x1b" not in pty.raw


def test_on_a_terminal_without_unicode_all_that_is_ours_is_ascii(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"x": x, "text": "t" * 99} for x in range(12)], ["test", "{x}", "-lt", "6"])
    for words in (["status", str(sweep_dir)], ["show", str(sweep_dir), "7"]):
        with on_terminal(80, words, sweep_dir, LC_ALL="C", PYTHONUTF8="", PYTHONIOENCODING="") as (pty, process):
            process.wait(30)
            assert pty.read().isascii(), pty.read()


def test_what_a_terminal_cannot_show_is_written_as_an_escape(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"name": "Zürich \x1b[2J"}], ["false"])
    for words in (["status"], ["show"], ["results"]):
        more = ["0"] if words == ["show"] else []
        finished = command(*words, str(sweep_dir), *more, PYTHONIOENCODING="ascii")
        assert finished.returncode in (0, 1)
        assert r"Z\xfcrich" in finished.stdout
        assert "\x1b" not in finished.stdout


# ------------------------------------------------------------------------------------------- many runs


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 10,000 finished runs, of which nothing but plan and journals is there."""
    from tests.sweeps.manufacture import make_sweep

    return make_sweep(tmp_path_factory.mktemp("many") / "sweep", 10_000)


def cpu_s_of(words: list[str | Path]) -> float:
    """Processor time of a command, which does not depend on how many others use the machine; the least of three."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_"))}
    times = []
    for _ in range(3):
        before = os.times()
        finished = subprocess.run([PROGRAM, *words], env=env, capture_output=True, check=False)
        after = os.times()
        assert finished.returncode in (0, 1), finished
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(times)


@pytest.mark.parametrize(("words", "limit_s"), [("status", 1.0), ("results", 3.0), ("results --csv -", 3.0)])
def test_many_runs_are_looked_at_quickly(many: Path, words: str, limit_s: float) -> None:
    assert command(*words.split(), many).stdout
    assert cpu_s_of([*words.split(), many]) < limit_s


def test_the_status_of_a_few_runs_comes_at_once(study: SweepResult) -> None:
    assert cpu_s_of(["status", study.path]) < 0.15
