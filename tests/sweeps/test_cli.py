"""The command `multirun`, as a user types it: in a process of its own, whatever the sweep is doing."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import SCRIPTED, files_below, run_sweep

from multirun import ParallelLocalRunner, SweepResult, cli, multirunAsync
from multirun.journal import JournalTail, frame
from multirun.wording import why_in_words


def document(*words: str | Path) -> dict[str, Any]:
    """What `status --json` prints."""
    finished = command("status", "--json", *words)
    assert finished.stderr == ""
    found: dict[str, Any] = json.loads(finished.stdout)
    counts = found["counts"]
    parts = ("pending", "running", "success", "failure", "skipped")
    assert sum(counts[part] for part in parts) == counts["total"]
    assert counts["complete"] == counts["success"] + counts["failure"] + counts["skipped"]
    return found


pytestmark = pytest.mark.xdist_group("cli")  # so that the sweeps run once for all of them


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A sweep in which all went well."""
    return run_sweep(tmp_path_factory.mktemp("good") / "sweep", [{"x": x} for x in range(3)], ["true"], name="pendulum")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """A sweep with failures of several kinds."""
    maps: list[dict[str, Any]] = [
        {"script": "exit 0"},
        {"script": "exit 3", "t": (1, float("nan"))},
        {"script": "kill -SEGV $$"},
        {"script": "echo { > $MULTIRUN_RESULTS"},
    ]
    return run_sweep(tmp_path_factory.mktemp("bad") / "sweep", maps, SCRIPTED)


# ------------------------------------------------------------------------------------------ finished


def test_a_sweep_that_went_well(good: SweepResult) -> None:
    finished = command("status", good.path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == f"pendulum: 3 ok of 3, complete\n{good.path}\n"
    before = files_below(good.path)
    assert document(good.path) == {
        "path": str(good.path),
        "id": json.loads((good.path / "sweep.json").read_text())["id"],
        "name": "pendulum",
        "alive": False,
        "total_known": True,
        "counts": {"total": 3, "complete": 3, "success": 3, "failure": 0, "running": 0, "pending": 0, "skipped": 0},
        "interrupted": 0,
        "stopped": None,
        "failed": [],
    }
    assert files_below(good.path) == before


def test_a_sweep_with_failures(bad: SweepResult) -> None:
    finished = command("status", bad.path)
    assert (finished.returncode, finished.stderr) == (1, "")
    head, where, heading, *causes = finished.stdout.splitlines()
    assert (head, where) == ("multirun: 1 ok, 3 failed of 4, complete", str(bad.path))
    assert heading == "3 runs failed for 3 reasons:"
    headlines = [line for line in causes if not line.startswith(" ")]
    for line, run in zip(headlines, bad.failed, strict=True):
        assert line.startswith(f"run {run.index} (script=")
        assert f" failed: {why_in_words(str(run.reason), run.message)}" in line
        assert f"  more: multirun show {bad.path} {run.index}" in causes
    assert "results.json is no valid JSON" in headlines[2]


def test_failures_that_are_alike_are_told_once(sweep_dir: Path) -> None:
    runs = [{"n": n, "script": f"echo 'mesh {n}: cannot open' >&2; exit {int(n > 4)}"} for n in range(10)]
    run_sweep(sweep_dir, runs, SCRIPTED)
    finished = command("status", sweep_dir)
    assert finished.stdout.splitlines()[2:] == [
        "5 runs failed: exit code 1",
        "  mesh 5: cannot open",
        "  runs 5-9",
        "  only with n ≥ 5; every ok run has n ≤ 4",
        f"  more: multirun show {sweep_dir} 5",
    ]


def test_failures_as_json(bad: SweepResult) -> None:
    found = document(bad.path)
    assert command("status", "--json", bad.path).returncode == 1
    assert [run["index"] for run in found["failed"]] == [1, 2, 3]
    assert found["failed"][0] == {
        "index": 1,
        "params": {"script": "exit 3", "t": [1, "nan"]},
        "reason": "exit:3",
        "message": None,
        "evidence": None,
        "path": str(bad[1].path),
        "stderr": str(bad[1].stderr),
    }
    assert "no valid JSON" in found["failed"][2]["message"]


def test_without_a_directory_it_is_the_current_one_or_the_newest_below(tmp_path: Path, good: SweepResult) -> None:
    assert command("status", cwd=good.path).stdout == f"pendulum: 3 ok of 3, complete\n{good.path}\n"
    (tmp_path / "neither").mkdir()
    older, newer = tmp_path / "z-older", tmp_path / "a-newer"
    for path in (older, newer):
        run_sweep(path, [{}], ["true"])
    os.utime(older / "sweep.json", ns=(1, 1))
    assert command("status", cwd=tmp_path).stdout.splitlines()[-1] == str(newer)
    os.utime(newer / "sweep.json", ns=(0, 0))
    assert command("status", cwd=tmp_path).stdout.splitlines()[-1] == str(older)
    assert command("status", "a-newer", cwd=tmp_path).stdout.splitlines()[-1] == str(newer)


def test_an_empty_sweep_is_complete(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [], ["true"])
    finished = command("status", sweep_dir)
    assert finished.returncode == 0
    assert finished.stdout.startswith("multirun: no runs, complete\n")


def test_odd_names_of_directories(tmp_path: Path) -> None:
    for name in ("-rf", "a b", "ü", "new\nline", os.fsdecode(b"\xff")):
        path = tmp_path / name
        run_sweep(path, [{"x": name if name.isprintable() else "x"}], ["false"])
        finished = command("status", path)
        assert finished.returncode == 1, finished
        assert document(path)["path"] == str(path)


# ----------------------------------------------------------------------------------------- unfinished


async def test_a_sweep_while_it_runs(sweep_dir: Path, gates: Gates) -> None:
    runner = ParallelLocalRunner(max_parallel=3)

    def maps() -> Any:
        yield from ({"gate": number} for number in range(8))

    sweep = asyncio.create_task(multirunAsync(runs=maps(), cmd=gates.command(), output_path=sweep_dir, runner=runner))
    await wait_until_async(lambda: gates.waiting() == {"0", "1", "2"})
    gates.open(1)
    await wait_until_async(lambda: gates.waiting() == {"0", "2", "3"})
    finished = await asyncio.to_thread(command, "status", sweep_dir)
    assert (finished.returncode, finished.stderr) == (3, "")
    assert re.match(r"multirun: 3 running, 1 ok(, [123] waiting)? of [4567] so far, still going\n", finished.stdout)
    found = await asyncio.to_thread(document, sweep_dir)
    assert (found["alive"], found["total_known"], found["interrupted"]) == (True, False, 0)
    assert (found["counts"]["running"], found["counts"]["success"]) == (3, 1)
    gates.open_all()
    result = await sweep
    assert (await asyncio.to_thread(command, "status", sweep_dir)).returncode == 0
    check_sweep(sweep_dir, result=result)


ORCHESTRATE = """
import sys
from multirun import ParallelLocalRunner, multirun
output, *cmd = sys.argv[1:]
multirun(runs=[{"gate": number} for number in range(4)], cmd=cmd, output_path=output,
         runner=ParallelLocalRunner(max_parallel=2), display=False)
"""


@pytest.mark.parametrize(
    "signum",
    [signal.SIGKILL, signal.SIGTERM],
    ids=lambda signum: signum.name,
)
def test_a_sweep_that_was_ended(sweep_dir: Path, gates: Gates, signum: signal.Signals) -> None:
    arguments = [sys.executable, "-c", ORCHESTRATE, str(sweep_dir), *gates.command()]
    with subprocess.Popen(arguments) as orchestrator:
        wait_until(lambda: gates.waiting() == {"0", "1"})
        gates.open(0)
        wait_until(lambda: gates.waiting() == {"1", "2"})
        assert document(sweep_dir)["alive"]
        orchestrator.send_signal(signum)
        orchestrator.wait(30)
    check_sweep(sweep_dir, killed=signum == signal.SIGKILL)
    finished = command("status", sweep_dir)
    assert finished.returncode == 3, finished
    found = document(sweep_dir)
    assert (found["alive"], found["counts"]["success"], found["counts"]["running"]) == (False, 1, 0)
    assert "stopped before it was complete" in finished.stdout.splitlines()[0]
    if signum == signal.SIGTERM:  # there was time to write down how every run ended
        assert (found["interrupted"], len(found["failed"])) == (0, 2)


@pytest.mark.parametrize(("count", "words"), [(1, "(1 run was cut off)"), (2, "(2 runs were cut off)")])
def test_runs_that_were_cut_off(sweep_dir: Path, count: int, words: str) -> None:
    run_sweep(sweep_dir, [{}] * count, ["true"], runner=ParallelLocalRunner(max_parallel=1))
    (sweep_dir / "journal" / "orchestrator.jsonl").unlink()
    (lane,) = (sweep_dir / "journal").iterdir()
    header, *records = JournalTail(str(lane)).read()
    kept = [header, *(record for record in records if record["event"] == "started")]
    lines, crc = [], 0
    for seq, record in enumerate(kept):
        line, crc = frame({key: value for key, value in record.items() if key not in ("seq", "crc")}, seq, crc)
        lines.append(line)
    lane.write_bytes(b"".join(lines))
    finished = command("status", sweep_dir)
    assert finished.returncode == 3
    assert words in finished.stdout


def test_a_sweep_that_was_killed_at_birth(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{}], ["true"])
    for name in ("plan.jsonl", "journal/orchestrator.jsonl", "results.csv"):
        (sweep_dir / name).unlink()
    for path in (sweep_dir / "journal").iterdir():
        path.unlink()
    assert command("status", sweep_dir).returncode == 3
    (sweep_dir / "plan.jsonl").touch()  # created, and not a byte written
    assert command("status", sweep_dir).returncode == 3


# --------------------------------------------------------------------------------------------- wrong


def test_version_and_help() -> None:
    assert command("--version").stdout == f"multirun, version {version('multirun-sweep')}\n"
    for word in ("--help", "-h"):
        finished = command(word)
        assert finished.returncode == 0
        assert "status" in finished.stdout
    assert "--json" in command("status", "--help").stdout


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "does not exist"),
        (Path.mkdir, "holds no sweep.json"),
        (lambda path: path.write_text("text"), "is no sweep"),
    ],
    ids=["missing", "empty", "file"],
)
def test_a_wrong_path(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "wrong"
    make(path)
    for option in ([], ["--json"]):
        finished = command("status", *option, path)
        assert (finished.returncode, finished.stdout) == (2, "")
        assert finished.stderr.startswith(f"multirun: {path} is no sweep: ")
        assert words in finished.stderr
        assert finished.stderr.count("\n") == 1


def test_no_sweep_anywhere(tmp_path: Path) -> None:
    finished = command("status", cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"multirun: there is no sweep in {tmp_path}; give the directory")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["statsu"], r"No such command 'statsu'.*did you mean 'status'"),
        (["status", "--jsn"], r"No such option.*--jsn.*--json"),
        (["status", "a", "b"], "unexpected extra argument"),
        (["status", "--debug"], "No such option"),
        ([], "Usage: multirun"),
    ],
)
def test_a_typo(words: list[str], complaint: str) -> None:
    finished = command(*words)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert re.search(complaint, finished.stderr, re.IGNORECASE | re.DOTALL)


@pytest.fixture
def damaged(sweep_dir: Path) -> Path:
    """A sweep with a journal that somebody edited."""
    run_sweep(sweep_dir, [{}], ["false"])
    (journal,) = (path for path in (sweep_dir / "journal").iterdir() if path.name != "orchestrator.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"attempt":1', b'"attempt":7', 1))
    return sweep_dir


def test_damage_has_an_exit_code_of_its_own(damaged: Path) -> None:
    finished = command("status", damaged)
    assert (finished.returncode, finished.stdout) == (74, "")
    assert re.search(r"\.jsonl is damaged: record 1 at byte \d+: its checksum is wrong", finished.stderr)


def test_another_version_is_named(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{}], ["true"])
    file = sweep_dir / "sweep.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 99'))
    finished = command("status", sweep_dir)
    assert finished.returncode == 2
    assert "sweep.json has format 99; this multirun reads format 1" in finished.stderr


def test_debug_shows_the_traceback_and_changes_no_exit_code(damaged: Path, tmp_path: Path) -> None:
    for path, code in ((damaged, 74), (tmp_path / "none", 2)):
        finished = command("--debug", "status", path)
        assert finished.returncode == code
        assert "Traceback" in finished.stderr
        assert finished.stderr.splitlines()[-1].startswith("multirun: ")


def test_a_mistake_of_ours_is_told_from_failed_runs(
    good: SweepResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("multirun.commandline.status.take_snapshot", lambda root: 1 / 0)
    with pytest.raises(SystemExit) as left:
        cli.main(["status", str(good.path)])
    assert left.value.code == 70
    assert "internal error: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError(5, "Input/output error"), 74)])
def test_an_interrupt_and_a_failing_disk(
    good: SweepResult, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(root: str) -> None:
        raise error

    monkeypatch.setattr("multirun.commandline.status.take_snapshot", fail)
    with pytest.raises(SystemExit) as left:
        cli.main(["status", str(good.path)])
    assert left.value.code == code


def test_a_reader_that_leaves_early(good: SweepResult) -> None:
    line = f"{shlex.quote(str(PROGRAM))} status {shlex.quote(str(good.path))} | true; echo done"
    finished = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True)
    assert (finished.stdout, finished.stderr) == ("done\n", "")


def test_it_starts_without_what_sweeps_need() -> None:
    modules = ", ".join(f"multirun.commandline.{name}" for name in ("status", "show", "following", "results"))
    heavy = "{'anyio', 'asyncio', 'rich', 'numpy', 'pandas', 'multirun.engine', 'multirun.display'}"
    code = f"import sys, multirun.cli, {modules}; print(*sorted({heavy} & set(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "\n"
