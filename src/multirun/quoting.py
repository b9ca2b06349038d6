"""Values inside the text of a shell: written so that they stay text, wherever in it they stand."""

from __future__ import annotations

import re
import shlex

PLAIN, NESTED, SINGLE, DOUBLE, COMMENT, BACKTICKS, DOCUMENT = "", "(", "'", '"', "#", "`", "<<"
"""What may be around a character: nothing, parentheses, quotes of two kinds, and so on."""

_OUTSIDE = re.compile(
    r"""\\. | (?P<begins> ['"`(] | \$\( | (?<![^\s;&|()])\# | <<-?[ \t]*['"\\]?(?=[A-Za-z_]) ) | .""",
    re.DOTALL | re.VERBOSE,
)
_CHARACTER = re.compile(r"(?P<begins>(?!))|.", re.DOTALL)
_TOKENS = {
    PLAIN: _OUTSIDE,
    NESTED: _OUTSIDE,
    DOUBLE: re.compile(r"\\.|(?P<begins>`|\$\()|.", re.DOTALL),
    BACKTICKS: re.compile(r"\\.|(?P<begins>(?!))|.", re.DOTALL),
}
_ENDS = {NESTED: ")", SINGLE: "'", DOUBLE: '"', COMMENT: "\n", BACKTICKS: "`"}
_SPECIAL_IN_QUOTES = re.compile(r'([\\"$`])')
_REFUSED = {BACKTICKS: "`…`; write $(…) instead", DOCUMENT: "a here-document; give that text as stdin=Template(…)"}


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
        around += [stack[-1]] * len(token)
        if begins:
            stack.append(DOCUMENT if begins.startswith(DOCUMENT) else begins[-1])
        elif token == _ENDS.get(stack[-1]):
            stack.pop()
    return around


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
