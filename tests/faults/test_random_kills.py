"""SIGKILL of random processes of ours at random moments, again and again.

`MULTIRUN_TEST_KILLS` says how many times (25 without it; thousands for a soak), `MULTIRUN_TEST_SEED` where to begin.
"""

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.faults.scripts import Script, evil, keepers_of, named
from tests.invariants import check_sweep

from multirun.processes import children_of

Start = Callable[..., Script]
KILLS = int(os.environ.get("MULTIRUN_TEST_KILLS", "25"))
SEED = int(os.environ.get("MULTIRUN_TEST_SEED", "1"))
LONGEST_S = 0.8
TARGETS = ("orchestrator", "keeper", "lane", "lanes", "sentinel", "sentinel and keeper", "launcher", "everybody")
PROGRAMS = ("daemon", "family", "storm", "stubborn", "stopped")


def find(script: Script, target: str, chance: random.Random) -> list[int]:
    """The processes to kill, as far as they are there already."""
    guards = named("multirun-guard", children_of(script.pid))
    keepers = keepers_of(script.pid)
    lanes = [lane for keeper in keepers for lane in named("multirun-lane", children_of(keeper))]
    return {
        "orchestrator": [script.pid],
        "keeper": keepers,
        "lane": chance.sample(lanes, min(1, len(lanes))),
        "lanes": lanes,
        "sentinel": guards,
        "sentinel and keeper": guards + keepers,
        "launcher": keepers + lanes,
        "everybody": [script.pid, *keepers, *lanes],
    }[target]


def kill(script: Script, target: str, chance: random.Random) -> None:
    """Kill one after another, so that some see others die."""
    for pid in find(script, target, chance):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def check(script: Script, target: str) -> None:
    """What a user may rely on after the kill."""
    code = script.end(within_s=10)
    survived = target not in ("orchestrator", "everybody")
    assert code == 0 or (code == -signal.SIGKILL and not survived), script.complaint()
    if (script.root / "plan.jsonl").exists():
        check_sweep(script.root, killed=True, within_s=0 if code == 0 else 2)


@pytest.mark.timeout(60 + 10 * KILLS)
def test_random_kills(start_script: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    chance = random.Random(SEED)
    for number in range(KILLS):
        target = chance.choice(TARGETS)
        delay_s = chance.uniform(0, LONGEST_S)
        program = chance.choice(PROGRAMS)
        told = f"kill {number} of seed {SEED}: {target} after {delay_s:.3f} s, beside {program}"
        script = start_script(
            folder=tmp_path_factory.mktemp("kill"),
            runs=[{"words": "exec sleep 0.03"}] * 6 + [{"words": 'exec "$@"'}] + [{"words": "exec sleep 0.05"}] * 6,
            command=["sh", "-c", "{words}", "sh", *evil(program)],
            max_parallel=3,
            infrastructure_retries=chance.choice((0, 3)),
            options="timeout=1.2, grace=0.2, retry_delay=0.05",
            after="assert len(result) == 13",
        )
        threading.Event().wait(delay_s)
        kill(script, target, chance)
        try:
            check(script, target)
        except AssertionError as error:
            error.add_note(told)
            raise
