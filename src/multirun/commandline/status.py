"""`multirun status`: the counts of a sweep and its failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from multirun.commandline.exits import INCOMPLETE, code_of
from multirun.commandline.paper import WIDEST, put, put_line, width
from multirun.hints import next_command, working_directory
from multirun.snapshot import locate, take_snapshot
from multirun.styled import Line
from multirun.summary import outcome_role
from multirun.wording import counts_line, printable, stopped_line

if TYPE_CHECKING:
    from multirun.snapshot import FailedRun, Snapshot

_CAUSES = 20
"""How many causes are shown; more than at the end of a sweep, for here somebody asks."""


def status(directory: str | None, *, as_json: bool) -> int:
    """Print how a sweep stands; returns the exit code.

    Args:
        directory: the sweep; None for the newest here.
        as_json: whether to print one JSON object.
    """
    snapshot = take_snapshot(locate(directory))
    if as_json:
        put(json.dumps(to_document(snapshot), indent=1))
    else:
        for line in describe(snapshot):
            put_line(line)
    return code_of(snapshot.statistics)


def to_document(snapshot: Snapshot) -> dict[str, Any]:
    """The object that `status --json` prints."""
    counts = snapshot.statistics
    names = ("total", "complete", "success", "failure", "running", "pending", "skipped")
    return {
        "path": snapshot.paths.root,
        "id": snapshot.definition.id,
        "name": snapshot.definition.name,
        "alive": snapshot.alive,
        "total_known": counts.total_known,
        "counts": {name: getattr(counts, f"{name}_count") for name in names},
        "interrupted": snapshot.interrupted_count,
        "stopped": snapshot.stopped,
        "failed": [_failed_document(run) for run in snapshot.failed],
    }


def _failed_document(run: FailedRun) -> dict[str, Any]:
    facts = {"index": run.index, "params": run.params, "reason": run.reason, "message": run.message}
    return {**facts, "evidence": run.evidence, "path": run.path, "stderr": run.stderr}


def describe(snapshot: Snapshot) -> list[Line]:
    """The lines that `status` prints."""
    from multirun.diagnosis import explain_snapshot

    counts = (counts_line(snapshot.statistics), outcome_role(snapshot.statistics))
    head = Line.of(f"{snapshot.definition.name}: ", counts, f", {_life(snapshot)}")
    room = width()
    explained = explain_snapshot(
        snapshot, here=working_directory(), width=room if room < WIDEST else None, most=_CAUSES
    )
    return [head, Line.of(snapshot.paths.root), *explained, *_next(snapshot)]


def _next(snapshot: Snapshot) -> list[Line]:
    """How to go on with a sweep that was stopped."""
    if snapshot.alive or code_of(snapshot.statistics) != INCOMPLETE:
        return []
    command = next_command("resume", snapshot.paths.root, here=working_directory())
    return [Line.of(("to go on: ", "dim"), printable(command))]


def _life(snapshot: Snapshot) -> str:
    if snapshot.alive:
        return "still going"
    if code_of(snapshot.statistics) != INCOMPLETE:
        return "complete"
    if snapshot.stopped is not None:
        return stopped_line(snapshot.stopped)
    count = snapshot.interrupted_count
    cut = f" ({count} {'run was' if count == 1 else 'runs were'} cut off)" if count else ""
    return f"stopped before it was complete{cut}"
