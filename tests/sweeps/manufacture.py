"""Sweeps with many runs, written without executing anything."""

import json
from pathlib import Path

from multirun.definition import Definition, write_definition
from multirun.journal import Journal
from multirun.plan import PlanWriter
from multirun.records import closed
from multirun.rundir import ORCHESTRATOR, SweepPaths

LANES = 4


def make_sweep(folder: Path, count: int) -> Path:
    """A finished sweep in which every tenth run failed; it has no run directories."""
    paths = SweepPaths(str(folder))
    (folder / "journal").mkdir(parents=True)
    write_definition(paths, Definition("0" * 16, "many", ("true",), {}))
    plan = PlanWriter(paths.plan)
    lanes = [Journal(paths.journal(f"lane-{number}"), "0" * 16, f"lane-{number}", 0.0) for number in range(LANES)]
    for index in range(count):
        plan.append(f"{index:032x}", json.dumps({"x": index / 100, "mode": "fast" if index % 3 else "slow"}))
        lanes[index % LANES].append({"event": "started", "run": index, "attempt": 1, "time": 1769900399.113})
        lanes[index % LANES].append(_ended(index))
    plan.finish()
    orchestrator = Journal(paths.journal(ORCHESTRATOR), "0" * 16, ORCHESTRATOR, 0.0)
    orchestrator.append(closed(complete=True))
    plan.flush()
    plan.close()
    for journal in (orchestrator, *lanes):
        journal.close()
    return folder


def _ended(index: int) -> dict[str, object]:
    event = {"event": "ended", "run": index, "attempt": 1, "time": 1769900399.158}
    if index % 10 == 7:
        return {**event, "status": "failure", "reason": "exit:3", "exit_code": 3, "duration_s": 0.0442}
    posted = {"results_digest": f"{index:064x}", "results": {"y": index / 7, "final": {"energy": -index}}}
    return {**event, "status": "success", "reason": None, "exit_code": 0, "duration_s": 0.044255, **posted}
