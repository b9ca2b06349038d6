"""The lock of a sweep: who may become its owner, when, and what the others are told."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.patience import wait_until

from multirun import lock
from multirun.errors import FormatError, LauncherError, LockedError, LockLostError, StorageError
from multirun.ownership import STALE_S, GivenUp, Ownership, Patience, acquire, awake_or_not_s
from multirun.processes import start_tick
from multirun.rundir import SweepPaths

ME = lock.describe_self()
ELSEWHERE = {**ME, "host": "elsewhere", "pid": 4711}


@pytest.fixture
def paths(tmp_path: Path) -> SweepPaths:
    return SweepPaths(str(tmp_path))


@pytest.fixture
def own(paths: SweepPaths) -> Iterator[Callable[..., Ownership]]:
    """Becomes the owner; leaves at the end of the test."""
    with ExitStack() as stack:

        def become(*given: Any, **named: Any) -> Ownership:
            ownership = acquire(paths, *given, **named)
            stack.callback(ownership.release)
            return ownership

        yield become


class Clock(Patience):
    """Time that passes only while somebody waits, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[str | None] = []
        self.meanwhile: Callable[[], object] = lambda: None
        super().__init__(self.told.append)
        self.clock = lambda: self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


def leave_behind(paths: SweepPaths, who: lock.Identity, session: int = 1) -> int:
    """What an owner leaves that was killed; returns the descriptor of its file."""
    os.makedirs(paths.lock, exist_ok=True)
    descriptor = lock.claim(paths, session, who)
    assert descriptor is not None
    return descriptor


def files(paths: SweepPaths) -> list[str]:
    return sorted(os.listdir(paths.lock))


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


# ------------------------------------------------------------------------------------------ file systems


def test_an_answer_that_is_lost_on_its_way_is_a_success(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of a network disk has made the link, but the client asks again and is told that it exists."""
    link = os.link

    def lose_answer(source: str, target: str) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", lose_answer)
    assert own().session == 1
    assert files(paths) == ["000001.json"]


def test_without_hard_links_the_name_itself_is_exclusive(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert own().session == 1
    assert files(paths) == ["000001.json"]
    with pytest.raises(LockedError):
        acquire(paths)
    assert lock.claim(paths, 1, ME) is None


def test_a_file_that_is_not_whole_is_given_time(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    """Without hard links there is a moment in which an owner has its name, but has not said yet who it is."""
    os.mkdir(paths.lock)
    Path(lock.file_of(paths, 1)).touch()
    clock = Clock()
    assert own(clock).session == 2
    assert clock.now - 1000 >= STALE_S


def test_a_file_that_becomes_whole_is_the_owner(paths: SweepPaths) -> None:
    os.mkdir(paths.lock)
    Path(lock.file_of(paths, 1)).touch()
    clock = Clock()
    clock.meanwhile = lambda: Path(lock.file_of(paths, 1)).write_bytes(lock.compose({**ME, "user": "ada"}))
    with pytest.raises(LockedError):
        acquire(paths, clock)


def test_a_number_that_was_given_is_never_won_again(paths: SweepPaths) -> None:
    os.close(leave_behind(paths, {**ME, "pid_start": 1}))
    before = Path(lock.file_of(paths, 1)).read_bytes()
    assert lock.claim(paths, 1, ME) is None
    assert Path(lock.file_of(paths, 1)).read_bytes() == before
    assert files(paths) == ["000001.json"]


def test_a_listing_that_is_out_of_date_does_not_matter(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk may show a folder as it was a minute ago; linking tells the truth."""
    os.close(leave_behind(paths, {**ME, "pid_start": 1}))
    monkeypatch.setattr(lock, "newest_session", lambda paths: 0)
    assert own().session == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_as_a_user(paths: SweepPaths) -> None:
    os.mkdir(paths.lock, 0o555)
    with pytest.raises(StorageError, match=r"lock, cannot be written: Permission denied"):
        acquire(paths)


def test_a_directory_that_cannot_be_written(paths: SweepPaths) -> None:
    Path(paths.lock).touch()
    with pytest.raises(StorageError, match=r"lock of the sweep, .*/lock, cannot be written: Not a directory"):
        acquire(paths)


def test_a_disk_that_is_full(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, data: bytes, offset: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock, "write_at", refuse)
    with pytest.raises(StorageError, match="No space left on device"):
        acquire(paths)
    assert files(paths) == []


def test_a_newer_version_is_not_overridden(paths: SweepPaths) -> None:
    os.close(leave_behind(paths, {**ME, "pid_start": 1}))
    file = Path(lock.file_of(paths, 1))
    file.write_text(file.read_text().replace('"version":1', '"version":2'))
    with pytest.raises(FormatError, match="format 2"):
        acquire(paths)


# ------------------------------------------------------------------------------------------ being the owner


def beat_of(paths: SweepPaths, session: int = 1) -> int:
    holder = lock.read_holder(paths, session)
    return -1 if holder is None else holder.beat


def test_an_owner_gives_signs_of_life(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    own(beat_s=0.01)
    wait_until(lambda: beat_of(paths) > 3)


def test_an_owner_that_was_followed_is_told_and_gives_no_sign_of_life_any_more(
    paths: SweepPaths, own: Callable[..., Ownership]
) -> None:
    ownership = own(beat_s=0.01)
    told: list[str] = []
    ownership.watch(lambda error: told.append(str(error)))
    ownership.assure()
    os.close(leave_behind(paths, ELSEWHERE, 2))
    wait_until(lambda: told)
    with pytest.raises(LockLostError, match=rf"{paths.root} was taken over by process 4711 of .* on elsewhere at 20"):
        ownership.assure()
    last = beat_of(paths)
    ownership.release()
    holder = lock.read_holder(paths, 1)
    assert holder is not None
    assert (holder.held, holder.beat, len(told)) == (True, last, 1)


def test_an_owner_whose_file_was_removed_has_lost_the_sweep(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    ownership = own(beat_s=0.01)
    os.unlink(lock.file_of(paths, 1))
    wait_until(lambda: ownership.lost)
    with pytest.raises(LockLostError, match="removed the lock"):
        ownership.assure()


def test_who_asks_after_a_long_time_looks_first(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was stopped for minutes must not write before its thread has had its turn."""
    ownership = own()
    os.close(leave_behind(paths, ELSEWHERE, 2))
    ownership.assure()  # it has just looked
    monkeypatch.setattr("multirun.ownership._FRESH_S", -1)
    with pytest.raises(LockLostError):
        ownership.assure()


def test_an_owner_looks_as_soon_as_its_machine_wakes_up(
    paths: SweepPaths, own: Callable[..., Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    ownership = own(beat_s=3600)
    os.close(leave_behind(paths, ELSEWHERE, 2))
    awake_s = awake_or_not_s
    monkeypatch.setattr("multirun.ownership.awake_or_not_s", lambda: awake_s() + 7200)
    wait_until(lambda: ownership.lost, 5)


def test_signs_of_life_do_not_end_with_what_others_leave(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    ownership = own(beat_s=0.01)
    looks: list[int] = []

    def stumble() -> None:
        looks.append(1)
        raise RecursionError

    ownership.watch(lambda error: None, stumble)
    wait_until(lambda: len(looks) > 2)


def test_who_cannot_show_that_it_is_alive_is_no_owner(paths: SweepPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr("threading.Thread.start", refuse)
        with pytest.raises(LauncherError, match="can't start new thread"):
            acquire(paths)
    ownership = acquire(paths)
    ownership.release()
    assert ownership.session == 2


def test_an_owner_looks_after_what_it_was_told_to(paths: SweepPaths, own: Callable[..., Ownership]) -> None:
    ownership = own(beat_s=0.01)
    looks: list[int] = []
    ownership.watch(lambda error: None, lambda: looks.append(1))
    wait_until(lambda: len(looks) > 2)
    ownership.release()
    count = len(looks)
    assert len(looks) == count
