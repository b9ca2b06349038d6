"""The sentinel: the first process of a launcher, which ends what programs left when keeper and lanes are all killed.

It is a subreaper above the keeper and does nothing but wait until keeper and lanes are gone, whatever ended them. What
their programs left has then become its own, and it kills until there is nothing left. Once the orchestrator is gone, it
does not wait for ever: a keeper that was stopped is continued, and after a while everything is killed.
"""

from __future__ import annotations

import os
import select
import signal

from multirun.failpoints import become, reach
from multirun.launcher.keeper import Keeper
from multirun.launcher.wakeup import Wakeup
from multirun.processes import become_subreaper, set_name, signal_descendants

_PAUSE_MS = 5
_LEAVING_S = 10.0
"""How long keeper and lanes may take to leave when the orchestrator is gone; they need about 2 s."""


def launch(control: int, facts: int, orchestrator: int, launcher_id: str) -> None:
    """Be a launcher until the orchestrator is gone and nothing of its runs is left.

    Args:
        control: a socket to the orchestrator.
        facts: the pipe on which lanes report.
        orchestrator: process id of the orchestrator, which started this process.
        launcher_id: random text that no other launcher has.
    """
    become("sentinel")
    for descriptor in (control, facts):
        os.set_inheritable(descriptor, False)
    os.chdir("/")
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what the application blocks is inherited
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    set_name("multirun-guard")
    become_subreaper()
    gone = _watch_parent(orchestrator)
    watched, held = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(watched)
        _become_keeper(control, facts, gone, launcher_id)
    for descriptor in (control, facts, held):
        os.close(descriptor)
    reach("sentinel.ready")
    _wait(watched, gone, keeper)
    _end_everything()


def _wait(watched: int, gone: int, keeper: int) -> None:
    """Wait until keeper and lanes are gone; for those that do not leave behind the orchestrator, not for ever.

    Args:
        watched: can be read when keeper and lanes are gone.
        gone: can be read when the orchestrator is gone.
        keeper: process id of the keeper.
    """
    if watched not in select.select([watched, gone], [], [])[0]:
        os.kill(keeper, signal.SIGCONT)  # it is our child: nobody else can have its number
        select.select([watched], [], [], _LEAVING_S)


def _become_keeper(control: int, facts: int, gone: int, launcher_id: str) -> None:
    """Never returns; what the sentinel holds open stays open in the keeper and its lanes."""
    try:
        os.setsid()
        become("keeper")
        Keeper(control, facts, gone, launcher_id).work()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(70)
    os._exit(0)


def _watch_parent(pid: int) -> int:
    """A descriptor that becomes readable when the orchestrator is gone, also if a fork of it holds our sockets open."""
    handle = os.pidfd_open(pid)
    if os.getppid() == pid:
        return handle
    os.close(handle)
    gone, held = os.pipe()
    os.close(held)
    return gone


def _end_everything() -> None:
    """Kill until there is no child left."""
    wakeup = Wakeup()
    poll = select.poll()
    poll.register(wakeup.descriptor, select.POLLIN)
    while not _reap():
        signal_descendants(signal.SIGKILL)
        poll.poll(_PAUSE_MS)
        wakeup.clear()


def _reap() -> bool:
    """Collect the dead; True once there is no child left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return False
