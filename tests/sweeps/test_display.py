"""Real sweeps, looked at: in a pipe, on a terminal, in an application, and through a terminal multiplexer."""

import asyncio
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async
from tests.terminals import Pty, widest

from multirun import ParallelLocalRunner, Run, displayStatus, multirunAsync

JOB = """
import os, sys, time
n, gate = int(sys.argv[1]), sys.argv[2]
while gate != "open" and n >= 3 and not os.path.exists(gate):
    time.sleep(0.02)
if n % 10 == 2:
    sys.exit(f"run {n} diverged")
"""

SWEEP = """
import sys
from pathlib import Path
import multirun

def tell(run):
    if run.status == "success":
        print("callback", run.index, flush=True)

result = multirun.multirun(
    runs=[{"n": n, "kind": "thing"} for n in range(int(sys.argv[1]))],
    cmd=[sys.executable, "-S", Path("job.py").resolve(), "{n}", sys.argv[2]],
    output_path="sweep",
    runner=multirun.ParallelLocalRunner(max_parallel=2),
    on_result=tell,
)
print(result.statistics.success_count, "succeeded")
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with a script and its program."""
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "script.py").write_text(SWEEP)
    return tmp_path


def command(count: int, gate: str = "open") -> list[str]:
    return [sys.executable, "script.py", str(count), gate]


def environment(here: Path, **changed: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    return {**kept, "PWD": str(here), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **changed}


# ---------------------------------------------------------------------------------------- in a pipe


def test_in_a_pipe_there_are_few_plain_lines(here: Path) -> None:
    done = subprocess.run(command(40), cwd=here, env=environment(here), capture_output=True, text=True, check=True)
    assert not re.search(r"[^\n -~]", done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) <= 13 + int(done.stderr.count(" after "))
    assert lines[0] == f"multirun: 40 runs in {here}/sweep"
    named = "run 12 (n=12, kind='thing') failed: exit code 1: run 12 diverged"
    assert f"multirun: {named}; more: multirun show {here}/sweep 12" in lines
    first = lines.index("multirun: 4 runs failed: exit code 1")
    assert lines[first + 1 : first + 3] == ["multirun:   run 2 diverged", "multirun:   runs 2, 12, 22, 32"]
    assert (here / "sweep/runs/000012/stderr.log").read_text() == "run 12 diverged\n"
    assert re.fullmatch(rf"multirun: 36 ok, 4 failed of 40 in [\d.]+ s; see {here}/sweep", lines[-1])
    assert done.stdout.endswith("36 succeeded\n")
    check_sweep(here / "sweep")


@pytest.mark.parametrize("redirection", ["2>&-", "2> >(exec true)", "2>/dev/full"])
def test_nobody_has_to_listen(here: Path, redirection: str) -> None:
    line = f"exec {shlex.quote(sys.executable)} script.py 12 open {redirection}"
    done = subprocess.run(["bash", "-c", line], cwd=here, env=environment(here), stdout=subprocess.PIPE, check=True)
    assert done.stdout.endswith(b"11 succeeded\n")
    check_sweep(here / "sweep")


# ------------------------------------------------------------------------------------ on a terminal


@contextmanager
def on_terminal(
    here: Path, arguments: list[str], columns: int = 100, stdout: Any = None, **changed: str
) -> Iterator[tuple[Pty, subprocess.Popen[bytes]]]:
    """A program on a terminal of its own."""
    pty = Pty(columns)
    theirs = pty.stream.fileno()
    with subprocess.Popen(
        arguments,
        cwd=here,
        env=environment(here, **changed),
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
    ) as process:
        try:
            yield pty, process
        finally:
            process.kill()
            pty.close()


def finish(pty: Pty, process: subprocess.Popen[bytes]) -> list[str]:
    """What is to be seen when a program has ended well."""

    def is_over() -> bool:
        pty.read()
        return process.poll() is not None

    wait_until(is_over)
    assert process.returncode == 0, pty.read()
    return pty.read().splitlines()


def test_on_a_terminal_a_few_rows_stay_up_to_date(here: Path) -> None:
    gate = here / "gate"
    with on_terminal(here, command(30, str(gate))) as (pty, process):
        pty.wait_for(r"2 running, 2 ok, 1 failed, 25 waiting of 30  0:0\d\n  run 3  n=3  \d s\n  run 4  n=4  \d s$")
        assert len(pty.page.text.splitlines()) == 6
        assert widest(pty.page.text) < 100
        gate.touch()
        lines = finish(pty, process)
    failures = [line for line in lines if re.match(r"run \d+ .* failed: ", line)]
    assert "run 22 (n=22) failed: exit code 1: run 22 diverged; more: multirun show sweep 22" in failures
    explained = ["3 runs failed: exit code 1", "  run 2 diverged", "  runs 2, 12, 22", "  more: multirun show sweep 2"]
    assert lines[-6:-2] == explained
    assert re.fullmatch(r"27 ok, 3 failed of 30 in [\d.]+ s; see sweep", lines[-2])
    assert sorted(lines) == sorted([*failures, *(f"callback {n}" for n in range(30) if n % 10 != 2), *lines[-6:]])
    assert lines[-1] == "27 succeeded"
    assert pty.page.orders <= set("AJKm")
    check_sweep(here / "sweep")


def test_on_a_narrow_terminal_without_colours(here: Path) -> None:
    gate = here / "gate"
    with on_terminal(here, command(30, str(gate)), 20, NO_COLOR="1") as (pty, process):
        pty.wait_for(r"3/30 done, 1 failed$")
        gate.touch()
        finish(pty, process)
    assert not re.search(r"\x1b\[[\d;]*[349]\d", pty.raw)


def test_on_a_terminal_that_cannot_do_much(here: Path) -> None:
    with on_terminal(here, command(12), TERM="dumb") as (pty, process):
        lines = finish(pty, process)
    assert "\x1b" not in pty.raw
    assert pty.raw.count("\r") == pty.raw.count("\r\n")
    assert re.fullmatch(r"multirun: 11 ok, 1 failed of 12 in [\d.]+ s; see .*", lines[-2])


def test_output_for_a_file_goes_to_the_file(here: Path) -> None:
    with (here / "out.txt").open("w") as out, on_terminal(here, command(12), stdout=out) as (pty, process):
        lines = finish(pty, process)
    assert sorted((here / "out.txt").read_text().splitlines()[:-1]) == sorted(
        f"callback {n}" for n in range(12) if n % 10 != 2
    )
    assert not any("callback" in line for line in lines)


# --------------------------------------------------------------------------------- in an application


def gated(here: Path, count: int, gate: Path | None = None) -> dict[str, Any]:
    words = [sys.executable, "-S", str(here / "job.py"), "{n}", str(gate or "open")]
    return {"runs": [{"n": n} for n in range(count)], "cmd": words}


async def test_status_beside_a_sweep_ends_with_it(here: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    log = io.StringIO()
    with redirect_stderr(log):
        result, _ = await asyncio.gather(
            multirunAsync(**gated(here, 6), output_path=here / "sweep", runner=runner), displayStatus(runner)
        )
        await displayStatus(runner)
    lines = log.getvalue().splitlines()
    assert len([line for line in lines if "run 2 (n=2) failed: exit code 1: run 2 diverged; more: " in line]) == 1
    explained = lines.index("multirun: run 2 (n=2) failed: exit code 1")
    assert re.fullmatch(r"multirun: 5 ok, 1 failed of 6 in [\d.]+ s; see \S+", lines[explained + 3])
    assert lines[explained : explained + 3] == lines[explained + 4 : -1]  # the summary is given again
    assert lines[-1] == f"multirun: 5 ok, 1 failed of 6; see {here / 'sweep'}"
    check_sweep(here / "sweep", result=result)


async def test_causes_are_told_sweep_by_sweep(here: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    log = io.StringIO()
    with redirect_stderr(log):
        sweeps = (multirunAsync(**gated(here, 4), output_path=here / name, runner=runner) for name in ("one", "two"))
        await asyncio.gather(*sweeps, displayStatus(runner))
    lines = [line.removeprefix("multirun: ") for line in log.getvalue().splitlines()]
    for name in ("one", "two"):
        first = lines.index(f"{here / name}:")
        assert lines[first + 1 : first + 4] == [
            "run 2 (n=2) failed: exit code 1",
            "  run 2 diverged",
            f"  more: multirun show {here / name} 2",
        ]


async def test_an_application_is_silent_unless_it_asks(here: Path) -> None:
    log = io.StringIO()
    with redirect_stderr(log):
        await multirunAsync(**gated(here, 3), output_path=here / "one")
        assert log.getvalue() == ""
        await multirunAsync(**gated(here, 3), output_path=here / "two", display=True)
    assert "2 ok, 1 failed of 3 in " in log.getvalue()


async def test_cancelled_sweep_shows_its_last_state(here: Path) -> None:
    log, runner = io.StringIO(), ParallelLocalRunner(max_parallel=2)
    tasks = asyncio.all_tasks()
    with redirect_stderr(log):
        sweep = asyncio.create_task(
            multirunAsync(**gated(here, 9, here / "gate"), output_path=here / "sweep", runner=runner, display=True)
        )
        status = asyncio.create_task(displayStatus(runner))
        await wait_until_async(
            lambda: (now := runner.computeStatistics()).complete_count == 3 and now.running_count == 2
        )
        sweep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweep
        await status
    last_words = (
        r"\nmultirun: 2 ok, 3 failed, 4 waiting of 9 in [\d.]+ s; see (\S+)\n.* multirun results \1\n.* resume \1\n$"
    )
    assert re.search(last_words, log.getvalue())
    assert asyncio.all_tasks() == tasks
    assert runner.ledger.listeners == []


async def test_error_of_a_callback_is_not_hidden(here: Path) -> None:
    def fail(run: Run) -> None:
        raise ZeroDivisionError

    log = io.StringIO()
    with redirect_stderr(log), pytest.raises(ZeroDivisionError):
        await multirunAsync(**gated(here, 3), output_path=here / "sweep", display=True, on_result=fail)
    assert log.getvalue().splitlines()[-1].endswith(f"see {here / 'sweep'}")


# ------------------------------------------------------------------------- through a multiplexer


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_terminal_that_breaks_lines_anew_shows_no_remains(here: Path) -> None:
    gate, socket = here / "gate", str(here / "tmux")

    def tmux(*arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", socket, "-f", os.devnull, *arguments], capture_output=True, text=True, check=True, cwd=here
        ).stdout

    def seen() -> list[str]:
        return [line for line in tmux("capture-pane", "-p", "-J", "-S", "-").splitlines() if line]

    def shows(words: str, count: int) -> bool:
        rows = seen()
        return len(rows) == count and words in rows[3]

    script = f"PWD={shlex.quote(str(here))} {shlex.join(command(30, str(gate)))}; echo over; read -r"
    tmux("-u", "new-session", "-d", "-x", "110", "-y", "30", "bash", "-c", script)
    try:
        wait_until(lambda: shows("25 waiting of 30", 6) and shows("━", 6))
        for columns in (70, 45, 30, 20, 60, 110):
            tmux("resize-window", "-x", str(columns), "-y", "30")
            words = "25 waiting of 30" if columns > 45 else "of 30" if columns > 30 else "3/30"
            count = 6 if columns > 24 else 4
            wait_until(lambda words=words, count=count: shows(words, count))  # type: ignore[misc]
        gate.touch()
        wait_until(lambda: seen()[-1] == "over")
        assert not [line for line in seen() if "running" in line]
        assert re.fullmatch(r"27 ok, 3 failed of 30 in [\d.]+ s; see sweep", seen()[-3])
    finally:
        tmux("kill-server")
