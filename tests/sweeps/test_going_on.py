"""`multirun resume`, `multirun retry` and `multirun explain`: the real command, on sweeps whose script is gone."""

import json
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.scripts import Script, unmeasured
from tests.invariants import check_sweep
from tests.patience import LONG_S, wait_until
from tests.sweeps.commands import PROGRAM, Finished, command
from tests.sweeps.sweeping import POST_PARAMS

from multirun import FileResource, OutputExistsError, ParallelLocalRunner, SweepResult, Template, multirun
from multirun.breaker import MAX_SAME_FAILURES

NOTED = [
    "sh",
    "-c",
    """echo "{x}" >> "$COUNT"; echo "{\\"y\\": {x}}" > "$MULTIRUN_RESULTS"; test ! -e "$FAIL/{x}" """,
]
"""Notes that it was executed, posts its parameter, and fails if a file tells it to."""

GATED = """echo {x} >> "$COUNT"; touch ready; until test -e "$GATE" || test {x} -lt 3; do sleep 0.01; done
echo "{\\"y\\": {x}}" > "$MULTIRUN_RESULTS" """
"""Runs 0, 1 and 2 end at once, others only when the gate is there."""


class Study:
    """A sweep on disk with which the command goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "study"
        self.count, self.fail, self.gate = folder / "count", folder / "fail", folder / "gate"
        self.count.touch()
        self.fail.mkdir()
        self.env = {"COUNT": str(self.count), "FAIL": str(self.fail), "GATE": str(self.gate)}

    def sweep(self, values: Iterable[int], *, fail: Iterable[int] = (), **keywords: Any) -> SweepResult:
        """What its script did; afterwards nothing fails any more."""
        for value in fail:
            (self.fail / str(value)).touch()
        runs = [{"x": value} for value in values]
        keywords = {"cmd": NOTED, "env": self.env, "runs": runs, "max_same_failures": None, **keywords}
        result = multirun(output_path=self.path, display=False, **keywords)
        check_sweep(self.path, result=result)
        for value in fail:
            (self.fail / str(value)).unlink()
        self.executed()
        return result

    def command(self, verb: str, *words: str, code: int = 0, **variables: str) -> Finished:
        """What the command says about it."""
        finished = command(verb, self.path, *words, cwd=self.folder, **variables)
        assert finished.returncode == code, finished.stderr
        check_sweep(self.path)
        return finished

    def executed(self) -> list[int]:
        """The parameters of what was executed since the last look, in order."""
        values = sorted(map(int, self.count.read_text().split()))
        self.count.write_text("")
        return values

    def load(self) -> SweepResult:
        return SweepResult.load(self.path)

    def statuses(self) -> list[str]:
        return [run.status for run in self.load()]

    def records(self, event: str) -> list[dict[str, Any]]:
        lines = [line for path in self.path.glob("journal/*.jsonl") for line in path.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if record["event"] == event]

    def state(self) -> dict[str, tuple[int, int]]:
        """Every file with its size and time."""
        found = {path: path.lstat() for path in self.path.rglob("*")}
        return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


@pytest.fixture
def killed(study: Study) -> Study:
    """Four of eight runs were cut off, runs 0 to 2 had ended; the script is gone."""
    script = Script(
        study.folder, runs=[{"x": x} for x in range(8)], command=["sh", "-c", GATED], options=f"env={study.env!r}"
    )
    study.path = script.root
    try:
        script.wait_journal('"success"', 3)
        script.wait_ready(7)
        script.kill()
    finally:
        script.dispose()
    wait_until(lambda: script.count('"lost"') == 4, LONG_S)  # before the gate opens
    (study.folder / "script.py").unlink()
    study.executed()
    study.gate.touch()
    return study


# ---------------------------------------------------------------------------------------------------- resume


def test_a_killed_sweep_goes_on_without_its_script(killed: Study) -> None:
    begun = sorted(path.parent.name for path in killed.path.glob("runs/*/ready") if int(path.parent.name) > 2)
    finished = killed.command("resume")
    assert killed.executed() == [3, 4, 5, 6, 7]
    assert "5 ok, 3 skipped of 8" in finished.stderr
    assert killed.load().results == [{"y": x} for x in range(8)]
    assert set(killed.statuses()) == {"success"}
    assert sorted(path.name for path in (killed.path / "attempts").iterdir()) == [f"{name}-1" for name in begun]
    assert len(begun) == 4
    assert len((killed.path / "results.csv").read_text().splitlines()) == 9


def test_a_finished_sweep_is_not_executed_again(study: Study) -> None:
    study.sweep(range(4))
    assert "4 skipped of 4" in study.command("resume").stderr
    assert study.executed() == []
    assert study.load().results == [{"y": x} for x in range(4)]


def test_what_failed_is_executed_again_unless_only_unfinished_runs_are_wanted(study: Study) -> None:
    study.sweep(range(5), fail=[1, 3])
    study.command("resume", "--unfinished", code=1)
    assert study.executed() == []
    (study.fail / "3").touch()
    study.command("resume", code=1)
    assert study.executed() == [1, 3]
    assert study.statuses() == ["success", "success", "success", "failure", "success"]
    assert [run.attempts for run in study.load()] == [1, 2, 1, 2, 1]
    assert study.load().run(3).results == {"y": 3}


def test_inputs_come_from_the_sweep_whatever_became_of_the_originals(study: Study) -> None:
    data, shared, deck = (study.folder / name for name in ("data.txt", "shared.txt", "deck.sp"))
    data.write_text("data\n")
    shared.write_text("shared\n")
    deck.write_text("x is {{ x }}\n")
    script = 'cat data.txt shared.txt deck.sp -; test -e "$GATE"'
    inputs = [FileResource(data, "copy"), shared, Template(deck)]
    study.sweep([7], cmd=["sh", "-c", script], input_files=inputs, stdin=shared)
    shared.unlink()
    data.write_text("other\n")
    study.gate.touch()
    finished = study.command("resume")
    assert study.load()[0].stdout.read_text() == "data\nshared\nx is 7\nshared\n"
    assert "edited since the sweep started: 'data.txt'" in finished.stderr
    assert "accept_changes=True" in finished.stderr
    assert "shared.txt" not in finished.stderr


def test_the_inputs_that_were_accepted_last_count(study: Study) -> None:
    data = study.folder / "data.txt"
    for content in ("first\n", "second\n"):
        data.write_text(content)
        study.sweep([1], cmd=["sh", "-c", "cat data.txt; test -e $GATE"], input_files=[data], resume=True,
                    accept_changes=True)  # fmt: skip
    data.unlink()
    study.gate.touch()
    study.command("resume")
    assert study.load()[0].stdout.read_text() == "second\n"


@pytest.mark.parametrize("change", ["edited", "gone"])
def test_a_linked_input_that_changed_is_refused_before_anything_starts(study: Study, change: str) -> None:
    data = study.folder / "data.txt"
    data.write_text("data\n")
    study.sweep([1, 2], fail=[2], input_files=[FileResource(data, "link")])
    data.unlink() if change == "gone" else data.write_text("other data\n")
    before = study.state()
    for words in (("resume",), ("retry", "1"), ("resume", "--dry-run")):
        finished = study.command(*words, code=2)
        assert f"'data.txt' (a link to {data})" in finished.stderr
        assert "accept_changes=True" in finished.stderr
    assert f"'data.txt' (a link to {data})" in study.command("explain", code=0).stderr
    assert study.executed() == []
    assert study.state() == before


def test_parameters_environment_rules_and_options_are_those_of_the_sweep(study: Study) -> None:
    params = {"t": (1, 2.5), "path": Path("/a b"), "z": 1 + 2j, "none": None, "nan": float("nan"), "text": "é\n{t}"}
    study.sweep([], runs=[params], cmd=POST_PARAMS, required_results=True, timeout=50)
    study.command("retry", "0")
    result = study.load()[0]
    assert repr(result.results) == repr(params) == repr(result.params)
    assert json.loads((study.path / "sweep.json").read_text())["options"]["timeout_s"] == 50


def test_as_many_at_once_as_before_or_as_somebody_says(study: Study) -> None:
    together = 'touch "$FAIL/{x}"; until test $(ls "$FAIL" | wc -l) -ge {n} || test ! -e "$GATE"; do sleep 0.01; done'
    runs = [{"x": x, "n": 6} for x in range(6)]
    study.sweep([], runs=runs, cmd=["sh", "-c", together], runner=ParallelLocalRunner(max_parallel=6))
    study.gate.touch()
    for words in ((), ("-j", "7")):  # with the usual four they would wait for each other for ever
        shutil.rmtree(study.fail)
        study.fail.mkdir()
        study.command("retry", "0-5", *words)
    study.command("retry", "3", "--max-parallel=0", code=2)


def test_a_time_limit_may_change(study: Study) -> None:
    study.sweep([1], cmd=["sh", "-c", "test ! -e $GATE || sleep 60"])
    study.gate.touch()
    study.command("retry", "0", "--timeout", "0.2", code=1)
    assert study.load()[0].reason == "timeout"
    assert "no duration" in study.command("retry", "0", "--timeout", "soon", code=2).stderr


def test_further_attempts_and_a_limit_of_failures(study: Study) -> None:
    study.sweep(range(4), cmd=["sh", "-c", "echo {x} >>$COUNT; test $MULTIRUN_ATTEMPT -ge 3"])
    study.command("retry", "0", "--retries", "1")
    assert study.executed() == [0, 0]
    said = study.command("resume", "--max-failures", "1", "-j", "1", code=3)
    assert "as many runs failed as max_failures allows" in said.stderr
    assert f"or type: multirun resume {study.path}" in said.stderr
    assert study.executed() == [1]
    assert [run.attempts for run in study.load()] == [3, 2, 1, 1]


def test_when_the_first_runs_all_fail_alike_it_stops(study: Study) -> None:
    study.sweep(range(MAX_SAME_FAILURES + 15), cmd=["sh", "-c", "echo {x} >>$COUNT; exit 3"])
    said = study.command("resume", "-j", "1", code=3)
    assert "the first runs all failed at once and alike" in said.stderr
    assert study.executed() == list(range(MAX_SAME_FAILURES))


def test_what_was_skipped_stays_so_unless_it_is_named(study: Study) -> None:
    study.sweep(range(4), fail=[0], skip_if=lambda params, path: "done elsewhere" if params["x"] in (1, 2) else None)
    told = "keep     runs 1-2: skipped before: done elsewhere; only the script of the sweep can ask again"
    assert told in study.command("explain").stdout.splitlines()
    study.command("resume")
    assert study.executed() == [0]
    assert study.statuses() == ["success", "skipped", "skipped", "success"]
    study.command("retry", "1")
    assert study.executed() == [1]
    study.command("resume")
    assert study.executed() == []
    assert study.statuses() == ["success", "success", "skipped", "success"]


def test_of_a_generator_that_was_cut_off_only_the_script_knows_the_rest(study: Study) -> None:
    def values() -> Iterator[dict[str, int]]:
        yield from ({"x": x} for x in range(3))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        study.sweep([], runs=values(), runner=ParallelLocalRunner(max_parallel=1))
    (study.path / "results.csv").unlink()
    finished = study.command("resume", code=3)
    assert "before it had named all runs: for the rest, call it again with resume=True" in finished.stderr
    assert set(study.statuses()) == {"success"}
    assert '"end"' not in (study.path / "plan.jsonl").read_text()
    study.command("retry", "1")
    assert "named all runs" not in study.command("explain", "1").stderr
    assert "named all runs" in study.command("explain").stderr
    study.executed()
    result = study.sweep(range(5), resume=True)
    assert [run.status for run in result] == ["skipped", "skipped", "skipped", "success", "success"]
    study.command("resume")


def test_the_sweep_that_is_meant_is_found_and_may_have_moved(study: Study) -> None:
    study.sweep(range(3), fail=[1])
    moved = study.folder / "else where" / "-study"
    moved.parent.mkdir()
    study.path = study.path.rename(moved)
    for here, words in ((moved.parent, ()), (moved / "runs" / "000001", ()), (moved, (".",))):
        (study.fail / "1").touch()
        assert command("resume", *words, cwd=here).returncode == 1
    assert study.executed() == [1, 1, 1]
    check_sweep(moved)


# --------------------------------------------------------------------------------------------- how it leaves


def test_what_cannot_go_on(study: Study) -> None:
    study.sweep([1])
    assert f"did you mean {study.path}?" in command("resume", study.folder / "stud").stderr
    for verb in ("resume", "retry", "explain"):
        finished = command(verb, study.folder / "nothing")
        assert (finished.returncode, finished.stdout) == (2, "")
        assert "is no sweep" in finished.stderr


def test_a_program_that_is_gone_is_told_before_anything_starts(study: Study) -> None:
    program = study.folder / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    study.sweep([1], cmd=[program])
    program.unlink()
    before = study.state()
    assert f"command not found: there is no {str(program)!r}" in study.command("resume", code=2).stderr
    assert study.state() == before


def test_a_damaged_journal(study: Study) -> None:
    study.sweep(range(3), fail=[1])
    path = next(path for path in study.path.glob("journal/*.jsonl") if b"started" in path.read_bytes())
    path.write_bytes(path.read_bytes().replace(b"started", b"starred", 1))
    for verb in ("resume", "retry", "explain"):
        finished = command(verb, study.path)
        assert finished.returncode == 74, finished.stderr
        assert str(path) in finished.stderr
    assert study.executed() == []


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_and_it_says_how_to_go_on(study: Study, signum: int, code: int) -> None:
    study.sweep(range(6), cmd=["sh", "-c", f"test {{x}} -ge 3 || exit 1; test ! -e $COUNT.on || ({GATED})"])
    (study.folder / "count.on").touch()
    process = subprocess.Popen(
        [PROGRAM, "retry", study.path, "0-5", "-j", "2"], cwd=study.folder, stderr=subprocess.PIPE, text=True,
        env=unmeasured(), start_new_session=True,
    )  # fmt: skip
    with process:
        wait_until(lambda: len(list(study.path.glob("runs/*/ready"))) == 2, LONG_S)
        process.send_signal(signum)
        _, said = process.communicate(timeout=LONG_S)
    assert process.returncode == code
    assert "to go on: multirun resume " in said
    assert "Traceback" not in said
    check_sweep(study.path)
    study.gate.touch()
    study.command("resume", code=1)
    assert study.statuses() == ["failure"] * 3 + ["success"] * 3


@pytest.fixture
def living(study: Study) -> Iterator[subprocess.Popen[str]]:
    """The command while it executes runs 3 and 4 of the six that it was asked for."""
    study.sweep(range(9), cmd=["sh", "-c", f"test -e $FAIL/on || exit 1; {GATED}"])
    (study.fail / "on").touch()
    with subprocess.Popen(
        [PROGRAM, "retry", study.path, "3-8", "-j", "2"], cwd=study.folder, stderr=subprocess.PIPE, text=True,
        env=unmeasured(), start_new_session=True,
    ) as process:  # fmt: skip
        wait_until(lambda: len(list(study.path.glob("runs/*/ready"))) == 2, LONG_S)
        yield process
        process.kill()


def test_nobody_else_goes_on_meanwhile(study: Study, living: subprocess.Popen[str]) -> None:
    for verb in ("resume", "retry"):
        refused = command(verb, study.path)
        assert refused.returncode == 75
        assert str(living.pid) in refused.stderr
    assert "is being executed right now" in command("explain", study.path).stderr
    study.gate.touch()
    assert living.wait(LONG_S) == 0
    assert study.executed() == [3, 4, 5, 6, 7, 8]
    check_sweep(study.path)


def test_another_terminal_ends_runs_of_it_and_then_all(study: Study, living: subprocess.Popen[str]) -> None:
    assert "run 4: cancelled" in command("cancel", study.path, "4", "8").stdout
    assert command("cancel", study.path).returncode == 0
    assert living.wait(LONG_S) == 3
    check_sweep(study.path)
    ended = {run.index: (run.reason, run.attempts) for run in study.load()}
    assert ended[3] == ended[4] == ("cancelled", 2)
    assert ended[8] == ("exit:1", 1)  # as before: nothing was started of it


def test_sigkill_of_the_command_loses_nothing(killed: Study) -> None:
    killed.gate.unlink()
    process = subprocess.Popen(
        [PROGRAM, "resume", killed.path], stderr=subprocess.DEVNULL, env=unmeasured(), start_new_session=True
    )
    wait_until(lambda: len(killed.count.read_text().split()) == 4, LONG_S)
    process.kill()
    process.wait()
    wait_until(lambda: sum(run.reason == "lost" for run in killed.load()) == 4, LONG_S)  # before the gate opens
    killed.executed()
    killed.gate.touch()
    finished = command("resume", killed.path)
    assert finished.returncode == 0, finished.stderr
    check_sweep(killed.path, killed=True)
    assert killed.executed() == [3, 4, 5, 6, 7]
    assert killed.load().results == [{"y": x} for x in range(8)]


def test_a_reader_that_leaves_early_ends_nothing(study: Study) -> None:
    study.sweep(range(8), cmd=["sh", "-c", f"test -e $FAIL/on || exit 1; {GATED}"])
    (study.fail / "on").touch()
    line = f"{shlex.quote(str(PROGRAM))} resume study -j 2 2>&1 | (head -n 1; exec <&-; touch {study.gate})"
    said = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=study.folder, capture_output=True, text=True, env=unmeasured(),
        check=False,
    )  # fmt: skip
    assert said.returncode == 0
    assert said.stdout.startswith("multirun: ")
    check_sweep(study.path)
    assert study.executed() == list(range(8))
    assert {(run.status, run.attempts) for run in study.load()} == {("success", 2)}
    assert "exit:1" not in (study.path / "results.csv").read_text()


def test_a_descriptor_that_is_closed_ends_nothing(study: Study) -> None:
    study.sweep(range(2), fail=range(2))
    line = f"{shlex.quote(str(PROGRAM))} resume {shlex.quote(str(study.path))} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], env=unmeasured(), check=False).returncode == 0
    assert study.executed() == [0, 1]


# ----------------------------------------------------------------------------------------------------- retry


def test_without_a_run_those_that_failed_are_executed(study: Study) -> None:
    study.sweep(range(5), fail=[1, 3])
    finished = study.command("retry")
    assert study.executed() == [1, 3]
    assert "2 ok of 2" in finished.stderr
    assert study.records("reset") == []
    finished = study.command("retry")
    assert "no run of study failed" in finished.stderr
    assert study.executed() == []


def test_what_failed_is_retried_and_what_was_never_started_is_left(study: Study) -> None:
    study.sweep(range(4), fail=[0], first_alone=True)
    assert study.statuses() == ["failure", "pending", "pending", "pending"]
    study.command("retry")
    assert study.statuses() == ["success", "pending", "pending", "pending"]
    said = study.command("retry", code=3).stderr
    assert "no run of study failed" in said
    assert "3 runs did not end: multirun resume study" in said
    study.command("resume")
    assert study.executed() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("words", "numbers"),
    [(["2"], [2]), (["1-2", "4"], [1, 2, 4]), (["0,3"], [0, 3]), (["x=4"], [4]), (["0-3", "x=2"], [2])],
)
def test_named_runs_are_executed_and_no_others(study: Study, words: list[str], numbers: list[int]) -> None:
    study.sweep(range(5), fail=[4])
    finished = study.command("retry", *words)
    assert study.executed() == numbers
    assert f"{len(numbers)} ok of {len(numbers)}" in finished.stderr
    assert sorted(record["run"] for record in study.records("reset")) == [n for n in numbers if n != 4]
    assert {record["reason"] for record in study.records("reset")} <= {"retry"}
    assert [run.attempts for run in study.load()] == [1 + (index in numbers) for index in range(5)]
    assert len((study.path / "results.csv").read_text().splitlines()) == 6


def test_what_a_named_run_finds_now_counts_even_if_that_is_a_failure(study: Study) -> None:
    study.sweep(range(3))
    (study.fail / "1").touch()
    study.command("retry", "1", code=1)
    assert study.statuses() == ["success", "failure", "success"]
    assert (study.path / "attempts" / "000001-1" / "results.json").exists()
    (study.fail / "1").unlink()
    study.command("resume")
    assert study.executed() == [1, 1]
    assert [run.attempts for run in study.load()] == [1, 3, 1]


def test_of_runs_with_equal_parameters_the_one_that_is_named(study: Study) -> None:
    study.sweep([5, 5, 5])
    study.command("retry", "1")
    assert [run.attempts for run in study.load()] == [1, 2, 1]
    study.command("retry", "x=5")
    assert [run.attempts for run in study.load()] == [2, 3, 2]


def test_runs_that_are_not_there(study: Study) -> None:
    study.sweep(range(3), fail=[1])
    before = study.state()
    assert "there is no run 3; the runs are 0 to 2" in study.command("retry", "3", code=2).stderr
    assert "no run has x=7" in study.command("retry", "x=7", code=2).stderr
    assert "is no run" in study.command("retry", "first", code=2).stderr
    assert study.state() == before


# --------------------------------------------------------------------------------------------------- explain


def test_explain_says_of_every_run_what_becomes_of_it_and_why(killed: Study) -> None:
    finished = command("explain", killed.path, cwd=killed.folder)
    assert finished.returncode == 0
    head, *lines = finished.stdout.splitlines()
    assert head == "sweep: multirun resume would execute 5 of 8 runs"
    assert lines[-1] == "keep     runs 0-2: already succeeded"
    assert len([line for line in lines if line.endswith(": never started")]) == 1
    assert all(line.startswith("execute  ") for line in lines[:-1])
    assert killed.executed() == []


def test_a_dry_run_says_the_same_and_changes_nothing(study: Study) -> None:
    study.sweep(range(5), fail=[1, 3])
    before = study.state()
    failed = "execute  runs 1, 3: failed before: exit code 1 (exit:1)"
    kept = "keep     runs 0, 2, 4: already succeeded"
    assert study.command("resume", "--dry-run").stdout.splitlines()[1:] == [failed, kept]
    assert study.command("explain").stdout.splitlines()[1:] == [failed, kept]
    assert study.command("retry", "-n").stdout.splitlines() == [
        "study: multirun retry would execute 2 of 2 runs",
        failed,
    ]
    named = "execute  run 2 (x=2): already succeeded; named, so executed again"
    assert study.command("retry", "2", "-n").stdout.splitlines()[1:] == [named]
    unfinished = study.command("resume", "--unfinished", "-n").stdout
    assert "keep     runs 1, 3: failed before, and only unfinished runs are wanted: exit code 1 (exit:1)" in unfinished
    assert (
        study.command("explain", "3").stdout.splitlines()[1]
        == "execute  run 3 (x=3): failed before: exit code 1 (exit:1)"
    )
    assert study.state() == before
    assert study.executed() == []


def test_explain_as_json(study: Study) -> None:
    study.sweep([], runs=[{"x": 0}, {"x": 1, "t": (1, float("inf"))}], fail=[1])
    lines = study.command("explain", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"index": 0, "action": "keep", "why": "already succeeded", "params": {"x": 0}},
        {"index": 1, "action": "execute", "why": "failed before: exit code 1 (exit:1)",
         "params": {"x": 1, "t": [1, "inf"]}},
    ]  # fmt: skip


def test_explain_is_what_resume_does(killed: Study) -> None:
    documents = [json.loads(line) for line in command("explain", "--json", killed.path).stdout.splitlines()]
    killed.command("resume")
    assert killed.executed() == [each["index"] for each in documents if each["action"] == "execute"]


def test_text_of_a_program_cannot_order_a_terminal(study: Study) -> None:
    study.sweep([], runs=[{"x": "a\x1b[31m"}], cmd=["sh", "-c", "exit 1"])
    assert "\x1b" not in study.command("explain").stdout


# --------------------------------------------------------------------------------------------- what others say


def test_a_sweep_that_was_stopped_is_told_how_to_go_on(study: Study) -> None:
    study.sweep(range(4), fail=[0], first_alone=True)
    assert study.command("status", code=3).stdout.splitlines()[-1] == "to go on: multirun resume study"
    with pytest.raises(OutputExistsError, match=f"resume=True or multirun resume {study.path}, "):
        study.sweep(range(4))
    study.command("resume")
    assert "to go on" not in study.command("status").stdout
