"""Kill sweeps thousands of times: `python -m tests.soak --kills 1000 --seed 1`.

Each seed is one sweep, killed some times and brought to its end; see `tests/faults/kill_loop.py` for what is checked.
The directory of a seed that showed a violation is kept and named. The exit status is 1 if there was any.
"""

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from time import monotonic
from uuid import uuid4

from tests.faults.kill_loop import Tally, make_nursery, torment
from tests.patience import wait_until
from tests.survivors import MARK, carriers, describe


def main() -> int:
    """Kill, count and tell."""
    options = _parse()
    mark = os.environ[MARK] = uuid4().hex
    began, seed, tally, violations = monotonic(), options.seed, Tally(), 0
    base = Path(tempfile.mkdtemp(prefix="multirun-soak-", dir=options.dir))
    nursery = make_nursery()
    while tally.kills.total() < options.kills:
        folder = base / str(seed)
        folder.mkdir()
        try:
            torment(folder, seed, nursery, tally)
            shutil.rmtree(folder)
        except Exception:  # noqa: BLE001 - whatever it is, it is counted, and the next seed is tried
            violations += 1
            print(f"--- violation {violations}, seed {seed}; kept in {folder}", flush=True)
            traceback.print_exc(file=sys.stdout)
        seed += 1
        if seed % 10 == 0:
            print(f"{monotonic() - began:6.0f} s  {tally}; violations {violations}", flush=True)
    nursery.close()
    violations += _left(mark)
    took_s = monotonic() - began
    print(f"seeds {options.seed} to {seed - 1}: {tally}, {took_s:.0f} s; violations: {violations}")
    return 1 if violations else 0


def _left(mark: str) -> int:
    """1 if processes are alive some time after the end, else 0."""
    try:
        wait_until(lambda: not carriers(mark, MARK), 40)  # the programs that nobody was left to end live for 30 s
    except AssertionError:
        print(f"left alive: {describe(carriers(mark, MARK))}")
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill sweeps at random, and go on with them.")
    parser.add_argument("--kills", type=int, default=1000, help="how many times (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="where to begin (default: %(default)s)")
    parser.add_argument("--dir", help="where the sweeps are made (default: the temporary directory)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
