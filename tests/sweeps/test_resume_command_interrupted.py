"""`multirun resume` and `retry` that are interrupted: by signals, other commands, and readers that leave."""

import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.scripts import unmeasured
from tests.invariants import check_sweep
from tests.patience import LONG_S, wait_until
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.studies import GATED, CommandedStudy


@pytest.fixture
def study(tmp_path: Path) -> CommandedStudy:
    return CommandedStudy(tmp_path)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_and_it_says_how_to_go_on(study: CommandedStudy, signum: int, code: int) -> None:
    study.sweep(range(6), cmd=["sh", "-c", f"test {{x}} -ge 3 || exit 1; test ! -e $COUNT.on || ({GATED})"])
    (study.folder / "count.on").touch()
    process = subprocess.Popen(
        [PROGRAM, "retry", study.path, "0-5", "-j", "2"], cwd=study.folder, stderr=subprocess.PIPE, text=True,
        env=unmeasured(), start_new_session=True,
    )  # fmt: skip
    with process:
        wait_until(lambda: len(list(study.path.glob("runs/*/ready"))) == 2, LONG_S)
        process.send_signal(signum)
        _, said = process.communicate(timeout=LONG_S)
    assert process.returncode == code
    assert "to go on: multirun resume " in said
    assert "Traceback" not in said
    check_sweep(study.path)
    study.gate.touch()
    study.command("resume", code=1)
    assert study.statuses() == ["failure"] * 3 + ["success"] * 3


@pytest.fixture
def living(study: CommandedStudy) -> Iterator[subprocess.Popen[str]]:
    """The command while it executes runs 3 and 4 of the six that it was asked for."""
    study.sweep(range(9), cmd=["sh", "-c", f"test -e $FAIL/on || exit 1; {GATED}"])
    (study.fail / "on").touch()
    with subprocess.Popen(
        [PROGRAM, "retry", study.path, "3-8", "-j", "2"], cwd=study.folder, stderr=subprocess.PIPE, text=True,
        env=unmeasured(), start_new_session=True,
    ) as process:  # fmt: skip
        wait_until(lambda: len(list(study.path.glob("runs/*/ready"))) == 2, LONG_S)
        yield process
        process.kill()


def test_nobody_else_goes_on_meanwhile(study: CommandedStudy, living: subprocess.Popen[str]) -> None:
    for verb in ("resume", "retry"):
        refused = command(verb, study.path)
        assert refused.returncode == 75
        assert str(living.pid) in refused.stderr
    assert "is being executed right now" in command("explain", study.path).stderr
    study.gate.touch()
    assert living.wait(LONG_S) == 0
    assert study.executed() == [3, 4, 5, 6, 7, 8]
    check_sweep(study.path)


def test_another_terminal_ends_runs_of_it_and_then_all(study: CommandedStudy, living: subprocess.Popen[str]) -> None:
    assert "run 4: cancelled" in command("cancel", study.path, "4", "8").stdout
    assert command("cancel", study.path).returncode == 0
    assert living.wait(LONG_S) == 3
    check_sweep(study.path)
    ended = {run.index: (run.reason, run.attempts) for run in study.load()}
    assert ended[3] == ended[4] == ("cancelled", 2)
    assert ended[8] == ("exit:1", 1)  # as before: nothing was started of it


def test_sigkill_of_the_command_loses_nothing(killed: CommandedStudy) -> None:
    killed.gate.unlink()
    process = subprocess.Popen(
        [PROGRAM, "resume", killed.path], stderr=subprocess.DEVNULL, env=unmeasured(), start_new_session=True
    )
    wait_until(lambda: len(killed.count.read_text().split()) == 4, LONG_S)
    process.kill()
    process.wait()
    wait_until(lambda: sum(run.reason == "lost" for run in killed.load()) == 4, LONG_S)  # before the gate opens
    killed.executed()
    killed.gate.touch()
    finished = command("resume", killed.path)
    assert finished.returncode == 0, finished.stderr
    check_sweep(killed.path, killed=True)
    assert killed.executed() == [3, 4, 5, 6, 7]
    assert killed.load().results == [{"y": x} for x in range(8)]


def test_a_reader_that_leaves_early_ends_nothing(study: CommandedStudy) -> None:
    study.sweep(range(8), cmd=["sh", "-c", f"test -e $FAIL/on || exit 1; {GATED}"])
    (study.fail / "on").touch()
    line = f"{shlex.quote(str(PROGRAM))} resume study -j 2 2>&1 | (head -n 1; exec <&-; touch {study.gate})"
    said = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=study.folder, capture_output=True, text=True, env=unmeasured(),
        check=False,
    )  # fmt: skip
    assert said.returncode == 0
    assert said.stdout.startswith("multirun: ")
    check_sweep(study.path)
    assert study.executed() == list(range(8))
    assert {(run.status, run.attempts) for run in study.load()} == {("success", 2)}
    assert "exit:1" not in (study.path / "results.csv").read_text()


def test_a_descriptor_that_is_closed_ends_nothing(study: CommandedStudy) -> None:
    study.sweep(range(2), fail=range(2))
    line = f"{shlex.quote(str(PROGRAM))} resume {shlex.quote(str(study.path))} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], env=unmeasured(), check=False).returncode == 0
    assert study.executed() == [0, 1]
