"""Sweeps whose processes are killed at random and that go on again and again, until they are complete.

What is looked at comes from two sides: `check_sweep` reads what multirun wrote, the programs (`witness.sh`) leave
evidence of their own about what was executed, and whether alone.
"""

import os
import random
import shlex
import signal
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic

from tests.faults.nursery import Nursery
from tests.faults.scripts import PROGRAMS, Script, evil, keepers_of, named, unmeasured
from tests.invariants import check_sweep

from multirun import SweepResult
from multirun.processes import children_of

TARGETS = ("orchestrator", "keeper", "lane", "lanes", "sentinel", "sentinel and keeper", "launcher", "program",
           "everybody")  # fmt: skip
BEASTS = ("daemon", "family", "stubborn", "stopped", "storm")
LONGEST_S = 0.5
"""So long after the one before comes the next kill at the latest; a call without any takes about as long."""
_END_S = 30.0
_APPEARS_S = 2.0


@dataclass
class Tally:
    """What was done so far.

    Attributes:
        kills: how many processes or groups of them were found and killed, by what they were.
        calls: how many calls of `multirun` there were.
        sweeps: how many sweeps were brought to their end.
    """

    kills: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    sweeps: int = 0

    def __str__(self) -> str:
        each = ", ".join(f"{target} {count}" for target, count in self.kills.most_common())
        return f"{self.kills.total()} kills ({each}) in {self.calls} calls for {self.sweeps} sweeps"


class Victim:
    """One sweep that is killed some times and then left in peace."""

    def __init__(self, folder: Path, seed: int, nursery: Nursery, tally: Tally) -> None:
        """Choose what it is like.

        Args:
            folder: an empty folder for it.
            seed: of all that is random.
            nursery: starts its calls.
            tally: is told of each kill.
        """
        self.root = folder / "sweep"
        self.told: list[str] = []
        self._folder, self._nursery, self._tally = folder, nursery, tally
        self._elsewhere = folder / "elsewhere"
        self._elsewhere.mkdir()
        self._chance = random.Random(seed)
        self._count = self._chance.randint(5, 20)
        self._beast = self._chance.choice(BEASTS) if self._chance.random() < 0.25 else None
        self._pace = self._chance.choice([1, 5, 15])
        self._parallel = self._chance.randint(1, 4)
        self._kept: Counter[str] = Counter()
        self._succeeded: set[int] = set()

    # ------------------------------------------------------------------------------------------------ calls

    def suffer(self, kills: int) -> None:
        """Kill it so many times, go on each time, and at last let it come to its end.

        Raises:
            AssertionError: something is not as it was promised.
        """
        until = self._tally.kills.total() + kills
        while self._tally.kills.total() < until and len(self._succeeded) < self._count:
            self._call(until)
        self._finish()
        self._tally.sweeps += 1

    def _call(self, until: int) -> None:
        """One call and what happens to it."""
        script = self._start()
        rival = self._start(folder=self._elsewhere) if self._chance.random() < 0.15 else None
        target = ""
        while self._tally.kills.total() < until and not script.ended() and target not in ("orchestrator", "everybody"):
            target = self._chance.choice(TARGETS)
            self._await_prey(script, target)
            found = 0 if script.ended() else kill(script, target, self._chance)
            self._tally.kills[target] += bool(found)
            self.told.append(f"{target} ({found})")
        codes = [self._end(each) for each in (script, rival) if each is not None]
        code = min(codes)
        hasty = target == "everybody" or self._chance.random() < 0.4
        if code == 0 or not hasty:  # else the next call meets what is left alive
            self._check(code)

    def _end(self, script: Script) -> int:
        """Wait for the end of a call: it executed the sweep, somebody else did, or it was killed."""
        code = script.end(_END_S)
        refused = code == 1 and "LockedError" in script.complaint()
        assert code in (0, -signal.SIGKILL) or refused, script.complaint()
        script.dispose()
        return 0 if refused else code

    def _await_prey(self, script: Script, target: str) -> None:
        """Wait for a random time, mostly after there is something of the kind to kill."""
        began = monotonic()
        eager = target not in ("orchestrator", "everybody") or self._chance.random() < 0.5
        while eager and not script.ended() and not keepers_of(script.pid) and monotonic() < began + _APPEARS_S:
            Event().wait(0.005)
        Event().wait(self._chance.uniform(0, LONGEST_S**0.5) ** 2)

    def _start(self, *, whole: bool = False, folder: Path | None = None) -> Script:
        self._tally.calls += 1
        return Script(
            folder or self._folder,
            root=self.root,
            runs=self._runs(whole),
            command=["sh", "-c", "{words}", "sh"],
            max_parallel=self._parallel,
            infrastructure_retries=self._chance.choice([0, 0, 3]),
            options=f"resume=True, retries={self._chance.choice([0, 0, 1])}, retry_delay=0.02, timeout=5, grace=0.1, "
            f"env={{'PYTHON': {sys.executable!r}}}",
            nursery=self._nursery,
        )

    def _runs(self, whole: bool) -> str:
        """The source of the runs: in another order each time, sometimes fewer, sometimes from a generator."""
        maps = [{"x": x, "words": self._words(x)} for x in range(self._count)]
        if self._beast:
            maps.append({"x": -1, "words": f"exec {shlex.join(evil(self._beast))}"})
        self._chance.shuffle(maps)
        if not whole and self._chance.random() < 0.3:
            del maps[len(maps) // 2 :]
        return f"(each for each in {maps})" if self._chance.random() < 0.2 else str(maps)

    def _words(self, x: int) -> str:
        poster = "python" if x == 3 else "shell"
        words = ["sh", f"{PROGRAMS}/witness.sh", str(self._folder), f"{x}", f"{self._pace:02}", poster]
        return f"exec {shlex.join(words)}"

    # ----------------------------------------------------------------------------------------------- checks

    def _check(self, code: int) -> None:
        if not (self.root / "sweep.json").exists():  # killed at its birth
            return
        state = check_sweep(self.root, killed=True, within_s=2.0 if code else 0.5)
        self._check_evidence()
        starts = self._starts()
        for index, x in enumerate(self._numbers()):
            record = state.get(index, {})
            if record.get("event") == "ended" and record["status"] == "success":
                before = self._kept.setdefault(str(x), starts[str(x)])
                assert starts[str(x)] == before, f"x={x} was executed again after its success was recorded"
                self._succeeded.add(x)
            assert x not in self._succeeded or record.get("status") == "success", f"the success of x={x} was lost"

    def _numbers(self) -> list[int]:
        if not (self.root / "plan.jsonl").exists():
            return []
        return [run.params["x"] for run in SweepResult.load(self.root)]

    def _starts(self) -> Counter[str]:
        path = self._folder / "starts"
        return Counter(path.read_text().split() if path.exists() else ())

    def _check_evidence(self) -> None:
        """What programs say: each was alone, in a fresh directory, and what was posted is still there."""
        for name in ("overlaps", "dirty"):
            assert not (self._folder / name).exists(), f"{name}: {(self._folder / name).read_text().split()}"
        for posted in self.root.glob("*/*/posted"):
            assert (posted.parent / "results.json").read_bytes().startswith(b'{"y": '), posted

    def _finish(self) -> None:
        """The last call is left in peace; its results are those of a sweep that nobody disturbed."""
        script = self._start(whole=True)
        assert script.end(_END_S) == 0, script.complaint()
        script.dispose()
        self._check(0)
        ends = {run.params["x"]: (run.status, run.reason, run.results) for run in SweepResult.load(self.root)}
        expected: dict[int, tuple[str, str | None, object]] = {
            x: ("success", None, {"y": x * x}) for x in range(self._count)
        }
        if self._beast:
            expected[-1] = ("failure", "timeout", None)
        assert ends == expected


def find(script: Script, target: str, chance: random.Random) -> list[int]:
    """The processes of a kind, as far as they are there already."""
    guards = named("multirun-guard", children_of(script.pid))
    keepers = keepers_of(script.pid)
    lanes = [lane for keeper in keepers for lane in named("multirun-lane", children_of(keeper))]
    programs = [pid for lane in lanes for pid in children_of(lane)] if target == "program" else []
    return {
        "orchestrator": [script.pid],
        "keeper": keepers,
        "lane": chance.sample(lanes, min(1, len(lanes))),
        "lanes": lanes,
        "sentinel": guards,
        "sentinel and keeper": guards + keepers,
        "launcher": keepers + lanes,
        "program": chance.sample(programs, min(1, len(programs))),
        "everybody": [script.pid, *guards, *keepers, *lanes],
    }[target]


def kill(script: Script, target: str, chance: random.Random) -> int:
    """Kill one after another, so that some see others die; return how many there were."""
    found = find(script, target, chance)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def torment(folder: Path, seed: int, nursery: Nursery, tally: Tally) -> int:
    """One sweep of a seed from its birth to its end; return how many times something of it was killed.

    Raises:
        AssertionError: something is not as it was promised; the note says what had been done.
    """
    before = tally.kills.total()
    victim = Victim(folder, seed, nursery, tally)
    try:
        victim.suffer(random.Random(seed).randint(3, 12))
    except AssertionError as error:
        error.add_note(f"seed {seed}, after {', '.join(victim.told)}, in {folder}")
        raise
    return tally.kills.total() - before


def make_nursery() -> Nursery:
    """A nursery that measures no coverage."""
    return Nursery(unmeasured())
