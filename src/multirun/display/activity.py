"""What deserves a row of its own: the runs that have been running longest, and what tells them apart."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multirun.display.moment import SHOWN_RUNS, Active, is_slow
from multirun.hints import root_of
from multirun.params import describe
from multirun.wording import printable

if TYPE_CHECKING:
    from multirun.run import Run
    from multirun.runners.ledger import Ledger

_YOUNGEST_S = 1.0
_SAMPLED = 40
_NOTHING = object()


class Variation:
    """Finds out which parameters vary, from a few runs each time; what was seen to vary stays so.

    Attributes:
        varied: the names of the parameters that do.
    """

    def __init__(self) -> None:
        self.varied: set[str] = set()
        self._first: Mapping[str, Any] | None = None
        self._sampled = 0

    def sample(self, runs: Sequence[Run]) -> None:
        """Look at some of all runs, spread evenly, if there are more than last time."""
        if len(runs) == self._sampled:
            return
        self._sampled = count = len(runs)
        for number in range(min(count, _SAMPLED)):
            self.note(runs[number * (count - 1) // max(1, min(count, _SAMPLED) - 1)].params)

    def note(self, params: Mapping[str, Any]) -> None:
        """Look at the parameters of one run."""
        if self._first is None:
            self._first = params
        first = self._first
        if params is first:
            return
        for name in first.keys() | params.keys():
            if name not in self.varied and not _same(first.get(name, _NOTHING), params.get(name, _NOTHING)):
                self.varied.add(name)

    def select(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those parameters of a run that vary; all of them if none does."""
        if not self.varied:
            return params
        return {name: value for name, value in params.items() if name in self.varied}


def _same(one: object, other: object) -> bool:
    try:
        return one is other or (type(one) is type(other) and bool(one == other))
    except Exception:  # noqa: BLE001 - values of others, compared only for the look of a row
        return False


def observe(ledger: Ledger, variation: Variation, roots: Sequence[str], now_s: float) -> tuple[Active, ...]:
    """The runs that have been running longest, the oldest first; what this costs does not depend on how many there are.

    Args:
        ledger: where they are.
        variation: which parameters vary; learns from what it sees here.
        roots: the sweeps.
        now_s: seconds on the monotonic clock.
    """
    variation.sample(ledger.runs)
    oldest = [(run, now_s - since_s) for run, since_s in ledger.oldest(SHOWN_RUNS) if now_s - since_s >= _YOUNGEST_S]
    for run, _ in oldest:
        variation.note(run.params)
    typical_s = ledger.typical_s()
    return tuple(
        Active(
            name_run(run, roots),
            describe(variation.select(run.params)),
            elapsed_s,
            typical_s if is_slow(elapsed_s, typical_s) else None,
        )
        for run, elapsed_s in oldest
    )


def name_run(run: Run, roots: Sequence[str]) -> str:
    """`run 7`, or `run 7 of study` if there are several sweeps."""
    root = root_of(str(run.path), roots) if len(roots) > 1 else None
    return f"run {run.index}" if root is None else printable(f"run {run.index} of {os.path.basename(root)}")
