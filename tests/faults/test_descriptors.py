"""The orchestrator stopped, or its descriptors held by a fork: neither time limits nor the end depend on it."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from tests.faults.scripts import EVIL, Script, evil, menagerie
from tests.invariants import check_sweep
from tests.patience import wait_until

Start = Callable[..., Script]
MANY = 40
PIPE_BYTES = 1 << 16
END_WHEN_TOLD = 'echo > ready; read _ < "$gate"; cp "$payload" "$MULTIRUN_RESULTS"'
POST_WHEN_TOLD = 'read _ < "$gate"; cp "$payload" "$MULTIRUN_RESULTS"'
UNTIL_OTHER = "until [ -e ../000001/ready ]; do :; done"

FORK_WITH_FIRST_RESULT = """
    import os
    def on_result(run):
        if run.index == 0 and os.fork() == 0:
            open("forked", "w").write(str(os.getpid()))
            while True:
                signal.pause()
"""

KILL_LANE_WITHOUT_DESCRIPTORS = """
    import asyncio, glob, json, os, resource, select, signal

    def on_result(run):
        if run.index:
            return
        journals = [open(path, "rb", 0) for path in glob.glob("sweep/journal/*-*.jsonl")]
        gate = open("gate", "wb", 0)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        gate.write(b"\\n")
        while not (found := [text for text in map(read, journals) if '"event":"ended","run":1,' in text]):
            select.select((), (), (), 0.01)
        os.kill(json.loads(found[0].splitlines()[0])["pid"], signal.SIGKILL)
        asyncio.get_running_loop().call_later(1.2, resource.setrlimit, resource.RLIMIT_NOFILE, limits)

    def read(journal):
        return os.pread(journal.fileno(), 100_000, 0).decode()
"""


def test_success_of_a_killed_lane_counts_though_descriptors_were_short(start_script: Start, tmp_path: Path) -> None:
    """The orchestrator had no descriptor to read with when it heard that the lane is dead."""
    gate, payload = tmp_path / "gate", tmp_path / "payload"
    os.mkfifo(gate)
    payload.write_text(f'"{"y" * 3990}"')
    script = start_script(
        runs=[{"kind": "waits"}, {"kind": "posts"}],
        command=["sh", "-c", f"echo > ready; if [ {{kind}} = posts ]; then {POST_WHEN_TOLD}; else {UNTIL_OTHER}; fi"],
        max_parallel=2,
        options=f"env={{'gate': {str(gate)!r}, 'payload': {str(payload)!r}}}",
        before=KILL_LANE_WITHOUT_DESCRIPTORS,
        after="print(*(f'{run.status}/{run.reason}/{run.attempts}' for run in result))",
    )
    assert script.end() == 0, script.complaint()
    assert script.output.split() == ["success/None/1", "success/None/1"]
    check_sweep(script.root)


def test_stopped_orchestrator_stops_no_time_limit_and_misses_nothing(start_script: Start, tmp_path: Path) -> None:
    """All runs but the last end while it is stopped, with more facts than the pipe can hold; the last is timed out."""
    gate, payload = tmp_path / "gate", tmp_path / "payload"
    os.mkfifo(gate)
    payload.write_text('{"x": "%s"}' % ("y" * 3500))
    assert MANY * payload.stat().st_size > 2 * PIPE_BYTES
    script = start_script(
        runs=[{"kind": "ends"}] * MANY + [{"kind": "sleeps"}],
        command=["sh", "-c", f"if [ {{kind}} = ends ]; then {END_WHEN_TOLD}; else echo > ready; exec sleep 100; fi"],
        max_parallel=MANY + 1,
        options=f"timeout=5, grace=0.5, env={{'gate': {str(gate)!r}, 'payload': {str(payload)!r}}}",
        after="print(*(f'{run.reason}/{len(run.results[\"x\"]) if run.results else 0}' for run in result))",
    )
    script.wait_ready(MANY + 1)
    os.kill(script.pid, signal.SIGSTOP)
    with open(gate, "r+b", buffering=0) as told:
        told.write(b"\n" * MANY)
        script.wait_journal('"ended"', MANY)
    script.wait_journal('"timeout"')
    os.kill(script.pid, signal.SIGCONT)
    assert script.end() == 0, script.complaint()
    check_sweep(script.root)
    assert script.output.split() == ["None/3500"] * MANY + ["timeout/0"]


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """The process that a script forked with all its descriptors; ended after the test."""

    def find() -> int:
        wait_until(lambda: (tmp_path / "forked").exists() and (tmp_path / "forked").read_text())
        return int((tmp_path / "forked").read_text())

    yield find
    with suppress(ProcessLookupError):
        os.kill(find(), signal.SIGKILL)


def test_fork_that_holds_the_descriptors_of_a_killed_orchestrator(
    start_script: Start, forked: Callable[[], int]
) -> None:
    script = start_script(
        runs=[{"program": "nothing"}, *menagerie()],
        command=["sh", "-c", 'test {program} = nothing || exec "$0" "$@"', *evil("{program}")],
        max_parallel=len(EVIL) + 1,
        before=FORK_WITH_FIRST_RESULT,
    )
    script.wait_ready(len(EVIL))
    holder = forked()
    script.kill()
    state = check_sweep(script.root, killed=True)
    assert [record["reason"] for record in state.values()].count("lost") == len(EVIL)
    os.kill(holder, 0)


def test_fork_that_holds_the_descriptors_does_not_delay_the_end(start_script: Start, forked: Callable[[], int]) -> None:
    script = start_script(runs=[{}] * 10, command=["true"], before=FORK_WITH_FIRST_RESULT, max_parallel=2)
    began = monotonic()
    assert script.end(within_s=10) == 0, script.complaint()
    assert monotonic() - began < 4, "it waited for a launcher that could not see it leave"
    check_sweep(script.root, within_s=0)
    os.kill(forked(), 0)
