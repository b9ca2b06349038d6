"""Who has the lock of a sweep: its signs of life, and how it notices that it was followed."""

import os
from collections.abc import Callable

import pytest
from tests.patience import wait_until
from tests.unit.owners import ELSEWHERE, leave_behind

from multirun import lock
from multirun.errors import LauncherError, LockLostError
from multirun.ownership import Ownership, acquire, awake_or_not_s
from multirun.rundir import SweepPaths


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
