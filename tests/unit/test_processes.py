"""Processes of this machine: real small families, looked at, signalled and killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from tests.patience import wait_until
from tests.unit.subreaper import in_a_subreaper, names

from multirun.processes import (
    all_pids,
    boot_id,
    carriers,
    children_of,
    descendants_of,
    identity,
    kill_carriers,
    may_be_alive,
    parent_of,
    set_name,
    signal_descendants,
    start_tick,
)

VARIABLE = "COOKIE_OF_THIS_TEST"
FAMILY = "sleep 100 & sleep 100 & (sleep 100; :) & wait"
"""A shell with three children, one of which has a child."""


@contextmanager
def family(cookie: str = "", program: str = FAMILY) -> Iterator[subprocess.Popen[bytes]]:
    """A family in a session of its own; nothing of it is left afterwards."""
    mark = uuid4().hex
    env = {**os.environ, VARIABLE: f"{cookie} {mark}"}
    with subprocess.Popen(["sh", "-c", program], env=env, start_new_session=True) as process:
        try:
            yield process
        finally:
            kill_carriers(mark, VARIABLE)


def reap_all() -> None:
    """Wait until this process has no children."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


# -------------------------------------------------------------------------------------------- who is who


def test_the_children_of_a_process_are_found_and_those_of_its_children_not() -> None:
    with family() as process:
        wait_until(lambda: names(descendants_of(process.pid)).count("sleep") == 3)
        children = children_of(process.pid)
        assert sorted(names(children)) == ["sh", "sleep", "sleep"]
        assert {parent_of(child) for child in children} == {process.pid}


def test_descendants_come_parents_first_and_each_once() -> None:
    with family() as process:
        wait_until(lambda: names(descendants_of(process.pid)).count("sleep") == 3)
        found = descendants_of(process.pid)
        assert len(found) == len(set(found)) == 4
        assert process.pid not in found
        for pid in found:
            parent = parent_of(pid)
            assert parent == process.pid or found.index(parent or 0) < found.index(pid)


def test_a_spared_child_is_left_out_with_all_below_it() -> None:
    with family() as process:
        wait_until(lambda: names(descendants_of(process.pid)).count("sleep") == 3)
        (shell,) = [child for child in children_of(process.pid) if children_of(child)]
        assert len(descendants_of(process.pid, spare=[shell])) == 2
        assert len(descendants_of(process.pid, spare=children_of(shell))) == 4


def test_a_process_that_is_gone_has_nobody() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert (children_of(process.pid), descendants_of(process.pid)) == ([], [])
    assert (parent_of(process.pid), start_tick(process.pid)) == (None, None)


def test_a_zombie_is_a_child_but_does_not_live() -> None:
    process = subprocess.Popen(["true"])
    wait_until(lambda: start_tick(process.pid) is None)
    assert process.pid in children_of(os.getpid())
    assert parent_of(process.pid) == os.getpid()
    process.wait()
    assert process.pid not in children_of(os.getpid())


def test_a_name_may_look_like_fields() -> None:
    def act() -> tuple[bool, bool]:
        set_name("x) R 1 2 (")
        return parent_of(os.getpid()) == os.getppid(), start_tick(os.getpid()) is not None

    assert in_a_subreaper(act) == (True, True)


def test_the_list_of_processes_holds_this_one() -> None:
    assert {os.getpid(), os.getppid()} <= set(all_pids())


def test_a_name_is_set_and_cut() -> None:
    def act() -> str:
        set_name("multirun-of-a-very-long-name")
        return Path("/proc/self/comm").read_text()

    assert in_a_subreaper(act) == "multirun-of-a-v\n"


# ---------------------------------------------------------------------------------------------- identity


def test_this_process_is_alive() -> None:
    assert may_be_alive(identity())
    assert identity()["boot"] == boot_id() != ""
    assert identity()["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("change", "alive"),
    [
        ({"pid": 2**22 + 1}, False),
        ({"pid_start": 1}, False),
        ({"boot": "another"}, False),
        ({"host": "another"}, True),
        ({"host": "another", "pid": 2**22 + 1, "boot": "x"}, True),
    ],
)
def test_only_elsewhere_a_process_that_is_not_seen_may_live(change: dict[str, str | int], alive: bool) -> None:
    assert may_be_alive({**identity(), **change}) is alive


# ---------------------------------------------------------------------------------------------- signals


def test_all_descendants_are_signalled_whatever_session_they_are_in() -> None:
    def act() -> tuple[int, set[int]]:
        subprocess.Popen(["sh", "-c", "sleep 100 & setsid sleep 100 & wait"], start_new_session=True)
        wait_until(lambda: names(descendants_of(os.getpid())).count("sleep") == 2)
        found = signal_descendants(signal.SIGTERM)
        ends = set[int]()
        while True:
            try:
                ends.add(os.waitstatus_to_exitcode(os.wait()[1]))
            except ChildProcessError:
                return len(found), ends

    assert in_a_subreaper(act) == (3, {-signal.SIGTERM})


def test_orphans_belong_to_the_subreaper() -> None:
    def act() -> list[str]:
        subprocess.Popen(["sh", "-c", "sleep 100 & exit"]).wait()
        wait_until(lambda: names(children_of(os.getpid())) == ["sleep"])
        signal_descendants(signal.SIGKILL)
        reap_all()
        return names(children_of(os.getpid()))

    assert in_a_subreaper(act) == []


def test_spared_children_are_not_signalled() -> None:
    def act() -> tuple[bool, bool]:
        spared = subprocess.Popen(["sh", "-c", "sleep 100 & wait"])
        other = subprocess.Popen(["sleep", "100"])
        wait_until(lambda: names(descendants_of(os.getpid())).count("sleep") == 2)
        signal_descendants(signal.SIGKILL, spare=[spared.pid])
        ended = other.wait() == -signal.SIGKILL
        return ended, spared.poll() is None and names(children_of(spared.pid)) == ["sleep"]

    assert in_a_subreaper(act) == (True, True)


def test_the_group_of_the_caller_is_not_signalled_as_a_whole() -> None:
    def act() -> list[str]:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        child = subprocess.Popen(["sleep", "100"])
        signal_descendants(signal.SIGTERM)
        return ["alive", str(child.wait())]

    assert in_a_subreaper(act) == ["alive", "-15"]


# ---------------------------------------------------------------------------------------------- cookies


def test_whoever_carries_a_cookie_is_found_by_either_half_of_it() -> None:
    sweep, launcher = uuid4().hex, uuid4().hex
    with family(f"outer:1 {sweep}:{launcher}") as process:
        wait_until(lambda: len(descendants_of(process.pid)) == 4)
        everybody = {process.pid, *descendants_of(process.pid)}
        for cookie in (f"{sweep}:{launcher}", f"{sweep}:", f":{launcher}"):
            # Who is just becoming another program has no environment for a moment.
            wait_until(lambda: set(carriers(cookie, VARIABLE)) == everybody)  # noqa: B023 - awaited at once
        for other in (f"{launcher}:", f":{sweep}", f"{sweep}:x", uuid4().hex):
            assert list(carriers(other, VARIABLE)) == []
        assert list(carriers(f"{sweep}:", VARIABLE[:-1])) == []


def test_the_caller_is_never_found() -> None:
    mark = uuid4().hex
    code = "import sys; from multirun.processes import carriers; print(list(carriers(*sys.argv[1:])))"
    with family(mark) as process:
        wait_until(lambda: len(descendants_of(process.pid)) == 4)
        everybody = {process.pid, *descendants_of(process.pid)}
        argv = [sys.executable, "-c", code, mark, VARIABLE]
        found = subprocess.run(argv, env={**os.environ, VARIABLE: mark}, stdout=subprocess.PIPE, check=True).stdout
    assert {int(pid) for pid in found.strip(b"[]\n").split(b",")} == everybody


def test_carriers_are_killed_wherever_they_have_gone() -> None:
    sweep = uuid4().hex
    with family(f"{sweep}:1", f"trap '' TERM; (setsid setsid sh -c 'sleep 100; :' &) ; {FAMILY}") as process:
        wait_until(lambda: len(list(carriers(f"{sweep}:", VARIABLE))) >= 7)
        everybody = list(carriers(f"{sweep}:", VARIABLE))
        assert kill_carriers(f"{sweep}:", VARIABLE) == 0
        assert process.wait() == -signal.SIGKILL
        wait_until(lambda: [pid for pid in everybody if start_tick(pid)] == [])


def test_where_nobody_carries_it_nobody_is_killed() -> None:
    with family("kept:1") as process:
        assert kill_carriers(f"{uuid4().hex}:", VARIABLE) == 0
        assert process.poll() is None


def test_those_that_cannot_be_killed_in_time_are_counted() -> None:
    mark = uuid4().hex
    with family(mark):
        assert kill_carriers(mark, VARIABLE, patience_s=-1.0) >= 1
