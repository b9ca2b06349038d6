"""The process of a launcher as the orchestrator has it: its channels, what it complains of, and its end."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress

from multirun import launcher
from multirun.contract import ENV_COOKIE
from multirun.processes import kill_carriers

LEAVING_S = 30.0
"""How long to wait for a launcher that leaves; it ends everything within 2 s, but the machine may be slow."""
_FLAGS = ("-I", "-X", f"utf8={sys.flags.utf8_mode}")
"""Isolated from the user's Python settings, but names of files are read as the orchestrator reads them."""


class LauncherProcess:
    """A launcher that was started.

    Attributes:
        id: 8 hexadecimal digits that tell it apart from others.
        control: our end of the socket to its keeper, which does not block.
        facts: the reading end of the pipe on which its lanes report, which does not block.
    """

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: the machine refuses.
        """
        self.id = secrets.token_hex(4)
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the launcher
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.facts, facts = os.pipe()
        try:
            self._sentinel = self._start(control.fileno(), facts)
        except OSError:
            self.control.close()
            self.release()
            raise
        finally:
            control.close()
            os.close(facts)
        self.control.setblocking(False)
        os.set_blocking(self.facts, False)

    def _start(self, control: int, facts: int) -> subprocess.Popen[bytes]:
        script = os.path.join(os.path.dirname(launcher.__file__), "__main__.py")
        return subprocess.Popen(
            [sys.executable, *_FLAGS, script, str(control), str(facts), str(os.getpid()), self.id],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            pass_fds=(control, facts),
            start_new_session=True,
        )

    def complaint(self) -> str:
        """The last line that it wrote to its standard error, in parentheses; nothing if it wrote none."""
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return f" ({lines[-1]})" if lines else ""

    def wait_for_sentinel(self) -> None:
        """The sentinel ends what is left; if it was killed itself, the cookie tells what belongs to the launcher."""
        with suppress(subprocess.TimeoutExpired):
            if self._sentinel.wait(LEAVING_S) == 0:
                return
        kill_carriers(f":{self.id}", ENV_COOKIE)

    def kill(self) -> None:
        """Kill the sentinel."""
        self._sentinel.kill()

    def wait(self) -> None:
        """Wait until the sentinel is gone."""
        self._sentinel.wait()

    def release(self) -> None:
        """Close the pipe and the file of complaints."""
        os.close(self.facts)
        self._complaints.close()
