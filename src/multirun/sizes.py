"""Numbers of bytes as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]i?)?b)?", re.IGNORECASE)


def parse_size(value: object) -> int:
    """Bytes of a size.

    Args:
        value: a whole number of bytes, or text such as `"100MB"`, `"1.5 GB"` or `"512MiB"`.

    Returns:
        The size in bytes, at least 1.

    Raises:
        ValueError: the value is no size; the message says what would be.
    """
    size = _parse_text(value.strip()) if isinstance(value, str) else _as_bytes(value)
    if size < 1:
        raise ValueError(f'{value!r} is no size; write bytes (100_000) or text such as "100MB", "1.5GB" or "512MiB"')
    return size


def _as_bytes(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _parse_text(text: str) -> int:
    found = _SIZE.fullmatch(text)
    return round(float(found[1]) * _UNITS[(found[2] or "").lower()]) if found and len(text) < 40 else 0


def format_size(size: int) -> str:
    """Short text for people: `999 B`, `1.5 kB`, `123 MB`.

    Args:
        size: bytes.
    """
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.3g} {unit}"
