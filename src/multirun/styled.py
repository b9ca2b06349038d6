"""Lines for people whose pieces have a role; what a role looks like is up to the terminal, the notebook or the log."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Role = Literal["", "running", "ok", "failed", "skipped", "waiting", "notice", "slow", "dim", "strong"]


class Piece(NamedTuple):
    """A part of a line.

    Attributes:
        text: what it says, without control characters.
        role: why it should stand out, empty if it should not.
    """

    text: str
    role: Role = ""


class Line(tuple[Piece, ...]):
    """One line; two of them can be joined by `+`."""

    __slots__ = ()

    @classmethod
    def of(cls, *parts: str | tuple[str, Role]) -> Line:
        """A line of plain texts and of pairs of a text and its role; what is empty is left out."""
        pieces = (Piece(part) if isinstance(part, str) else Piece(*part) for part in parts)
        return cls(piece for piece in pieces if piece.text)

    def __add__(self, other: tuple[Any, ...]) -> Line:
        return Line((*self, *other))

    @property
    def plain(self) -> str:
        """The text alone."""
        return "".join(piece.text for piece in self)
