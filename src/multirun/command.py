"""Command and environment templates: `{name}` and `{name:.3f}` become parameters of the run.

Everything else between braces, and `${name}`, belongs to the user's shell, awk or simulator and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from multirun.quoting import quote, surroundings

_FIELD = re.compile(r"\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}|(?<!\$)\{([^{}]*)\}")
"""A field inside braces that stay, an escaped field, a field."""


def fields(texts: Iterable[str]) -> set[str]:
    """What names a parameter, or may mean to, in any of the texts; format specifications included."""
    return {field for text in texts for inner, _, outer in _FIELD.findall(text) if (field := inner or outer)}


def split_field(field: str, names: Iterable[str]) -> tuple[str, str] | None:
    """Name and format specification of a field, or None if it names no parameter.

    Args:
        field: what stands between the braces.
        names: the names of the parameters; they may contain colons, so the longest that fits is taken.
    """
    known = names if isinstance(names, Mapping | set | frozenset) else frozenset(names)
    name, rest = field, ""
    while name not in known:
        name, colon, spec = name.rpartition(":")
        if not colon:
            return None
        rest = f":{spec}{rest}"
    return name, rest[1:]


def render(text: str, params: Mapping[str, object]) -> str:
    """The text with its fields replaced.

    Args:
        text: one word of a command, or the value of an environment variable.
        params: the parameters of the run.

    Raises:
        ValueError: a format specification does not fit its parameter.
    """
    if "{" not in text:
        return text
    return _FIELD.sub(lambda match: _replacement(match, params), text)


def render_shell(text: str, params: Mapping[str, object]) -> str:
    """A text for `sh -c` with its fields replaced, each value quoted for the place where it stands.

    Args:
        text: the text.
        params: the parameters of the run.

    Raises:
        ValueError: a format specification does not fit its parameter, or no value is safe where one stands.
    """
    if "{" not in text:
        return text
    masked = _FIELD.sub(lambda match: "0" * len(match[0]) if _named(match, params) else match[0], text)
    around = surroundings(masked)
    return _FIELD.sub(
        lambda match: _replacement(match, params, lambda value: quote(value, around[match.start()])), text
    )


def render_words(words: Sequence[str], params: Mapping[str, object], *, shell: bool) -> list[str]:
    """The words of a command with their fields replaced.

    Args:
        words: the command.
        params: the parameters of the run.
        shell: whether a shell reads them.

    Raises:
        ValueError: a value does not fit where it stands.
    """
    fill = render_shell if shell else render
    return [fill(word, params) for word in words]


def _named(match: re.Match[str], params: Mapping[str, object]) -> tuple[str, str] | None:
    return split_field(next(filter(None, match.groups()), ""), params)


def _replacement(match: re.Match[str], params: Mapping[str, object], finish: Callable[[str], str] | None = None) -> str:
    inner, escaped, _ = match.groups()
    found = _named(match, params)
    if found is None:
        return match.group(0)
    if escaped is not None:
        return "{" + escaped + "}"
    value = _format(*found, params)
    if finish is not None:
        value = finish(value)
    return value if inner is None else "{" + value + "}"


def _format(name: str, spec: str, params: Mapping[str, object]) -> str:
    value = params[name]
    if not spec:
        return str(value)
    try:
        return format(value, spec)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"{{{name}:{spec}}} cannot format {value!r}: {error}") from error


def near_misses(unknown: Iterable[str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Fields that look like a misspelt parameter, each with the nearest name.

    Args:
        unknown: fields that name no parameter.
        names: the names of the parameters.
    """
    from difflib import get_close_matches

    for field in sorted(unknown):
        name = field.partition(":")[0]
        close = get_close_matches(name, names, n=1, cutoff=0.75) if name.isidentifier() else []
        if close:
            yield field, close[0]
