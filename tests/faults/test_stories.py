"""Random stories of a sweep, told by hypothesis: started, extended, reordered, killed, interrupted, edited, torn.

After each step what is on disk is compared with a model of a few sets. `MULTIRUN_TEST_STORIES` says how many stories
there are (12 without it).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.faults.nursery import Nursery
from tests.faults.scripts import Script, kill_at_once, launcher_of, unmeasured
from tests.invariants import check_sweep, session_of
from tests.journals import read_all
from tests.patience import wait_until

from multirun import SweepResult
from multirun.processes import children_of
from multirun.replay import Replay
from multirun.resume import explain_resume

STORIES = int(os.environ.get("MULTIRUN_TEST_STORIES", "12"))
STEPS = 12
UNIVERSE = range(6)
PROGRAM = """\
cd "$1" && exec 9>> "alone-$2" && { flock -n 9 || echo "$2" >> overlaps; }
echo "$2" >> starts
until test -e "gate-$2"; do sleep 0.01; done
test -e "broken-$2" && exit 3
cd "$MULTIRUN_RUN_DIR" && echo "{\\"x\\": $2, \\"version\\": $(cat version.txt)}" > "$MULTIRUN_RESULTS" """
TOLD = "import json; print(json.dumps([[run.params['x'], run.status] for run in result]))"
listings = st.lists(st.sampled_from(UNIVERSE), min_size=1, max_size=len(UNIVERSE), unique=True)
anything = st.integers(0, 10**6)
"""Chooses among files and bytes, which differ from time to time."""


class Story(RuleBasedStateMachine):
    """A sweep and the model of it.

    Attributes:
        done: the runs whose success is recorded, with the version of the input that they saw.
        failed: those whose failure is recorded.
        live: the script that executes it.
        executing: the runs that this script still has to end.
    """

    nursery: Nursery

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="multirun-story-"))
        self.root = self.folder / "sweep"
        self.input = self.folder / "version.txt"
        self.done: dict[int, int] = {}
        self.failed: set[int] = set()
        self.planned: set[int] = set()
        self.live: Script | None = None
        self.launcher_killed = False
        self.executing: set[int] = set()
        self.expected: list[list[Any]] = []
        self.version = self.accepted = 1
        self.executed_when_done: Counter[int] = Counter()
        self.input.write_text("1")

    # ------------------------------------------------------------------------------------------------ calls

    def call(self, listing: list[int], options: str, folder: Path | None = None) -> Script:
        return Script(
            folder or self.folder,
            root=self.root,
            runs=[{"x": x} for x in listing],
            command=["sh", "-c", PROGRAM, "sh", str(self.folder), "{x}"],
            max_parallel=len(UNIVERSE),
            infrastructure_retries=2,
            options="grace=0.1, retry_delay=0.01, max_same_failures=None, "
            f"input_files=[FileResource({str(self.input)!r}, 'copy')], {options}",
            after=TOLD,
            nursery=self.nursery,
        )

    @initialize(listing=listings)
    def begin(self, listing: list[int]) -> None:
        self.start(listing, "True")

    @precondition(lambda self: self.live is None and self.version == self.accepted)
    @rule(listing=listings, resume=st.sampled_from(["True", "True", "'unfinished'"]))
    def start(self, listing: list[int], resume: str) -> None:
        """Go on, with other runs, in another order."""
        kept = set(self.done) | (self.failed if "unfinished" in resume else set())
        self.executing = set(listing) - kept
        self.expected = [[x, "skipped" if x in self.done else "failure" if x in kept else "?"] for x in listing]
        self.planned |= set(listing)
        self.launcher_killed = False
        before = self.starts()
        self.live = self.call(listing, f"resume={resume}")
        self.wait(lambda: all(self.starts()[x] > before[x] for x in self.executing), "the start of each run")
        self.failed -= self.executing
        self.settle()

    @precondition(lambda self: self.live is None and self.version != self.accepted)
    @rule(listing=listings, accept=st.booleans())
    def start_with_another_input(self, listing: list[int], accept: bool) -> None:
        """It is refused, or the runs that saw the old input are executed again."""
        if accept:
            self.done, self.failed, self.accepted = {}, set(), self.version
            self.executed_when_done.clear()
            self.start(listing, "True, accept_changes=True")
            return
        before = self.starts()
        script = self.call(listing, "resume=True")
        assert script.end() == 1
        assert "DefinitionChangedError" in script.complaint()
        assert self.starts() == before

    @precondition(lambda self: self.live is not None)
    @rule(listing=listings)
    def start_twice(self, listing: list[int]) -> None:
        """Whoever executes the sweep is not disturbed by another who would like to."""
        before = self.starts()
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        rival = self.call(listing, "resume=True", elsewhere)
        assert rival.end() == 1
        assert "LockedError" in rival.complaint()
        assert self.starts() == before

    @rule(x=st.sampled_from(UNIVERSE), closed=st.booleans())
    def gate(self, x: int, closed: bool) -> None:
        """Let a run end, now or when it is started; or not."""
        if closed and x not in self.executing:
            (self.folder / f"gate-{x}").unlink(missing_ok=True)
        elif not closed:
            (self.folder / f"gate-{x}").touch()
        self.settle()

    @rule(x=st.sampled_from([1, 2, 3]))
    def repair_or_break(self, x: int) -> None:
        """From now on a run fails, or does no more; never so many that multirun gives up."""
        path = self.folder / f"broken-{x}"
        if path.exists():
            path.unlink()
        elif not self.opened(x) or x not in self.executing:
            path.touch()

    @rule()
    def edit_input(self) -> None:
        self.version += 1
        self.input.write_text(str(self.version))

    # ----------------------------------------------------------------------------------------------- faults

    @precondition(lambda self: self.live is not None)
    @rule(whom=st.sampled_from(["orchestrator", "all but the sentinel", "all"]))
    def kill(self, whom: str) -> None:
        script = self.live
        assert script is not None
        launcher = launcher_of(script.pid) if whom != "orchestrator" else []
        guards = children_of(script.pid) if whom == "all" else []
        if launcher or guards:
            kill_at_once([script.pid, *guards, *launcher])
        script.dispose()
        self.left(check=whom != "all")

    @precondition(lambda self: self.live is not None and not self.launcher_killed)
    @rule()
    def kill_launcher(self) -> None:
        """What was lost is executed again by itself."""
        assert self.live is not None
        before = self.starts()
        kill_at_once(launcher_of(self.live.pid))
        self.launcher_killed = True
        self.wait(lambda: all(self.starts()[x] > before[x] for x in self.executing), "another start of each run")
        self.settle()

    @precondition(lambda self: self.live is not None)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Another terminal ends one run; the others go on."""
        x = data.draw(st.sampled_from(sorted(self.executing)))
        assert self.command("cancel", x) == 0
        self.executing.discard(x)
        self.settle()

    @precondition(lambda self: self.live is None)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        """A run is executed again because somebody says so, whatever is recorded of it."""
        x = data.draw(st.sampled_from(sorted(self.planned)))
        (self.folder / f"gate-{x}").touch()
        before = self.starts()
        broken = (self.folder / f"broken-{x}").exists()
        assert self.command("retry", x) == int(broken)
        assert self.starts() - before == Counter([x])
        self.done.pop(x, None)
        self.failed.discard(x)
        self.note_end(x)
        check_sweep(self.root, killed=True)
        self.compare()

    def command(self, word: str, x: int) -> int:
        """Execute one of the commands with a run; return its exit code."""
        words = [sys.executable, "-m", "multirun", word, str(self.root), str(self.numbers().index(x))]
        return subprocess.run(words, cwd=self.folder, env=unmeasured(), capture_output=True, check=False).returncode

    @precondition(lambda self: self.live is not None)
    @rule(signum=st.sampled_from([signal.SIGINT, signal.SIGTERM]))
    def interrupt(self, signum: int) -> None:
        assert self.live is not None
        self.live.signal(signum)
        assert self.live.end() != 0
        self.left()

    @precondition(lambda self: self.live is not None)
    @rule()
    def stop_for_a_moment(self) -> None:
        """What ends meanwhile is not missed."""
        assert self.live is not None
        self.live.signal(signal.SIGSTOP)
        for x in list(self.executing)[:1]:
            (self.folder / f"gate-{x}").touch()
            self.wait(lambda x=x: self.record(x).get("event") == "ended", f"the end of {x}")
        self.live.signal(signal.SIGCONT)
        self.settle()

    @precondition(lambda self: self.live is None)
    @rule(number=anything, garbage=st.sampled_from([b"{", b'{"seq":3,"event":"ended","run":0,', b"\0" * 50, b"x"]))
    def tear(self, number: int, garbage: bytes) -> None:
        """Half a record at the end of a journal or of the plan."""
        files = [*sorted((self.root / "journal").iterdir()), self.root / "plan.jsonl"]
        file = files[number % len(files)]
        if file.read_bytes().endswith(b"\n"):
            with file.open("ab") as opened:
                opened.write(garbage)
        self.compare()

    @precondition(lambda self: self.live is None)
    @rule(number=anything, kept=anything)
    def lose_an_end(self, number: int, kept: int) -> None:
        """The last record of a lane was not yet on the disk when the power failed: its run is executed again."""
        journals = read_all(str(self.root / "journal"))
        last = max(map(session_of, journals.values()), default=1)
        killed = any(
            name.startswith("orchestrator") and session_of(records) == last and records[-1]["event"] != "closed"
            for name, records in journals.items()
        )
        lanes = [
            (name, records[-1]["run"])
            for name, records in sorted(journals.items())
            if killed and session_of(records) == last and records[-1]["event"] == "ended"
            and not name.startswith("orchestrator")
        ]  # fmt: skip
        if not lanes:
            return
        name, index = lanes[number % len(lanes)]
        file = self.root / "journal" / f"{name}.jsonl"
        whole = file.read_bytes()
        whole = whole[: whole.rindex(b"\n") + 1]
        start = whole.rindex(b"\n", 0, -1) + 1
        file.write_bytes(whole[: start + kept % (len(whole) - start)])
        x = self.numbers()[index]
        self.done.pop(x, None)
        self.executed_when_done.pop(x, None)
        self.failed.discard(x)
        self.compare()

    # ---------------------------------------------------------------------------------- what follows of itself

    def settle(self) -> None:
        """Wait for what must happen by itself: runs whose gate is open end, and the script with the last of them."""
        if self.live is None:
            return
        for x in [x for x in self.executing if self.opened(x)]:
            self.wait(lambda x=x: self.record(x).get("event") == "ended", f"the end of {x}")
            self.executing.discard(x)
            self.note_end(x)
        if not self.executing:
            assert self.live.end() == 0, self.live.complaint()
            told = json.loads(self.live.output)
            states = [[x, "success" if x in self.done else "failure"] for x, _ in self.expected]
            assert told == [[x, b if a == "?" else a] for (x, a), (_, b) in zip(self.expected, states, strict=True)]
            self.left()

    def note_end(self, x: int) -> None:
        if (self.folder / f"broken-{x}").exists():
            self.failed.add(x)
        else:
            self.done[x] = self.accepted
            self.executed_when_done[x] = self.starts()[x]

    def left(self, *, check: bool = True) -> None:
        """The script is gone; what it executed is not finished."""
        assert self.live is not None
        self.live.dispose()
        self.live, self.executing = None, set()
        if check:
            check_sweep(self.root, killed=True)
        self.compare()

    def compare(self) -> None:
        """What is on disk is what the model says, and nothing was executed again after its success."""
        assert not (self.folder / "overlaps").exists(), "two attempts of a run were alive at the same time"
        loaded = SweepResult.load(self.root)
        decisions = {each.params["x"]: each for each in explain_resume(self.root)}
        assert {run.params["x"] for run in loaded} == self.planned == set(decisions)
        for run in loaded:
            x = run.params["x"]
            if x in self.done:
                assert (run.status, run.results) == ("success", {"x": x, "version": self.done[x]}), run
                assert self.starts()[x] == self.executed_when_done[x], f"{x} was executed again"
            elif x in self.failed:
                assert (run.status, run.reason) == ("failure", "exit:3"), run
            else:
                assert run.status == "pending" or run.reason in ("lost", "cancelled", "never-started"), run
            executes = x not in self.done or self.version != self.accepted
            assert (decisions[x].action == "execute") == executes, decisions[x]

    def teardown(self) -> None:
        """However the story went, it ends well."""
        try:
            if self.live is not None:
                self.kill("orchestrator")
            self.accept_and_finish()
        finally:
            if self.live is not None:
                self.live.dispose()
        shutil.rmtree(self.folder)

    def accept_and_finish(self) -> None:
        for x in UNIVERSE:
            (self.folder / f"gate-{x}").touch()
            (self.folder / f"broken-{x}").unlink(missing_ok=True)
        if self.version != self.accepted:
            self.start_with_another_input(list(UNIVERSE), accept=True)
        else:
            self.start(list(UNIVERSE), "True")
        assert set(self.done) == set(UNIVERSE)

    # ------------------------------------------------------------------------------------------------- looks

    def wait(self, condition: Any, what: str) -> None:
        assert self.live is not None
        wait_until(lambda: condition() or (self.live is not None and self.live.ended()), what=what)
        assert condition(), f"{what}: the script ended: {self.live.complaint()}"

    def opened(self, x: int) -> bool:
        return (self.folder / f"gate-{x}").exists()

    def starts(self) -> Counter[int]:
        path = self.folder / "starts"
        return Counter(map(int, path.read_text().split())) if path.exists() else Counter()

    def numbers(self) -> list[int]:
        return [run.params["x"] for run in Replay(str(self.root)).runs()]

    def record(self, x: int) -> dict[str, Any]:
        return Replay(str(self.root)).record(self.numbers().index(x)) or {}


@pytest.mark.timeout(60 + 30 * STORIES)
def test_stories() -> None:
    Story.nursery = Nursery(unmeasured())
    try:
        run_state_machine_as_test(
            Story,
            settings=settings(
                max_examples=STORIES,
                stateful_step_count=STEPS,
                deadline=None,
                phases=(Phase.explicit, Phase.reuse, Phase.generate),
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    finally:
        Story.nursery.close()
