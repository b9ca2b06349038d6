"""One owner, whoever else wants to be it at the same moment, and whatever becomes of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.faults.scripts import Script, evil
from tests.invariants import check_sweep
from tests.patience import wait_until
from tests.survivors import check_nothing_alive

from multirun import lock
from multirun.ownership import Patience, acquire
from multirun.rundir import SweepPaths

ROUNDS = 5

_CONTENDER = """
import os, sys
from pathlib import Path
from multirun.errors import LockedError
from multirun.ownership import acquire
from multirun.rundir import SweepPaths

folder, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
held = []
for number in range(rounds):
    (folder / f"ready-{number}-{name}").touch()
    while not (folder / f"go-{number}").exists():
        pass  # nobody shall have to wake up: they all begin at the same moment
    try:
        held.append(acquire(SweepPaths(str(folder / f"sweep-{number}"))))
        answer = f"won {held[-1].session}"
    except LockedError as error:
        answer = f"refused by {error}"
    (folder / f"{name}.tmp").write_text(answer)
    (folder / f"{name}.tmp").rename(folder / f"answer-{number}-{name}")
input()
for each in held:
    each.release()
"""

_OWNER = """
import sys
from multirun.errors import LockLostError
from multirun.ownership import acquire
from multirun.rundir import SweepPaths

ownership = acquire(SweepPaths(sys.argv[1]), beat_s=0.05)
ownership.watch(lambda error: print("lost", flush=True))
print("owner", flush=True)
for line in sys.stdin:
    try:
        ownership.assure()
        print("still", flush=True)
    except LockLostError as error:
        print(f"told: {error}", flush=True)
ownership.release()
"""


class Process:
    """A script that talks over its standard streams."""

    def __init__(self, script: str, *arguments: object) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def ask(self, text: str = "") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> int:
        self._process.communicate()
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def processes(leaves_no_process: str) -> Iterator[ExitStack]:
    """Kills at the end what it was given."""
    with ExitStack() as stack:
        yield stack


class Impatience(Patience):
    """Minutes pass at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.clock = lambda: self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def start(stack: ExitStack, script: str, *arguments: object) -> Process:
    process = Process(script, *arguments)
    stack.callback(process.kill)
    return process


def count(folder: Path, pattern: str) -> int:
    return len(list(folder.glob(pattern)))


@pytest.mark.parametrize("contenders", [2, 8])
@pytest.mark.parametrize("before", ["nobody", "dead"])
def test_of_several_who_begin_at_the_same_moment_exactly_one_wins(
    tmp_path: Path, processes: ExitStack, contenders: int, before: str
) -> None:
    for number in range(ROUNDS):
        paths = SweepPaths(str(tmp_path / f"sweep-{number}"))
        os.makedirs(paths.lock if before == "dead" else paths.root)
        if before == "dead":
            descriptor = lock.claim(paths, 1, {**lock.describe_self(), "boot": "an earlier one"})
            assert descriptor is not None
            os.close(descriptor)
    racers = [start(processes, _CONTENDER, tmp_path, name, ROUNDS) for name in range(contenders)]
    session = 2 if before == "dead" else 1
    for number in range(ROUNDS):
        wait_until(lambda: count(tmp_path, f"ready-{number}-*") == contenders)  # noqa: B023 - called at once
        (tmp_path / f"go-{number}").touch()
        wait_until(lambda: count(tmp_path, f"answer-{number}-*") == contenders)  # noqa: B023
        answers = sorted(path.read_text() for path in tmp_path.glob(f"answer-{number}-*"))
        assert answers.pop() == f"won {session}", answers
        winner = json.loads((tmp_path / f"sweep-{number}/lock/{session:06}.json").read_text())["pid"]
        assert all(f"by process {winner} of " in answer for answer in answers), answers
    for racer in racers:
        racer.ask()
        assert racer.end() == 0
    for number in range(ROUNDS):
        assert len(os.listdir(tmp_path / f"sweep-{number}/lock")) == session, "something was left"


def test_a_killed_owner_is_followed_at_once(tmp_path: Path, processes: ExitStack) -> None:
    owner = start(processes, _OWNER, tmp_path)
    assert owner.hear() == "owner"
    owner.kill()
    ownership = acquire(SweepPaths(str(tmp_path)))
    assert ownership.session == 2
    ownership.release()


def test_an_owner_that_wakes_up_after_it_was_followed_knows_it(tmp_path: Path, processes: ExitStack) -> None:
    """It is stopped, as a laptop that sleeps; seen from another machine it gives no sign of life."""
    paths = SweepPaths(str(tmp_path))
    owner = start(processes, _OWNER, tmp_path)
    assert owner.hear() == "owner"
    os.kill(owner.pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{owner.pid}/stat").read_text().split()[2] == "T")
    patience = Impatience()
    ownership = acquire(paths, patience, me={**lock.describe_self(), "host": "elsewhere"})
    assert ownership.session == 2
    before = Path(lock.file_of(paths, 1)).read_bytes()
    os.kill(owner.pid, signal.SIGCONT)
    assert owner.hear() == "lost"
    owner.ask()
    assert owner.hear().startswith(f"told: {tmp_path} was taken over by process {os.getpid()} of ")
    assert owner.end() == 0
    assert Path(lock.file_of(paths, 1)).read_bytes() == before
    ownership.assure()
    ownership.release()


def test_an_owner_that_is_only_stopped_for_a_while_goes_on(tmp_path: Path, processes: ExitStack) -> None:
    owner = start(processes, _OWNER, tmp_path)
    assert owner.hear() == "owner"
    os.kill(owner.pid, signal.SIGSTOP)
    os.kill(owner.pid, signal.SIGCONT)
    owner.ask()
    assert owner.hear() == "still"
    assert owner.end() == 0


# ------------------------------------------------------------------------------------------ whole sweeps


def take_over(root: Path) -> int:
    """Become the owner of a sweep of which no sign of life is seen, as from another machine; returns the number."""
    elsewhere = {**lock.describe_self(), "host": "elsewhere"}
    ownership = acquire(SweepPaths(str(root)), Impatience(), me=elsewhere)
    ownership.release()
    return ownership.session


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().split()[2] == "T")


def test_a_sweep_that_wakes_up_after_it_was_taken_over_ends_its_runs_and_says_so(
    start_script: Callable[..., Script],
) -> None:
    script = start_script(
        runs=[{}] * 5,
        command=evil("stubborn"),
        max_parallel=2,
        options="grace=60",
        before="from multirun import ownership; ownership.BEAT_S = 0.2",
    )
    script.wait_ready(2)
    stop(script.pid)
    assert take_over(script.root) == 2
    journal = script.root / "journal" / "orchestrator.jsonl"
    plan = script.root / "plan.jsonl"
    before = journal.read_bytes(), plan.read_bytes()
    script.signal(signal.SIGCONT)
    assert script.end() == 1
    check_nothing_alive(json.loads((script.root / "sweep.json").read_text())["id"], within_s=0)
    assert "LockLostError" in script.complaint()
    assert f"{script.root} was taken over by process {os.getpid()} of" in script.complaint()
    assert (journal.read_bytes(), plan.read_bytes()) == before
    assert not (script.root / "results.csv").exists()
    assert len(script.ready()) == 2


def test_a_generator_that_holds_everything_up_is_asked_no_more_after_the_sweep_was_taken_over(
    start_script: Callable[..., Script],
) -> None:
    """While a generator computes, nobody hears anything; what it yields in the end must not reach the plan."""
    script = start_script(
        runs="slow()",
        command=["true"],
        before="""
            import os, pathlib, time
            from multirun import ownership
            ownership._FRESH_S = -1
            def slow():
                yield {}
                pathlib.Path("asked").touch()
                while not os.path.exists("go"):
                    time.sleep(0.01)
                yield {}
        """,
    )
    folder = script.root.parent
    wait_until((folder / "asked").exists)
    plan = (script.root / "plan.jsonl").read_bytes()
    descriptor = lock.claim(SweepPaths(str(script.root)), 2, lock.describe_self())
    assert descriptor is not None
    os.close(descriptor)
    (folder / "go").touch()
    assert script.end() == 1
    assert "LockLostError" in script.complaint()
    assert (script.root / "plan.jsonl").read_bytes() == plan


def test_a_killed_sweep_can_be_taken_over_at_once(start_script: Callable[..., Script]) -> None:
    script = start_script(runs=[{}], command=evil("sleeper"))
    script.wait_ready(1)
    script.kill()
    ownership = acquire(SweepPaths(str(script.root)))
    assert ownership.session == 2
    ownership.release()
    check_sweep(script.root, killed=True)
