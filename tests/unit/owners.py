"""Owners of sweeps, here and elsewhere, and time that passes only while somebody waits for them."""

import os
from collections.abc import Callable

from multirun import lock
from multirun.ownership import Patience
from multirun.rundir import SweepPaths

ME = lock.describe_self()
ELSEWHERE = {**ME, "host": "elsewhere", "pid": 4711}


class Clock(Patience):
    """Time that passes only while somebody waits, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[str | None] = []
        self.meanwhile: Callable[[], object] = lambda: None
        super().__init__(self.told.append)
        self.clock = lambda: self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


def leave_behind(paths: SweepPaths, who: lock.Identity, session: int = 1) -> int:
    """What an owner leaves that was killed; returns the descriptor of its file."""
    os.makedirs(paths.lock, exist_ok=True)
    descriptor = lock.claim(paths, session, who)
    assert descriptor is not None
    return descriptor


def files(paths: SweepPaths) -> list[str]:
    return sorted(os.listdir(paths.lock))
