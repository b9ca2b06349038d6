"""Files in which `{{ name }}` and `{% if … %}` become what the parameters of a run say.

The language is that of Jinja2, which is imported when the first such file is read. What other tools write between
braces stays: `${x}`, `{expr}`, `${#x}`, `{%` at the end of a line, and the outer braces of `{{{ name }}}`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2 import Template as Compiled

MAP = "params"
"""Under this name a template finds all parameters, also those whose names it cannot write."""

# No file holds these: bytes that are not UTF-8 become surrogates from U+DC80 on.
_GAP, _RETURN = "\ud800", "\ud801"
_KEPT = re.compile(
    r"""\{(?=\{\{[^{}]*\}\}\})
    | (?P<tag> \{\{.*?\}\} | \{%(?![ \t]*(?:\r?\n|\Z)).*?%\} | (?<!\$)\{\#(?:[\s+-].*?|[^{}]*?)\#\} )
    | \{(?=\#|%[ \t]*(?:\r?\n|\Z))
    | (?P<cr>\r)""",
    re.DOTALL | re.VERBOSE,
)
_TAGS = (b"{{", b"{%", b"{#")


def has_tags(data: bytes) -> bool:
    """Whether there may be anything to fill in."""
    return any(tag in data for tag in _TAGS)


def decode(data: bytes) -> str:
    """The text of a template; bytes that are not UTF-8 come back when it is written.

    Raises:
        ValueError: it is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is UTF-16, and a template must be UTF-8 or another extension of ASCII: convert it")
    if b"\0" in data:
        raise ValueError("it holds a NUL byte, so it is no text that can be filled in; use linkage='copy'")
    return data.decode("utf-8", "surrogateescape")


class TextTemplate:
    """One file to be filled in, again and again; it is read and understood when that is done first."""

    def __init__(self, label: str, path: str) -> None:
        """Note where it is.

        Args:
            label: what to call the file in messages.
            path: the file.
        """
        self._label = label
        self._path = path

    @cached_property
    def _compiled(self) -> Compiled:
        make_jinja2_importable()
        from jinja2 import Template as Compiled

        with open(self._path, "rb") as file:
            source, newline = protect(decode(file.read()))
        jinja = environment(newline)
        code = jinja.compile(source, self._label, self._label)
        return Compiled.from_code(jinja, code, jinja.globals)

    def render(self, params: Mapping[str, Any]) -> Iterator[bytes]:
        """The filled in file, piece by piece.

        Args:
            params: the parameters of a run.

        Raises:
            OSError: it cannot be read.
            ValueError: it cannot be filled in; the message names file and line.
        """
        try:
            for piece in self._compiled.generate({MAP: dict(params), **params}):
                text = piece.replace(_GAP, "").replace(_RETURN, "\r")
                yield text.encode("utf-8", "surrogateescape")
        except OSError:
            raise
        except Exception as error:
            raise ValueError(self._why(error)) from error

    def _why(self, error: Exception) -> str:
        from jinja2 import TemplateError, TemplateSyntaxError

        line = getattr(error, "lineno", None) if isinstance(error, TemplateSyntaxError) else self._line_of(error)
        where = self._label if line is None else f"{self._label}, line {line}"
        what = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        return f"{where}: {sentence(what)}"

    def _line_of(self, error: Exception) -> int | None:
        line, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self._label:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line


def sentence(message: str | None) -> str:
    """What Jinja2 says, in one line and without marks of ours."""
    text = " ".join((message or "it cannot be understood").replace(_GAP, "").replace(_RETURN, "").split())
    return text.rstrip(".")


def environment(newline: str) -> Environment:
    """How templates are understood.

    Args:
        newline: the line break that they use.
    """
    from jinja2 import Environment, StrictUndefined

    return Environment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        newline_sequence="\r\n" if newline == "\r\n" else "\n",
        autoescape=False,
    )


def protect(text: str) -> tuple[str, str]:
    """The text with marks that keep Jinja2 from what is not meant for it, and the line break that it uses.

    Jinja2 makes all line breaks the same, so where they differ each carriage return becomes a mark.
    """
    breaks = text.count("\n"), text.count("\r\n"), text.count("\r")
    newline = "\r\n" if breaks[0] == breaks[1] == breaks[2] > 0 else "\n"
    return _KEPT.sub(lambda match: _mark(match, keep_returns=newline == "\r\n"), text), newline


def _mark(match: re.Match[str], *, keep_returns: bool) -> str:
    if match["tag"]:
        return match["tag"]
    if match["cr"]:
        return "\r" if keep_returns else _RETURN
    return "{" + _GAP


def make_jinja2_importable() -> None:
    """The launcher leaves out what `PYTHONPATH` and the user's own packages add; Jinja2 may be there."""
    if "jinja2" in sys.modules:
        return
    from importlib.util import find_spec

    if find_spec("jinja2") is None:
        import site

        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        sys.path += [package, *given, site.getusersitepackages()]
