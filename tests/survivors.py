"""Processes that a test or a sweep left alive."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

from tests.patience import wait_until

from multirun.contract import ENV_COOKIE, ENV_RUN_DIR
from multirun.run import Run

MARK = "TEST_THAT_STARTED_THIS"
"""Environment variable by which every process knows the test that started it: launchers and programs inherit it."""
_QUIET_LOOKS = 3


def carriers(word: str, variable: str = ENV_COOKIE) -> list[int]:
    """Living processes in whose environment `variable` has a word that begins or ends with `word`."""
    return [pid for pid in processes() if any(w.startswith(word) or w.endswith(word) for w in _words(pid, variable))]


def processes() -> Iterator[int]:
    """Every process there is."""
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def name_of(pid: int) -> str:
    """What `ps` calls a process, empty if there is none."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _words(pid: int, variable: str) -> list[str]:
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == variable.encode():
                return value.decode(errors="replace").split()
    return []


def describe(pids: list[int]) -> str:
    """Process ids with their names and the last word of their commands."""
    return ", ".join(f"{pid} ({name_of(pid)} … {_last_word(pid)})" for pid in pids) or "nothing"


def _last_word(pid: int) -> str:
    with suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0").rpartition(b"\0")[2].decode(errors="replace")[-60:]
        )
    return ""


def check_dead(run: Run) -> None:
    """Nothing of a run that is reported is alive: made to be given to `multirun` as `on_result`."""
    left = carriers(str(run.path), ENV_RUN_DIR)
    assert not left, f"{run} is reported, but alive is {describe(left)}"


def check_nothing_alive(sweep_id: str, within_s: float) -> None:
    """No process that carries the cookie of the sweep is left; one look could miss one that is born during it."""
    until, quiet = monotonic() + within_s, 0

    def is_quiet() -> bool:
        nonlocal quiet
        left = carriers(f"{sweep_id}:")
        assert not left or monotonic() < until, f"alive {within_s} s after the end of {sweep_id}: {describe(left)}"
        quiet = 0 if left else quiet + 1
        return quiet == _QUIET_LOOKS

    wait_until(is_quiet)
