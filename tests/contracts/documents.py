"""Reads a page of the documentation as a reader would: block after block, each tried out in one directory.

What an HTML comment right before a block says about it:

    file: NAME      the block is the content of a file
    prints          the block is what the Python block before it printed
    screen: WHY     the block was copied from a screen and cannot be compared
    not run: WHY    the block is not executed

Without one, a Python block is executed, and so are the commands in a console block: each line that begins with `$ `.
What follows a command is what it writes. There `…` stands for any text, alone on a line for any number of lines, and a
line `^C` for the key. Numbers that differ from time to time and the name of the directory are not compared. Lines in
which multirun says how far it is may be left out.

A page that uses a program which is not part of every system says so somewhere: `<!-- needs: NAME -->`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = "/home/ada/study"
"""The directory in which the reader works, as the pages call it."""

_BLOCK = re.compile(
    r"^(?:<!-- (?P<marker>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_VARYING = (
    (re.compile(r"\d{8}-\d{6}(-\d+)?"), "STAMP"),
    (re.compile(r",\d+\.\d+$", re.MULTILINE), ",SECONDS"),
    (re.compile(r"\d+(\.\d+)? s\b"), "SECONDS"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)
_PROGRESS = r"(?:multirun: .*\n)*?"
_PATIENCE_S = 60


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        language: what the page says it is.
        marker: the comment before it, `""` if there is none.
        text: its lines.
        line: number of its first line in the page.
    """

    language: str
    marker: str
    text: str
    line: int


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page in order."""
    content = page.read_text()
    for match in _BLOCK.finditer(content):
        line = content.count("\n", 0, match.start("text")) + 1
        yield Block(match["language"], match["marker"] or "", match["text"], line)


def needs_of(page: Path) -> list[str]:
    """The programs that a page cannot be tried out without."""
    return re.findall(r"^<!-- needs: (\S+) -->$", page.read_text(), re.MULTILINE)


class Reader:
    """Tries out the blocks of one page.

    Attributes:
        home: the directory in which everything happens; it must be the current one.
    """

    def __init__(self, page: Path, home: Path) -> None:
        self.home = home
        self._page = page
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._printed = ""

    def read(self, block: Block) -> None:
        """Try out one block.

        Raises:
            AssertionError: something else happens than the page says.
        """
        kind, _, rest = block.marker.partition(": ")
        if kind == "file":
            self._write(rest, block.text)
        elif kind == "prints":
            self._compare(block, block.text, self._printed)
        elif block.language == "python" and not kind:
            self._execute(block)
        elif block.language == "console" and not kind:
            for command, expected in commands_in(block.text):
                self._type(block, command, expected)

    def _write(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _execute(self, block: Block) -> None:
        code = compile("\n" * (block.line - 1) + block.text, str(self._page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self._names)
        self._printed = printed.getvalue()

    def _type(self, block: Block, command: str, expected: str) -> None:
        before, key, _ = expected.partition("^C\n")
        with Terminal(command, self.home) as terminal:
            if key:
                terminal.wait_for(lambda output: self._agrees(before, output))
                terminal.press_ctrl_c()
            output = terminal.read_to_end()
        self._compare(block, expected.replace("^C\n", ""), output, command)

    def _compare(self, block: Block, expected: str, found: str, command: str = "") -> None:
        place = f"{self._page}:{block.line} {command}".rstrip()
        assert self._agrees(expected, found), f"{place}\n--- the page says\n{expected}\n--- it was\n{found}"

    def _agrees(self, expected: str, found: str) -> bool:
        found = found.replace(str(self.home), HOME).replace(shlex.quote(sys.executable), sys.executable)
        return re.fullmatch(pattern_of(steady(expected)), steady(found)) is not None


class Terminal:
    """A command that is being executed as on a terminal: in a process group of its own, its output as it comes."""

    def __init__(self, command: str, home: Path) -> None:
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        self._output = b""
        self._deadline = time.monotonic() + _PATIENCE_S
        self._process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=home,
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()

    def wait_for(self, condition: Any) -> None:
        """Read until the output satisfies a condition."""
        while not condition(self._output.decode()):
            assert self._read(), f"it ended too early:\n{self._output.decode()}"

    def read_to_end(self) -> str:
        """Read until the command has ended; all its output."""
        while self._read():
            pass
        self._process.wait(_PATIENCE_S)
        return self._output.decode()

    def press_ctrl_c(self) -> None:
        """Do what a terminal does at Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    def _read(self) -> bool:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        ready, _, _ = select.select([descriptor], [], [], max(0.0, self._deadline - time.monotonic()))
        assert ready, f"nothing more in {_PATIENCE_S} s after:\n{self._output.decode()}"
        data = os.read(descriptor, 1 << 16)
        self._output += data
        return bool(data)


def commands_in(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it writes."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def steady(text: str) -> str:
    """The text without what differs from time to time."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def pattern_of(expected: str) -> str:
    """A regular expression for a text in which `…` stands for anything, and progress may be left out."""
    lines = expected.splitlines(keepends=True)
    patterns = [r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") for line in lines]
    return "".join(f"{_PROGRESS}{pattern}" for pattern in [*patterns, ""])
