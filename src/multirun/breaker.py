"""When failures are reason enough to start nothing more; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.causes import fingerprint
from multirun.contract import SAME_FAILURES, TOO_MANY_FAILURES

if TYPE_CHECKING:
    from multirun.run import Run

MAX_SAME_FAILURES = 20
"""A sorted grid may well begin with a row in which all runs fail alike; so many cost little."""
QUICK_S = 2.0
"""A run that fails after fewer seconds has hardly begun: most likely it would fail with any parameters."""


class Breaker:
    """Follows the ends of the runs of one call, and says when to stop."""

    def __init__(self, max_failures: int | None, max_same_failures: int | None) -> None:
        """Begin before the first end.

        Args:
            max_failures: how many runs may fail before no other is started, None for any number.
            max_same_failures: how many runs at the very beginning may fail at once and alike, None for any number.
        """
        self._max_failures = max_failures
        self._failures = 0
        self._left = max_same_failures or 0
        self._kind: object = None

    def after(self, run: Run) -> str | None:
        """Why nothing more is to be started after the end of a run, None if there is no reason.

        Cancelled runs and those that need not be executed say nothing.

        Args:
            run: the run, which is complete.
        """
        if run.status == "success":
            self._left = 0
            return None
        if run.status != "failure" or run.reason == "cancelled":
            return None
        self._failures += 1
        if self._failures == self._max_failures:
            return TOO_MANY_FAILURES
        return SAME_FAILURES if self._left and self._completes_row(run) else None

    def _completes_row(self, run: Run) -> bool:
        kind = (run.reason, fingerprint(run.evidence or run.message))
        is_quick = run.duration_s is not None and run.duration_s < QUICK_S
        if not is_quick or self._kind not in (None, kind):
            self._left = 0
            return False
        self._kind = kind
        self._left -= 1
        return self._left == 0
