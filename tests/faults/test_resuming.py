"""Whatever was killed: the next call goes on, repeats no success, and the results are those of an undisturbed sweep."""

import errno
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.faults.scripts import Script, evil, kill_at_once, launcher_of
from tests.invariants import check_sweep
from tests.patience import wait_until
from tests.survivors import carriers

from multirun import DefinitionChangedError, FileResource, StorageError, SweepResult, multirun, records
from multirun.attempts import set_aside
from multirun.journal import Journal
from multirun.processes import children_of
from multirun.replay import Replay
from multirun.rundir import SweepPaths
from multirun.snapshot import take_snapshot

GATED = """echo {x} >> "$COUNT"; touch ready; until test -e "$GATE" || test {x} -lt 3; do sleep 0.01; done
echo "{\\"y\\": {x}}" > "$MULTIRUN_RESULTS" """
"""Runs 0, 1 and 2 end at once, others only when the gate is there."""


class Site:
    """Where a script is called again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "sweep"
        self.gate, self.count = folder / "gate", folder / "count"
        self.count.touch()

    def start(self, *, runs: str = "[{'x': x} for x in range(8)]", command: list[str] | None = None) -> Script:
        env = {"GATE": str(self.gate), "COUNT": str(self.count)}
        return Script(
            self.folder, runs=runs, command=command or ["sh", "-c", GATED], options=f"resume=True, env={env!r}",
            after="print([run.status for run in result], [run.results for run in result])",
        )  # fmt: skip

    def executed(self) -> list[int]:
        values = sorted(map(int, self.count.read_text().split()))
        self.count.write_text("")
        return values

    def finish(self) -> SweepResult:
        """Open the gate and let the sweep come to its end."""
        self.gate.touch()
        script = self.start()
        try:
            assert script.end() == 0, script.complaint()
        finally:
            script.dispose()
        check_sweep(self.root, killed=True)
        result = SweepResult.load(self.root)
        assert result.results == [{"y": x} for x in range(8)]
        assert {run.status for run in result} == {"success"}
        return result


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def script(site: Site) -> Iterator[Script]:
    script = site.start()
    yield script
    script.dispose()


def test_after_sigkill_of_the_orchestrator(site: Site, script: Script) -> None:
    script.wait_journal('"success"', 3)
    script.wait_ready(7)
    script.kill()
    wait_until(lambda: script.count('"lost"') == 4)  # else the gate could let them end well
    *done, one, two, three, four = site.executed()  # mostly 3 to 6, but 7 if another was sent ahead to a busy lane
    assert done == [0, 1, 2]
    result = site.finish()
    assert site.executed() == [3, 4, 5, 6, 7]
    assert {run.index for run in result if run.attempts == 2} == {one, two, three, four}
    kept = sorted(path.name for path in (site.root / "attempts").iterdir())
    assert kept == [f"00000{x}-1" for x in (one, two, three, four)]


def test_after_sigkill_of_everything_the_programs_that_are_left_are_ended_first(site: Site, script: Script) -> None:
    script.wait_ready(7)
    (guard,) = children_of(script.pid)
    kill_at_once([script.pid, guard, *launcher_of(script.pid)])
    sweep_id = json.loads((site.root / "sweep.json").read_text())["id"]
    assert len(carriers(f"{sweep_id}:")) >= 4
    site.executed()
    site.finish()
    assert site.executed() == [3, 4, 5, 6, 7]


ENDLESS = """if test $MULTIRUN_ATTEMPT = 1; then trap '' TERM; echo $$ > "$GATE.pid"; while :; do sleep 0.1; done; fi
if grep -q . /proc/$(cat "$GATE.pid")/cmdline; then echo '"alive"'; else echo '"dead"'; fi > "$MULTIRUN_RESULTS" """
"""The first attempt never ends; the second one says whether the first is alive (a zombie has no command line)."""


def test_what_is_left_of_a_run_is_dead_before_it_is_started_again(site: Site) -> None:
    script = site.start(runs="[{}]", command=["sh", "-c", ENDLESS])
    try:
        wait_until(lambda: (site.folder / "gate.pid").exists() and (site.folder / "gate.pid").read_text())
        (guard,) = children_of(script.pid)
        kill_at_once([script.pid, guard, *launcher_of(script.pid)])
        again = site.start(runs="[{}]", command=["sh", "-c", ENDLESS])
        assert again.end() == 0, again.complaint()
    finally:
        script.dispose()
    check_sweep(site.root, killed=True)
    assert SweepResult.load(site.root).results == ["dead"]


def test_a_lane_that_still_has_to_record_an_end_is_waited_for(site: Site) -> None:
    runs = "[{'x': 7}]"
    script = site.start(runs=runs)
    try:
        script.wait_ready(1)
        (run,) = script.ready()
        guards = [*children_of(script.pid), script.keeper()]
        stopped = [*guards, script.lane_of(run)]  # without the first two nobody continues the lane
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        site.gate.touch()
        wait_until(lambda: not carriers(str(run), "MULTIRUN_RUN_DIR"))
        script.kill()
        again = site.start(runs=runs)
        until = monotonic() + 1.5
        wait_until(lambda: again.ended() or monotonic() > until)
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)
        assert again.end() == 0, again.complaint()
    finally:
        script.dispose()
    check_sweep(site.root, killed=True)
    assert site.executed() == [7]
    assert SweepResult.load(site.root)[0].attempts == 1


def test_what_ended_unheard_is_adopted(site: Site, script: Script) -> None:
    script.wait_ready(7)
    script.signal(signal.SIGSTOP)
    site.gate.touch()
    script.wait_journal('"success"', 7)
    script.kill()
    site.executed()
    site.finish()
    assert 3 not in site.executed()


def test_killed_again_and_again_the_results_are_the_same(site: Site) -> None:
    chance = random.Random(20261)
    site.gate.touch()
    for _ in range(8):
        script = site.start()
        try:
            sleep(chance.uniform(0.1, 0.8))
            victims = [[], launcher_of_or_nothing(script.pid)][chance.randrange(2)]
            script.kill(*victims)
        finally:
            script.dispose()
    site.finish()
    counts = [site.count.read_text().split().count(str(x)) for x in range(8)]
    assert all(counts)


def launcher_of_or_nothing(pid: int) -> list[int]:
    try:
        return launcher_of(pid)
    except ValueError:
        return []


def test_programs_that_ignore_everything_do_not_overlap_with_their_next_attempt(site: Site) -> None:
    command = evil("stubborn")
    script = site.start(runs="[{'x': 0}]", command=command)
    script.wait_ready(1)
    first = script.ready()[0]
    old = carriers(str(first), "MULTIRUN_RUN_DIR")
    script.kill()
    second = site.start(runs="[{'x': 0}]", command=command)
    try:
        wait_until(lambda: (site.root / "attempts" / "000000-1" / "ready").exists() and (first / "ready").exists())
        assert not set(old) & set(carriers(str(first), "MULTIRUN_RUN_DIR"))
        second.signal(signal.SIGINT)
        second.signal(signal.SIGINT)
        second.end()
    finally:
        second.dispose()
        script.dispose()
    check_sweep(site.root, killed=True)


def test_the_programs_of_a_copy_of_the_sweep_are_left_alone(site: Site, script: Script) -> None:
    script.wait_ready(7)
    script.kill()
    wait_until(lambda: script.count('"lost"') == 4)
    copy = site.folder / "copy"
    shutil.copytree(site.root, copy, symlinks=True)
    script = site.start()
    try:
        wait_until(lambda: len(list(site.root.glob("attempts/*"))) >= 3)  # run 7 may have been begun before run 6
        script.wait_ready(7)
        env = {"GATE": str(site.gate), "COUNT": str(site.count)}
        runs = [{"x": x} for x in range(3)]
        again = multirun(runs=runs, cmd=["sh", "-c", GATED], env=env, output_path=copy, resume=True, display=False)
        assert again.statistics.skipped_count == 3
        site.gate.touch()
        assert script.end() == 0, script.complaint()
        assert SweepResult.load(site.root).statistics.success_count == 8
    finally:
        script.dispose()


# --------------------------------------------------------------------------- killed while it was being taken up


class KilledError(BaseException):
    """Stands for SIGKILL: nothing after it happens."""


def call(root: Path, *, whole: bool = True, **keywords: object) -> SweepResult:
    cmd = ["sh", "-c", 'cat data.txt > "$MULTIRUN_RESULTS"']
    result = multirun(runs=[{"x": x} for x in range(3)], cmd=cmd, output_path=root, display=False, **keywords)  # type: ignore[arg-type]
    if whole:
        check_sweep(root, result=result)
    return result


STEPS = ["records.opened", "records.reset", "take_snapshot", "write_definition"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_between_seal_and_new_definition_it_is_refused_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    data = site.folder / "data.txt"
    data.write_text("1")
    inputs = [FileResource(data, "copy")]
    call(site.root, input_files=inputs)
    data.write_text("2")

    def die(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(f"multirun.continuation.{step}", die)
        with pytest.raises(KilledError):
            call(site.root, input_files=inputs, resume=True, accept_changes=True)
    for _ in range(2):
        with pytest.raises(DefinitionChangedError):
            call(site.root, input_files=inputs, resume=True)
    data.write_text("1")
    assert call(site.root, input_files=inputs, resume=True).results == [1, 1, 1]
    data.write_text("2")
    assert call(site.root, input_files=inputs, resume=True, accept_changes=True).results == [2, 2, 2]
    assert call(site.root, input_files=inputs, resume=True).statistics.skipped_count == 3


def test_resets_are_on_the_disk_before_the_new_definition(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else, after a loss of power, the results of the old inputs could count as those of the new ones."""
    data = site.folder / "data.txt"
    data.write_text("1")
    call(site.root, input_files=[FileResource(data, "copy")])
    data.write_text("2")
    synced: list[str] = []
    genuine = os.fdatasync

    def note(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append(f"{path.name} {path.read_bytes().count(b'input-changed')}")
        genuine(descriptor)

    def define(paths: SweepPaths, definition: object) -> None:
        assert "orchestrator-2.jsonl 3" in synced
        raise KilledError

    monkeypatch.setattr(os, "fdatasync", note)
    monkeypatch.setattr("multirun.continuation.write_definition", define)
    with pytest.raises(KilledError):
        call(site.root, input_files=[FileResource(data, "copy")], resume=True, accept_changes=True)


def test_a_directory_that_is_kept_does_not_keep_an_old_input_of_an_attempt_that_counts_no_more(site: Site) -> None:
    data = site.folder / "data.txt"
    data.write_text("1")
    inputs = [FileResource(data, "copy")]
    call(site.root, input_files=inputs, keep_directory=True)
    paths = SweepPaths(str(site.root))
    sweep_id = json.loads((site.root / "sweep.json").read_text())["id"]
    second = Journal(paths.journal("orchestrator-2"), sweep_id, "orchestrator-2", 0.0, 2)  # killed before it executed
    second.append(records.opened(2, Replay(paths.root).lengths(), ()))
    second.append(records.reset(0, 1, "retry"))
    second.close()
    data.write_text("2")
    result = call(site.root, whole=False, input_files=inputs, resume=True, accept_changes=True, keep_directory=True)
    assert result.results == [2, 2, 2]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_no_room_to_move_what_belongs_to_old_inputs(site: Site, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """A full disk is waited for; one that fails ends the sweep with an error that says so."""
    data = site.folder / "data.txt"
    data.write_text("1")
    inputs = [FileResource(data, "copy")]
    call(site.root, input_files=inputs)
    data.write_text("2")
    left = [OSError(error, "No luck")]

    def move(*given: Any) -> None:
        if left:
            raise left.pop()
        set_aside(*given)

    with monkeypatch.context() as patch:
        patch.setattr("multirun.attendance.set_aside", move)
        if error == errno.EIO:
            with pytest.raises(StorageError, match="cannot be moved: No luck"):
                call(site.root, input_files=inputs, resume=True, accept_changes=True)
            assert all(run.status != "success" or run.results == 2 for run in SweepResult.load(site.root))
        result = call(site.root, input_files=inputs, resume=True, accept_changes=True)
    assert result.results == [2, 2, 2]


def test_what_a_superseded_session_still_writes_does_not_count(site: Site) -> None:
    (site.folder / "data.txt").write_text("1")
    inputs = [FileResource(site.folder / "data.txt", "copy")]
    call(site.root, input_files=inputs)
    paths = SweepPaths(str(site.root))
    lanes = [path for path in Path(paths.journals).iterdir() if not path.name.startswith("orchestrator")]
    before = call(site.root, input_files=inputs, resume=True)
    sweep_id = json.loads((site.root / "sweep.json").read_text())["id"]
    late = Journal(paths.journal("late-0"), sweep_id, "late-0", 0.0)  # a lane of the first session
    for run in range(3):
        late.append({"event": "started", "run": run, "attempt": 7, "time": 0})
        late.append({"event": "ended", "run": run, "attempt": 7, "time": 0, "status": "success", "reason": None,
                     "exit_code": 0, "results_digest": "0", "results": "late"})  # fmt: skip
    late.close()
    with open(lanes[0], "ab") as file:
        file.write(b'{"seq":99,"event":"started","run":0,"attempt":9,"time":0,"crc":"00000000"}\nhalf a rec')
    assert take_snapshot(str(site.root)).statistics.success_count == 3
    assert SweepResult.load(site.root).results == before.results == [1, 1, 1]
    data = site.folder / "data.txt"
    data.write_text("2")
    result = call(site.root, whole=False, input_files=inputs, resume=True, accept_changes=True)
    assert result.results == [2, 2, 2]
    assert sorted(run.attempts for run in result) == [8, 8, 10]
