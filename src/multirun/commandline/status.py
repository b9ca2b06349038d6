"""`multirun status`: the counts of a sweep and its failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from multirun.commandline.exits import INCOMPLETE, code_of
from multirun.commandline.paper import put
from multirun.snapshot import locate, take_snapshot
from multirun.wording import counts_line, failure_line

if TYPE_CHECKING:
    from multirun.snapshot import FailedRun, Snapshot


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
            put(line)
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
        "failed": [_failed_document(run) for run in snapshot.failed],
    }


def _failed_document(run: FailedRun) -> dict[str, Any]:
    facts = {"index": run.index, "params": run.params, "reason": run.reason, "message": run.message}
    return {**facts, "path": run.path, "stderr": run.stderr}


def describe(snapshot: Snapshot) -> list[str]:
    """The lines that `status` prints."""
    lines = [f"{snapshot.definition.name}: {counts_line(snapshot.statistics)}, {_life(snapshot)}", snapshot.paths.root]
    lines += [failure_line(run) for run in snapshot.failed]
    return lines


def _life(snapshot: Snapshot) -> str:
    if snapshot.alive:
        return "still going"
    if code_of(snapshot.statistics) != INCOMPLETE:
        return "complete"
    count = snapshot.interrupted_count
    cut = f" ({count} {'run was' if count == 1 else 'runs were'} cut off)" if count else ""
    return f"stopped before it was complete{cut}"
