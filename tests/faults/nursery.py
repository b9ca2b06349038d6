"""A process that has everything loaded and forks one process per script: calls of `multirun` that start in no time.

Executed as a program it is that process. It is told on its standard input to `run` a script or to `wait` for one, and
answers each with one number: the process id, or the exit status as `os.waitstatus_to_exitcode` puts it.
"""

import json
import os
import runpy
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

_LOADED = (
    "multirun.api", "multirun.engine", "multirun.creation", "multirun.sweepresult", "multirun.loading",
    "multirun.interrupts", "multirun.runners.local", "multirun.table", "asyncio", "anyio", "tests.survivors",
)  # fmt: skip


class Nursery:
    """Starts scripts; each is a process of its own in a session of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        """Start the process that forks.

        Args:
            env: the environment of the scripts.
        """
        found = [str(Path(__file__).parents[2]), *filter(None, [env.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env | {"PYTHONPATH": os.pathsep.join(found)},
            text=True,
            bufsize=1,
        )

    def ask(self, **request: object) -> int:
        """Tell the process something, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        return int(self._process.stdout.readline())

    def start(self, script: Path, output: Path, complaints: Path) -> "Newborn":
        """Start a script in its folder.

        Args:
            script: the script.
            output: file for its standard output.
            complaints: file for its standard error.
        """
        return Newborn(self, self.ask(run=str(script), output=str(output), complaints=str(complaints)))

    def close(self) -> None:
        """End the process; scripts go on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Newborn:
    """A script that was started, with the methods of `subprocess.Popen` that are needed."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._handle = os.pidfd_open(pid)
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._status if self._status is not None or not self._has_ended(0) else self._reap()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it did not come in time.
        """
        if self._status is not None:
            return self._status
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("script", timeout or 0)
        return self._reap()

    def kill(self) -> None:
        """SIGKILL it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        watch = select.poll()
        watch.register(self._handle, select.POLLIN)
        return bool(watch.poll(None if timeout is None else 1000 * timeout))

    def _reap(self) -> int:
        self._status = self._nursery.ask(wait=self.pid)
        os.close(self._handle)
        return self._status


def _serve() -> dict[str, str] | None:
    """Answer until nobody asks any more; in a child, return what it shall do."""
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                return dict(request)
        os.write(1, b"%d\n" % answer)
    return None


def _become(request: dict[str, str]) -> None:
    os.setsid()
    os.chdir(os.path.dirname(request["run"]))
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, request["complaints"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags, 0o666)
        os.dup2(opened, descriptor)
        os.close(opened)
    runpy.run_path(request["run"], run_name="__main__")


if __name__ == "__main__":
    for _module in _LOADED:
        __import__(_module)
    _task = _serve()
    if _task is not None:
        _become(_task)
