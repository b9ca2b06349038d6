"""Every path below a sweep directory, in one place."""

from __future__ import annotations

import os

from multirun.contract import ATTEMPTS_DIR, JOURNAL_DIR, RUNS_DIR

SWEEP_FILE = "sweep.json"
PLAN_FILE = "plan.jsonl"
TABLE_FILE = "results.csv"
INPUTS_DIR = "inputs"
SHARED_DIR = "shared"
LOCK_DIR = "lock"
REQUESTS_DIR = "requests"
ORCHESTRATOR = "orchestrator"
"""The writer name of the journal that the orchestrator keeps."""

_FLAT_RUNS = 10_000
_RUNS_PER_FOLDER = 1_000


def run_name(index: int) -> str:
    """Path of a run's directory below `runs`: `000042`, from 10,000 runs on `12/012042`."""
    name = f"{index:06}"
    return name if index < _FLAT_RUNS else f"{index // _RUNS_PER_FOLDER}/{name}"


class SweepPaths:
    """The paths of one sweep.

    Attributes:
        root: absolute path of the sweep directory.
    """

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)

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

    @property
    def inputs(self) -> str:
        """The snapshot of the inputs that each run gets a copy of."""
        return f"{self.root}/{INPUTS_DIR}"

    @property
    def shared(self) -> str:
        """The read-only inputs that all runs share."""
        return f"{self.root}/{SHARED_DIR}"

    @property
    def lock(self) -> str:
        """The directory with a file for each owner that the sweep has had."""
        return f"{self.root}/{LOCK_DIR}"

    @property
    def requests(self) -> str:
        """The directory where others ask the owner for something."""
        return f"{self.root}/{REQUESTS_DIR}"

    def journal(self, writer: str) -> str:
        """The journal of one writer."""
        return f"{self.root}/{JOURNAL_DIR}/{writer}.jsonl"

    def run(self, index: int) -> str:
        """The directory of a run."""
        return f"{self.root}/{RUNS_DIR}/{run_name(index)}"

    def attempt(self, index: int, number: int) -> str:
        """Where the directory of an attempt is kept once a later attempt was made.

        Args:
            index: number of the run.
            number: number of the attempt, from 1.
        """
        return f"{self.root}/{ATTEMPTS_DIR}/{run_name(index)}-{number}"


def up_to_sweep(index: int, name: str) -> str:
    """Relative path from the folder of resource `name` in a run directory up to the sweep directory."""
    depth = run_name(index).count("/") + 2 + name.count("/")
    return "../" * depth
