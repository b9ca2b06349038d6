"""`multirun fsck --repair` makes no run a success that is none, and forgets none that can be proven."""

from pathlib import Path

import pytest
from tests.unit.recorded import Sweep, ended, reset, started
from tests.unit.test_sessions import length, opened

from multirun import SweepResult, multirun
from multirun.damage import Examination
from multirun.errors import FormatError, JournalDamagedError
from multirun.repair import repair
from multirun.replay import Replay


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Runs 0 and 1 succeeded, then run 0 was reset, and run 2 succeeded in the second session."""
    found = Sweep(tmp_path / "sweep")
    found.plan(4)
    found.journal("orchestrator", [])
    found.journal("a-0", [started(0), ended(0), started(1), ended(1)])
    sealed = {"a-0": length(found, "a-0"), "orchestrator": length(found, "orchestrator")}
    second = [opened(2, sealed), reset(0, 1, "input-changed"), ended(3, "cancelled", 0), ended(3, "lost", 0)]
    found.journal("orchestrator-2", second, session=2)
    found.journal("b-0-2", [started(2), ended(2)], session=2)
    return found


EXPECTED = ["pending", "success", "success", "failure"]


def statuses(sweep: Sweep) -> list[str] | None:
    """The statuses that are told, None if there is an error."""
    try:
        return ["pending" if run.status == "running" else run.status for run in Replay(sweep.paths.root).runs()]
    except (FormatError, JournalDamagedError):
        return None


@pytest.mark.parametrize("writer", ["orchestrator-2", "b-0-2"])
def test_no_reset_is_lost_and_no_success(sweep: Sweep, writer: str) -> None:
    path = Path(sweep.paths.journal(writer))
    whole = path.read_bytes()
    last = whole.rfind(b"\n", 0, -1)
    repaired = 0
    for position in range(last):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert statuses(sweep) is None, position
        repair(Examination(sweep.paths.root))
        told = statuses(sweep)
        if told is not None:
            repaired += 1
            assert told[:2] == EXPECTED[:2], position
            if position < whole.index(b'","boot"'):  # in the header, but not in its checksum
                assert told == EXPECTED, position
    assert repaired > 100


def test_a_lost_line_break_gives_no_run_the_number_of_another(sweep_dir: Path) -> None:
    runs = [{"x": x} for x in range(4)]
    cmd = ["sh", "-c", "echo {x} > $MULTIRUN_RESULTS; test {x} != 3"]
    multirun(runs=runs, cmd=cmd, output_path=sweep_dir, display=False)
    path = sweep_dir / "plan.jsonl"
    whole = path.read_bytes()
    for number in (2, 3, 4):
        lines = whole.split(b"\n")
        path.write_bytes(b"\n".join(lines[:number]) + b" " + b"\n".join(lines[number:]))
        repair(Examination(str(sweep_dir)))
        with pytest.raises(FormatError):
            SweepResult.load(sweep_dir)
    path.write_bytes(whole)
    assert [run.params for run in SweepResult.load(sweep_dir)] == runs
