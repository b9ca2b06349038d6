"""`multirun cancel`: asks whoever executes a sweep to end runs, or all of it, and waits until that is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from multirun import lock
from multirun.asking import ask
from multirun.commandline import paper
from multirun.commandline.alarm import Alarm
from multirun.commandline.exits import LOCKED, OK
from multirun.commandline.finding import choose, open_sweep, split_words
from multirun.errors import SelectionError
from multirun.snapshot import locate, take_snapshot
from multirun.verdict import in_words
from multirun.wording import counts_line

if TYPE_CHECKING:
    from multirun.replay import RecordedRun, Replay
    from multirun.rundir import SweepPaths

_LOOK_AGAIN_S = 1.0
_PATIENCE_S = 30.0
"""How long an owner here may take beyond the grace of its runs; it looks twice per second, and may be busy."""
_PATIENCE_ELSEWHERE_S = 150.0
"""The same for an owner on another machine: a network disk may tell it late."""


class _Owner(NamedTuple):
    """Who executes the sweep.

    Attributes:
        session: its number.
        here: whether it is certain that it is alive, because it runs on this machine.
        name: of its process, for people.
    """

    session: int
    here: bool
    name: str


def cancel(words: Sequence[str]) -> int:
    """End runs of a sweep that is being executed; returns the exit code.

    Args:
        words: `[DIR] [RUN…]`.
    """
    directory, runs = split_words(words)
    if not words:
        raise SelectionError(
            f"say what to cancel: multirun cancel {paper.shortest(os.path.abspath(locate(directory)))} ends the whole "
            "sweep, multirun cancel RUN... only some of its runs"
        )
    replay, selector = open_sweep(words)
    chosen = choose(replay, selector) if runs else None
    owner = _find_owner(replay.paths)
    if owner is None:
        paper.talk(f"nobody executes {paper.name_of(replay.paths.root)}: there is nothing to cancel")
        return OK
    answered = _ask(replay, owner, chosen)
    if not answered:
        patience = "it may be busy or stopped (Ctrl-Z)" if owner.here else "its disk may tell it late"
        paper.talk(f"{owner.name} did not answer in time, and the request was taken back: {patience}; try again")
        return LOCKED
    _report(replay, chosen)
    return OK


def _find_owner(paths: SweepPaths) -> _Owner | None:
    """Who executes the sweep, None if nobody does."""
    session = lock.newest_session(paths)
    with suppress(FileNotFoundError):
        holder = lock.read_holder(paths, session)
        life = lock.life_of(holder, lock.describe_self())
        if life == "dead":
            return None
        facts = {} if holder is None else holder.facts
        return _Owner(session, life == "alive", f"process {facts.get('pid')} on {facts.get('host')}")
    return None


def _ask(replay: Replay, owner: _Owner, chosen: Sequence[RecordedRun] | None) -> bool:
    """Leave the request and wait for its answer; False if there was none in time."""
    paths = replay.paths
    path = ask(paths, owner.session, None if chosen is None else [run.index for run in chosen])
    patience_s = _PATIENCE_S if owner.here else _PATIENCE_ELSEWHERE_S
    deadline = monotonic() + patience_s + (replay.definition.options.grace_s or 0)
    alarm = Alarm()
    try:
        alarm.watch(paths.requests)
        alarm.watch(paths.lock)
        while os.path.exists(path) and _find_owner(paths) == owner:
            if monotonic() > deadline:
                return False
            alarm.wait(_LOOK_AGAIN_S)
    finally:
        alarm.close()
        with suppress(OSError):
            os.unlink(path)
    return True


def _report(replay: Replay, chosen: Sequence[RecordedRun] | None) -> None:
    if chosen is None:
        snapshot = take_snapshot(replay.paths.root)
        paper.put(f"{paper.name_of(replay.paths.root)} has ended: {counts_line(snapshot.statistics)}")
        return
    replay.refresh()
    now = {run.index: run for run in replay.runs()}
    for run in chosen:
        paper.put(f"run {run.index}: {_outcome(now[run.index])}")


def _outcome(run: RecordedRun) -> str:
    if run.status == "failure":
        reason = run.record.get("reason") or ""
        return in_words(reason) if reason == "cancelled" else f"failed: {in_words(reason)}"
    return "succeeded before it could be cancelled" if run.status == "success" else run.status
