"""Moments of sweeps that do not exist, for what displays and sentences tell of them."""

from typing import Any

import hypothesis.strategies as st

from multirun.display.moment import Moment
from multirun.display.news import News, failure_news
from multirun.run import Run
from multirun.statistics import RunStatistics
from multirun.wording import printable


class Home:
    """Where the runs of a test would be."""

    def directory(self, index: int) -> str:
        return f"/sweeps/one/runs/{index:06}"

    def load_results(self, run: Run) -> Any:
        raise AssertionError("no display needs results")


def make_run(index: int = 7, /, *, reason: str = "exit:3", message: str | None = None, **params: object) -> Run:
    run = Run(index, params, Home())
    run.reason, run.message = reason, message
    return run


def make_statistics(
    *, running: int = 0, ok: int = 0, failed: int = 0, skipped: int = 0, waiting: int = 0, total_known: bool = True
) -> RunStatistics:
    complete = ok + failed + skipped
    total = complete + running + waiting
    return RunStatistics(skipped, waiting, running, ok, failed, complete, total, total_known)


def make_moment(elapsed_s: float | None = 12.0, *notices: str, **counts: Any) -> Moment:
    return Moment(make_statistics(**counts), ("/sweeps/one",), elapsed_s, None, notices)


def news(run: Run) -> News:
    return failure_news(run, run.params, ["/sweeps/one"], "")


counts = st.one_of(st.integers(0, 30), st.integers(0, 10_000_000))
statistics = st.builds(
    make_statistics,
    running=counts,
    ok=counts,
    failed=counts,
    skipped=counts,
    waiting=counts,
    total_known=st.booleans(),
)
moments = st.builds(
    Moment,
    statistics,
    st.just(("/sweeps/one",)),
    st.one_of(st.none(), st.floats(0, 1e7)),
    st.one_of(st.none(), st.floats(0, 1e7)),
    st.lists(st.text().map(printable), max_size=3).map(tuple),
)
