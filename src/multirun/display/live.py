"""The line that stays up to date on a terminal."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from multirun.display.row import ASCII, NOTICE_STYLE, STYLES, UNICODE, render_row, render_summary
from multirun.display.terminal import Terminal
from multirun.wording import failure_line

if TYPE_CHECKING:
    from multirun.display.moment import Moment
    from multirun.run import Run


class LiveLine:
    """One row at the bottom of a terminal, and lines above it for what is new."""

    pause_s = 0.25

    def __init__(self, stream: TextIO) -> None:
        """Show nothing yet.

        Args:
            stream: a terminal that can move its cursor.
        """
        self._terminal = Terminal.of(stream, self)
        self._marks = UNICODE if self._terminal.is_unicode else ASCII

    def say_failure(self, run: Run) -> None:
        """A run failed."""
        line = Text(_nearby(failure_line(run)))
        line.stylize(STYLES["failed"], 0, len(f"run {run.index}"))
        line.highlight_words([" failed: "], STYLES["failed"])
        self._terminal.say(line)

    def say_notice(self, text: str) -> None:
        """Something cannot go on for now."""
        self._terminal.say(Text(text, style=NOTICE_STYLE))

    def say(self, text: str) -> None:
        """Anything else that people should know."""
        self._terminal.say(Text(text, style="dim"))

    def update(self, moment: Moment) -> None:
        """Draw the line anew."""
        if not moment.statistics.total_count:
            return
        label = f"{moment.names}: " if self._terminal.is_shared else ""
        self._terminal.show(self, render_row(moment, self._terminal.width, self._marks, label))

    def close(self, moment: Moment) -> None:
        """Replace the line by a summary."""
        self._terminal.leave(self, render_summary(replace(moment, places=tuple(map(_nearby, moment.places)))))


def _nearby(text: str) -> str:
    """A text in which paths below the directory where the user is are shorter; the shell says which that is."""
    here = os.environ.get("PWD", "").rstrip("/")
    return text.replace(f"{here}/", "") if here else text
