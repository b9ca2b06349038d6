"""What keeps a program from being started: mistakes fail the run with words, a lack of something only makes it wait."""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.faults.scripts import evil, launcher_of
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async

from multirun import FileResource, ParallelLocalRunner, multirun, multirunAsync
from multirun.run import Run
from multirun.sweepresult import SweepResult

# ------------------------------------------------------------------------------------------------- mistakes

MISTAKES = {
    "no-such-program": "command not found",
    "./no-such-file": "command not found",
    "/no/such/file": "command not found",
    "./folder": "is a folder",
    "./not-executable": "chmod +x",
    "./bad-interpreter": "'/no/such/interpreter' does not exist",
    "./interpreter-not-executable": "is not executable",
    "./garbage": "no program this machine can execute",
    "./empty": "no program this machine can execute",
}


@pytest.fixture
def programs(tmp_path: Path) -> list[FileResource]:
    """Files that look like programs, most of which cannot be executed."""
    texts = {
        "not-executable": "#!/bin/sh\n",
        "bad-interpreter": "#!/no/such/interpreter -x\n",
        "interpreter-not-executable": f"#!{tmp_path}/not-executable\n",
        "garbage": "\x01\x02\x03",
        "empty": "",
        "fine": "#!/bin/sh\nexit $1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644 if name == "not-executable" else 0o755)
    (tmp_path / "folder").mkdir()
    return [FileResource(tmp_path / name, "copy") for name in (*texts, "folder")]


def test_each_mistake_is_told_apart(sweep_dir: Path, programs: list[FileResource]) -> None:
    result = multirun(
        runs=[{"program": program} for program in MISTAKES],
        cmd=["{program}"],
        input_files=programs,
        output_path=sweep_dir,
        display=False,
    )
    for run, words in zip(result, MISTAKES.values(), strict=True):
        assert (run.status, run.reason, run.exit_code) == ("failure", "exec-failed", None), run
        assert words in (run.message or ""), (run, run.message)
        assert run.params["program"].strip("./") in (run.message or "")
    check_sweep(sweep_dir, result=result)


def test_exit_codes_of_shells_are_the_program_s_own(sweep_dir: Path, programs: list[FileResource]) -> None:
    codes = [0, 126, 127, 128, 255]
    result = multirun(
        runs=[{"code": code} for code in codes],
        cmd=["./fine", "{code}"],
        input_files=programs,
        output_path=sweep_dir,
        display=False,
    )
    assert [run.exit_code for run in result] == codes
    assert [run.reason for run in result] == [None, *(f"exit:{code}" for code in codes[1:])]
    check_sweep(sweep_dir, result=result)


def test_program_killed_by_a_signal_is_told_from_its_exit_code(sweep_dir: Path) -> None:
    words = ["kill -SEGV $$", "kill -KILL $$", "exit 139", "kill -TERM $$"]
    result = multirun(
        runs=[{"words": text} for text in words], cmd=["sh", "-c", "{words}"], output_path=sweep_dir, display=False
    )
    assert [run.reason for run in result] == ["signal:SIGSEGV", "signal:SIGKILL", "exit:139", "signal:SIGTERM"]
    check_sweep(sweep_dir, result=result)


# ----------------------------------------------------------------------------------------------------- lack


class Lack:
    """A sweep whose first run ends before something begins to lack."""

    def __init__(self, path: Path, begin: Callable[[], object], **given: Any) -> None:
        self.runner = ParallelLocalRunner(max_parallel=1)
        self._begin = begin
        given = {"runs": [{}] * 4, "cmd": ["true"], "infrastructure_retries": 0, **given}
        self.call = asyncio.create_task(
            multirunAsync(output_path=path, runner=self.runner, on_result=self._after, **given)
        )

    def _after(self, run: Run) -> None:
        if run.index == 0:
            self._begin()

    async def wait_notice(self, words: str) -> None:
        """Wait until users are told, and so much longer that it is tried in vain once more."""
        await wait_until_async(lambda: self.call.done() or words in " ".join(self.runner.ledger.notices.values()))
        told = monotonic()
        await wait_until_async(lambda: self.call.done() or monotonic() > told + 0.15)
        assert not self.call.done(), self.call.result()

    async def result(self) -> SweepResult:
        """The result, in which nothing may have failed, and no notice may be left."""
        result = await asyncio.wait_for(self.call, 20)
        assert [(run.status, run.message, run.attempts) for run in result] == [("success", None, 1)] * len(result)
        assert not self.runner.ledger.notices
        return result


def launcher() -> list[int]:
    """Keeper and lanes of the launcher that this process started."""
    return launcher_of(os.getpid())


def limit(what: int, to: int) -> None:
    """Set a limit of keeper and lanes."""
    for pid in launcher():
        resource.prlimit(pid, what, (to, resource.getrlimit(what)[1]))


async def test_no_descriptors_left(sweep_dir: Path) -> None:
    enough = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lack = Lack(sweep_dir, lambda: limit(resource.RLIMIT_NOFILE, 3))
    await lack.wait_notice("Too many open files")
    limit(resource.RLIMIT_NOFILE, enough)
    check_sweep(sweep_dir, result=await lack.result())


async def test_notice_of_a_run_goes_with_its_lane(sweep_dir: Path) -> None:
    def lane() -> int:
        return launcher()[1]

    lack = Lack(
        sweep_dir,
        lambda: resource.prlimit(lane(), resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
        runs=[{"words": "true"}] * 2 + [{"words": 'exec "$@"'}],
        cmd=["sh", "-c", "{words}", "sh", *evil("patient")],
    )
    await lack.wait_notice("Too many open files")
    os.kill(lane(), signal.SIGKILL)
    await wait_until_async(lambda: [run.status for run in lack.runner.runs] == ["success", "failure", "running"])
    assert not lack.runner.ledger.notices
    (sweep_dir / "runs" / "go").touch()
    result = await lack.call
    assert [run.reason for run in result] == [None, "lost", None]
    check_sweep(sweep_dir, result=result)


@contextmanager
def few_processes() -> Iterator[Callable[[], None]]:
    """Keeps keeper and lanes of this process from starting any further one, once the function it gives is called."""
    group = Path(f"/sys/fs/cgroup/pids/multirun-test-{os.getpid()}")
    if os.geteuid() != 0:
        enough = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        yield lambda: limit(resource.RLIMIT_NPROC, 1)
        limit(resource.RLIMIT_NPROC, enough)
        return
    if not os.access(group.parent / "cgroup.procs", os.W_OK):
        pytest.skip("root knows no limit of processes but that of a control group, and cannot make one")

    def begin() -> None:
        group.mkdir()
        for pid in launcher():
            (group / "cgroup.procs").write_text(str(pid))
        (group / "pids.max").write_text(str(len(launcher())))

    def dissolve() -> bool:
        members = (group / "cgroup.procs").read_text().split()
        for pid in members:
            with suppress(ProcessLookupError):
                (group.parent / "cgroup.procs").write_text(pid)
        return not members

    try:
        yield begin
    finally:
        if group.exists():
            (group / "pids.max").write_text("max")
            wait_until(dissolve)
            group.rmdir()


async def test_no_processes_left_for_programs(sweep_dir: Path) -> None:
    with few_processes() as begin:
        lack = Lack(sweep_dir, begin)
        await lack.wait_notice("Resource temporarily unavailable")
    check_sweep(sweep_dir, result=await lack.result())


async def test_no_processes_left_for_lanes(sweep_dir: Path) -> None:
    """Not even the first lane can be made; the notice is taken back while the runs go on."""
    runner = ParallelLocalRunner(max_parallel=2)

    def source() -> Iterator[dict[str, int]]:
        begin()
        yield {"x": 0}
        yield {"x": 1}

    with few_processes() as begin:
        call = asyncio.create_task(
            multirunAsync(runs=source(), cmd=evil("patient"), output_path=sweep_dir, runner=runner)
        )
        await wait_until_async(lambda: runner.ledger.notices or call.done())
        assert "fewer runs than asked for" in " ".join(runner.ledger.notices.values())
    await wait_until_async(lambda: runner.computeStatistics().running_count == 2)
    assert not runner.ledger.notices
    (sweep_dir / "runs" / "go").touch()
    result = await asyncio.wait_for(call, 20)
    assert result.statistics.success_count == 2
    check_sweep(sweep_dir, result=result)


async def test_executable_that_is_being_written(sweep_dir: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with program.open("r+"):
        lack = Lack(sweep_dir, lambda: None, cmd=[str(program)])
        await lack.wait_notice("Text file busy")
    check_sweep(sweep_dir, result=await lack.result())


def test_copied_executables_are_never_too_busy(sweep_dir: Path, tmp_path: Path) -> None:
    """While one lane copies the program, another one forks: the copy seems to be open for writing for a moment."""
    (tmp_path / "program").write_bytes(Path("/bin/true").resolve().read_bytes())
    (tmp_path / "program").chmod(0o755)
    result = multirun(
        runs=[{}] * 200,
        cmd=["./program"],
        input_files=[FileResource(tmp_path / "program", "copy")],
        output_path=sweep_dir,
        display=False,
    )
    assert result.statistics.success_count == 200, result.failed
    check_sweep(sweep_dir, result=result)


# ----------------------------------------------------------------------------------------------------- disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "multirun-test", path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user cannot mount a small disk")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with open(disk / "filler", "wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 4096)


async def test_disk_full_when_runs_begin(small_disk: Path) -> None:
    path = small_disk / "sweep"
    lack = Lack(path, lambda: fill(small_disk), runs=[{"text": "y" * 5000}] * 4)
    await lack.wait_notice("No space left on device")
    os.unlink(small_disk / "filler")
    check_sweep(path, result=await lack.result())


async def test_disk_full_when_a_run_ends(small_disk: Path) -> None:
    """The program itself fills the disk and ends well: its verdict waits until it can be written."""
    path = small_disk / "sweep"
    post = """printf '{"x": "%3900s"}' "" > "$MULTIRUN_RESULTS"; cat /dev/zero > ../../../filler; true"""
    lack = Lack(path, lambda: None, runs=[{}], cmd=["sh", "-c", post])
    await lack.wait_notice("No space left on device")
    os.unlink(small_disk / "filler")
    result = await lack.result()
    assert len(result[0].results["x"]) == 3900
    check_sweep(path, result=result)


async def test_full_disk_does_not_keep_a_sweep_from_being_cancelled(small_disk: Path) -> None:
    path = small_disk / "sweep"
    lack = Lack(path, lambda: fill(small_disk), runs=[{"text": "y" * 5000}] * 4)
    await lack.wait_notice("No space left on device")
    lack.call.cancel()
    await asyncio.wait([lack.call], timeout=10)
    assert lack.call.done()
    check_sweep(path, killed=True)
