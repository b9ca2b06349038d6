#!/usr/bin/env python3
"""How long a sweep that goes on needs before its first run: replay of the journals, and the decision about each run.

    resume.py [--runs N[,N]] [--scratch DIR]

Makes finished sweeps as lanes would have recorded them (a result of 100 bytes for each run, 8 lanes), then measures
the replay alone, the decision about every run, and the whole call of `multirun(..., resume=True)`, which executes
nothing. Prints a table.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from multirun import ParamValue, multirun, records
from multirun.definition import Definition, write_definition
from multirun.journal import Journal
from multirun.params import check_params
from multirun.plan import PlanSurvey, PlanWriter
from multirun.posted import Posted
from multirun.replay import Replay
from multirun.resume import Past
from multirun.rundir import ORCHESTRATOR, SweepPaths
from multirun.verdict import SUCCESS

LANES = 8
ID = "0123456789abcdef"


class Figures(NamedTuple):
    """What was measured.

    Attributes:
        records: how many there were.
        replay_s: seconds to fold them.
        decide_s: seconds from nothing to a decision about every run.
        call_s: seconds of the whole call.
    """

    records: int
    replay_s: float
    decide_s: float
    call_s: float


def params(index: int) -> dict[str, ParamValue]:
    """The parameters of a run."""
    return {"seed": index, "temperature": 0.5 + index / 7, "scheme": "upwind"}


def make(root: Path, count: int) -> None:
    """A finished sweep.

    Args:
        root: its directory, which must not exist.
        count: how many runs it has.
    """
    paths = SweepPaths(str(root))
    os.makedirs(paths.journals)
    os.mkdir(f"{paths.root}/runs")
    write_definition(paths, Definition(ID, "multirun", ("true",), {}))
    plan = PlanWriter(paths.plan)
    lanes = [Journal(paths.journal(f"00000000-{lane}"), ID, f"00000000-{lane}", 0.0) for lane in range(LANES)]
    digest = hashlib.sha256(b"results").hexdigest()
    for index in range(count):
        checked = check_params(index, params(index))
        plan.append(checked.digest, checked.text)
        posted = Posted(True, {"energy": index / 3, "steps": index, "text": "x" * 60}, 100, digest)
        lane = lanes[index % LANES]
        lane.append(records.started_text(index, 1))
        lane.append(records.ended(index, 1, SUCCESS, exit_status=0, duration_s=0.1, posted=posted))
    plan.finish()
    plan.flush()
    plan.close()
    orchestrator = Journal(paths.journal(ORCHESTRATOR), ID, ORCHESTRATOR, 0.0)
    orchestrator.append(records.closed(complete=True))
    for journal in (*lanes, orchestrator):
        journal.close()


def measure(root: Path, count: int) -> Figures:
    """Measure a sweep that was made."""
    begin = time.perf_counter()
    replay = Replay(str(root))
    replayed = time.perf_counter()
    past = Past(replay, PlanSurvey(replay.paths.plan))
    for index in range(count):
        assert not past.ruling(index).execute
    decided = time.perf_counter()
    result = multirun(
        runs=[params(i) for i in range(count)], cmd=["true"], output_path=root, resume=True, display=False
    )
    called = time.perf_counter()
    assert result.statistics.skipped_count == count
    return Figures(2 * count, replayed - begin, decided - begin, called - decided)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="10000,100000", help="how many runs, separated by commas")
    parser.add_argument("--scratch", help="where to make the sweeps")
    arguments = parser.parse_args()
    print("| runs | replay, records/s | decision, s | whole call, s |\n|---|---|---|---|")
    for count in map(int, arguments.runs.split(",")):
        folder = Path(tempfile.mkdtemp(prefix="resume-", dir=arguments.scratch))
        try:
            make(folder / "sweep", count)
            found = measure(folder / "sweep", count)
        finally:
            shutil.rmtree(folder)
        speed = found.records / found.replay_s
        print(f"| {count:,} | {speed:,.0f} | {found.decide_s:.2f} | {found.call_s:.2f} |", flush=True)


if __name__ == "__main__":
    main()
