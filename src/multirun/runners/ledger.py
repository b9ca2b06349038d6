"""The runs of a runner, counted as they change; whoever watches is told of each change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from time import monotonic

from multirun.run import Run, RunStatus, check_transition
from multirun.statistics import RunStatistics, Tally

Listener = Callable[[Run | None], None]

_REMEMBERED_DURATIONS = 99
_FEWEST_DURATIONS = 5


class Ledger:
    """All runs that a runner serves or has served.

    Attributes:
        runs: the runs in the order in which they became known.
        serving: the directories of the sweeps that are being served now.
        served: the directories of the sweeps that have ended.
        busy_since: when the first of the sweeps that are being served began, on the monotonic clock in seconds.
        notices: why something cannot go on for now, by the name of what is held up.
        retries: how many failed attempts were to be followed by another one.
        remarks: what else there is to say about sweeps, once each.
        pulled_by: the thread that executes a generator of the caller's right now, None if none does.
        listeners: called with each run whose status changed, and with None when anything else did.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.serving: list[str] = []
        self.served: list[str] = []
        self.busy_since = monotonic()
        self.notices: dict[str, str] = {}
        self.retries = 0
        self.remarks: list[str] = []
        self.pulled_by: int | None = None
        self.listeners: list[Listener] = []
        self._tally = Tally()
        self._growing = 0
        self._running: dict[Run, float] = {}  # in the order of their starts
        self._durations: deque[float] = deque(maxlen=_REMEMBERED_DURATIONS)

    def begin(self, root: str) -> None:
        """A sweep begins; how many runs it has is not known yet."""
        if not self.serving:
            self.busy_since = monotonic()
            self._durations.clear()
        self.serving.append(root)
        self._growing += 1
        self._tell(None)

    def close_plan(self) -> None:
        """All runs of one sweep are known now."""
        self._growing -= 1

    def end(self, root: str) -> None:
        """A sweep ends."""
        self.serving.remove(root)
        self.served.append(root)
        for name in [name for name in self.notices if name.startswith(f"{root}/")]:
            del self.notices[name]
        self._tell(None)

    @contextmanager
    def pulling(self) -> Iterator[None]:
        """While this lasts, the calling thread executes a generator of the caller's, however long that takes."""
        self.pulled_by = get_ident()
        try:
            yield
        finally:
            self.pulled_by = None

    def enroll(self, run: Run) -> None:
        """A run becomes known."""
        self.runs.append(run)
        self._tally.add(run.status)

    def move(self, run: Run, status: RunStatus) -> None:
        """A run takes on another status; its other attributes are already up to date.

        Raises:
            ValueError: the table of statuses does not know this change.
        """
        check_transition(run.status, status)
        self._tally.move(run.status, status)
        run.status = status
        if status == "running":
            self._running[run] = monotonic()
        elif self._running.pop(run, None) is not None and status == "success" and run.duration_s is not None:
            self._durations.append(run.duration_s)
        self._tell(run)

    def retry(self, run: Run) -> None:
        """A run whose attempt failed waits for another one."""
        self.retries += 1
        if run.status != "pending":
            self.move(run, "pending")

    def waive(self) -> None:
        """A run that waited for another attempt will not have it."""
        self.retries -= 1

    def notice(self, name: str, text: str | None) -> None:
        """Something is held up, or goes on again if there is no text."""
        if self.notices.get(name) == text:
            return
        if text is None:
            del self.notices[name]
        else:
            self.notices[name] = text
        self._tell(None)

    def oldest(self, count: int) -> list[tuple[Run, float]]:
        """The runs that have been running longest, each with its start on the monotonic clock in seconds.

        Args:
            count: how many at most.
        """
        running = list(self._running.copy())[:count]  # only a copy is made in one step: another thread may move runs on
        starts = [(run, self._running.get(run)) for run in running]
        return [(run, since_s) for run, since_s in starts if since_s is not None]

    def typical_s(self) -> float | None:
        """Seconds that runs took, the median of the latest successful ones; None as long as there are too few."""
        durations = sorted(self._durations)
        return durations[len(durations) // 2] if len(durations) >= _FEWEST_DURATIONS else None

    @property
    def is_plan_closed(self) -> bool:
        """Whether all runs are known of every sweep that has begun."""
        return self._growing == 0

    def remark(self, text: str) -> None:
        """Something happened to a sweep that its counts do not tell."""
        self.remarks.append(text)
        self._tell(None)

    def statistics(self) -> RunStatistics:
        """The counts as they are now."""
        return self._tally.statistics(total_known=self.is_plan_closed)

    def _tell(self, run: Run | None) -> None:
        for listener in tuple(self.listeners):
            listener(run)
