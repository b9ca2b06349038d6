"""From what was found to a value of the wanted type, and whether that is within its limits; pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from multirun.extraction import Extraction, UnusableError

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdDqQ]([+-]?\d+)|([+-]\d{3}))?", re.ASCII)
"""Also as Fortran writes it: 1.0D+03, and 0.1-100 where the letter has no room."""
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_ODD = re.compile(r"([+-]?)(inf(?:inity)?|nan(?:\(\w*\))?)", re.ASCII | re.IGNORECASE)
_TRUE = frozenset({"true", ".true.", "t", "yes", "on", "1"})
_FALSE = frozenset({"false", ".false.", "f", "no", "off", "0"})
_SHOWN = 60


def show(value: object) -> str:
    """A value as it is written in a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def number_in(text: str) -> int | float | None:
    """The number that a text is, None if it is none.

    Args:
        text: decimal, with an exponent in the style of C or Fortran, `inf` or `nan`; white space around is ignored.
    """
    text = text.strip()
    odd = _ODD.fullmatch(text)
    if odd:
        return float(f"{odd[1]}{odd[2][:3]}")
    found = _NUMBER.fullmatch(text)
    if not found or (found[3] and "." not in found[1]):
        return None
    if _WHOLE.fullmatch(text) and len(text) <= 600:
        return int(text)
    return float(f"{found[1]}e{found[2] or found[3] or 0}")


def convert(raw: object, kind: str | None, *, limited: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """The value of what was found; of a list, that of each item.

    Args:
        raw: text, or any JSON value.
        kind: the wanted type as in `Extraction`.
        limited: whether it has to be a number.

    Raises:
        UnusableError: it has no value of this type; the text says what it is.
    """
    if isinstance(raw, list):
        return [convert(item, kind, limited=limited) for item in raw]
    if kind is not None:
        return _CONVERSIONS[kind](raw)
    value = raw if limited or not isinstance(raw, str) else number_in(raw)
    return _number(raw) if limited else raw if value is None else value


def convert_text(text: str, kind: str | None, *, limited: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a text that was cut out of a longer one, without the white space around it."""
    return convert(text.strip(), kind, limited=limited)


def _number(raw: object) -> int | float:
    value = number_in(raw) if isinstance(raw, str) else raw
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableError(f"{show(raw)}, which is no number")
    return value


def _float(raw: object) -> float:
    try:
        return float(_number(raw))
    except OverflowError:
        return math.inf


def _int(raw: object) -> int:
    value = _number(raw)
    if isinstance(value, float) and not value.is_integer():
        raise UnusableError(f"{show(raw)}, which is no whole number")
    return int(value)


def _bool(raw: object) -> bool:
    word = raw.strip().lower() if isinstance(raw, str) else json.dumps(raw) if isinstance(raw, int) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise UnusableError(f"{show(raw)}, which is neither true nor false")


def _text(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, dict):
        raise UnusableError(f"{show(raw)}, which is a map")
    return json.dumps(raw)


_CONVERSIONS = {"int": _int, "float": _float, "bool": _bool, "text": _text}


def beyond(value: object, rule: Extraction) -> str | None:
    """Why a value is not within the limits of its rule, None if it is.

    Args:
        value: a number, or a list of numbers each of which must be good.
        rule: its rule.
    """
    if isinstance(value, list):
        return next(filter(None, (beyond(item, rule) for item in value)), None)
    number: Any = value
    if rule.finite and isinstance(number, float) and not math.isfinite(number):
        return f"{show(number)} is not finite"
    if rule.min is not None and not number >= rule.min:
        return f"{show(number)} is not at least {rule.min!r}, its min"
    if rule.max is not None and not number <= rule.max:
        return f"{show(number)} is not at most {rule.max!r}, its max"
    return None
