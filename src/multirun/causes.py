"""Why runs failed: failures grouped by cause, and how their parameters differ from those that went well; pure."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from multirun.contrast import Background
from multirun.evidence import weigh

_MOST_CAUSES = 500
"""Failures that differ in more ways than this are told apart by their reason alone."""
_MOST_COMPARED = 20
"""For so many causes, the largest, it is asked how their parameters differ."""
_COMPARED_CHARACTERS = 160
_NUMBER = r"[-+.]*\d[\w.,:+-]*"
_VARYING = re.compile(
    rf"{_NUMBER}(?:[\s;/]+{_NUMBER})*"  # one number or several: addresses and times as well
    r"|\b[a-f]{1,7}\d[0-9a-f]{6,}\b"  # an identifier in hexadecimal digits
)
_SAID_BY_REASON = ("timeout", "signal:", "cancelled", "lost", "out-of-memory", "output-limit")
"""Reasons which are the cause: what the program wrote before matters only if it looks like an error."""


class Failure(Protocol):
    """What is known of a failed run."""

    @property
    def path(self) -> str | os.PathLike[str]:
        """Its directory."""
        ...

    @property
    def index(self) -> int:
        """Its number."""
        ...

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters."""
        ...

    @property
    def reason(self) -> str | None:
        """The machine-readable word for why."""
        ...

    @property
    def message(self) -> str | None:
        """A sentence, where there is one."""
        ...

    @property
    def evidence(self) -> str | None:
        """What its program said."""
        ...


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures that are alike.

    Attributes:
        runs: the failed runs by number; the first stands for all of them.
        line: what the program of the first said about it, if it said anything that belongs to the cause.
        contrast: how the parameters of these runs differ from those that went well, where that is plain.
        hidden: names of parameters that are not worth showing.
    """

    runs: Sequence[Failure]
    line: str | None = None
    contrast: str | None = None
    hidden: Container[str] = ()

    @property
    def first(self) -> Failure:
        """The run that stands for all of them."""
        return self.runs[0]

    @property
    def reason(self) -> str:
        """The machine-readable word for why."""
        return self.first.reason or "failure"

    @property
    def params(self) -> dict[str, Any]:
        """Those parameters of the first run that are worth showing."""
        return {name: value for name, value in self.first.params.items() if name not in self.hidden}


@lru_cache(maxsize=1024)
def fingerprint(text: str | None) -> str:
    """A text without what differs between runs that fail alike: numbers, addresses, times, digits in paths.

    Args:
        text: a line or a sentence.
    """
    return _VARYING.sub("#", text[:_COMPARED_CHARACTERS]) if text else ""


def constant_names(maps: Iterable[Mapping[str, Any]]) -> set[str]:
    """The parameters that are the same in all of these maps, of which it is not worth telling; none if all are.

    Args:
        maps: parameters of runs; no more of them are looked at than it takes to see every name vary.
    """
    rest = iter(maps)
    constant = dict(next(rest, {}))
    varied = False
    for params in rest:
        different = [name for name, value in constant.items() if name not in params or params[name] != value]
        varied = varied or bool(different) or len(params) > len(constant)
        for name in different:
            del constant[name]
        if not constant:
            break
    return set(constant) if varied else set()


def find_causes(
    failed: Iterable[Failure], succeeded: Iterable[Mapping[str, Any]], hidden: Container[str] = ()
) -> list[Cause]:
    """Group failed runs by cause, in the order of the first run of each.

    Args:
        failed: the failed runs.
        succeeded: the parameters of the runs that went well; consumed once.
        hidden: names of parameters that are not worth showing.
    """
    groups = group(failed)
    compared = set(sorted(groups, key=lambda key: -len(groups[key]))[:_MOST_COMPARED])
    background = Background(succeeded if any(len(groups[key]) > 1 for key in compared) else ())
    return [
        Cause(
            runs,
            runs[0].evidence if key[2] else None,
            background.contrast([run.params for run in runs]) if key in compared else None,
            hidden,
        )
        for key, runs in groups.items()
    ]


def group(failed: Iterable[Failure]) -> dict[tuple[str, str, str], list[Failure]]:
    """Failed runs by reason and by the fingerprints of message and evidence, in the order of their numbers.

    Args:
        failed: the failed runs in any order.
    """
    groups: dict[tuple[str, str, str], list[Failure]] = {}
    weights: dict[str, int] = {}
    for run in sorted(failed, key=lambda run: run.index):
        reason = run.reason or "failure"
        said = fingerprint(run.evidence)
        if said and reason.startswith(_SAID_BY_REASON) and not _weight(said, weights):
            said = ""
        key = (reason, fingerprint(run.message), said)
        if key not in groups and len(groups) >= _MOST_CAUSES:
            key = (reason, "", "")
        groups.setdefault(key, []).append(run)
    return groups


def _weight(said: str, known: dict[str, int]) -> int:
    if said not in known:
        if len(known) >= _MOST_CAUSES:
            return 0
        known[said] = weigh(said)
    return known[said]


def number_ranges(indexes: Sequence[int], limit: int = 60) -> str:
    """Numbers as `3-9, 12`; those for which there is no room are only counted.

    Args:
        indexes: numbers in ascending order, each once.
        limit: about how many characters the text may have.
    """
    parts: list[str] = []
    room, told = limit, 0
    for begin, end in _spans(indexes):
        part = f"{begin}-{end}" if end > begin else f"{begin}"
        room -= len(part) + 2
        if room < 0 and parts:
            return f"{', '.join(parts)} and {len(indexes) - told} more"
        parts.append(part)
        told += end - begin + 1
    return ", ".join(parts)


def _spans(indexes: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each row of numbers without a gap."""
    begin = end = None
    for index in indexes:
        if begin is None or end is None:
            begin = end = index
        elif index == end + 1:
            end = index
        else:
            yield begin, end
            begin = end = index
    if begin is not None and end is not None:
        yield begin, end
