"""Looking at a runner at each of its changes."""

from collections import Counter
from collections.abc import Iterable

from multirun import AbstractRunner, Run, RunStatistics
from multirun.run import STATUSES, RunStatus


def counts_of(statistics: RunStatistics) -> dict[RunStatus, int]:
    """The five counts by status."""
    return {status: getattr(statistics, f"{status}_count") for status in STATUSES}


class Watch:
    """Remembers what happened to the runs of a runner, and what was wrong with its counts meanwhile.

    Attributes:
        changes: index and new status of each run that changed, in order.
        most_running: how many runs were running at once.
        wrong: the counts that did not add up.
    """

    def __init__(self, runner: AbstractRunner) -> None:
        self._runner = runner
        self.changes: list[tuple[int, RunStatus]] = []
        self.most_running = 0
        self.wrong: list[RunStatistics] = []
        runner.ledger.listeners.append(self._look)

    def _look(self, run: Run | None) -> None:
        if run is not None:
            self.changes.append((run.index, run.status))
        counts = self._runner.computeStatistics()
        actual = _count(self._runner.runs)
        complete = actual["skipped"] + actual["success"] + actual["failure"]
        totals = (counts.complete_count, counts.total_count)
        if counts_of(counts) != actual or totals != (complete, len(self._runner.runs)):
            self.wrong.append(counts)
        self.most_running = max(self.most_running, counts.running_count)

    def life_of(self, index: int) -> list[RunStatus]:
        """Every status that a run took on, in order."""
        return [status for changed, status in self.changes if changed == index]


def _count(runs: Iterable[Run]) -> dict[RunStatus, int]:
    found = Counter(run.status for run in runs)
    return {status: found[status] for status in STATUSES}
