"""Waiting until a file changes, without looking again and again."""

from __future__ import annotations

import ctypes
import os
import select

_MODIFY, _CREATE, _MOVED_TO, _DELETE = 0x2, 0x100, 0x80, 0x200
_NONBLOCK = os.O_NONBLOCK | os.O_CLOEXEC


class Alarm:
    """Wakes up when something changes in files or folders; Linux's inotify.

    File systems that other machines write to do not tell of that, so no wait is longer than its patience.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        descriptor = self._library.inotify_init1(_NONBLOCK)
        self._descriptor = descriptor if descriptor >= 0 else None
        self._watched: set[str] = set()

    def watch(self, path: str) -> None:
        """Be told of changes of a file or of files in a folder; nothing happens if it is not there yet."""
        if self._descriptor is None or path in self._watched:
            return
        mask = _MODIFY | _CREATE | _MOVED_TO | _DELETE
        if self._library.inotify_add_watch(self._descriptor, os.fsencode(path), mask) >= 0:
            self._watched.add(path)

    def wait(self, patience_s: float) -> bool:
        """Return when something has changed since the last call (True), or when the patience is at its end (False)."""
        watched = [] if self._descriptor is None else [self._descriptor]
        ready, _, _ = select.select(watched, [], [], patience_s)
        if ready:
            os.read(ready[0], 1 << 16)
        return bool(ready)

    def close(self) -> None:
        """Stop being told."""
        if self._descriptor is not None:
            os.close(self._descriptor)
