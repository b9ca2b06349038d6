"""`multirun explain`: what becomes of each run if the sweep goes on, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from multirun.causes import number_ranges
from multirun.commandline import paper
from multirun.commandline.exits import OK
from multirun.commandline.finding import choose, open_sweep
from multirun.encoding import TYPED
from multirun.errors import DefinitionChangedError
from multirun.hints import next_command, working_directory
from multirun.params import describe
from multirun.recall import Recollection, Wish, decisions, edited_inputs, recollect, refuse_changed_links
from multirun.wording import printable

if TYPE_CHECKING:
    from multirun.replay import Replay
    from multirun.resume import Decision
    from multirun.styled import Role

_ALL = 1 << 30
_ROLES: dict[str, Role] = {"execute": "running", "keep": "dim"}


def explain(words: Sequence[str], *, as_json: bool) -> int:
    """Print what `multirun resume` would do with runs, and why; returns the exit code.

    Args:
        words: `[DIR] [RUN…]`.
        as_json: whether to print one JSON object for each run.
    """
    replay, selector = open_sweep(words)
    some = bool(selector.ranges or selector.values)
    numbers = {run.index for run in choose(replay, selector)} if some else None
    wish = Wish(numbers=numbers)
    found = recollect(replay, wish)
    if as_json:
        put_documents(decisions(replay, wish, found), found)
    else:
        put_decisions("resume", replay, decisions(replay, wish, found))
    if replay.alive:
        paper.talk("this sweep is being executed right now; that is how it would be if it stopped at this moment")
    remark(replay, found, whole=not some)
    try:
        refuse_changed_links(replay.paths, replay.definition)
    except DefinitionChangedError as error:
        paper.talk(f"but {error}")
    return OK


def put_documents(decided: Iterable[Decision], found: Recollection) -> None:
    """Print one JSON object for each run, one a line.

    Args:
        decided: what becomes of each.
        found: the runs.
    """
    for decision, planned in zip(decided, found.planned, strict=True):
        params = json.loads(planned.text)
        params.pop(TYPED, None)
        said = {"index": decision.run, "action": decision.action, "why": decision.why, "params": params}
        paper.put(json.dumps(said))


def put_decisions(verb: str, replay: Replay, decided: Sequence[Decision]) -> None:
    """Print what becomes of each run; those of which the same is said share a line.

    Args:
        verb: the command that would do it.
        replay: the sweep.
        decided: what becomes of each.
    """
    executed = sum(each.action == "execute" for each in decided)
    of = paper.plural(len(decided), "run")
    paper.put(f"{paper.name_of(replay.paths.root)}: multirun {verb} would execute {executed} of {of}")
    for line in lines_of(decided):
        paper.put(line)


def lines_of(decisions: Iterable[Decision]) -> Iterator[str]:
    """One line for each thing that is said about runs; what is executed comes first."""
    groups: dict[tuple[str, str], list[Decision]] = {}
    for each in decisions:
        groups.setdefault((each.action, each.why), []).append(each)
    for (action, why), runs in sorted(groups.items(), key=lambda group: group[0][0]):  # "execute" before "keep"
        label = paper.paint(f"{action:<7}", _ROLES[action])
        yield f"{label}  {_which(runs)}: {printable(why)}"


def _which(runs: list[Decision]) -> str:
    if len(runs) > 1:
        return f"runs {number_ranges([each.run for each in runs], _ALL)}"
    params = describe(runs[0].params)
    return printable(f"run {runs[0].run} ({params})" if params else f"run {runs[0].run}")


def remark(replay: Replay, found: Recollection, *, whole: bool = True) -> None:
    """Say what somebody may expect of going on without the script, and does not happen.

    Args:
        replay: the sweep.
        found: its runs that are meant.
        whole: whether all of them are.
    """
    if whole and not found.total_known:
        name = paper.name_of(replay.paths.root)
        paper.talk(f"the script of {name} was stopped before it had named all runs: for the rest, {_CALL}")
    edited = edited_inputs(replay.definition)
    if edited:
        listed = ", ".join(map(repr, edited))
        paper.talk(f"edited since the sweep started: {listed}; runs get the copy in the sweep. {_NEW_INPUT}")


_CALL = "call it again with resume=True"
_NEW_INPUT = "To execute all with the new one, call its script with resume=True, accept_changes=True"


def command_for(verb: str, replay: Replay) -> str:
    """A command about the sweep, as short as the user's directory allows."""
    return next_command(verb, replay.paths.root, here=working_directory())
