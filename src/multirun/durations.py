"""Durations and moments as people write them."""

from __future__ import annotations

import math
import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{2}(?:\.\d+)?)")


def parse_duration(value: object, *, zero: bool = False) -> float:
    """Seconds of a duration.

    Args:
        value: a number of seconds, or text such as `"90"`, `"1.5h"`, `"1h 30m"`, `"2:00:00"` (hours first) or `"5:00"`.
        zero: whether it may be zero.

    Returns:
        The duration in seconds, finite and not negative.

    Raises:
        ValueError: the value is no duration; the message says what would be.
    """
    seconds = _parse_text(value.strip().lower()) if isinstance(value, str) else _as_seconds(value)
    if seconds is None or not 0 <= seconds < math.inf or (seconds == 0 and not zero):
        raise ValueError(
            f'{value!r} is no duration; write seconds (90) or text such as "90s", "2h", "1h30m" or "1:30:00"'
        )
    return seconds


def _as_seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _parse_text(text: str) -> float | None:
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = clock.groups(default="0")
        return float(hours) * 3600 + float(minutes) * 60 + float(seconds)
    if text and not _PARTS.sub("", text).strip():
        return sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text))
    try:
        return float(text)
    except ValueError:
        return None


def format_duration(seconds: float) -> str:
    """Short text for people: `0.4 s`, `2.6 s`, `3 min 05 s`, `2 h 07 min`, `3 d 04 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"


def local_time() -> str:
    """Now, with its zone, to the second as in ISO 8601."""
    from datetime import datetime

    return datetime.now().astimezone().isoformat(timespec="seconds")
