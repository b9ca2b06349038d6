"""An owner that was stopped while it set a sweep up or took it over, and wakes up when somebody else has it."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.scripts import Script
from tests.faults.test_lock import take_over
from tests.invariants import check_sweep
from tests.patience import wait_until

from multirun import FileResource, SweepResult, multirun

COMMAND = ["sh", "-c", 'cat data.txt > "$MULTIRUN_RESULTS"']


def call(root: Path, **keywords: object) -> SweepResult:
    given = {"runs": [{"x": 0}], "cmd": COMMAND, "output_path": root, "display": False, "resume": True}
    return multirun(**given, **keywords)  # type: ignore[arg-type]


def stopped_at(start_script: Callable[..., Script], point: str, data: Path) -> Script:
    """A script that goes to sleep at a point in our own code."""
    script = start_script(
        runs=[{"x": 0}],
        command=COMMAND,
        options=f"resume=True, accept_changes=True, input_files=[FileResource({str(data)!r}, 'copy')]",
        before=f"""
            import os
            from multirun import failpoints
            os.environ["MULTIRUN_FAILPOINT"] = "{point}:stop"
            failpoints.arm()
        """,
    )
    wait_until(lambda: Path(f"/proc/{script.pid}/stat").read_text().split()[2] == "T")
    return script


def wake(script: Script) -> None:
    """Let it go on, and hear what it says."""
    script.signal(signal.SIGCONT)
    assert script.end() == 1
    assert "LockLostError" in script.complaint(), script.complaint()


@pytest.mark.parametrize("point", ["create.directory", "create.folders", "create.inputs"])
def test_it_wakes_up_in_a_sweep_that_somebody_else_has_set_up(
    start_script: Callable[..., Script], tmp_path: Path, point: str
) -> None:
    data = tmp_path / "data.txt"
    data.write_text("1")
    script = stopped_at(start_script, point, data)
    assert take_over(script.root) == 2
    result = call(script.root, input_files=[FileResource(data, "copy")])
    before = (script.root / "sweep.json").read_bytes()
    wake(script)
    assert (script.root / "sweep.json").read_bytes() == before
    assert (script.root / "inputs" / "data.txt").exists()
    assert result.results == [1]
    check_sweep(script.root, result=result)


@pytest.mark.parametrize("point", ["journal.created", "snapshot.stored"])
def test_it_wakes_up_in_a_sweep_that_goes_on_elsewhere(
    start_script: Callable[..., Script], tmp_path: Path, point: str
) -> None:
    data = tmp_path / "data.txt"
    data.write_text("1")
    call(tmp_path / "sweep", input_files=[FileResource(data, "copy")])
    data.write_text("2")
    script = stopped_at(start_script, point, data)
    data.write_text("3")
    assert take_over(script.root) == 3
    result = call(script.root, input_files=[FileResource(data, "copy")], accept_changes=True)
    before = (script.root / "sweep.json").read_bytes()
    wake(script)
    assert (script.root / "sweep.json").read_bytes() == before
    assert result.results == SweepResult.load(script.root).results == [3]
    check_sweep(script.root, result=result)
