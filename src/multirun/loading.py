"""Runs of a sweep as they are on disk: what a caller would have of it, whoever executes it or did."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from multirun.definition import read_definition
from multirun.encoding import decode_map
from multirun.errors import ParamsError
from multirun.journal import read_all
from multirun.plan import read_plan
from multirun.results import ResultsHome, note_end
from multirun.run import Run
from multirun.rundir import ORCHESTRATOR, SweepPaths
from multirun.snapshot import fold, is_alive, status_of
from multirun.statistics import RunStatistics, Tally

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.plan import PlannedRun


def load_runs(paths: SweepPaths) -> tuple[list[Run], RunStatistics]:
    """The runs of a sweep at this moment, and how many have which status; no run directory is opened.

    Args:
        paths: the sweep; it may be running meanwhile.

    Raises:
        NotASweepError: there is none.
        FormatError: another version wrote it, or its plan is damaged.
        JournalDamagedError: a journal has damage that is not a torn last record.
        ParamsError: the parameters of a run cannot be rebuilt here.
    """
    read_definition(paths)
    journals = read_all(paths.journals)
    alive = is_alive(journals.get(ORCHESTRATOR, []))
    state = fold(record for records in journals.values() for record in records)
    home = ResultsHome(paths)
    home.settle()
    runs, tally, known = [], Tally(), False
    for planned in read_plan(paths.plan) if os.path.exists(paths.plan) else ():
        if planned is None:
            known = True
            continue
        run = _run_of(planned, state.get(planned.run), home, alive=alive)
        tally.add(run.status)
        runs.append(run)
    return runs, tally.statistics(total_known=known)


def _run_of(planned: PlannedRun, record: Record | None, home: ResultsHome, *, alive: bool) -> Run:
    run = Run(planned.run, _params_of(planned), home)
    run.status = status_of(record, alive=alive)
    if record is not None:
        run.attempts = record["attempt"]
        if record["event"] == "ended":
            note_end(run, record)
    return run


def _params_of(planned: PlannedRun) -> dict[str, Any]:
    try:
        return decode_map(json.loads(planned.params_text))
    except ParamsError as error:
        raise ParamsError(f"run {planned.run}: {error}") from error
