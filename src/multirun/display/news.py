"""Lines about what just happened; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from multirun.causes import number_ranges
from multirun.hints import next_command, root_of
from multirun.params import describe
from multirun.styled import Line
from multirun.wording import printable, why_in_words

if TYPE_CHECKING:
    from multirun.run import Run

_LONGEST_EVIDENCE = 160


class News(NamedTuple):
    """What there is to say.

    Attributes:
        line: what happened.
        more: where to learn more.
    """

    line: Line
    more: Line | None = None


def failure_news(run: Run, params: Mapping[str, Any], roots: Sequence[str], here: str) -> News:
    """Which run failed, why, and the command that shows more.

    Args:
        run: a run that failed.
        params: those of its parameters that tell it from others.
        roots: the sweeps, one of which is its own.
        here: the directory where the user is.
    """
    listed = f" ({describe(params)})" if params else ""
    line = Line.of((f"run {run.index}", "failed"), printable(listed), (" failed: ", "failed"), cause(run))
    return News(line, Line.of((printable(_pointer(run, roots, here)), "dim")))


def cause(run: Run) -> str:
    """Why a run failed, in one line: the reason, what there is to say about it, and what the program said last."""
    parts = [why_in_words(run.reason or "", run.message), _evidence(run)]
    return printable(": ".join(part for part in parts if part))


def _evidence(run: Run) -> str | None:
    line: str | None = getattr(run, "evidence", None)
    return line if line is None or len(line) <= _LONGEST_EVIDENCE else f"{line[: _LONGEST_EVIDENCE - 1]}…"


def _pointer(run: Run, roots: Sequence[str], here: str) -> str:
    root = root_of(str(run.path), roots)
    return f"see {run.stderr}" if root is None else f"more: {next_command('show', root, str(run.index), here=here)}"


def latest_failure(run: Run, name: str, params: Mapping[str, Any]) -> str:
    """The failure that came last, in few words.

    Args:
        run: a run that failed.
        name: what to call it.
        params: those of its parameters that tell it from others.
    """
    listed = f" ({describe(params, 40)})" if params else ""
    return printable(f"{name}{listed}: {cause(run)}")


def cancelled_news(runs: Sequence[Run]) -> News:
    """Which runs somebody ended on purpose."""
    return News(Line.of((f"cancelled: runs {number_ranges(sorted(run.index for run in runs))}", "dim")))


def flood_news(roots: Sequence[str], here: str) -> News:
    """That there are too many failures to name each, and the commands that list them."""
    listing = " or ".join(next_command("status", root, here=here) for root in roots)
    line = Line.of(("further failures are counted only", "dim"))
    return News(line, Line.of((printable(f"list them with: {listing}"), "dim")))
