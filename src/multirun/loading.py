"""Runs of a sweep as they are on disk: what a caller would have of it, whoever executes it or did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multirun.encoding import Unencodable, decode_map
from multirun.errors import FormatError, ParamsError
from multirun.hints import next_command
from multirun.params import digest_of
from multirun.replay import Replay
from multirun.results import ResultsHome, note_end
from multirun.run import Run
from multirun.statistics import RunStatistics, Tally

if TYPE_CHECKING:
    from multirun.replay import RecordedRun
    from multirun.resume import Past
    from multirun.rundir import SweepPaths


def load_runs(paths: SweepPaths) -> tuple[list[Run], RunStatistics, str | None]:
    """The runs of a sweep at this moment, how many have which status, and why it was stopped on purpose if it was.

    No run directory is opened.

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
        run = recorded_run(recorded, home)
        tally.add(run.status)
        runs.append(run)
    return runs, tally.statistics(total_known=replay.total_known), replay.stopped


def recorded_run(recorded: RecordedRun, home: ResultsHome) -> Run:
    """A run as it is on disk.

    Args:
        recorded: what is recorded of it.
        home: the sweep that it belongs to.

    Raises:
        ParamsError: its parameters cannot be rebuilt here.
    """
    run = Run(recorded.index, _params_of(recorded), home)
    run.status = recorded.status
    record = recorded.record
    if record:
        run.attempts = record["attempt"]
        if record["event"] != "started":
            note_end(run, record)
    return run


def recall_run(past: Past, index: int, params: dict[str, Any], home: ResultsHome) -> Run:
    """A run of a sweep that goes on: complete if it is not to be executed, else pending.

    Args:
        past: what is on disk.
        index: its number.
        params: its parameters.
        home: the sweep that it belongs to.
    """
    run = Run(index, params, home)
    ruling, record = past.recall(index)
    if ruling.execute:
        run.attempts = past.attempts(index)
    elif record is not None:
        note_end(run, record)
        run.status = "failure" if record.get("status") == "failure" else "skipped"
    return run


def _params_of(recorded: RecordedRun) -> dict[str, Any]:
    try:
        params = decode_map(recorded.params_document)
        intact = digest_of(params) == recorded.digest
    except (ParamsError, Unencodable) as error:
        raise ParamsError(f"run {recorded.index}: {error}") from error
    if not intact:
        raise FormatError(
            f"the plan is damaged: the parameters of run {recorded.index} do not match their digest; "
            f"{next_command('fsck', recorded.sweep)} says what can be done"
        )
    return params
