"""Counts of runs as pieces of a line; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from multirun.styled import Line, Piece, Role
from multirun.summary import outcome_role
from multirun.wording import summary_line

if TYPE_CHECKING:
    from multirun.display.moment import Moment

ROLES: dict[str, Role] = {
    "running": "running",
    "ok": "ok",
    "failed": "failed",
    "skipped": "skipped",
    "waiting": "waiting",
}
"""The role of each word for a status."""


def style_counts(counts: Mapping[str, int], label: str = "") -> Line:
    """`3 running, 12 ok`, each in the role of its status.

    Args:
        counts: the counts by the words for them.
        label: what comes first.
    """
    pieces = [Piece(label)] if label else []
    for number, (word, count) in enumerate(counts.items()):
        pieces += [Piece(", ")] if number else []
        pieces.append(Piece(f"{count} {word}", ROLES[word]))
    return Line(pieces)


def render_summary(moment: Moment) -> Line:
    """How things stand at the end, however wide that is; the worst outcome decides the colour."""
    counts, semicolon, where = summary_line(moment.statistics, moment.elapsed_s, moment.where).partition(";")
    retried = f", {moment.retried}" if moment.retries else ""
    return Line.of((counts, outcome_role(moment.statistics)), f"{retried}{semicolon}{where}")
