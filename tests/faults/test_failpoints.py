"""Our own code is killed at each of its points, one after the other: nothing is left, and nothing false is recorded."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.faults.forge import EXPECTED, SOAK, SOURCE, Forge, forge, go_on
from tests.invariants import check_sweep

from multirun import failpoints
from multirun.failpoints import POINTS

BY_KIND: dict[str, frozenset[str] | set[str]] = {
    "sentinel": {"sentinel.ready"},
    "keeper": {"keeper.ready", "keeper.forked", "keeper.swept"},
    "lane": {point for point in POINTS if point.startswith(("lane.", "journal."))},
    "extractor": {point for point in POINTS if point.startswith(("extract.", "publish."))},
    "program": {point for point in POINTS if point.startswith("post.")},
}
BY_KIND["orchestrator"] = POINTS - set().union(*BY_KIND.values()) | {
    point for point in POINTS if point.startswith(("journal.", "publish."))
}
TWICE = ("journal.append", "plan.append", "publish.", "lane.directory", "snapshot.")
"""Beginnings of points at which the second time matters as much as the first."""
CASES = sorted(
    (kind, point, count)
    for kind, points in BY_KIND.items()
    for point in points
    for count in ((1, 2) if SOAK or point.startswith(TWICE) else (1,))
)
UNDISTURBED = {"keeper.swept", "run.dropped"}
"""Points that are reached only when something else went wrong."""


@pytest.fixture(scope="module")
def smith() -> Iterator[Forge]:
    with forge() as made:
        yield made


def test_every_point_is_in_the_code_and_the_other_way_round() -> None:
    sources = "".join(path.read_text() for path in (SOURCE / "multirun").rglob("*.py"))
    called = set(re.findall(r"\b_?reach\(\"([^\"]+)\"\)", sources))
    assert called == POINTS
    assert len(POINTS) >= 25


@pytest.mark.parametrize(("kind", "point", "count"), CASES)
def test_killed_at_a_point(smith: Forge, tmp_path: Path, kind: str, point: str, count: int) -> None:
    once, reached = tmp_path / "once", tmp_path / f"once.{point}"
    environment = {
        failpoints.ENV_POINT: f"{point}:kill:{count}@{kind}",
        failpoints.ENV_ONCE: str(once),
    }
    if point in UNDISTURBED:
        environment[failpoints.ENV_CALL] = f"pwrite:kill:{1 + count}@lane"
    outcome = smith.sweep(tmp_path, environment=environment)
    if not reached.exists():
        assert count > 1 or point in UNDISTURBED, f"{point} was not reached by any {kind}"
        return
    if kind == "orchestrator":
        assert outcome.exit_status == -9
    else:
        assert (outcome.exit_status, outcome.error) == (0, None), outcome
        told = [run[2:] for run in outcome.runs if run[0] == "success"]
        assert [values for values in EXPECTED if values in told] == told
        assert len(told) >= 1
    if (tmp_path / "sweep" / "plan.jsonl").exists() and (tmp_path / "sweep" / "sweep.json").exists():
        check_sweep(tmp_path / "sweep", killed=True)
    go_on(smith, tmp_path)


@contextmanager
def continued(reached: Path) -> Iterator[None]:
    """Let whoever stops at a point, and says so in a file, go on a second later."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            if reached.exists() and (pid := reached.read_text()):
                over.wait(1)
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGCONT)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("action", ["stop", "delay", "ENOSPC", "EIO"])
@pytest.mark.parametrize(("kind", "point", "count"), CASES if SOAK else CASES[::25])
def test_disturbed_at_a_point(smith: Forge, tmp_path: Path, kind: str, point: str, count: int, action: str) -> None:
    """Stopped for a while, late, or told that the disk fails."""
    once, reached = tmp_path / "once", tmp_path / f"once.{point}"
    environment = {failpoints.ENV_POINT: f"{point}:{action}:{count}@{kind}", failpoints.ENV_ONCE: str(once)}
    if point in UNDISTURBED:
        environment[failpoints.ENV_CALL] = f"pwrite:kill:{1 + count}@lane"
    with continued(reached):
        outcome = smith.sweep(tmp_path, environment=environment)
    assert outcome.exit_status == 0, outcome
    told = [run[2:] for run in outcome.runs if run[0] == "success"]
    assert [values for values in EXPECTED if values in told] == told
    if (tmp_path / "sweep" / "plan.jsonl").exists() and (tmp_path / "sweep" / "sweep.json").exists():
        check_sweep(tmp_path / "sweep", killed=True)
    go_on(smith, tmp_path)
