"""The processes of one attempt, as the subreaper above them sees and ends them."""

import os
import select
import signal
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.patience import wait_until
from tests.unit.subreaper import in_a_subreaper, names

from multirun.launcher.tree import Tree
from multirun.launcher.wakeup import Wakeup
from multirun.processes import children_of, descendants_of, start_tick

LONG = "sleep 100"
DEAF = "trap '' TERM; while :; do sleep 100; done"
DAEMON = "setsid sh -c 'sleep 100; :' & exit {code}"


class End(NamedTuple):
    """How a tree ended."""

    exit_status: int | None
    stopped: str | None
    cpu_s: float
    max_rss_bytes: int
    stuck: list[list[int]]


def watch(
    program: str,
    timeout_s: float | None = None,
    grace_s: float = 0.0,
    then: Callable[[Tree, int], None] = lambda tree, pid: None,
) -> End:
    """Start a program, do something to it and wait as a lane does until nothing of it is left."""

    def act() -> End:
        wakeup = Wakeup()
        poll = select.poll()
        poll.register(wakeup.descriptor, select.POLLIN)
        stuck: list[list[int]] = []
        process = subprocess.Popen(["sh", "-c", program], start_new_session=True)
        tree = Tree(process.pid, timeout_s, grace_s, stuck.append)
        then(tree, process.pid)
        while not tree.reap():
            due_s = tree.advance()
            poll.poll(None if due_s is None else max(0.0, due_s * 1000))
            wakeup.clear()
        assert children_of(os.getpid()) == []
        return End(tree.exit_status, tree.stopped, tree.cpu_s, tree.max_rss_bytes, stuck)

    end: End | str = in_a_subreaper(act)
    assert isinstance(end, tuple), end
    return end


def when_running(act: Callable[[Tree], None], name: str = "sleep") -> Callable[[Tree, int], None]:
    """Do something once a program of this name runs in the tree."""

    def then(tree: Tree, pid: int) -> None:
        wait_until(lambda: name in names(descendants_of(os.getpid())))
        act(tree)

    return then


@pytest.mark.parametrize("code", [0, 3, 127])
def test_a_program_that_ends_by_itself(code: int) -> None:
    end = watch(f"exit {code}")
    assert (end.exit_status, end.stopped, end.stuck) == (code, None, [])


def test_a_program_that_a_signal_ends() -> None:
    assert watch("kill -SEGV $$").exit_status == -signal.SIGSEGV


@pytest.mark.parametrize("code", [0, 4])
def test_what_a_program_leaves_is_ended_and_does_not_change_its_end(code: int) -> None:
    end = watch(DAEMON.format(code=code))
    assert (end.exit_status, end.stopped) == (code, None)


def test_what_it_leaves_is_killed_if_it_is_deaf() -> None:
    assert watch(f'setsid sh -c "{DEAF}" & exit 2', grace_s=0.05).exit_status == 2


def test_a_time_limit_ends_the_whole_tree() -> None:
    end = watch(f"{LONG} & {LONG} & wait", timeout_s=0.05)
    assert (end.exit_status, end.stopped) == (-signal.SIGTERM, "timeout")


def test_within_its_grace_a_program_may_end_as_it_likes() -> None:
    end = watch(
        f"trap 'exit 5' TERM; {LONG} & wait", grace_s=30.0, then=when_running(lambda tree: tree.stop("timeout"))
    )
    assert (end.exit_status, end.stopped) == (5, "timeout")


def test_after_its_grace_it_is_killed() -> None:
    end = watch(DEAF, grace_s=0.05, then=when_running(lambda tree: tree.stop("timeout")))
    assert (end.exit_status, end.stopped) == (-signal.SIGKILL, "timeout")


def test_a_stopped_program_hears_the_signal_too() -> None:
    def stop(tree: Tree) -> None:
        for pid in descendants_of(os.getpid()):
            os.kill(pid, signal.SIGSTOP)
        tree.stop("cancelled")

    end = watch(f"trap 'exit 6' TERM; {LONG} & wait", grace_s=30.0, then=when_running(stop))
    assert (end.exit_status, end.stopped) == (6, "cancelled")


def test_killing_takes_the_grace_away() -> None:
    def cancel_and_kill(tree: Tree) -> None:
        tree.stop("cancelled")
        tree.kill()

    end = watch(DEAF, grace_s=100.0, then=when_running(cancel_and_kill))
    assert (end.exit_status, end.stopped) == (-signal.SIGKILL, "cancelled")


def test_killing_alone_is_a_cancellation() -> None:
    end = watch(LONG, grace_s=100.0, then=lambda tree, _: tree.kill())
    assert end.exit_status in (-signal.SIGTERM, -signal.SIGKILL)
    assert end.stopped == "cancelled"


def test_when_nobody_is_left_to_report_to_there_is_little_grace() -> None:
    due = list[float]()

    def lose(tree: Tree, _: int) -> None:
        tree.stop("lost")
        due.append(tree.advance() or 0.0)
        tree.kill()

    def check(tree: Tree, pid: int) -> None:
        lose(tree, pid)
        assert 0.2 < due[0] <= 0.5

    end = watch(LONG, grace_s=100.0, then=check)
    assert end.stopped == "lost"


@pytest.mark.parametrize("first", ["timeout", "cancelled"])
def test_the_first_reason_stays(first: str) -> None:
    def stop_twice(tree: Tree, _: int) -> None:
        tree.stop(first)
        tree.stop("lost")

    assert watch(LONG, grace_s=5.0, then=stop_twice).stopped == first


def test_one_that_ended_by_itself_is_not_stopped_any_more() -> None:
    def cancel_late(tree: Tree, pid: int) -> None:
        wait_until(lambda: start_tick(pid) is None)
        tree.reap()
        tree.stop("cancelled")

    end = watch(DAEMON.format(code=3), then=cancel_late)
    assert (end.exit_status, end.stopped) == (3, None)


def test_the_time_until_something_is_due() -> None:
    def act() -> list[Any]:
        process = subprocess.Popen(["sleep", "100"])
        without = Tree(process.pid, None, 5.0, lambda left: None)
        limited = Tree(process.pid, 70.0, 5.0, lambda left: None)
        found = [without.advance(), limited.advance()]
        for why in ("cancelled", "lost", "cancelled"):
            limited.stop(why)
            found.append(limited.advance())
        limited.kill()
        return [*found, limited.advance()]

    without, limited, graced, lost, still_lost, killed = in_a_subreaper(act)
    assert without is None
    assert 60 < limited <= 70
    assert 4 < graced <= 5
    assert 0.1 < lost <= 1
    assert 0.1 < still_lost <= lost
    assert 0 < killed <= 0.1


def test_time_and_memory_are_counted_over_all_processes() -> None:
    work = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"
    end = watch(f"({work}) & ({work}) & wait")
    assert end.exit_status == 0
    assert 0.005 < end.cpu_s < 20
    assert 100_000 < end.max_rss_bytes < 10**9
    assert watch("true").cpu_s < end.cpu_s
