"""What is looked after while a run is alive, on real processes and files."""

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.patience import wait_until

from multirun.definition import Options
from multirun.launcher import limits as module
from multirun.launcher.limits import Limits, limits_of
from multirun.launcher.tree import Tree


class Ended:
    """A tree that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stop(self, why: str) -> None:
        self.told.append(why)

    def kill(self) -> None:
        self.told.append("kill")


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A program in a session of its own."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process.pid
        process.kill()


def look(limits: Limits, told: Ended) -> float | None:
    return limits.look(cast("Tree", told))


def test_without_limits_there_is_nothing_to_look_after() -> None:
    assert limits_of(Options(), 1) is None


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.0)


def test_both_files_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: None) -> None:
    monkeypatch.chdir(tmp_path)
    limits, told = Limits(Options(max_output_bytes=100), os.getpid()), Ended()
    look(limits, told)
    Path("stdout.log").write_bytes(b"x" * 60)
    Path("stderr.log").write_bytes(b"x" * 40)
    look(limits, told)
    assert (told.told, limits.excess()) == ([], None)
    Path("stderr.log").write_bytes(b"x" * 41)
    look(limits, told)
    assert told.told == ["output-limit"]
    assert limits.excess() == "it wrote 101 B to its standard output and error; max_output is 100 B"


def test_a_flood_gets_no_grace_and_is_killed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: None
) -> None:
    monkeypatch.chdir(tmp_path)
    limits, told = Limits(Options(max_output_bytes=100), os.getpid()), Ended()
    Path("stdout.log").write_bytes(b"x" * 201)
    for _ in range(3):
        look(limits, told)
    assert told.told == ["output-limit", "kill", "output-limit", "output-limit"]


def test_it_looks_often_at_first_and_then_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    now = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    limits, told = Limits(Options(max_output_bytes=1), os.getpid()), Ended()
    pauses = []
    for _ in range(7):
        due_s = look(limits, told)
        assert due_s is not None
        pauses.append(round(due_s, 3))
        now += due_s
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_it_looks_when_it_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    limits, told = Limits(Options(max_output_bytes=1), os.getpid()), Ended()
    Path("stdout.log").write_bytes(b"x" * 9)
    due_s = look(limits, told)
    assert due_s is not None
    assert 0 < due_s <= 1.0
    assert told.told == []


def test_the_whole_group_is_nice(sleeper: int) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    Limits(Options(nice=7), sleeper)
    assert os.getpriority(os.PRIO_PROCESS, sleeper) == max(7, before)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_the_session_is_nice_where_sessions_are_scheduled_as_groups(sleeper: int) -> None:
    file = Path(f"/proc/{sleeper}/autogroup")
    if not file.exists():
        pytest.skip("this kernel has no such groups")
    limits, told = Limits(Options(nice=7), sleeper), Ended()
    wait_until(lambda: look(limits, told) is None)
    assert file.read_text().split()[-1] == "7"


def test_a_group_that_cannot_be_changed_now_is_tried_again(sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def busy(path: str, *rest: Any, **named: Any) -> Any:
        tries.append(path)
        raise OSError(errno.EAGAIN if len(tries) < 3 else errno.EACCES, "busy")

    monkeypatch.setattr(module, "open", busy, raising=False)
    monkeypatch.setattr(module, "_GROUP_AGAIN_S", 0.0)
    limits, told = Limits(Options(nice=7), sleeper), Ended()
    assert [look(limits, told) is None for _ in range(4)] == [False, False, True, True]
    assert len(tries) == 3


def test_a_program_that_is_gone_already(sleeper: int) -> None:
    os.kill(sleeper, signal.SIGKILL)
    os.waitpid(sleeper, 0)
    limits, told = Limits(Options(nice=7), sleeper), Ended()
    assert look(limits, told) is None
