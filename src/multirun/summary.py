"""Why the runs of a sweep failed, as lines for people: one paragraph for each cause; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import east_asian_width

from multirun.causes import number_ranges
from multirun.evidence import LONGEST_LINE, shorten, weigh
from multirun.hints import next_command
from multirun.hints import shorten as shorten_path
from multirun.params import describe
from multirun.statistics import is_over
from multirun.styled import Line, Role
from multirun.wording import printable, why_in_words

if TYPE_CHECKING:
    from multirun.causes import Cause
    from multirun.statistics import RunStatistics

_INDENT = "  "
_NARROWEST = 20
_MOST_ROWS = 4
_LINES_OF_ALL, _LINES_OF_ONE, _FEWEST_LINES = 9, 6, 2
"""How many last lines of output are shown: about so many together, for a single cause, and for one that needs them."""


class Tail(NamedTuple):
    """The end of what a program wrote.

    Attributes:
        path: the file.
        lines: its last lines, printable.
        readable: false if there are none because what it wrote is not text.
    """

    path: str
    lines: Sequence[str]
    readable: bool = True


class Place(NamedTuple):
    """Where a summary is shown.

    Attributes:
        root: the sweep directory, absolute.
        here: the directory where the user is; empty if that is not known.
        width: how many columns there are; None where that does not matter.
    """

    root: str
    here: str = ""
    width: int | None = None


def outcome_role(statistics: RunStatistics) -> Role:
    """The role of the worst outcome, which decides how a whole sweep looks.

    Args:
        statistics: the counts.
    """
    if statistics.failure_count:
        return "failed"
    return "ok" if is_over(statistics) else "notice"


def lines_for(cause: Cause, count: int) -> int:
    """How many last lines of output to show for one of so many causes: few if there are many, and one says enough."""
    lines = min(_LINES_OF_ONE, _LINES_OF_ALL // count)
    if lines > _FEWEST_LINES:
        return lines
    return 0 if cause.line and weigh(cause.line) else _FEWEST_LINES


def choose(causes: Sequence[Cause], most: int) -> list[Cause]:
    """The causes to show: those of the most runs, in their order.

    Args:
        causes: all causes.
        most: how many may be shown.
    """
    largest = sorted(range(len(causes)), key=lambda place: -len(causes[place].runs))[:most]
    return [causes[place] for place in sorted(largest)]


def summarise(causes: Sequence[Cause], tails: Mapping[int, Tail], place: Place, most: int) -> list[Line]:
    """Why runs failed.

    Args:
        causes: the causes.
        tails: the last lines of output by number of run, as far as they are to be shown.
        place: where this is shown.
        most: how many causes to show; the others are counted.
    """
    shown = choose(causes, most)
    lines = []
    failures = [cause for cause in causes if cause.reason != "cancelled"]
    if len(failures) > 1:
        runs = sum(len(cause.runs) for cause in failures)
        lines.append(Line.of((f"{runs} runs failed for {len(failures)} reasons:", "strong")))
    lines += [line for cause in shown for line in _paragraph(cause, tails.get(cause.first.index), place)]
    if len(shown) < len(causes):
        left = len(causes) - len(shown)
        runs = sum(len(cause.runs) for cause in causes) - sum(len(cause.runs) for cause in shown)
        more = f"{_count(runs, 'more run')} failed for {_count(left, 'other reason')}"
        command = next_command("status", place.root, here=place.here)
        lines.append(Line.of((more, "failed"), ("; list them with: ", "dim"), printable(command)))
    return lines


def _paragraph(cause: Cause, tail: Tail | None, place: Place) -> Iterator[Line]:
    yield from _wrap(_headline(cause), "failed" if cause.reason != "cancelled" else "notice", place.width, "")
    if cause.reason == "cancelled":
        return
    if cause.line:
        looks_wrong = weigh(cause.line) > 0
        said = cause.line if looks_wrong else f"it last wrote: {cause.line}"
        yield from _wrap(printable(said), "strong" if looks_wrong else "", place.width)
    if len(cause.runs) > 1:
        numbers = number_ranges([run.index for run in cause.runs], max(_NARROWEST, (place.width or 80) - 20))
        yield from _wrap(f"runs {numbers}", "", place.width)
    if cause.contrast:
        yield from _wrap(printable(cause.contrast), "", place.width)
    if tail is not None:
        yield from _show_tail(cause, tail, place)
    command = next_command("show", place.root, str(cause.first.index), here=place.here)
    yield Line.of((f"{_INDENT}more: ", "dim"), printable(command))


def _headline(cause: Cause) -> str:
    """`12 runs failed: exit code 1`."""
    if cause.reason == "cancelled":
        ranges = number_ranges([run.index for run in cause.runs])
        return f"{_count(len(cause.runs), 'run')} cancelled, counted as failed: {ranges}"
    run = cause.first
    why = why_in_words(cause.reason, run.message)
    return printable(f"{_who(cause)} failed: {shorten(why, LONGEST_LINE)}")


def _who(cause: Cause) -> str:
    if len(cause.runs) > 1:
        return f"{len(cause.runs)} runs"
    return f"run {cause.first.index}{_parameters(cause)}"


def _parameters(cause: Cause) -> str:
    return f" ({describe(cause.params)})" if cause.params else ""


def _show_tail(cause: Cause, tail: Tail, place: Place) -> Iterator[Line]:
    """The last lines of output, unless they say nothing that was not said."""
    if not tail.lines:
        what = "nothing" if tail.readable else "nothing that can be read"
        yield Line.of((f"{_INDENT}it wrote {what}", "dim"))
    elif [line.strip() for line in tail.lines] != [cause.line]:
        whose = f"run {cause.first.index}{_parameters(cause)}, " if len(cause.runs) > 1 else ""
        path = shorten_path(tail.path, place.here)
        yield from _wrap(printable(f"the end of {whose}{path}:"), "dim", place.width)
        for line in tail.lines:
            yield Line.of((_cut(f"{_INDENT}| {printable(line)}", place.width), "dim"))


def _wrap(text: str, role: Role, width: int | None, indent: str = _INDENT) -> Iterator[Line]:
    """A text on as many rows as it needs, though not on many."""
    if width is None:
        yield Line.of(indent, (text, role))
        return
    room = max(_NARROWEST, _columns(width, text) - len(indent))
    further = _INDENT if not indent else ""
    for row in textwrap.wrap(text, room, max_lines=_MOST_ROWS, placeholder=" …", subsequent_indent=further):
        yield Line.of(indent, (row, role))


def _cut(text: str, width: int | None) -> str:
    return text if width is None else shorten(text, max(_NARROWEST, _columns(width, text)))


def _columns(width: int, text: str) -> int:
    """How many characters of a text fit into so many columns, if any of them may be a wide one."""
    return width // 2 if any(east_asian_width(each) in "WF" for each in text) else width


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
