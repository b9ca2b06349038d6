"""Terminals for tests: a pseudo-terminal whose other end is read here, and what a person would see on it."""

import codecs
import os
import re
import termios
from contextlib import suppress
from typing import TextIO

from rich.cells import cell_len
from tests.patience import wait_until

_ORDER = re.compile(r"\x1b\[([?]?)([0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")
_TORN_ORDER = re.compile(r"\x1b(\[[?0-9;]*)?\Z")


class Page:
    """The text on a terminal, all of it from the beginning; colours are forgotten.

    Attributes:
        rows: the rows.
        orders: every control sequence that was seen, by its last letter.
    """

    def __init__(self) -> None:
        self.rows = [""]
        self.orders: set[str] = set()
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        """Take in what was written; it must consist of what the display may use."""
        end = 0
        for match in _ORDER.finditer(text):
            assert match.start() == end, f"unknown: {text[end : match.start()]!r}"
            end = match.end()
            private, number, letter, control, plain = match.groups()
            if plain:
                self._write(plain)
            elif control:
                self._control(control)
            else:
                assert not private
                self._order(letter, number)
        assert end == len(text), f"unknown: {text[end:]!r}"

    def _write(self, text: str) -> None:
        row = self.rows[self._row].ljust(self._column)
        self.rows[self._row] = row[: self._column] + text + row[self._column + len(text) :]
        self._column += len(text)

    def _control(self, control: str) -> None:
        if control == "\r":
            self._column = 0
            return
        self._row += 1
        if self._row == len(self.rows):
            self.rows.append("")

    def _order(self, letter: str, number: str) -> None:
        self.orders.add(letter)
        if letter == "A":
            self._row -= int(number or 1)
            assert self._row >= 0
        elif letter in "KJ":
            assert number in ("", "0")
            self.rows[self._row] = self.rows[self._row][: self._column]
            if letter == "J":
                del self.rows[self._row + 1 :]
        else:
            assert letter == "m"

    @property
    def text(self) -> str:
        """Everything to be seen, without spaces at the ends."""
        return "\n".join(row.rstrip() for row in self.rows).strip("\n")


class Pty:
    """A pseudo-terminal.

    Attributes:
        stream: the end that a program writes to.
        page: what is to be seen.
        raw: all that was written.
    """

    def __init__(self, columns: int = 100, lines: int = 24, encoding: str = "utf-8") -> None:
        self._ours, theirs = os.openpty()
        os.set_blocking(self._ours, False)
        self.stream: TextIO = os.fdopen(theirs, "w", encoding=encoding, errors="backslashreplace", buffering=1)
        self.page = Page()
        self.raw = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._held = ""
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int = 24) -> None:
        """Make it wider or narrower; what it shows stays as it is."""
        termios.tcsetwinsize(self._ours, (lines, columns))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def read(self) -> str:
        """Take in what was written meanwhile; the visible text."""
        text = self._held
        with suppress(OSError):  # nothing there, or nobody at the other end any more
            while data := os.read(self._ours, 1 << 16):
                text += self._decoder.decode(data)
        torn = _TORN_ORDER.search(text)
        self._held = torn.group() if torn else ""
        whole = text.removesuffix(self._held)
        self.raw += whole
        self.page.feed(whole)
        return self.page.text

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until something is to be seen."""
        wait_until(lambda: re.search(pattern, self.read()), what=f"{pattern!r} on the terminal")
        match = re.search(pattern, self.page.text)
        assert match is not None
        return match

    def close(self) -> None:
        """Hang up."""
        self.stream.close()
        os.close(self._ours)


def widest(text: str) -> int:
    """Cells of the widest row of a text."""
    return max(cell_len(row) for row in text.splitlines())
