"""Processes of this machine: who is alive, who descends from whom, and how to end a whole tree.

The end condition for a tree is the caller's: a subreaper waits for ECHILD, the only answer that cannot miss a process
forked meanwhile. What is read below /proc here only says whom to signal next.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NAME = 15
_QUIET_LOOKS = 3
"""One look alone can miss a process that is born while another one leaves."""


def prctl(option: int, argument: int | bytes) -> bool:
    """Call Linux's `prctl`; False where there is none."""
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).prctl
    except (AttributeError, OSError):
        return False
    return bool(call(option, argument, 0, 0, 0) == 0)


def become_subreaper() -> bool:
    """Make orphaned descendants children of this process; False where the system cannot."""
    return prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """Set the name that `ps` and `/proc/<pid>/comm` show, at most 15 characters."""
    prctl(_PR_SET_NAME, name.encode())


def boot_id() -> str:
    """Text that changes when this machine boots."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def identity() -> dict[str, str | int]:
    """What tells this process from every other: host, boot, pid and the moment it started.

    Raises:
        OSError: this process lacks descriptors, so that it cannot say.
    """
    pid = os.getpid()
    boot, tick = boot_id(), start_tick(pid)
    if not (boot and tick):  # without descriptors nothing can be read, and who has no start counts as dead
        with suppress(FileNotFoundError):
            os.close(os.open("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC))
        boot, tick = boot_id(), start_tick(pid)
    return {"host": socket.gethostname(), "boot": boot, "pid": pid, "pid_start": tick or 0}


def user_name() -> str:
    """Who executes this process: a name, or a number where that has no name."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid())


def may_be_alive(who: dict[str, str | int]) -> bool:
    """Whether the process with this `identity` may be alive; certain only if it ran on this machine."""
    if who.get("host") != socket.gethostname():
        return True
    if who.get("boot") != boot_id():
        return False
    return start_tick(int(who.get("pid", 0))) == who.get("pid_start")


def start_tick(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if there is no such process or it is a zombie."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] != b"Z" else None


def parent_of(pid: int) -> int | None:
    """The parent of a process, None if there is no such process."""
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int) -> list[bytes] | None:
    """Fields of /proc/<pid>/stat from the state on (the name before it may hold anything)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return None


def all_pids() -> list[int]:
    """Every process this one can see."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """Children of a process, zombies included.

    Of the calling process, if it has one thread, the list is complete: orphans are appended to it before their parent
    can be reaped, and only the caller's own `wait` removes from it.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        return [child for thread in threads for child in _children_of_thread(pid, thread)]
    except FileNotFoundError:
        return [child for child in all_pids() if parent_of(child) == pid] if start_tick(pid) else []


def _children_of_thread(pid: int, thread: str) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except ProcessLookupError:
        return []


def descendants_of(pid: int, spare: Iterable[int] = ()) -> list[int]:
    """Descendants of a process, parents before children.

    Args:
        pid: the process.
        spare: children of it that are left out, with everything below them.
    """
    spared = set(spare)
    found = [child for child in children_of(pid) if child not in spared]
    for child in found:
        found.extend(grandchild for grandchild in children_of(child) if grandchild not in found)
    return found


def signal_descendants(signum: int, spare: Iterable[int] = ()) -> list[int]:
    """Signal every descendant of this process and return those that were there.

    Whole process groups are signalled where there are any, because a fork storm cannot outrun that. Each process gets
    the signal once, except SIGKILL, which nobody can receive twice.

    Args:
        signum: the signal.
        spare: children that are left out, with everything below them.
    """
    if signum == signal.SIGKILL:
        _kill_children(spare)
    own = os.getpgrp()
    members = descendants_of(os.getpid(), spare)
    group_of = {pid: _group_of(pid) for pid in members}
    groups = {group for group in group_of.values() if group in group_of and group != own}
    for group in groups:
        _send(os.killpg, group, signum)
    for pid in members:
        if signum == signal.SIGKILL or group_of[pid] not in groups:
            _signal_member(pid, signum, members)
    return members


def _kill_children(spare: Iterable[int]) -> None:
    """Kill children without looking any further, the newest first.

    A family of which only the newborn lives, because each member forks and leaves, has moved on before a whole tree was
    looked at. The number of a child cannot be given away before it is waited for.
    """
    spared = set(spare)
    for child in reversed(children_of(os.getpid())):
        if child not in spared:
            _kill_with_group(child)


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _signal_member(pid: int, signum: int, members: list[int]) -> None:
    """Signal `pid` if it is still the process that was found: the number may have been given away meanwhile."""
    if not hasattr(os, "pidfd_open"):
        _send(os.kill, pid, signum)
        return
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if parent_of(pid) in (os.getpid(), *members):
            _send(signal.pidfd_send_signal, handle, signum)
    finally:
        os.close(handle)


def _send(call: object, target: int, signum: int) -> None:
    try:
        call(target, signum)  # type: ignore[operator]
    except (ProcessLookupError, PermissionError):
        return


def carriers(cookie: str, variable: str) -> Iterator[int]:
    """Living processes whose environment variable `variable` has the word `cookie` or one that begins or ends with it.

    The newest come first: a family of which only the newborn lives must be met before it has moved on.

    Args:
        cookie: a whole word, `"<sweep>:"` or `":<launcher>"`; or several of them, with spaces between.
        variable: the name of the variable.
    """
    cookies = tuple(cookie.split())
    for pid in sorted(all_pids(), reverse=True):
        if pid != os.getpid() and _matches(_variable_of(pid, variable.encode()), cookies):
            yield pid


def _matches(value: str, cookies: tuple[str, ...]) -> bool:
    return any(word.startswith(cookies) or word.endswith(cookies) for word in value.split())


def _variable_of(pid: int, variable: bytes) -> str:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return ""
    for entry in environment.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == variable:
            return value.decode(errors="replace")
    return ""


def kill_carriers(cookie: str, variable: str, patience_s: float = 10.0) -> int:
    """Kill every process that carries a cookie, with its process group, until several looks in a row find none.

    Args:
        cookie: as for `carriers`.
        variable: as for `carriers`.
        patience_s: seconds after which those that cannot be killed are left.

    Returns:
        How many processes were found at the last look; 0 means that none is left.
    """
    deadline = time.monotonic() + patience_s
    quiet = 0
    while True:
        found = 0
        for found, pid in enumerate(carriers(cookie, variable), start=1):  # noqa: B007 - the last number counts
            _kill_with_group(pid)
        quiet = 0 if found else quiet + 1
        if quiet == _QUIET_LOOKS or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


def _kill_with_group(pid: int) -> None:
    """Kill a process of a run at once, and its group: every run has a session, so its groups are its own."""
    group = _group_of(pid)
    if group not in (0, os.getpgrp()):
        _send(os.killpg, group, signal.SIGKILL)
    _send(os.kill, pid, signal.SIGKILL)
