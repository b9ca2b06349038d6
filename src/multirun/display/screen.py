"""What a narrator needs of the thing it talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multirun.display.moment import Moment
    from multirun.run import Run


class Screen(Protocol):
    """Shows moments, and says what is new; never raises because nobody can read it."""

    @property
    def pause_s(self) -> float:
        """Seconds between two moments."""
        ...

    def say_failure(self, run: Run) -> None:
        """A run failed."""
        ...

    def say_notice(self, text: str) -> None:
        """Something cannot go on for now."""
        ...

    def say(self, text: str) -> None:
        """Anything else that people should know."""
        ...

    def update(self, moment: Moment) -> None:
        """Show how things stand."""
        ...

    def close(self, moment: Moment) -> None:
        """Show how things stand at the end."""
        ...
