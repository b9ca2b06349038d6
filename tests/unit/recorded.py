"""Records of journals, and a sweep on disk that was written by nobody in particular."""

import json
import os
from pathlib import Path
from typing import Any

import hypothesis.strategies as st

from multirun.definition import Definition, write_definition
from multirun.journal import Journal, Record
from multirun.plan import PlanWriter
from multirun.rundir import SweepPaths

DIGEST = "ab" * 16


def started(run: int, attempt: int = 1, **more: Any) -> Record:
    return {"event": "started", "run": run, "attempt": attempt, **more}


def ended(run: int, reason: str | None = None, attempt: int = 1, **more: Any) -> Record:
    status = "failure" if reason else "success"
    return {"event": "ended", "run": run, "attempt": attempt, "status": status, "reason": reason, **more}


def reset(run: int, attempt: int, reason: str = "retry") -> Record:
    return {"event": "reset", "run": run, "attempt": attempt, "reason": reason}


def skipped(run: int, attempt: int = 0, reason: str = "done before") -> Record:
    return {"event": "skipped", "run": run, "attempt": attempt, "reason": reason}


RECORDS = st.one_of(
    st.builds(started, st.integers(0, 3), st.integers(1, 3), time=st.integers(0, 3)),
    st.builds(
        ended,
        st.integers(0, 3),
        st.sampled_from([None, "exit:1", "lost", "cancelled", "timeout"]),
        st.integers(1, 3),
        time=st.integers(0, 3),
    ),
    st.builds(
        ended, st.integers(0, 3), st.sampled_from(["exit:1", "lost"]), st.integers(1, 3), duration_s=st.integers(0, 3)
    ),
    st.builds(skipped, st.integers(0, 3), st.integers(0, 3)),
    st.builds(reset, st.integers(0, 3), st.integers(0, 3)),
    st.just({"event": "closed", "time": 0, "complete": True}),
)


class Sweep:
    """A sweep on disk, written by nobody in particular."""

    def __init__(self, folder: Path) -> None:
        self.paths = SweepPaths(str(folder))
        os.makedirs(self.paths.journals)
        write_definition(self.paths, Definition("sweep-id", "test", ("true",), {}))

    def plan(self, count: int, *, closed: bool = True) -> None:
        plan = PlanWriter(self.paths.plan)
        for index in range(count):
            plan.append(DIGEST, json.dumps({"x": index}))
        if closed:
            plan.finish()
        plan.flush()
        plan.close()

    def journal(self, writer: str, records: list[Record], session: int = 1) -> None:
        journal = Journal(self.paths.journal(writer), "sweep-id", writer, 0.0, session)
        for record in records:
            journal.append(record)
        journal.close()
