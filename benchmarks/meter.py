"""What a sweep costs, whoever executes it: wall time, and the CPU time of this process and all it starts.

Descendants that outlive their parent are counted too, because this process makes itself a child subreaper.
"""

from __future__ import annotations

import ctypes
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
REAP_DEADLINE_S = 20.0


def become_subreaper() -> None:
    """Adopt descendants that outlive their parent, so that their CPU time is counted here."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("this kernel has no child subreapers")


def reap_everything() -> int:
    """Wait until no descendant is left and return how many had to be waited for.

    Raises:
        TimeoutError: something outlived the sweep, so its CPU time is unknown.
    """
    end = time.monotonic() + REAP_DEADLINE_S
    reaped = 0
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return reaped
        reaped += bool(pid)
        if not pid:
            time.sleep(0.002)
    raise TimeoutError(f"a process of the sweep was alive {REAP_DEADLINE_S:.0f} s after its end")


def cpu_us(who: int) -> float:
    """User and system time in microseconds."""
    usage = resource.getrusage(who)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def peak_rss_mb() -> float:
    """Peak resident memory of this process; `ru_maxrss` would count the image before the exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmHWM in /proc/self/status")


def measure(who: str, n: int, p: int, sweep: Callable[[], int]) -> dict[str, object]:
    """Execute a sweep as this process's only work and account for all of its CPU time.

    Args:
        who: what executes it.
        n: number of runs.
        p: how many at a time.
        sweep: executes it and returns how many runs did not succeed.
    """
    become_subreaper()
    own, below = cpu_us(resource.RUSAGE_SELF), cpu_us(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    failed = sweep()
    wall = time.perf_counter() - begin
    left_behind = reap_everything()
    own = cpu_us(resource.RUSAGE_SELF) - own
    below = cpu_us(resource.RUSAGE_CHILDREN) - below
    return {
        "who": who,
        "n": n,
        "p": p,
        "failed": failed,
        "wall_s": round(wall, 4),
        "runs_per_s": round(n / wall, 1),
        "cpu_us_per_run": round((own + below) / n, 1),
        "own_us_per_run": round(own / n, 1),
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "left_behind": left_behind,
    }
