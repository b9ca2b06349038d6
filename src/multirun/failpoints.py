"""Named points in our own code at which a test lets it fail. Nothing happens there unless the environment asks for it.

`MULTIRUN_FAILPOINT=name:action[:k][@who]` acts when a process reaches the point for the k-th time (the first, without
k). The action is `kill`, `stop`, `delay`, or the name of an error such as `ENOSPC`.
`MULTIRUN_FAILCALL=call:action[:k][@who]` does the same at the k-th call of a function of `os`, and knows one more
action: `torn` writes half of the data and kills the process.
`who` is a kind of process: `orchestrator`, `sentinel`, `keeper`, `lane`, `extractor` or `program`; without it, any.
`MULTIRUN_FAIL_ONCE` is a path: whoever acts at `name` first creates the file `path.name`; where that exists, nothing
happens.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ENV_POINT = "MULTIRUN_FAILPOINT"
ENV_CALL = "MULTIRUN_FAILCALL"
ENV_ONCE = "MULTIRUN_FAIL_ONCE"

POINTS = frozenset(
    {
        # setting a sweep up
        *("create.directory", "create.folders", "snapshot.stored", "create.inputs", "create.defined"),
        *("plan.created", "plan.append", "plan.appended"),
        *("lock.written", "lock.taken", "lock.leave", "lock.left"),
        # any journal, and any file that is published whole
        *("journal.created", "journal.append", "journal.appended"),
        *("publish.written", "publish.synced", "publish.renamed"),
        # the orchestrator
        *("launcher.started", "run.given", "run.dropped", "sweep.ended", "sweep.closed"),
        *("table.written", "table.synced", "table.renamed"),
        # the launcher
        *("sentinel.ready", "keeper.ready", "keeper.forked", "keeper.swept"),
        *("lane.opened", "lane.directory", "lane.params", "lane.staged", "lane.spawned", "lane.empty", "lane.judged"),
        *("extract.merged",),
        # inside a run
        *("post.written", "post.synced", "post.pickled", "post.renamed"),
    }
)
"""Every point there is: before or after each step that must last."""
CALLS = ("open", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "rename", "replace", "link", "symlink", "mkdir")
"""The functions of `os` that can be made to fail."""
_DELAY_S = 0.25
_STOPPING_S = 0.02
"""A thread goes on for a moment until the stop of its process has reached it."""

_kind = "program" if "MULTIRUN_RUN_DIR" in os.environ else "orchestrator"
_point: _Trap | None = None
_call: _Trap | None = None
_genuine: dict[str, Any] = {}


def reach(name: str) -> None:
    """Say that this process has come to a point.

    Args:
        name: one of `POINTS`.

    Raises:
        OSError: it was asked for.
    """
    if _point is not None:
        _point.spring(name)


def become(kind: str) -> None:
    """Say which kind of process this is from now on; it counts anew.

    Args:
        kind: see the top of this module.
    """
    global _kind  # noqa: PLW0603 - a process is of one kind
    _kind = kind
    if _point is not None or _call is not None:
        arm()


def arm() -> None:
    """Do what the environment asks for.

    Raises:
        ValueError: it asks for something that there is not.
    """
    global _point, _call  # noqa: PLW0603 - one environment
    _point = _trap(ENV_POINT, sorted(POINTS))
    _call = _trap(ENV_CALL, CALLS)
    if _call is not None and not _genuine:
        _wrap(_call.name)


def _trap(variable: str, names: tuple[str, ...] | list[str]) -> _Trap | None:
    text = os.environ.get(variable)
    if not text:
        return None
    what, _, who = text.partition("@")
    name, action, count = [*what.split(":"), "1"][:3]
    if name not in names:
        raise ValueError(f"{variable}={text}: {name!r} is none of {', '.join(names)}")
    return _Trap(name, who, action, int(count))


class _Trap:
    """What is to happen once, at one point or call.

    Attributes:
        name: of the point or the call.
    """

    def __init__(self, name: str, who: str, action: str, count: int) -> None:
        self.name = name
        self._who = who
        self._action = action
        self._left = count

    def spring(self, name: str, torn: Callable[[], object] | None = None) -> None:
        """Act, if it is the time for it."""
        if name != self.name or self._who not in ("", _kind):
            return
        self._left -= 1
        if self._left == 0 and _is_first(name):
            if self._action == "torn" and torn is not None:
                torn()
            _act(self._action, f"{name} in {_kind}")


def _is_first(name: str) -> bool:
    """Whether nobody has acted here yet."""
    path = os.environ.get(ENV_ONCE)
    if not path:
        return True
    try:
        descriptor = _genuine.get("open", os.open)(f"{path}.{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    _genuine.get("write", os.write)(descriptor, b"%d" % os.getpid())
    os.close(descriptor)
    return True


def _act(action: str, where: str) -> None:
    import errno
    import signal
    import time

    if action in ("kill", "torn"):
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(_STOPPING_S)
    elif action == "delay":
        time.sleep(_DELAY_S)
    else:
        number = getattr(errno, action)
        raise OSError(number, f"{os.strerror(number)} (asked for at {where})")


def _wrap(name: str) -> None:
    """Put a function of ours in the place of one of `os`; `open` also stands for Python's own."""
    genuine = _genuine[name] = getattr(os, name)
    setattr(os, name, _trapped(name, genuine))
    if name == "open":
        import builtins

        builtins.open = _trapped(name, builtins.open)


def _trapped(name: str, genuine: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        def torn() -> None:
            descriptor, data, *rest = arguments
            genuine(descriptor, data[: len(data) // 2], *rest)

        if _call is not None and (name not in ("write", "pwrite") or _is_file(arguments[0])):
            _call.spring(name, torn)
        return genuine(*arguments, **options)

    return call


def _is_file(descriptor: int) -> bool:
    """Whether it is a file, not a pipe: only files are on disks."""
    import stat

    return stat.S_ISREG(os.fstat(descriptor).st_mode)


if ENV_POINT in os.environ or ENV_CALL in os.environ:
    arm()
