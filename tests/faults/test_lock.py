"""One owner, whoever else wants to be it at the same moment, and whatever becomes of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.patience import wait_until

from multirun import lock
from multirun.ownership import acquire
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
ownership.watch(lambda: print("lost", flush=True))
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
    now = [0.0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    ownership = acquire(paths, me={**lock.describe_self(), "host": "elsewhere"}, clock=lambda: now[0], pause=pass_time)
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
