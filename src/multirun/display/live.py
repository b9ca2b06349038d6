"""The rows that stay up to date on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from multirun.display.cells import cells
from multirun.display.row import ASCII, UNICODE
from multirun.display.rows import render_rows
from multirun.display.terminal import Terminal
from multirun.hints import users_directory
from multirun.styled import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multirun.display.moment import Moment

_JOINT, _INDENT = "; ", "  "


class LiveBar:
    """A few rows at the bottom of a terminal, and lines above them for what is new."""

    pause_s = 0.2

    def __init__(self, stream: TextIO) -> None:
        """Show nothing yet.

        Args:
            stream: a terminal that can move its cursor.
        """
        self.here = users_directory()
        self._terminal = Terminal.of(stream, self)
        self._marks = UNICODE if self._terminal.is_unicode else ASCII

    @property
    def width(self) -> int:
        """How many cells a row may take."""
        return self._terminal.width

    def say(self, line: Line, more: Line | None = None) -> None:
        """Write a line above the rows, or two if it would be too long."""
        if more is None:
            self._terminal.say(line)
        elif cells(line) + len(_JOINT) + cells(more) <= self.width:
            self._terminal.say(line + Line.of(_JOINT) + more)
        else:
            self._terminal.say(line, Line.of(_INDENT) + more)

    def update(self, moment: Moment) -> None:
        """Draw the rows anew."""
        if not moment.statistics.total_count:
            return
        terminal = self._terminal
        label = f"{moment.names}: " if terminal.is_shared else ""
        terminal.show(self, render_rows(moment, self.width, terminal.height, self._marks, label))

    def close(self, lines: Sequence[Line]) -> None:
        """Replace the rows by the last words."""
        self._terminal.leave(self, lines)
