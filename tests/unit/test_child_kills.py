"""Programs that are killed while they post results, and several that post in one run."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from pathlib import Path

import pytest
from tests.unit.rundirectory import RunDirectory, load_pickle

from multirun import child
from multirun.child import postRunResults
from multirun.errors import ResultsError

DIE = """
    import os, signal
    import numpy as np
    postRunResults({first})
    left = {calls}
    def mortal(call):
        def wrapper(*args):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args)
        return wrapper
    os.fsync, os.rename, os.unlink = mortal(os.fsync), mortal(os.rename), mortal(os.unlink)
    postRunResults({second})
    os.kill(os.getpid(), signal.SIGKILL)
"""
POSTS = ("{'v': 1}", "{'v': np.zeros(1)}", "{'v': np.ones(1)}")


@pytest.mark.parametrize(("first", "second"), [POSTS[:2], POSTS[1:], (POSTS[1], POSTS[0])])
def test_killed_at_any_step_the_results_are_the_earlier_or_the_later_ones(
    run: RunDirectory, first: str, second: str
) -> None:
    values = []
    for calls in range(1, 12):
        assert run.run(DIE.format(first=first, second=second, calls=calls)).returncode == -signal.SIGKILL
        document = run.posted()
        values.append(repr(load_pickle(run)["v"] if "$pickle" in document else document["v"]))
        for leftover in run.path.glob(".multirun-*.tmp"):
            leftover.unlink()
    expected = {"{'v': 1}": "1", "{'v': np.zeros(1)}": "array([0.])", "{'v': np.ones(1)}": "array([1.])"}
    assert values[0] == expected[first]
    assert values[-1] == expected[second]
    turn = values.index(expected[second])
    assert set(values[:turn]) <= {expected[first]}
    assert set(values[turn:]) == {expected[second]}


def test_killed_at_any_time_what_was_posted_can_be_read(run: RunDirectory) -> None:
    code = """
        import itertools
        for n in itertools.count():
            postRunResults({'n': n, 'same': [n] * 1000, 'f': len} if n % 2 else {'n': n, 'same': [n] * 1000})
            print(n, flush=True)
    """
    for lines in (1, 2, 3, 10, 17):
        program = run.start(code)
        assert program.stdout is not None
        told = [int(program.stdout.readline()) for _ in range(lines)]
        program.kill()
        program.communicate(timeout=60)
        document = run.posted()
        assert document["n"] >= told[-1]
        assert document["same"] == [document["n"]] * 1000
        assert ("$pickle" in document) == bool(document["n"] % 2)
        assert "$pickle" not in document or load_pickle(run)["n"] == document["n"]


def test_programs_that_post_at_once_never_remove_each_others_pickle(run: RunDirectory) -> None:
    code = "for n in range(150): postRunResults({'f': [len, n % 3]})"
    programs = [run.start(code) for _ in range(3)]
    for program in programs:
        _, errors = program.communicate(timeout=100)
        assert program.returncode == 0, errors
    assert load_pickle(run) == {"f": [len, 2]}
    assert len(run.names()) == 2


def is_locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_the_folder_is_locked_while_files_get_their_names_and_no_longer(
    inside: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[bool] = []
    copies: list[int] = []
    rename, flock = os.rename, fcntl.flock

    def watched_rename(source: str, target: str) -> None:
        locked.append(is_locked(inside.path))
        rename(source, target)

    def copied_flock(descriptor: int, operation: int) -> None:
        copies.append(os.dup(descriptor))  # as a process has that was forked now
        flock(descriptor, operation)

    monkeypatch.setattr(os, "rename", watched_rename)
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", copied_flock)
        postRunResults({"f": len})
    assert locked[-2:] == [True, True]
    assert not is_locked(inside.path)
    for copy in copies:
        os.close(copy)


def test_a_neighbour_that_hangs_does_not_stop_a_post(inside: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_LOCK_SECONDS", 0.01)
    folder = os.open(inside.path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    postRunResults({"x": 1})
    os.close(folder)
    assert inside.posted() == {"x": 1}


def test_without_locks_it_still_posts(inside: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    postRunResults({"x": 1})
    assert inside.posted() == {"x": 1}


def test_no_descriptor_is_left_open(inside: RunDirectory) -> None:
    for value in (1, {"f": len}, (letter for letter in "ab")):
        before = len(os.listdir("/proc/self/fd"))
        try:
            postRunResults(value)
        except ResultsError:
            pass
        assert len(os.listdir("/proc/self/fd")) == before
