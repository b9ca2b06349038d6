"""Templates that compute for ever and programs that flood, while our processes are killed or signals come."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.scripts import Script
from tests.invariants import check_sweep
from tests.patience import wait_until

Start = Callable[..., Script]
ENDLESS = "{% for i in range(10 ** 15) %}{% endfor %}"


def filling_in(start_script: Start, tmp_path: Path) -> Script:
    """A script whose run is being filled in, and never will be."""
    (tmp_path / "deck").write_text(ENDLESS)
    script = start_script(
        runs=[{"n": 1}], command=["true"], options=f"input_files=[Template({str(tmp_path / 'deck')!r})]"
    )
    wait_until((script.root / "runs" / "000000" / "deck").exists)
    return script


def test_the_orchestrator_is_killed_while_a_template_computes_for_ever(start_script: Start, tmp_path: Path) -> None:
    script = filling_in(start_script, tmp_path)
    script.kill()
    state = check_sweep(script.root, killed=True)
    assert [record["reason"] for record in state.values()] == ["lost"]


def test_ctrl_c_while_a_template_computes_for_ever(start_script: Start, tmp_path: Path) -> None:
    script = filling_in(start_script, tmp_path)
    began = time.monotonic()
    os.kill(script.pid, signal.SIGINT)
    assert script.end(within_s=5) != 0
    assert time.monotonic() - began < 5
    state = check_sweep(script.root)
    assert [record["reason"] for record in state.values()] == ["cancelled"]


def test_the_orchestrator_is_killed_while_a_run_floods(start_script: Start) -> None:
    script = start_script(
        runs=[{"n": 1}],
        command=["sh", "-c", "trap '' TERM; touch ready; while :; do echo {n}; done"],
        options="max_output='1TB', nice=5",
    )
    script.wait_ready(1)
    script.kill()
    state = check_sweep(script.root, killed=True)
    assert [record["reason"] for record in state.values()] == ["lost"]


def test_a_stopped_orchestrator_stops_no_limit_of_output(start_script: Start) -> None:
    script = start_script(
        runs=[{"n": 1}],
        command=["sh", "-c", "touch ready; exec yes"],
        options="max_output='1MB', grace=0.1",
        after="print(result[0].reason)",
    )
    script.wait_ready(1)
    os.kill(script.pid, signal.SIGSTOP)
    journal = next(path for path in (script.root / "journal").iterdir() if path.name != "orchestrator.jsonl")
    wait_until(lambda: '"output-limit"' in journal.read_text())
    os.kill(script.pid, signal.SIGCONT)
    assert script.end(within_s=10) == 0
    assert script.output.split() == ["output-limit"]
    check_sweep(script.root)
