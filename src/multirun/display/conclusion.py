"""What is shown when all is over: why runs failed, and how many ended how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from multirun.diagnosis import explain_runs
from multirun.display.counts import render_summary
from multirun.hints import next_command, root_of, shorten
from multirun.statistics import is_over
from multirun.styled import Line
from multirun.summary import Place
from multirun.wording import printable

if TYPE_CHECKING:
    from multirun.display.moment import Moment
    from multirun.display.screen import Screen
    from multirun.run import Run


def conclude(moment: Moment, runs: Sequence[Run], roots: Sequence[str], screen: Screen) -> list[Line]:
    """The last words about some sweeps.

    Args:
        moment: how things stand.
        runs: all runs of these sweeps.
        roots: the directories of the sweeps.
        screen: where the words will be shown.
    """
    places = tuple(shorten(place, screen.here) for place in moment.places)
    lines = list(_explain(runs, roots, screen)) if moment.statistics.failure_count else []
    lines.append(render_summary(replace(moment, places=places)))
    if moment.statistics.success_count and not is_over(moment.statistics):
        lines.append(_commands("what is complete", "results", roots, screen))
    if not is_over(moment.statistics) or any(run.reason == "cancelled" for run in runs):
        lines.append(_commands("to go on", "resume", roots, screen))
    return lines


def _commands(label: str, verb: str, roots: Sequence[str], screen: Screen) -> Line:
    """What to type for some sweeps."""
    commands = " or ".join(next_command(verb, root, here=screen.here) for root in roots)
    return Line.of((f"{label}: ", "dim"), printable(commands))


def _explain(runs: Sequence[Run], roots: Sequence[str], screen: Screen) -> Iterable[Line]:
    """Why runs failed, sweep by sweep."""
    for root, its_runs in _by_root(runs, roots).items():
        lines = explain_runs(its_runs, Place(root, screen.here, screen.width))
        if lines and len(roots) > 1:
            yield Line.of((f"{printable(shorten(root, screen.here))}:", "strong"))
        yield from lines


def _by_root(runs: Sequence[Run], roots: Sequence[str]) -> dict[str, list[Run]]:
    if len(roots) == 1:
        return {roots[0]: list(runs)}
    shared: dict[str, list[Run]] = {root: [] for root in roots}
    for run in runs:
        root = root_of(str(run.path), roots)
        if root is not None:
            shared[root].append(run)
    return shared
