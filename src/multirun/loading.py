"""Runs of a sweep as they are on disk: what a caller would have of it, whoever executes it or did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multirun.encoding import decode_map
from multirun.errors import ParamsError
from multirun.replay import Replay
from multirun.results import ResultsHome, note_end
from multirun.run import Run
from multirun.statistics import RunStatistics, Tally

if TYPE_CHECKING:
    from multirun.replay import RecordedRun
    from multirun.rundir import SweepPaths


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
    replay = Replay(paths.root)
    home = ResultsHome(paths)
    home.settle()
    runs, tally = [], Tally()
    for recorded in replay.runs():
        run = _run_of(recorded, home)
        tally.add(run.status)
        runs.append(run)
    return runs, tally.statistics(total_known=replay.total_known)


def _run_of(recorded: RecordedRun, home: ResultsHome) -> Run:
    run = Run(recorded.index, _params_of(recorded), home)
    run.status = recorded.status
    record = recorded.record
    if record:
        run.attempts = record["attempt"]
        if record["event"] == "ended":
            note_end(run, record)
    return run


def _params_of(recorded: RecordedRun) -> dict[str, Any]:
    try:
        return decode_map(recorded.params_document)
    except ParamsError as error:
        raise ParamsError(f"run {recorded.index}: {error}") from error
