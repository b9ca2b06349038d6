"""A sweep on disk that goes on without its script: all that the script gave is in the directory."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from multirun.encoding import decode_map
from multirun.errors import ConfigurationError, DefinitionChangedError, ParamsError
from multirun.params import CheckedParams
from multirun.plan import read_plan
from multirun.preflight import Program, check_program
from multirun.request import Recalled, Request
from multirun.resources import FileResource
from multirun.resume import Decision, changed_inputs, decide

if TYPE_CHECKING:
    from multirun.definition import Definition
    from multirun.plan import PlannedRun
    from multirun.replay import Replay
    from multirun.rundir import SweepPaths

_NAMED = "named, so executed again"


class Wish(NamedTuple):
    """What is wanted of a sweep on disk.

    Attributes:
        unfinished: whether recorded failures stay.
        numbers: of the runs that are meant, None for all.
        anew: whether those that succeeded or were skipped are executed as well.
    """

    unfinished: bool = False
    numbers: Collection[int] | None = None
    anew: bool = False


class Recollection(NamedTuple):
    """The runs of a sweep on disk that are meant.

    Attributes:
        numbers: of each, in order.
        planned: their parameters, in the same order.
        total_known: whether no more runs are meant: these were chosen, or the plan was closed.
    """

    numbers: list[int]
    planned: list[CheckedParams]
    total_known: bool


def recollect(replay: Replay, wish: Wish) -> Recollection:
    """Find the runs that are meant.

    Args:
        replay: the sweep.
        wish: what is wanted.

    Raises:
        FormatError: the plan was written in another format, or is damaged.
        ParamsError: the parameters of a run cannot be rebuilt here.
    """
    found = Recollection([], [], total_known=wish.numbers is not None)
    closed = False
    for each in _plan_of(replay.paths):
        closed = each is None
        if each is not None and (wish.numbers is None or each.run in wish.numbers):
            found.numbers.append(each.run)
            found.planned.append(_params_of(each))
    return found._replace(total_known=closed or found.total_known)


def _plan_of(paths: SweepPaths) -> Iterator[PlannedRun | None]:
    try:
        yield from read_plan(paths.plan)
    except FileNotFoundError:
        return


def _params_of(planned: PlannedRun) -> CheckedParams:
    try:
        params = decode_map(json.loads(planned.params_text))
    except ParamsError as error:
        raise ParamsError(f"run {planned.run}: {error}") from error
    return CheckedParams(params, planned.params_text, planned.digest)


def decisions(replay: Replay, wish: Wish, found: Recollection) -> list[Decision]:
    """What becomes of each run that is meant; nothing is changed.

    Args:
        replay: the sweep.
        wish: what is wanted.
        found: the runs.
    """
    return [_decide(replay, index, each, wish) for index, each in zip(found.numbers, found.planned, strict=True)]


def _decide(replay: Replay, index: int, params: CheckedParams, wish: Wish) -> Decision:
    execute, why = decide(replay.record(index), replay.reset_of(index), unfinished=wish.unfinished, by_script=False)
    if wish.anew and not execute:
        execute, why = True, f"{why}; {_NAMED}"
    return Decision(index, params.params, "execute" if execute else "keep", why)


def request_of(replay: Replay, wish: Wish, found: Recollection) -> Request:
    """What the script of the sweep asked for, for these runs.

    Args:
        replay: the sweep.
        wish: what is wanted.
        found: the runs that are meant.

    Raises:
        DefinitionChangedError: a linked input is not what it was.
        ConfigurationError: its program cannot be executed here.
    """
    definition = replay.definition
    refuse_changed_links(replay.paths, definition)
    resources = _snapshot(replay.paths, definition)
    mistakes = list(check_program(Program(definition.command, definition.env, resources)))
    if mistakes:
        raise ConfigurationError([f"cmd: {mistake}" for mistake in mistakes])
    return Request(
        runs=(),
        command=definition.command,
        env=definition.env,
        resources=resources,
        rules=definition.rules,
        options=definition.options,
        output_path=replay.paths.root,
        name=definition.name,
        on_result=None,
        shell=definition.shell,
        stdin=definition.stdin,
        resume="unfinished" if wish.unfinished else True,
        recalled=Recalled(found.numbers, wish.anew, found.total_known),
    )


def refuse_changed_links(paths: SweepPaths, definition: Definition) -> None:
    """Copies are inside the sweep; a link leads to the original.

    Args:
        paths: the sweep.
        definition: of it.

    Raises:
        DefinitionChangedError: a linked input is not what it was.
    """
    links = tuple(entry for entry in definition.inputs if entry.linkage == "link")
    changed = changed_inputs(replace(definition, inputs=links))
    if changed:
        linked = {entry.name: entry.source for entry in links}
        listed = ", ".join(f"{name!r} (a link to {linked[name]})" for name in changed)
        raise DefinitionChangedError(
            f"{paths.root} cannot go on: its input {listed} was changed or is gone; nothing was executed. Put it back "
            "as it was, modification time included, or call the script of the sweep with resume=True, "
            "accept_changes=True, which executes all runs with the new one"
        )


def edited_inputs(definition: Definition) -> list[str]:
    """The names of the inputs whose originals are there and are not what they were, although copies are used."""
    there = (entry for entry in definition.inputs if entry.linkage != "link" and os.path.exists(entry.source))
    return changed_inputs(replace(definition, inputs=tuple(there)))


def _snapshot(paths: SweepPaths, definition: Definition) -> tuple[FileResource, ...]:
    """The inputs as the sweep holds them."""
    folders = {"shared": paths.shared(definition.snapshot)}
    inputs = paths.inputs(definition.snapshot)
    return tuple(
        FileResource(
            entry.source if entry.linkage == "link" else f"{folders.get(entry.linkage, inputs)}/{entry.name}",
            entry.linkage,  # type: ignore[arg-type]
            entry.name,
        )
        for entry in definition.inputs
    )
