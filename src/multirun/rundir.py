"""Every path below a sweep directory, in one place."""

from __future__ import annotations

import os
import shlex

from multirun.contract import ATTEMPTS_DIR, JOURNAL_DIR, RUNS_DIR

SWEEP_FILE = "sweep.json"
PLAN_FILE = "plan.jsonl"
TABLE_FILE = "results.csv"
INPUTS_DIR = "inputs"
SHARED_DIR = "shared"
LOCK_DIR = "lock"
REQUESTS_DIR = "requests"
_DAMAGED_DIR = "damaged"
ORCHESTRATOR = "orchestrator"
"""The writer name of the journal that the orchestrator keeps."""

_FLAT_RUNS = 10_000
_RUNS_PER_FOLDER = 1_000


def run_name(index: int) -> str:
    """Path of a run's directory below `runs`: `000042`, from 10,000 runs on `12/012042`."""
    name = f"{index:06}"
    return name if index < _FLAT_RUNS else f"{index // _RUNS_PER_FOLDER}/{name}"


def fsck_advice(root: str) -> str:
    """What to do about a damaged file of a sweep."""
    return f"{shlex.join(['multirun', 'fsck', root])} says what can be done"


def orchestrator_of(session: int) -> str:
    """The writer name of the journal that the orchestrator of a session keeps."""
    return ORCHESTRATOR if session == 1 else f"{ORCHESTRATOR}-{session}"


def numbered(folder: str, snapshot: int) -> str:
    """The name of a folder with a snapshot of inputs: `inputs`, or `inputs-3` if the third session took it."""
    return folder if snapshot == 1 else f"{folder}-{snapshot}"


class SweepPaths:
    """The paths of one sweep.

    Attributes:
        root: absolute path of the sweep directory.
        session: number of the session in which they are used, from 1; it matters to those who write.
    """

    __slots__ = ("root", "session")

    def __init__(self, root: str, session: int = 1) -> None:
        self.root = os.path.abspath(root)
        self.session = session

    @property
    def sweep(self) -> str:
        """The frozen definition."""
        return f"{self.root}/{SWEEP_FILE}"

    @property
    def plan(self) -> str:
        """The typed parameter maps, one a line."""
        return f"{self.root}/{PLAN_FILE}"

    @property
    def table(self) -> str:
        """The table of all runs."""
        return f"{self.root}/{TABLE_FILE}"

    @property
    def journals(self) -> str:
        """The directory of the journals."""
        return f"{self.root}/{JOURNAL_DIR}"

    def inputs(self, snapshot: int = 1) -> str:
        """The snapshot of the inputs that each run gets a copy of.

        Args:
            snapshot: number of the session that took it.
        """
        return f"{self.root}/{numbered(INPUTS_DIR, snapshot)}"

    def shared(self, snapshot: int = 1) -> str:
        """The read-only inputs that all runs share.

        Args:
            snapshot: number of the session that took it.
        """
        return f"{self.root}/{numbered(SHARED_DIR, snapshot)}"

    @property
    def lock(self) -> str:
        """The directory with a file for each owner that the sweep has had."""
        return f"{self.root}/{LOCK_DIR}"

    @property
    def requests(self) -> str:
        """The directory where others ask the owner for something."""
        return f"{self.root}/{REQUESTS_DIR}"

    @property
    def attempts(self) -> str:
        """The directory of what earlier attempts left; made with the first of them."""
        return f"{self.root}/{ATTEMPTS_DIR}"

    @property
    def damaged(self) -> str:
        """The directory in which damaged files are kept after a repair."""
        return f"{self.journals}/{_DAMAGED_DIR}"

    def journal(self, writer: str) -> str:
        """The journal of one writer."""
        return f"{self.root}/{JOURNAL_DIR}/{writer}.jsonl"

    def lane(self, launcher_id: str, number: int) -> str:
        """The writer name of a lane; in each session it keeps a journal of its own."""
        name = f"{launcher_id}-{number}"
        return name if self.session == 1 else f"{name}-{self.session}"

    def run(self, index: int) -> str:
        """The directory of a run."""
        return f"{self.root}/{RUNS_DIR}/{run_name(index)}"

    def attempt(self, index: int, number: int) -> str:
        """Where the directory of an attempt is kept once a later attempt was made.

        Args:
            index: number of the run.
            number: number of the attempt, from 1.
        """
        return f"{self.attempts}/{run_name(index)}-{number}"


def up_to_sweep(index: int, name: str) -> str:
    """Relative path from the folder of resource `name` in a run directory up to the sweep directory."""
    depth = run_name(index).count("/") + 2 + name.count("/")
    return "../" * depth
