"""From the words `[DIR] RUN…` to a sweep and some of its runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from multirun.columns import dotted, leaves, with_numbers
from multirun.commandline.paper import shortest
from multirun.errors import UnknownNameError
from multirun.replay import RecordedRun, Replay
from multirun.rundir import SWEEP_FILE
from multirun.selection import Selector, is_selector, nearest, number_of, parse_selector
from multirun.snapshot import locate


def split_words(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The directory, if the first word is one, and the words that say which runs.

    A word alone that can mean runs does, also where a directory is called so: `./17` is the directory.
    """
    if not words or (is_selector(words[0]) and not (len(words) > 1 and _is_sweep(words[0]))):
        return None, words
    return words[0], words[1:]


def _is_sweep(path: str) -> bool:
    return os.path.isfile(f"{path}/{SWEEP_FILE}")


def open_sweep(words: Sequence[str]) -> tuple[Replay, Selector]:
    """The sweep and the runs that some words mean.

    Raises:
        NotASweepError: there is no sweep.
        SelectionError: a word means no runs.
    """
    directory, runs = split_words(words)
    replay = Replay(locate(directory))
    return replay, parse_selector(runs)


def flat(document: object) -> dict[str, object]:
    """The values in nested maps under their dotted names."""
    found = leaves(document)
    names = dotted(found)
    return {names[path]: value for path, value in found.items()}


def params_of(run: RecordedRun) -> dict[str, object]:
    """The parameters of a run under the names that tables give them."""
    return flat(with_numbers(run.params_document))


def choose(replay: Replay, selector: Selector) -> list[RecordedRun]:
    """The runs that are selected, in order.

    Raises:
        UnknownNameError: there are none, or one that was asked for by its number is not there.
    """
    known: set[str] = set()
    chosen = []
    count = 0
    for run in replay.runs():
        count += 1
        if not selector.takes_number(run.index):
            continue
        params = params_of(run) if selector.values else {}
        known.update(params)
        if selector.takes_values(params):
            chosen.append(run)
    _check_numbers(selector, count)
    if not chosen:
        raise UnknownNameError(_explain(replay, selector, known))
    return chosen


def _check_numbers(selector: Selector, count: int) -> None:
    beyond = [first for first, _ in selector.ranges if first >= count]
    if beyond:
        there = f"the runs are 0 to {count - 1}" if count > 1 else "there is only run 0" if count else "there are none"
        raise UnknownNameError(f"there is no run {beyond[0]}; {there}")


def _explain(replay: Replay, selector: Selector, known: set[str]) -> str:
    """Why no run is selected, with the nearest name or value."""
    for name, text in selector.values:
        if known and name not in known:
            return f"no parameter is called {name!r}{nearest(name, sorted(known))}"
        values = [value for run in replay.runs() for key, value in params_of(run).items() if key == name]
        if values and not any(Selector(values=((name, text),)).takes_values({name: value}) for value in values):
            return f"no run has {name}={text}; the nearest {_nearest_values(text, values)}"
    asked = ", ".join(f"{name}={text}" for name, text in selector.values)
    return f"no run has all of {asked}" if asked else f"{shortest(replay.paths.root)} has no runs yet"


def _nearest_values(text: str, values: Iterable[object]) -> str:
    from difflib import get_close_matches

    distinct = {str(value): number_of(value) for value in values}
    try:
        wanted = float(text)
        numbers = {name: value for name, value in distinct.items() if value is not None}
        near = sorted(numbers, key=lambda name: abs(numbers[name] - wanted))[:3]
    except ValueError:
        near = get_close_matches(text, distinct, n=3)
    listed = near or list(distinct)[:3]
    return f"{'is' if len(listed) == 1 else 'are'} {', '.join(listed)}"
