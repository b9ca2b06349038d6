"""Scripts that call `multirun`, as users write them, in processes of their own that tests may kill."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic

from tests.faults.nursery import Newborn, Nursery
from tests.patience import LONG_S, wait_until
from tests.survivors import name_of

from multirun.processes import children_of, descendants_of

PROGRAMS = Path(__file__).parents[1] / "programs"
EVIL = ("sleeper", "stubborn", "family", "daemon", "storm", "stopped", "deaf")
"""The programs that do not end by themselves; each writes a file `ready` into its run directory."""

_TEMPLATE = """\
import signal, sys
for signum in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(signum, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.append({tests!r})
from multirun import *
from multirun import multirun
from tests.survivors import check_dead
on_result = check_dead
{before}
result = multirun(
    runs={runs}, cmd={command}, output_path={root!r}, runner=ParallelLocalRunner(max_parallel={max_parallel}),
    display=False, on_result=on_result, infrastructure_retries={infrastructure_retries}, {options}
)
{after}
"""


def unmeasured() -> dict[str, str]:
    """The environment without the wish to measure coverage: every process would save its data at its end.

    That takes a lane longer than all else it does then, so nothing could be said of the seconds that are promised.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def evil(program: str, *arguments: str) -> list[str]:
    """The command that executes one of the programs; it loads nothing, so that it starts fast."""
    return [sys.executable, "-I", "-S", f"{PROGRAMS}/{program}.py", *arguments]


def menagerie() -> list[dict[str, str]]:
    """Parameter maps for one run of each evil program; the command is `evil("{program}")`."""
    return [{"program": program} for program in EVIL]


def _start(script: Path, output: Path, complaints: Path) -> "subprocess.Popen[bytes] | Newborn":
    with open(complaints, "wb") as errors, open(output, "wb") as out:
        return subprocess.Popen(
            [sys.executable, script],
            cwd=script.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=unmeasured(),
            start_new_session=True,
        )


class Script:
    """A script in a session of its own.

    Attributes:
        root: the directory of its sweep.
        pid: its process id.
    """

    def __init__(
        self,
        folder: Path,
        *,
        runs: Sequence[object] | str,
        command: Sequence[str],
        max_parallel: int = 4,
        infrastructure_retries: int = 0,
        options: str = "",
        before: str = "",
        after: str = "",
        nursery: Nursery | None = None,
        root: Path | None = None,
    ) -> None:
        """Write the script and start it.

        Args:
            folder: where to write it.
            runs: the parameter maps, or the Python expression of a source of them.
            command: the command of the runs.
            max_parallel: how many runs at once.
            infrastructure_retries: how many further attempts a run may have whose launcher dies.
            options: further arguments of `multirun`, as Python.
            before: what the script does first.
            after: what it does with `result`.
            nursery: forks it instead of a new interpreter.
            root: the directory of the sweep; `sweep` in the folder if it is None.
        """
        self.root = root or folder / "sweep"
        self._complaints = folder / "script.err"
        text = _TEMPLATE.format(
            tests=str(PROGRAMS.parents[1]),
            runs=runs if isinstance(runs, str) else list(runs),
            command=list(command),
            root=str(self.root),
            max_parallel=max_parallel,
            infrastructure_retries=infrastructure_retries,
            options=options,
            before=textwrap.dedent(before),
            after=textwrap.dedent(after),
        )
        script, output = folder / "script.py", folder / "script.out"
        script.write_text(text)
        self._process = (nursery.start if nursery else _start)(script, output, self._complaints)
        self.pid = self._process.pid

    # ------------------------------------------------------------------------------------------ what it does

    def wait_ready(self, count: int) -> None:
        """Wait until as many of its runs have written `ready`."""
        self._wait(lambda: len(self.ready()) >= count)

    def ready(self) -> list[Path]:
        """The run directories whose program has written `ready`."""
        return sorted(path.parent for path in self.root.glob("runs/*/ready"))

    def wait_journal(self, word: str, count: int = 1) -> None:
        """Wait until a word was written to its journals so many times."""
        self._wait(lambda: self.count(word) >= count)

    def count(self, word: str) -> int:
        """How many times its journals have a word."""
        return sum(path.read_text().count(word) for path in self.root.glob("journal/*.jsonl"))

    def _wait(self, condition: Callable[[], object]) -> None:
        wait_until(lambda: condition() or self._process.poll() is not None, LONG_S)
        assert condition(), f"the script ended early, with {self._process.poll()}: {self.complaint()}"

    @property
    def output(self) -> str:
        """What it has written to its standard output."""
        return self._complaints.with_name("script.out").read_text()

    def complaint(self) -> str:
        """What it has written to its standard error."""
        return self._complaints.read_text()

    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def end(self, within_s: float = LONG_S) -> int:
        """Wait until it has ended; return its exit status, negative for a signal."""
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the script did not end within {within_s} s: {self.complaint()}") from None

    # -------------------------------------------------------------------------------------- who works for it

    def keeper(self) -> int:
        """The keeper of its launcher."""
        (keeper,) = keepers_of(self.pid)
        return keeper

    def lanes(self) -> list[int]:
        """The lanes of its launcher."""
        return launcher_of(self.pid)[1:]

    def lane_of(self, run: Path) -> int:
        """The lane that executes a run, known by its directory."""
        (lane,) = [lane for lane in self.lanes() if any(_works_in(pid, run) for pid in descendants_of(lane))]
        return lane

    def signal(self, signum: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, signum)

    def kill(self, *others: int) -> float:
        """SIGKILL it, and others in the same instant; return when that was, on the monotonic clock."""
        kill_at_once([self.pid, *others])
        killed = monotonic()
        self._process.wait(LONG_S)
        return killed

    def dispose(self) -> None:
        """Make sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _works_in(pid: int, run: Path) -> bool:
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", run)
    except OSError:
        return False


def named(name: str, pids: Iterable[int]) -> list[int]:
    """Those of some processes that have a name."""
    return [pid for pid in pids if name_of(pid) == name]


def keepers_of(orchestrator: int) -> list[int]:
    """The keepers of the launchers that a process has started."""
    guards = named("multirun-guard", children_of(orchestrator))
    return [keeper for guard in guards for keeper in named("multirun-keeper", children_of(guard))]


def launcher_of(orchestrator: int) -> list[int]:
    """The keeper of the one launcher that a process has started, and its lanes."""
    (keeper,) = keepers_of(orchestrator)
    return [keeper, *named("multirun-lane", children_of(keeper))]


def kill_at_once(pids: Sequence[int]) -> None:
    """SIGKILL several processes so that none of them sees another die: they are stopped first.

    The last ones die first: whoever watches the first one and was not stopped would continue the others.
    """
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGKILL)
