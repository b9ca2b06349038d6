"""What a narrator needs of the thing it talks to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multirun.display.moment import Moment
    from multirun.styled import Line


class Screen(Protocol):
    """Shows moments, and says what is new; never raises because nobody can read it."""

    @property
    def pause_s(self) -> float:
        """Seconds between two moments."""
        ...

    @property
    def here(self) -> str:
        """The directory to which paths may be relative; empty if whoever reads this may be elsewhere."""
        ...

    @property
    def width(self) -> int | None:
        """How many cells a line may take; None if that does not matter."""
        ...

    def say(self, line: Line, more: Line | None = None) -> None:
        """Something happened that people should know; it stays to be seen.

        Args:
            line: what.
            more: where to learn more.
        """
        ...

    def update(self, moment: Moment) -> None:
        """Show how things stand."""
        ...

    def close(self, lines: Sequence[Line]) -> None:
        """Replace how things stand by the last words."""
        ...
