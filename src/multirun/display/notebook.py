"""The output of a notebook's cell, kept up to date."""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from multirun.hints import working_directory
from multirun.styled import Line, Role

if TYPE_CHECKING:
    from multirun.display.moment import Moment

_MOST_NEWS = 100
_COLOURS: dict[Role, str] = {
    "running": "color:#00838f",
    "ok": "color:#2e7d32",
    "failed": "color:#c62828;font-weight:bold",
    "skipped": "opacity:.6",
    "waiting": "opacity:.6",
    "notice": "color:#b26a00;font-weight:bold",
    "slow": "color:#b26a00",
    "dim": "opacity:.6",
    "strong": "font-weight:bold",
}


def is_notebook(stream: TextIO) -> bool:
    """Whether what is written to a stream appears below the cell of a notebook.

    Args:
        stream: standard error, as whoever calls us has it.
    """
    if type(stream).__module__.partition(".")[0] != "ipykernel":
        return False
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None) is not None


def abridge(error: BaseException) -> None:
    """Let a notebook show what happened instead of where in our code, if it is this error that ends a cell.

    Args:
        error: what ends a sweep; its notes are shown.
    """
    notes = getattr(error, "__notes__", ())
    text = "; ".join(["the sweep was stopped and nothing of it is running any more", *notes])
    vars(error)["_render_traceback_"] = lambda: [f"{type(error).__name__}: {text}"]  # IPython asks for it


class NotebookCell:
    """One piece of output that is replaced as things change: the rows of a terminal, and below them what is new.

    Older news give way to newer ones, so a cell stays small however much happens.
    """

    pause_s = 0.5
    width = 100

    def __init__(self) -> None:
        """Show nothing yet."""
        self.here = working_directory()  # that is where `!multirun show` would be executed
        self._handle: Any = None
        self._news: list[Line] = []
        self._shown: list[Line] = []

    def say(self, line: Line, more: Line | None = None) -> None:
        """Show a line below the rows, from the next update on."""
        self._news.append(line if more is None else line + Line.of("; ") + more)
        del self._news[:-_MOST_NEWS]

    def update(self, moment: Moment) -> None:
        """Show the rows anew."""
        if moment.statistics.total_count:
            from multirun.display.rows import render_rows  # the width of characters is a large table

            self._show([*render_rows(moment, self.width), *self._news])

    def close(self, lines: Sequence[Line]) -> None:
        """Replace the rows by the last words."""
        self._show([*self._news, *lines])

    def _show(self, lines: list[Line]) -> None:
        if lines == self._shown:
            return
        self._shown = lines
        bundle = {"text/plain": "\n".join(line.plain for line in lines), "text/html": to_html(lines)}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)


def to_html(lines: Sequence[Line]) -> str:
    """Lines as preformatted HTML, in which nothing of theirs is taken for markup."""
    text = "\n".join("".join(_span(piece, role) for piece, role in line) for line in lines)
    return f'<pre style="white-space:pre-wrap;margin:0">{text}</pre>'


def _span(text: str, role: Role) -> str:
    look = _COLOURS.get(role)
    return f'<span style="{look}">{html.escape(text)}</span>' if look else html.escape(text)
