"""The lock of a sweep: who may become its owner, when, and what the others are told."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.patience import wait_until
from tests.unit.owners import ELSEWHERE, ME, Clock, files, leave_behind

from multirun import lock
from multirun.errors import LockedError
from multirun.ownership import STALE_S, GivenUp, Ownership, Patience, acquire
from multirun.processes import start_tick
from multirun.rundir import SweepPaths

# ------------------------------------------------------------------------------------------ the plain course


def test_the_first_owner_has_number_one_and_each_later_one_the_next(paths: SweepPaths) -> None:
    for session in (1, 2, 3):
        ownership = acquire(paths)
        assert ownership.session == session
        ownership.release()
        ownership.release()
    assert files(paths) == ["000001.json", "000002.json", "000003.json"]


def test_what_the_file_of_an_owner_says(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    ownership = own()
    document = json.loads(Path(lock.file_of(paths, 1)).read_text())
    assert {key: document[key] for key in ("format", "version", "held", "beat", "session")} == {
        "format": "multirun-lock",
        "version": 1,
        "held": True,
        "beat": 0,
        "session": 1,
    }
    assert (document["pid"], document["host"]) == (os.getpid(), os.uname().nodename)
    assert re.fullmatch(r"[0-9T:-]{19}[+-]\d\d:\d\d", document["since"])
    size = os.path.getsize(lock.file_of(paths, 1))
    ownership.release()
    assert json.loads(Path(lock.file_of(paths, 1)).read_text()) == {**document, "held": False}
    assert os.path.getsize(lock.file_of(paths, 1)) == size


def test_a_second_one_is_refused_and_told_by_whom_and_what_to_do(
    paths: SweepPaths, own: Callable[..., Ownership]
) -> None:
    own()
    with pytest.raises(LockedError) as caught:
        acquire(paths)
    message = str(caught.value)
    assert f"this process ({os.getpid()}) since" in message
    assert "wait for it" in message
    assert files(paths) == ["000001.json"]


def test_somebody_else_on_this_machine_is_named_with_the_command_that_ends_it(paths: SweepPaths) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        who = {**ME, "pid": other.pid, "pid_start": start_tick(other.pid)}
        os.close(leave_behind(paths, who))
        with pytest.raises(
            LockedError, match=rf"process {other.pid} of .* with: multirun cancel .*, or here with: kill {other.pid}\b"
        ):
            acquire(paths)
        other.communicate(b"\n")
    ownership = acquire(paths)  # it is dead now, and nobody has to do anything about it
    ownership.release()
    assert ownership.session == 2


# ------------------------------------------------------------------------------------------ who is dead


@pytest.mark.parametrize(
    ("who", "life"),
    [
        ({}, "alive"),
        ({"pid_start": 1}, "dead"),
        ({"boot": "an earlier one"}, "dead"),
        ({"host": "elsewhere"}, "unknown"),
        ({"host": "elsewhere", "boot": "another"}, "unknown"),
        ({"machine": "another of this name", "boot": "another"}, "unknown"),
        ({"pids": "pid:[1]"}, "unknown"),
        ({"pids": "pid:[1]", "boot": "an earlier one"}, "dead"),
    ],
)
def test_life_of_an_owner(who: lock.Identity, life: lock.Life) -> None:
    holder = lock.Holder(held=True, beat=0, facts={**ME, **who})
    assert lock.life_of(holder, ME) == life
    assert lock.life_of(holder._replace(held=False), ME) == "dead"
    assert lock.life_of(None, ME) == "unknown"


def test_a_process_that_is_gone_or_a_zombie_is_dead() -> None:
    with subprocess.Popen(["true"]) as process:
        wait_until(lambda: start_tick(process.pid) is None)  # a zombie, until it is waited for
        assert lock.life_of_process({"pid": process.pid, "pid_start": 1}) == "dead"
    assert lock.life_of_process({"pid": process.pid, "pid_start": 1}) == "dead"


def test_a_process_that_the_system_hides_may_be_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signum: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(lock, "start_tick", lambda pid: None)
    monkeypatch.setattr(os, "kill", refuse)
    assert lock.life_of_process({"pid": 1, "pid_start": 1}) == "unknown"


@pytest.mark.parametrize("who", [{"pid_start": 1}, {"boot": "an earlier one"}], ids=["killed", "rebooted"])
def test_a_dead_owner_is_followed_at_once(paths: SweepPaths, who: lock.Identity, own: Callable[..., Ownership]) -> None:
    os.close(leave_behind(paths, {**ME, **who}))
    clock = Clock()
    assert own(clock).session == 2
    assert clock.now == 1000


def test_locks_that_somebody_removed_do_not_make_the_numbers_begin_again(
    paths: SweepPaths, own: Callable[..., Ownership]
) -> None:
    os.mkdir(paths.journals)
    for writer in ("orchestrator", "orchestrator-2", "orchestrator-11", "50433734-0"):
        Path(paths.journal(writer)).touch()
    assert own().session == 12


def test_a_sweep_from_before_there_were_locks_had_one_owner(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    os.mkdir(paths.journals)
    Path(paths.journal("orchestrator")).touch()
    assert own().session == 2


# ------------------------------------------------------------------------------------------ other machines


def test_an_owner_elsewhere_that_gives_no_sign_of_life_is_followed_after_a_while(
    paths: SweepPaths, own: Callable[..., Ownership]
) -> None:
    os.close(leave_behind(paths, ELSEWHERE))
    clock = Clock()
    assert own(clock).session == 2
    assert STALE_S <= clock.now - 1000 <= STALE_S + 1
    assert re.fullmatch(
        r"waits for a sign of life of its owner, process 4711 of \w+ on elsewhere; .* over in 120 s",
        clock.told[0] or "",
    )
    assert clock.told[-1] is None


def test_an_owner_elsewhere_that_gives_signs_of_life_is_not_waited_for(paths: SweepPaths) -> None:
    descriptor = leave_behind(paths, ELSEWHERE)
    clock = Clock()
    clock.meanwhile = lambda: clock.now >= 1010 and os.pwrite(descriptor, lock.head(1, held=True), 0)
    with pytest.raises(LockedError, match=r"on elsewhere since .* sign of life.* cancel .*, or there with: kill 4711"):
        acquire(paths, clock)
    assert clock.now == 1010
    os.close(descriptor)


def test_an_owner_elsewhere_that_leaves_meanwhile_is_followed_at_once(
    paths: SweepPaths, own: Callable[..., Ownership]
) -> None:
    descriptor = leave_behind(paths, ELSEWHERE)
    clock = Clock()
    clock.meanwhile = lambda: clock.now >= 1010 and os.pwrite(descriptor, lock.head(0, held=False), 0)
    assert own(clock).session == 2
    assert clock.now == 1010
    os.close(descriptor)


def test_somebody_faster_is_waited_for_as_long_as_anybody(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    """Who takes over begins a new count: the patience with the one before says nothing about it."""
    os.close(leave_behind(paths, ELSEWHERE))
    clock = Clock()

    def overtake() -> None:
        if clock.now == 1100 and lock.newest_session(paths) == 1:
            os.close(leave_behind(paths, {**ELSEWHERE, "host": "third"}, 2))

    clock.meanwhile = overtake
    assert own(clock).session == 3
    assert clock.now - 1100 >= STALE_S


def test_who_waits_can_give_up(paths: SweepPaths) -> None:
    os.close(leave_behind(paths, ELSEWHERE))
    patience = Patience(lambda text: patience.give_up())
    with pytest.raises(GivenUp):
        acquire(paths, patience)
    assert files(paths) == ["000001.json"]
