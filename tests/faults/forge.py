"""Sweeps in processes of their own that start at once: a server that has loaded multirun forks one for each.

As a program it is that server: it reads jobs, one JSON object a line, and says for each its process id and its end.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.scripts import PROGRAMS, unmeasured
from tests.invariants import check_sweep
from tests.patience import LONG_S

import multirun
from multirun import failpoints
from multirun.replay import Replay

SOAK = bool(os.environ.get("MULTIRUN_TEST_SOAK"))
SOURCE = Path(multirun.__file__).parents[1]
COMMAND = [sys.executable, "-I", "-S", f"{PROGRAMS}/publishes.py", str(SOURCE)]
"""Each run prints an energy and posts a map with a pickle."""


class Outcome(NamedTuple):
    """How the call of `multirun` in a forged process ended.

    Attributes:
        exit_status: of the process; negative for a signal.
        error: name of the class of what was raised, None if nothing was.
        message: what it said.
        runs: of each run its status, its reason, and `x` and `energy` of its results.
    """

    exit_status: int
    error: str | None
    message: str
    runs: list[list[Any]]

    @property
    def statuses(self) -> list[str]:
        """The status of each run."""
        return [status for status, *_ in self.runs]


class Forge:
    """The client of a server."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from tests.faults.forge import serve; serve()"],
            cwd=PROGRAMS.parents[1],
            env=unmeasured(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def sweep(self, folder: Path, *, within_s: float = LONG_S, **job: Any) -> Outcome:
        """Execute a sweep in `folder / "sweep"`.

        Args:
            folder: an existing directory.
            within_s: how long it may take.
            **job: `environment` and what `multirun` is `given` beside what every sweep here has.
        """
        self.begin(folder, **job)
        return self.end(folder, within_s)

    def begin(self, folder: Path, **job: Any) -> int:
        """Start a sweep; return the process id of its orchestrator."""
        job["environment"] = {key: value for key, value in os.environ.items() if key.startswith("TEST_")} | dict(
            job.get("environment", {})
        )
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps({"folder": str(folder), **job}) + "\n")
        self._pid = int(self._hear(LONG_S))
        return self._pid

    def end(self, folder: Path, within_s: float = LONG_S) -> Outcome:
        """Wait for the end of the sweep that was started last."""
        try:
            status = int(self._hear(within_s))
        except TimeoutError:
            os.kill(self._pid, signal.SIGKILL)
            self._hear(LONG_S)
            complaint = (folder / "orchestrator.err").read_text()
            raise AssertionError(f"the sweep did not end within {within_s} s: {complaint}") from None
        told = folder / "outcome.json"
        found = json.loads(told.read_text()) if told.exists() else {"error": None, "message": "", "runs": []}
        told.unlink(missing_ok=True)
        return Outcome(status, **found)

    def _hear(self, within_s: float) -> str:
        assert self._server.stdout is not None
        if not select.select([self._server.stdout], [], [], within_s)[0]:
            raise TimeoutError
        return self._server.stdout.readline()

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(LONG_S)
        self._server.stdout.close()


@contextmanager
def forge() -> Iterator[Forge]:
    """A server, which is ended afterwards."""
    made = Forge()
    try:
        yield made
    finally:
        made.close()


# ------------------------------------------------------------------------------------------------ the server


def serve() -> None:
    """Execute one job after another."""
    import multirun.api
    import multirun.display.plain
    import multirun.launcher.keeper  # noqa: F401 - what every sweep needs is loaded before the fork

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _be_orchestrator(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _be_orchestrator(job: dict[str, Any]) -> None:
    """Never returns."""
    folder = Path(job["folder"])
    os.setsid()
    complaints = os.open(folder / "orchestrator.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for descriptor in (1, 2):
        os.dup2(complaints, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(job["environment"])
    status = 0
    try:
        given = {**standard(folder), **job.get("given", {})}
        failpoints.arm()
        (folder / "outcome.json").write_text(json.dumps(_call(given)))
    except BaseException:  # noqa: BLE001 - told by the exit status
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        status = 70
    finally:
        os._exit(status)


def _call(given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        result = multirun.multirun(**given)
    except multirun.MultirunError as error:
        return {"error": type(error).__name__, "message": str(error), "runs": []}
    for variable in (failpoints.ENV_POINT, failpoints.ENV_CALL):
        os.environ.pop(variable, None)
    failpoints.arm()
    runs = [[run.status, run.reason, *_values(run)] for run in result]
    return {"error": None, "message": "", "runs": runs}


def _values(run: multirun.Run) -> list[Any]:
    if run.status not in ("success", "skipped"):
        return [None, None]
    results = run.results or {}
    return [results.get("x"), results.get("energy")]


def standard(folder: Path) -> dict[str, Any]:
    """The arguments of the sweep that is executed again and again: it uses all that has steps which must last."""
    inputs = folder / "inputs"
    if not inputs.exists():
        inputs.mkdir()
        (inputs / "copied.txt").write_text("copied")
        (inputs / "shared.txt").write_text("shared")
    return {
        "runs": [{"x": x} for x in range(3)],
        "cmd": COMMAND,
        "output_path": folder / "sweep",
        "input_files": [
            multirun.FileResource(inputs / "copied.txt", "copy"),
            multirun.FileResource(inputs / "shared.txt", "shared"),
        ],
        "results": {"energy": {"stdout": r"energy = (\S+)"}},
        "runner": multirun.ParallelLocalRunner(max_parallel=2),
        "display": False,
        "grace": 0.5,
    }


EXPECTED = [[x, 1.5 * x] for x in range(3)]
"""`x` and `energy` of each run of that sweep."""


def go_on(smith: Forge, folder: Path) -> None:
    """Continue a sweep that was disturbed: it ends as one that was not, and no success is executed again."""
    sweep = folder / "sweep"
    before = _successes(sweep)
    outcome = smith.sweep(folder, given={"resume": True})
    assert (outcome.exit_status, outcome.error) == (0, None), (outcome, (folder / "orchestrator.err").read_text())
    assert [values for _, _, *values in outcome.runs] == EXPECTED, outcome
    assert {run for run, (status, *_) in enumerate(outcome.runs) if status == "skipped"} == before
    check_sweep(sweep, killed=True)
    if SOAK:
        again = smith.sweep(folder, given={"resume": True})
        assert again.statuses == ["skipped"] * len(EXPECTED), again


def _successes(sweep: Path) -> set[int]:
    """The runs whose success is recorded."""
    if not (sweep / "sweep.json").exists():
        return set()
    return {run.index for run in Replay(str(sweep)).runs() if run.status == "success"}
