"""The sentinel: ends what programs left when keeper and lanes were all killed at once.

It belongs to no one: detached from the launcher, it waits until the last of keeper and lanes is gone, whatever ended
them, then kills every process that carries the launcher's cookie. After an orderly end it finds none.
"""

from __future__ import annotations

import os

from multirun.contract import ENV_COOKIE
from multirun.processes import kill_carriers, set_name


def start_sentinel(launcher_id: str) -> int:
    """Start the sentinel and return the descriptor that keeper and lanes hold open while they live."""
    watched, held = os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            _guard(watched, launcher_id)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(watched)
    return held


def _guard(watched: int, launcher_id: str) -> None:
    os.setsid()
    set_name("multirun-guard")
    limit = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, watched)
    os.closerange(watched + 1, limit if limit > 0 else 65_536)
    os.read(watched, 1)
    kill_carriers(f":{launcher_id}", ENV_COOKIE, patience_s=10.0)
    os._exit(0)
