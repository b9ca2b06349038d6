"""Trying out in a process of its own what signals or waits for all children of the caller."""

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from multirun.processes import become_subreaper, signal_descendants


def in_a_subreaper(act: Callable[[], Any]) -> Any:
    """What a function returns in a forked subreaper, or the text of its error; what it leaves is killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become_subreaper()
            answer = act()
        except BaseException:  # noqa: BLE001 - nothing may escape a fork
            answer = traceback.format_exc()
        os.write(writer, pickle.dumps(answer))
        signal_descendants(signal.SIGKILL)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data)


def as_nobody(act: Callable[[], Any]) -> Any:
    """What a function returns in a process without any rights."""

    def drop_rights_and_act() -> Any:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        return act()

    return in_a_subreaper(drop_rights_and_act)


def names(pids: list[int]) -> list[str]:
    """The names of living processes and zombies."""
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids]
