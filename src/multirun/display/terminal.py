"""The last rows of a terminal, kept below whatever else is written to it.

The cursor rests at the beginning of the first of our rows and is never hidden. So erasing from there to the end of
the screen is always right, also after the terminal was made narrower and broke the rows anew; and a process that is
killed or stopped leaves nothing that would have to be repaired.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TextIO

from multirun.display.cells import cut
from multirun.display.outlet import Outlet
from multirun.display.rows import MOST_ROWS
from multirun.paint import are_colours_welcome, paint

if TYPE_CHECKING:
    from multirun.styled import Line

_ERASE_REST_OF_ROW, _ERASE_BELOW = "\x1b[K", "\x1b[J"
_SHORTEST_PAUSE_S = 0.05
_PATIENCE_S = 1.0
_BROKEN_LINE_S = 2.0
"""How long our rows stay away for a line that somebody else began and did not end."""


class Terminal:
    """A terminal on which several displays may have rows.

    Attributes:
        is_unicode: whether it takes every character.
    """

    _open: ClassVar[dict[int, Terminal]] = {}
    _lock: ClassVar[RLock] = RLock()  # one for all: there is one terminal, and threads may come and go

    @classmethod
    def of(cls, stream: TextIO, owner: object) -> Terminal:
        """The terminal behind a stream, one object for all who use it until all have left.

        Args:
            stream: the stream.
            owner: who wants rows.
        """
        with cls._lock:
            terminal = cls._open.get(id(stream))
            if terminal is None:
                terminal = cls._open[id(stream)] = cls(stream)
            terminal._rows.setdefault(owner, [])
            return terminal

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._outlet = Outlet(stream)
        self._coloured = are_colours_welcome()
        self._rows: dict[object, Sequence[Line]] = {}
        self._wanted = self._drawn = ""
        self._drawn_at = 0.0
        self._foreign_line_since: float | None = None
        self._hooks = [_Hook(each, self) for each in _streams_on(stream)]
        self.is_unicode = self._outlet.is_unicode

    @property
    def is_shared(self) -> bool:
        """Whether there is more than one display."""
        return len(self._rows) > 1

    @property
    def width(self) -> int:
        """How many cells a row may take: one less than there are, for terminals differ in what the last one does."""
        return max(1, self._size().columns - 1)

    @property
    def height(self) -> int:
        """How many rows each display may take."""
        return max(1, min(MOST_ROWS, self._size().lines - 1) // max(1, len(self._rows)))

    def _size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return os.terminal_size((80, 24))
        return os.terminal_size((size.columns or 80, size.lines or 24))

    def show(self, owner: object, rows: Sequence[Line]) -> None:
        """Draw all rows, those of one display anew."""
        with self._lock:
            self._rows[owner] = rows
            self._compose()
            self._draw()

    def say(self, *lines: Line) -> None:
        """Write lines above the rows."""
        with self._lock:
            self._put_above(lines)
            self._draw()

    def leave(self, owner: object, last_words: Sequence[Line]) -> None:
        """Give up rows.

        Args:
            owner: whose rows.
            last_words: lines to be written above the rows that are left.
        """
        with self._lock:
            del self._rows[owner]
            self._put_above(last_words)
            self._compose()
            self._draw()
            if not self._rows:
                self._close()

    def _close(self) -> None:
        self._outlet.drain(_PATIENCE_S)
        for hook in self._hooks:
            hook.remove()
        del self._open[id(self._stream)]

    def _put_above(self, lines: Sequence[Line]) -> None:
        self._erase()
        self._end_foreign_line()
        self._outlet.put("".join(f"{self._painted(line)}\n" for line in lines))

    def _painted(self, line: Line) -> str:
        return paint(line, coloured=self._coloured)

    def _compose(self) -> None:
        size, width = self._size(), self.width
        rows = [row for rows in self._rows.values() for row in rows][: size.lines - 1]
        lines = [self._painted(cut(row, width, "")) for row in rows]
        up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        self._wanted = f"{_ERASE_REST_OF_ROW}\n".join(lines) + f"{_ERASE_BELOW}\r{up}" if lines else ""

    def _draw(self) -> None:
        if self._wanted == self._drawn or self._is_foreign_line_fresh() or self._is_in_background():
            return
        if self._outlet.drain():  # what cannot be shown now would be stale later
            self._end_foreign_line()
            self._outlet.put(f"\r{self._wanted}")
            self._drawn = self._wanted
            self._drawn_at = monotonic()

    def _erase(self) -> None:
        if self._drawn:
            # The row itself first: some terminals keep for scrolling back what is erased from the top left on.
            self._outlet.put(f"\r{_ERASE_REST_OF_ROW}{_ERASE_BELOW}")
            self._drawn = ""

    def _end_foreign_line(self) -> None:
        if self._foreign_line_since is not None:
            self._outlet.put("\n")
            self._foreign_line_since = None

    def _is_foreign_line_fresh(self) -> bool:
        return self._foreign_line_since is not None and monotonic() - self._foreign_line_since < _BROKEN_LINE_S

    def _is_in_background(self) -> bool:
        """Whether the terminal belongs to somebody else for now, such as the shell of a stopped job."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) != os.getpgrp()
        except (OSError, ValueError):
            return False

    def write_aside(self, write: Callable[[str], int], text: str, flush: Callable[[], object]) -> int:
        """Let somebody else write where our rows are, and put them below that.

        Args:
            write: how to write.
            text: what to write.
            flush: how to see to it that it is written.
        """
        with self._lock:
            self._erase()
            self._foreign_line_since = monotonic()
        count = write(text)  # without the lock, for this can take as long as the terminal is stopped
        flush()
        with self._lock:
            if text.endswith("\n"):
                self._foreign_line_since = None
                if monotonic() - self._drawn_at >= _SHORTEST_PAUSE_S:
                    self._draw()
        return count


class _Hook:
    """Replaces the `write` of a stream, so that all who hold the stream, loggers for instance, go through it."""

    def __init__(self, stream: TextIO, terminal: Terminal) -> None:
        self._stream, self._terminal = stream, terminal
        self._attributes = vars(stream)
        self._before = self._attributes.get("write")
        self._original = stream.write
        self._hooked = self._attributes["write"] = self._write

    def _write(self, text: str, /) -> int:
        return self._terminal.write_aside(self._original, text, self._stream.flush) if text else 0

    def remove(self) -> None:
        """Put the original back, unless somebody else replaced ours."""
        if self._attributes.get("write") is not self._hooked:
            return
        if self._before is None:
            del self._attributes["write"]
        else:
            self._attributes["write"] = self._before


def _streams_on(stream: TextIO) -> list[TextIO]:
    """The stream, and standard output if that is the same terminal."""
    streams = [stream] if sys.stdout is stream else [stream, sys.stdout]
    return [each for each in streams if isinstance(each, io.TextIOWrapper) and _device(each) == _device(stream)]


def _device(stream: TextIO) -> int | None:
    try:
        return os.fstat(stream.fileno()).st_rdev
    except (OSError, ValueError):
        return None
