"""The runs of one call: which of them are on disk already, where they stand in the plan, and how they were left."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

from multirun.loading import recall_run, recorded_run
from multirun.run import COMPLETE, Run, RunStatus
from multirun.statistics import RunStatistics, Tally

if TYPE_CHECKING:
    from multirun.journal import Record
    from multirun.params import CheckedParams
    from multirun.plan import PlanWriter
    from multirun.results import ResultsHome
    from multirun.resume import Past


class Roll:
    """The runs that a call has named so far.

    Attributes:
        runs: the runs in the order in which they were named.
        offsets: where the lines of those in the plan begin that are still to be executed.
        total_known: whether these are all runs of the call.
    """

    def __init__(self, plan: PlanWriter, past: Past | None, home: ResultsHome) -> None:
        """Begin with no run.

        Args:
            plan: where new runs are written.
            past: what is on disk already, None for a new sweep.
            home: the sweep.
        """
        self.runs: list[Run] = []
        self.offsets: dict[int, int] = {}
        self.total_known = False
        self._tally = Tally()
        self._plan = plan
        self._past = past
        self._home = home
        self._numbered: dict[int, Run] | list[Run] = self.runs if past is None else {}

    def __getitem__(self, index: int) -> Run:
        """The run with this number."""
        return self._numbered[index]

    def find(self, index: int) -> Run | None:
        """The run with this number, None if the call has not named it."""
        try:
            return self._numbered[index]
        except LookupError:
            return None

    def enroll(self, params: CheckedParams) -> Run:
        """Name a run: it is as it was left, or a new one that is added to the plan.

        Args:
            params: its parameters.
        """
        run = self._add(params) if self._past is None else self._recall(params, self._past)
        self.runs.append(run)
        self._tally.add(run.status)
        return run

    def move(self, before: RunStatus, after: RunStatus) -> None:
        """A run has taken on another status."""
        self._tally.move(before, after)

    def statistics(self) -> RunStatistics:
        """How many runs have which status."""
        return self._tally.statistics(total_known=self.total_known)

    @property
    def has_more(self) -> bool:
        """Whether there are runs that were not begun, as far as is known."""
        return not self.total_known or self.statistics().pending_count > 0

    def _add(self, params: CheckedParams) -> Run:
        run = Run(self._plan.count, params.params, self._home)
        self.offsets[run.index] = self._plan.append(params.digest, params.text)
        return run

    def _recall(self, params: CheckedParams, past: Past) -> Run:
        index = past.find(params.digest)
        run = self._add(params) if index is None else recall_run(past, index, params.params, self._home)
        if index is not None and run.status not in COMPLETE:
            self.offsets[index] = past.survey.offsets[index]
        if isinstance(self._numbered, dict):
            self._numbered[run.index] = run
        return run

    @property
    def any_success(self) -> bool:
        """Whether a success was recorded by an earlier call."""
        return self._past is not None and self._past.any_success

    def is_stale(self, run: Run) -> bool:
        """Whether what the latest attempt of a run left belongs to other inputs."""
        return self._past is not None and self._past.is_stale(run.index)

    def former_end(self, run: Run) -> Record | None:
        """How a run ended in an earlier session, if nothing was started of it in this one: that is how it stays."""
        if self._past is None or run.status != "pending":
            return None
        return self._past.former_end(run.index)

    def unreached(self) -> Iterator[tuple[Run, Record]]:
        """The runs that stayed pending although they had ended in an earlier session, each with how."""
        for run in self.runs if self._past is not None else ():
            record = self.former_end(run)
            if record is not None:
                yield run, record

    def attempt_that_ends(self, run: Run) -> int:
        """The number of an attempt without a launcher: after a reset it has to be a new one, so that it counts."""
        reset = self._past is not None and self._past.replay.reset_of(run.index) is not None
        return run.attempts + (reset and run.status == "pending")

    def on_disk(self) -> list[Run]:
        """All runs of the sweep in the order of their numbers, whether the call has named them or not."""
        if self._past is None:
            return self.runs
        others = (recorded_run(run, self._home) for run in self._past.unnamed())
        return sorted([*self.runs, *others], key=attrgetter("index"))
