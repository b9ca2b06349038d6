"""`multirun logs`, as a user types it, and whatever else looks at a sweep while it runs."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.gates import Gates
from tests.sweeps.looking import said
from tests.sweeps.sweeping import run_sweep

from multirun import ParallelLocalRunner, SweepResult, multirunAsync

pytestmark = pytest.mark.xdist_group("looking")  # so that the sweeps run once for all of them

# ---------------------------------------------------------------------------------------------------- logs


def test_logs_are_printed_byte_for_byte(study: SweepResult, here: Path) -> None:
    for stream in ("stdout", "stderr"):
        finished = command("logs", f"--{stream}", "study", "3", cwd=here)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert finished.stdout == getattr(study[3], stream).read_text()


def test_logs_of_several_runs_have_headings(here: Path) -> None:
    finished = command("logs", "study", "2-3", cwd=here)
    assert finished.stdout == (
        "==> run 2 stdout <==\nx is 2\n==> run 2 stderr <==\n10%\n20%\nlast words\n"
        "==> run 3 stdout <==\nx is 3\n==> run 3 stderr <==\n10%\n20%\nlast words\nError: diverged\n"
    )
    failed = command("logs", "--failed", "study", cwd=here)
    assert failed.stdout == finished.stdout[finished.stdout.index("==> run 3") :]
    assert command("logs", "--failed", "study", "0-2", cwd=here).stderr == "multirun: no run failed\n"
    assert command("logs", "study", cwd=here).stdout.count("==>") == 12


def test_silence_is_told_beside_the_data(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{}, {}], ["true"])
    assert command("logs", sweep_dir, "1").stderr == "multirun: run 1 wrote nothing\n"
    finished = command("logs", sweep_dir)
    assert (finished.stdout, finished.stderr) == ("", "multirun: 2 of 2 runs wrote nothing\n")


# ------------------------------------------------------------------------------------------- while it runs

TALKER = """
mkdir -p "$0/said"
echo "first of $1"; echo "complaint of $1" >&2
: > "$0/said/$1"
read -r word < "$0/$1"
echo "then $word"; printf 'no line break'
[ "$word" != bad ]
"""


def _target(link: Path) -> str:
    with suppress(OSError):
        return os.readlink(link)
    return ""


class Following:
    """`multirun logs -f` in a process of its own."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "logs", "-f", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=0
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def read(self) -> str:
        assert self.process.stdout is not None
        with suppress(BlockingIOError):
            while data := os.read(self.process.stdout.fileno(), 1 << 16):
                self.text += data.decode()
        return self.text

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.read(), what=f"{text!r} in the logs")

    def wait_until_it_watches(self) -> None:
        """Wait until it is told of changes."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        wait_until(lambda: "anon_inode:inotify" in {_target(entry) for entry in folder.iterdir()})

    def end(self) -> tuple[int, str]:
        """The exit code and what it said beside the data."""
        assert self.process.stderr is not None
        code = self.process.wait(30)
        self.read()
        errors = self.process.stderr.read()
        self.process.stderr.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code, errors


async def test_everything_works_while_a_sweep_runs(sweep_dir: Path, gates: Gates, tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    cmd = ["sh", "-c", TALKER, str(tmp_path / "gates"), "{gate}"]
    runs = [{"gate": number} for number in range(3)]
    sweep = asyncio.create_task(multirunAsync(runs=runs, cmd=cmd, output_path=sweep_dir, runner=runner))
    said_by = tmp_path / "gates" / "said"
    await wait_until_async(lambda: (said_by / "0").exists() and (said_by / "1").exists())

    def look() -> None:
        assert command("show", sweep_dir, "0").stdout.splitlines()[0].endswith(": running")
        assert re.search(r"started .*, running for \d+\.\d s", command("show", sweep_dir, "0").stdout)
        assert "not started yet" in command("show", sweep_dir, "2").stdout
        assert "first of 0" in command("show", sweep_dir, "0").stdout
        assert command("show", sweep_dir, "0").stdout.endswith(f"follow it: multirun logs -f {sweep_dir} 0\n")
        assert json.loads(command("show", "--json", sweep_dir, "0").stdout)["by_hand"] is None
        table = command("results", sweep_dir)
        assert [line.split()[2] for line in table.stdout.splitlines()[1:]] == ["running", "running", "pending"]
        assert table.stderr == "multirun: the sweep is still going; 3 runs not complete yet\n"
        assert command("logs", sweep_dir, "2").stderr == "multirun: run 2 has not started\n"
        one, waiting, every = Following(sweep_dir, "0"), Following("--stdout", sweep_dir, "2"), Following(sweep_dir)
        for follower in (one, every):
            follower.wait_for("first of 0")
            follower.wait_for("complaint of 0")
        waiting.wait_until_it_watches()
        gates.open(0, word="bad")
        assert one.end() == (1, "multirun: run 0 failed\n")
        assert one.text.endswith("then bad\nno line break")
        waiting.wait_for("first of 2")
        gates.open(1, 2)
        assert waiting.end() == (0, "multirun: run 2 waits for a free place\n")
        assert waiting.text == "first of 2\nthen go\nno line break"
        assert every.end() == (1, "multirun: 1 of 3 runs failed\n")
        assert sorted(every.text.splitlines()) == sorted(
            line
            for run, word in (("run 0", "bad"), ("run 1", "go"), ("run 2", "go"))
            for line in (
                f"{run} | first of {run[-1]}",
                f"{run} stderr | complaint of {run[-1]}",
                f"{run} | then {word}",
                f"{run} | no line break",
            )
        )

    await asyncio.to_thread(look)
    check_sweep(sweep_dir, result=await sweep)


ORCHESTRATE = """
import sys
from multirun import multirun
output, *cmd = sys.argv[1:]
multirun(runs=[{"gate": number} for number in range(2)], cmd=cmd, output_path=output, display=False)
"""


def test_following_ends_when_the_sweep_is_killed_and_at_ctrl_c(sweep_dir: Path, gates: Gates) -> None:
    arguments = [sys.executable, "-c", ORCHESTRATE, str(sweep_dir), *gates.command()]
    with subprocess.Popen(arguments) as orchestrator:
        wait_until(lambda: gates.waiting() == {"0", "1"})
        interrupted, following = Following(sweep_dir, "0"), Following(sweep_dir, "1")
        interrupted.wait_until_it_watches()
        following.wait_until_it_watches()
        interrupted.process.send_signal(signal.SIGINT)
        code, errors = interrupted.end()
        assert code == 130
        assert errors.strip() == ""
        orchestrator.send_signal(signal.SIGKILL)
        orchestrator.wait(30)
    code, errors = following.end()
    assert (code, errors.splitlines()[-1:]) in [
        (3, ["multirun: nobody executes this sweep any more; it was stopped before it was complete"]),
        (1, ["multirun: run 1 failed"]),  # its lane was faster
    ]
    check_sweep(sweep_dir, killed=True)


def test_following_a_sweep_that_is_over(study: SweepResult) -> None:
    following = Following(study.path)
    assert following.end() == (0, "multirun: nothing is running\n")
    following = Following("--stderr", study.path, "3")
    assert following.end() == (1, "multirun: run 3 failed\n")
    assert following.text.endswith("Error: diverged\n")
    assert "use either" in said(command("logs", "-f", "--failed", study.path))
