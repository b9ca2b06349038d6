"""The process that takes results: whatever happens to it, whoever waits learns what became of it, and soon."""

import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.unit.subreaper import in_a_subreaper, names

from multirun.extraction.parsing import parse_results
from multirun.launcher import extractor
from multirun.launcher.extractor import Extractor
from multirun.processes import children_of, parent_of
from multirun.verdict import SUCCESS, Outcome

CATASTROPHE = {"x": {"stdout": "(?:a+)+b"}}


def extract(
    run_dir: Path, rules: dict[str, Any], limit_s: float = 60.0, then: Callable[[int], object] = lambda pid: None
) -> Any:
    """What a lane would get: the outcome and what is left of the process."""

    def act() -> tuple[Outcome | str, list[int]]:
        extractor.LIMIT_S = limit_s
        extractor.prepare(parse_results(rules))
        started = Extractor(parse_results(rules), str(run_dir), {"case": 5})
        then(children_of(os.getpid())[0])
        while (busy := started.read()) and started.patience_s() > 0:
            select.select([started.descriptor], [], [], max(0, started.patience_s()))
        status = started.close()
        try:
            return started.overdue() if busy else started.outcome(status), children_of(os.getpid())
        except OSError as error:
            return str(error), children_of(os.getpid())

    return in_a_subreaper(act)


def test_what_is_found_is_published(tmp_path: Path) -> None:
    (tmp_path / "out-5").write_text("e = 2\n")
    assert extract(tmp_path, {"e": {"file": "out-{case}", "regex": "e = (.)"}}) == (SUCCESS, [])
    assert (tmp_path / "results.json").read_text() == '{"e": 2}\n'


def test_what_is_not_met_is_told(tmp_path: Path) -> None:
    outcome, left = extract(tmp_path, {"e": {"stdout": "e"}})
    assert outcome == Outcome(False, "no-result", "'e' was not found: stdout.log does not exist")
    assert left == []
    assert not (tmp_path / "results.json").exists()


def test_damaged_results_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{")
    (tmp_path / "stdout.log").write_text("e")
    outcome, left = extract(tmp_path, {"e": {"stdout": "e"}})
    assert (outcome.reason, left) == ("bad-result", [])
    assert outcome.message.startswith("results.json is no valid JSON")
    assert (tmp_path / "results.json").read_text() == "{"


def test_an_expression_without_end_is_ended(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("a" * 5000)
    begin = monotonic()
    outcome, left = extract(tmp_path, {"first": {"stdout": "a", "take": "first"}, **CATASTROPHE}, limit_s=0.5)
    assert 0.5 <= monotonic() - begin < 20
    assert outcome.reason == "bad-result"
    assert outcome.message.startswith("the rule for 'x' took longer than 0.5 s; ")
    assert left == []


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGUSR1])
def test_a_process_that_is_killed_is_told(tmp_path: Path, signum: signal.Signals) -> None:
    (tmp_path / "stdout.log").write_text("a" * 5000)
    outcome, left = extract(tmp_path, CATASTROPHE, then=lambda pid: os.kill(pid, signum))
    assert outcome.reason == "bad-result"
    assert f"could not be evaluated: stopped by {signum.name}" in outcome.message
    assert left == []


def test_what_the_machine_lacks_is_not_blamed_on_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stdout.log").write_text("e")

    def refuse(path: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multirun.extraction.merging.publish", refuse)
    assert extract(tmp_path, {"e": {"stdout": "e"}}) == ("[Errno 28] No space left on device", [])


def test_a_directory_that_must_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stdout.log").write_text("e")

    def refuse(path: str, data: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("multirun.extraction.merging.publish", refuse)
    outcome, _ = extract(tmp_path, {"e": {"stdout": "e"}})
    assert outcome == Outcome(False, "bad-result", "the results of rules cannot be written: Permission denied")


def test_it_holds_nothing_open_and_does_not_outlive_its_lane(tmp_path: Path) -> None:
    """Sentinel and keeper wait for pipes to be closed: nobody below may hold them open."""
    (tmp_path / "stdout.log").write_text("a" * 5000)

    def act() -> tuple[list[str], int, int]:
        reader, writer = os.pipe()
        lane = os.fork()
        if lane == 0:
            os.close(reader)
            Extractor(parse_results(CATASTROPHE), str(tmp_path), {})
            (child,) = children_of(os.getpid())
            while names([child]) != ["multirun-rules"] or len(os.listdir(f"/proc/{child}/fd")) > 6:
                time.sleep(0.001)
            os.write(writer, b"%d" % child)
            os._exit(0)
        os.close(writer)
        child = int(os.read(reader, 100))
        ended = select.select([reader], [], [], 10)[0]
        held = os.read(reader, 1) if ended else b"held"
        os.waitpid(lane, 0)  # its pipe is closed before its child becomes ours
        return names([child]) if held else [], len(held), int(os.waitpid(child, 0)[1]) if parent_of(child) else 0

    assert in_a_subreaper(act) == ([], 0, signal.SIGKILL)
