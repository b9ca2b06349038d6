"""SIGKILL of random processes of ours at random moments, again and again, with `resume=True` after each.

`MULTIRUN_TEST_KILLS` says how many times (60 without it), `MULTIRUN_TEST_SEED` where to begin; `python -m tests.soak`
does it thousands of times.
"""

import os

import pytest
from tests.faults.kill_loop import Tally, make_nursery, torment

KILLS = int(os.environ.get("MULTIRUN_TEST_KILLS", "60"))
SEED = int(os.environ.get("MULTIRUN_TEST_SEED", "1"))


@pytest.mark.timeout(60 + 10 * KILLS)
def test_random_kills(tmp_path_factory: pytest.TempPathFactory) -> None:
    tally, seed, nursery = Tally(), SEED, make_nursery()
    try:
        while tally.kills.total() < KILLS:
            torment(tmp_path_factory.mktemp("kill"), seed, nursery, tally)
            seed += 1
    finally:
        nursery.close()
    print(tally)
    assert tally.kills.total() >= KILLS
