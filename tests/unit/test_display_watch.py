"""What wakes a display: failures and changes, and no more of them than it can tell of."""

from typing import Any, cast

import pytest
from tests.unit.moments import make_run

from multirun.display.watch import NAMED_FAILURES, Watch


def test_watch_rings_once_until_it_was_asked() -> None:
    rings: list[None] = []
    watch = Watch(lambda: rings.append(None))
    failed = [make_run(index) for index in range(3)]
    for run in failed:
        run.status = "failure"
        watch(run)
    assert len(rings) == 1
    watch.rearm()
    assert watch.take() == failed
    assert watch.take() == []
    watch(None)
    assert len(rings) == 2


def test_watch_is_not_moved_by_what_is_no_news() -> None:
    watch = Watch(lambda: pytest.fail("it rang"))
    run = make_run()
    for status in ("running", "success", "skipped"):
        run.status = cast("Any", status)
        watch(run)
    assert watch.take() == []


def test_watch_remembers_only_so_many_failures() -> None:
    rings: list[None] = []
    watch = Watch(lambda: rings.append(None))
    run = make_run()
    run.status = "failure"
    flooded = []
    for _ in range(10_000):
        watch(run)
        watch.rearm()
        watch.take()
        flooded.append(watch.flooded)
    assert flooded.index(True) == NAMED_FAILURES
    assert len(rings) < NAMED_FAILURES + 3
