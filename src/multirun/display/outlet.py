"""Writing for people who may not be there: never waits for a reader, and never fails because there is none."""

from __future__ import annotations

import io
import os
import select
from typing import TextIO

from multirun.locales import initial_environment, plainer, speaks_unicode

_PIECE = 4096
"""A pipe that can be written to takes this much at once."""


class Outlet:
    """A stream that loses what it cannot get rid of.

    Attributes:
        is_unicode: whether it takes every character, and whoever reads it can see it.
        broken: whether it is closed, or was found to be; then nothing is written any more.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """Look at a stream.

        Args:
            stream: where to write; None if there is nothing of the kind.
        """
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self.is_unicode = self._encoding.lower().startswith("utf") and speaks_unicode(initial_environment())
        self.broken = stream is None
        self._rest = b""
        self._descriptor = _descriptor_of(stream)

    def put(self, text: str) -> None:
        """Write text, the last of it later if it cannot be written now."""
        plain = text if self.is_unicode else plainer(text)
        self._rest += plain.encode(self._encoding, "backslashreplace")
        self.drain()

    def drain(self, patience_s: float = 0.0) -> bool:
        """Write what has not been written yet.

        Args:
            patience_s: how long to wait for somebody who takes it.

        Returns:
            Whether there is nothing left to write.
        """
        try:
            while self._rest and not self.broken and self._is_ready(patience_s):
                self._rest = self._rest[self._write(self._rest) :]
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            self.broken = True
        if self.broken:
            self._rest = b""
        return not self._rest

    def _is_ready(self, patience_s: float) -> bool:
        """Whether a write will not wait, as it would for a stopped terminal or a reader that does not read."""
        if self._descriptor is None:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(patience_s * 1000))

    def _write(self, data: bytes) -> int:
        """Write past the stream's own buffer, which would keep what a broken pipe refuses and fail again at exit."""
        if self._stream is None:
            return len(data)
        if self._descriptor is not None:
            self._stream.flush()
            return os.write(self._descriptor, data[:_PIECE])
        self._stream.write(data.decode(self._encoding))
        self._stream.flush()
        return len(data)


def _descriptor_of(stream: TextIO | None) -> int | None:
    """The file descriptor of a stream that is nothing more than a text layer on it."""
    if not isinstance(stream, io.TextIOWrapper):
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
