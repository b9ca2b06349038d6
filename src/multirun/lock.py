"""Who owns a sweep: one numbered file for each owner that it has had, of which the highest counts.

A number is taken by linking a file that is already whole to its name, which only one process can do, also on a shared
file system. Numbers are never given back, so that whoever is late can never become the owner with an old one.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from multirun.durations import local_time
from multirun.errors import FormatError
from multirun.failpoints import reach
from multirun.files import write_at
from multirun.processes import identity, start_tick, user_name
from multirun.sessions import sessions_of, writers_in

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths

FORMAT = "multirun-lock"
VERSION = 1

Identity = dict[str, Any]
Life = Literal["alive", "dead", "unknown"]

_HEAD = b'{"format":"%b","version":%d,"held":%b,"beat":%10d,'
_SUFFIX = ".json"
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""What file systems say that have no hard links."""


class Holder(NamedTuple):
    """What the file of an owner says.

    Attributes:
        held: whether it has not left the sweep.
        beat: how many signs of life it has given.
        facts: all fields of the file.
    """

    held: bool
    beat: int
    facts: dict[str, Any]


# ------------------------------------------------------------------------------------------------- pure


def head(beat: int, *, held: bool) -> bytes:
    """The beginning of the file, which alone changes; it is always as long."""
    return _HEAD % (FORMAT.encode(), VERSION, b"true " if held else b"false", beat)


def compose(facts: dict[str, Any]) -> bytes:
    """The file of a new owner.

    Args:
        facts: all that does not change.
    """
    return head(0, held=True) + json.dumps(facts, separators=(",", ":")).encode()[1:] + b"\n"


def parse(data: bytes) -> Holder | None:
    """What such a file says; None if it is not whole (yet).

    Raises:
        FormatError: a newer version wrote it.
    """
    try:
        facts = json.loads(data)
        holder = Holder(facts["held"] is True, int(facts["beat"]), facts)
        version = facts["version"]
    except (ValueError, LookupError, TypeError):
        return None
    if version != VERSION:
        raise FormatError(f"the lock of the sweep has format {version}; this multirun reads format {VERSION}")
    return holder


def highest(names: Iterable[str]) -> int:
    """The highest number among the names of such files, 0 if there is none."""
    numbers = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def judge(who: Identity, me: Identity, process: Life) -> Life:
    """Whether an owner is alive.

    Args:
        who: its identity.
        me: the identity of who asks.
        process: whether its process is alive, if it is one of those that can be seen from here.
    """
    if (who.get("host"), who.get("machine")) != (me["host"], me["machine"]):
        return "unknown"
    if who.get("boot") != me["boot"]:
        return "dead"
    return process if who.get("pids") == me["pids"] else "unknown"


# ------------------------------------------------------------------------------------------------ shell


def describe_self() -> Identity:
    """What others have to know of this process to find out whether it is alive."""
    return {**identity(), "machine": _machine(), "pids": _pid_namespace()}


def _machine() -> str:
    """What tells this machine from others of the same name, where that is known; its id itself is nobody's business."""
    try:
        with open("/etc/machine-id", "rb") as file:
            return sha256(b"multirun " + file.read()).hexdigest()[:16]
    except OSError:
        return ""


def _pid_namespace() -> str:
    """Which set of process ids this process sees: in a container the same number is another process."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def life_of_process(who: Identity) -> Life:
    """Whether a process of this machine is alive.

    Args:
        who: its identity.
    """
    pid = int(who.get("pid", 0))
    tick = start_tick(pid)
    if tick is not None:
        return "alive" if tick == who.get("pid_start") else "dead"
    try:
        os.kill(pid, 0)
    except PermissionError:
        return "unknown"  # there is one, but the system hides processes of other users
    except OSError:
        return "dead"
    return "dead"  # a zombie


def life_of(holder: Holder | None, me: Identity) -> Life:
    """Whether an owner is alive, as far as it can be known without waiting.

    Args:
        holder: what its file says, None if that is not whole.
        me: the identity of who asks.
    """
    if holder is None:
        return "unknown"
    return judge(holder.facts, me, life_of_process(holder.facts)) if holder.held else "dead"


def file_of(paths: SweepPaths, session: int) -> str:
    """The file of an owner."""
    return f"{paths.lock}/{session:06}{_SUFFIX}"


def read_holder(paths: SweepPaths, session: int) -> Holder | None:
    """What the file of an owner says; None if it is not whole.

    Raises:
        OSError: it cannot be read.
        FormatError: a newer version wrote it.
    """
    with open(file_of(paths, session), "rb") as file:
        return parse(file.read())


def newest_session(paths: SweepPaths) -> int:
    """The number of the newest owner, 0 if there was none. It is alive, dead, or has left.

    Raises:
        OSError: the directory cannot be read.
    """
    with suppress(FileNotFoundError):
        return highest(os.listdir(paths.lock))
    return 0


def newest_journal(paths: SweepPaths) -> int:
    """The newest owner that has a journal: counts, if somebody has removed the locks."""
    with suppress(FileNotFoundError):
        return max(sessions_of(writers_in(paths.journals)), default=0)
    return 0


def claim(paths: SweepPaths, session: int, me: Identity) -> int | None:
    """Become the owner with this number, unless somebody has it.

    Args:
        paths: the sweep; its lock directory exists.
        session: the number.
        me: the identity of this process.

    Returns:
        A descriptor of the file of the owner, which is now the caller's; None if somebody else has it.

    Raises:
        OSError: the file cannot be written.
    """
    token = secrets.token_hex(8)
    content = compose({"session": session, "token": token, **me, "user": user_name(), "since": local_time()})
    private = f"{paths.lock}/{token}.tmp"
    descriptor = os.open(private, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        write_at(descriptor, content, 0)
        flush(descriptor)
        reach("lock.written")
        won = _take(paths, session, private, token)
    except BaseException:
        os.close(descriptor)
        raise
    finally:
        with suppress(OSError):
            os.unlink(private)
    reach("lock.taken")
    if won == "linked":
        return descriptor
    os.close(descriptor)
    return _create(paths, session, content) if won == "no links" else None


def _take(paths: SweepPaths, session: int, private: str, token: str) -> Literal["linked", "no", "no links"]:
    """Link the private file to its name. The answer may be lost on its way: then the name tells who has it."""
    try:
        os.link(private, file_of(paths, session))
    except OSError as error:
        with suppress(OSError):
            holder = read_holder(paths, session)
            return "linked" if holder is not None and holder.facts.get("token") == token else "no"
        if error.errno in _NO_LINKS:
            return "no links"
        if error.errno == errno.EEXIST:
            return "no"
        raise
    return "linked"


def _create(paths: SweepPaths, session: int, content: bytes) -> int | None:
    """Where there are no links: the name is taken first and filled at once."""
    try:
        descriptor = os.open(file_of(paths, session), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        return None
    write_at(descriptor, content, 0)
    flush(descriptor)
    return descriptor


def flush(descriptor: int) -> None:
    """Let other machines see what was written: on NFS, whoever closes any descriptor of a file sends it."""
    os.close(os.dup(descriptor))
