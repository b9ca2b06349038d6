"""A descriptor that becomes readable when a child ends."""

from __future__ import annotations

import os
import signal


class Wakeup:
    """Turns SIGCHLD into something that `poll` can wait for.

    Attributes:
        descriptor: readable after a child ended.
    """

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write, False)
        signal.signal(signal.SIGCHLD, _ignore)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def clear(self) -> None:
        """Forget what happened so far; look at the children afterwards."""
        try:
            os.read(self.descriptor, 4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Stop."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self.descriptor)
        os.close(self._write)


def _ignore(signum: int, frame: object) -> None:
    """Let the wake-up descriptor do the work; a default disposition would not wake anything."""
