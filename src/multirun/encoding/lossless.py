"""JSON text: which values it gives back exactly, and the one text of a value to compare by."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

MAX_DEPTH = 100
"""Lists, maps and sets inside one value may be nested this deep."""

# 617 digits. Python reads 640 whatever PYTHONINTMAXSTRDIGITS says.
INT_LIMIT = 1 << 2048


class Unencodable(ValueError):  # noqa: N818, it never leaves the package
    """A value cannot be stored exactly.

    Attributes:
        path: the way to it, such as `mesh.sizes[3]`; empty for the whole value.
        why: what it is and what to do instead, to be read after the path.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path or 'the value'} {self.why}"


def is_lossless(value: Any, depth: int = 0) -> bool:  # noqa: ANN401, the type is asked here
    """Whether JSON text gives back exactly `value`, which lies `depth` containers deep."""
    kind = type(value)
    if kind is float:
        return bool(value - value == 0.0)  # neither NaN nor infinite
    if kind is int:
        return bool(-INT_LIMIT < value < INT_LIMIT)
    if kind is str:
        return value.isascii() or is_text(value)
    if kind is list:
        return depth < MAX_DEPTH and all(is_lossless(item, depth + 1) for item in value)
    if kind is dict:
        return depth < MAX_DEPTH and all(
            is_name(key) and key[:1] != "$" and is_lossless(item, depth + 1) for key, item in value.items()
        )
    return kind is bool or value is None


def is_name(key: object) -> TypeGuard[str]:
    """Whether a key of a map can be a key in JSON."""
    return type(key) is str and (key.isascii() or is_text(key))


def is_text(value: str) -> bool:
    """Whether the text has no surrogates, of which JSON readers make what they like."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_compact: Callable[[object], str] | None = None


def compact(document: object) -> str:
    """Return a document as its one shortest JSON text, with sorted keys."""
    global _compact  # noqa: PLW0603, json.dumps would make an encoder for every call
    if _compact is None:
        import json

        _compact = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
    return _compact(document)
