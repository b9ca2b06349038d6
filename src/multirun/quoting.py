"""Values inside the text of a shell: written so that they stay text, wherever in it they stand."""

from __future__ import annotations

import re
import shlex

PLAIN, NESTED, SINGLE, DOUBLE, COMMENT, BACKTICKS, DOCUMENT = "", "(", "'", '"', "#", "`", "<<"
BRACES, QUOTED_BRACES, CASE, ESCAPES = "${", '"${', "case", "$'"
"""What may be around a character: nothing, parentheses, quotes of two kinds, and so on."""

_BEGINS = r"""\$?['"`(] | \$\{ | (?<![^\s;&|()])\# | <<-?[ \t]*['"\\]?(?=[A-Za-z_])"""
_CHARACTER = re.compile(r"(?P<begins>(?!))|.", re.DOTALL)


def _tokens(begins: str) -> re.Pattern[str]:
    return re.compile(rf"\\. | (?P<begins> {begins} ) | .", re.DOTALL | re.VERBOSE)


_TOKENS = {
    PLAIN: _tokens(_BEGINS),
    NESTED: _tokens(rf"{_BEGINS} | \bcase\b"),
    DOUBLE: _tokens(r"` | \$[({]"),
    BACKTICKS: _tokens("(?!)"),
    BRACES: _tokens(r"""\$[({'] | ['"`]"""),
    QUOTED_BRACES: _tokens(r'\$[({] | ["`]'),
}
_ENDS = {NESTED: ")", SINGLE: "'", DOUBLE: '"', COMMENT: "\n", BACKTICKS: "`", BRACES: "}", QUOTED_BRACES: "}"}
_SPECIAL_IN_QUOTES = re.compile(r'([\\"$`])')
_VARIABLE = "give it to a variable first, as in x={name}"
_REFUSED = {
    BACKTICKS: "`…`; write $(…) instead",
    DOCUMENT: "a here-document; give that text as stdin=Template(…)",
    BRACES: f"${{…}}; {_VARIABLE}",
    QUOTED_BRACES: f"${{…}}; {_VARIABLE}",
    CASE: f"$(…) behind the word case, or behind that; {_VARIABLE}",
    ESCAPES: "$'…' or behind it, for not all shells know that; write '…' instead",
}


def surroundings(text: str) -> list[str]:
    """For each character of a text for `sh -c`, what is around it.

    Args:
        text: what the shell will read.
    """
    around: list[str] = []
    stack = [PLAIN]
    while len(around) < len(text):
        found = _TOKENS.get(stack[-1], _CHARACTER).match(text, len(around))
        token, begins = (found[0], found["begins"]) if found else (text[len(around)], None)
        around += [next((each for each in stack if each in _REFUSED), stack[-1])] * len(token)
        if begins:
            stack.append(_state(begins, stack[-1]))
        elif token == _ENDS.get(stack[-1]):
            stack.pop()
    return around


def _state(begins: str, around: str) -> str:
    """What is around the characters that follow some that begin something."""
    if begins == BRACES:
        return QUOTED_BRACES if around in (DOUBLE, QUOTED_BRACES) else BRACES
    if begins in (CASE, ESCAPES):
        return begins
    return DOCUMENT if begins.startswith(DOCUMENT) else begins[-1]


def quote(value: str, around: str) -> str:
    """A value as a shell has to be given it.

    Args:
        value: the text that the shell is to see.
        around: what is around the place where it will stand.

    Raises:
        ValueError: no text is safe there.
    """
    if around in _REFUSED:
        raise ValueError(f"a parameter cannot stand inside {_REFUSED[around]}")
    if around == SINGLE:
        return value.replace("'", "'\\''")
    if around == DOUBLE:
        return _SPECIAL_IN_QUOTES.sub(r"\\\1", value)
    return value.replace("\n", " ") if around == COMMENT else shlex.quote(value)
