#!/usr/bin/env python3
"""What multirun adds to the start of a Python program that is a run: CPU time over `-c pass`.

    import_cost.py [--rounds R] [--scratch DIR]

Every round starts each variant once, in order, with this very interpreter (never through a version
manager's shim, which costs more than what is measured). The first round is not counted: it warms
the caches and writes the byte code, which an installed package has. Prints a table of medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from multirun import contract

READ = "from multirun import getRunParams; p = getRunParams()"
POST = "from multirun import getRunParams, postRunResults; p = getRunParams(); postRunResults({'y': p['x'] * 0.5})"
VARIANTS = {
    "`-c pass`": "pass",
    "`import json` (for scale)": "import json",
    "`from multirun import getRunParams`": "from multirun import getRunParams",
    "and the parameters read": READ,
    "and results posted": POST,
}


class Cost(NamedTuple):
    """One start of the interpreter, in milliseconds."""

    cpu: float
    wall: float


def environment_of_a_run(folder: Path) -> dict[str, str]:
    """A run directory below `folder` and the variables its program is given."""
    folder.mkdir()
    (folder / contract.PARAMS_FILE).write_text('{"x": 3, "y": 0.5, "name": "run"}\n')
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else every start would compile the modules anew
    return {
        **environment,
        contract.ENV_RUN_DIR: str(folder),
        contract.ENV_PARAMS: str(folder / contract.PARAMS_FILE),
        contract.ENV_RESULTS: str(folder / contract.RESULTS_FILE),
        contract.ENV_ATTEMPT: "1",
        contract.ENV_INDEX: "0",
    }


def start(code: str, environment: dict[str, str]) -> Cost:
    """Start the interpreter once and wait for it.

    Raises:
        RuntimeError: the program failed, so its cost means nothing.
    """
    silence = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    begin = time.perf_counter()
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], environment, file_actions=silence)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    if status:
        raise RuntimeError(f"exit status {os.waitstatus_to_exitcode(status)} from: {code}")
    return Cost((usage.ru_utime + usage.ru_stime) * 1e3, wall * 1e3)


def measure(rounds: int, environment: dict[str, str]) -> dict[str, list[Cost]]:
    """Costs of every variant, the variants taking turns, the first round dropped."""
    costs: dict[str, list[Cost]] = {label: [] for label in VARIANTS}
    for turn in range(rounds + 1):
        for label, code in VARIANTS.items():
            cost = start(code, environment)
            costs[label] += [cost] if turn else []
    return costs


def over_base(costs: Sequence[Cost], base: Sequence[Cost]) -> float:
    """Median of the differences within each round, which other load hardly moves."""
    return statistics.median(mine.cpu - bare.cpu for mine, bare in zip(costs, base, strict=True))


def table(costs: dict[str, list[Cost]]) -> str:
    """The Markdown table."""
    base = next(iter(costs.values()))
    lines = ["| program | CPU ms | wall ms | CPU over `-c pass`, ms |", "|---|---|---|---|"]
    for label, mine in costs.items():
        cpu = statistics.median(cost.cpu for cost in mine)
        wall = statistics.median(cost.wall for cost in mine)
        lines.append(f"| {label} | {cpu:.1f} | {wall:.1f} | {over_base(mine, base):+.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=25, help="starts of each variant that count")
    parser.add_argument("--scratch", type=Path, help="existing directory for one run directory; kept")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.scratch or Path(temporary)) / "import-cost"
        print(table(measure(args.rounds, environment_of_a_run(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
