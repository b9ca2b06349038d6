"""Results that the launcher takes from what a program printed or wrote: one rule for each of them.

The rules are checked where they are given (`parsing`) and evaluated after the program has ended, in a process that the
lane forks (`evaluation`): reading (`sources`) is kept apart from what is found being turned into values (`conversion`).
What comes out joins what the program posted (`merging`).
"""

from __future__ import annotations

from dataclasses import dataclass


class MissingError(Exception):
    """What a rule looks for is not there; the text says what and where."""


class UnusableError(Exception):
    """Something is there, and nothing can be made of it; the text says what, where and why."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """How one result is found.

    Attributes:
        name: name of the result.
        kind: `"regex"`, `"json"` or `"csv"`.
        file: relative path in the run directory; `{name}` stands for a parameter.
        target: the regular expression, the dotted key (None for the whole document), or name or number of the column.
        take: which of several: `"first"`, `"last"`, `"all"`, `"min"`, `"max"` or `"mean"`; None for JSON.
        type: `"int"`, `"float"`, `"bool"` or `"text"`; None for a number where it looks like one, else text.
        optional: whether the result is None where nothing is found, instead of the run being a failure.
        min: smallest good number, None for any.
        max: largest good number, None for any.
        finite: whether NaN and infinities are failures.
        delimiter: between the columns of a CSV; a space for any white space.
    """

    name: str
    kind: str
    file: str
    target: str | int | None = None
    take: str | None = None
    type: str | None = None
    optional: bool = False
    min: float | None = None
    max: float | None = None
    finite: bool = False
    delimiter: str = ","

    @property
    def is_limited(self) -> bool:
        """Whether only some numbers are good."""
        return self.finite or self.min is not None or self.max is not None
