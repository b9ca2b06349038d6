"""`multirun explain` and dry runs of the other commands: what would be executed and why."""

import json
from pathlib import Path

import pytest
from tests.sweeps.commands import command
from tests.sweeps.studies import CommandedStudy


@pytest.fixture
def study(tmp_path: Path) -> CommandedStudy:
    return CommandedStudy(tmp_path)


def test_explain_says_of_every_run_what_becomes_of_it_and_why(killed: CommandedStudy) -> None:
    finished = command("explain", killed.path, cwd=killed.folder)
    assert finished.returncode == 0
    head, *lines = finished.stdout.splitlines()
    assert head == "sweep: multirun resume would execute 5 of 8 runs"
    assert lines[-1] == "keep     runs 0-2: already succeeded"
    assert len([line for line in lines if line.endswith(": never started")]) == 1
    assert all(line.startswith("execute  ") for line in lines[:-1])
    assert killed.executed() == []


def test_a_dry_run_says_the_same_and_changes_nothing(study: CommandedStudy) -> None:
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


def test_explain_as_json(study: CommandedStudy) -> None:
    study.sweep([], runs=[{"x": 0}, {"x": 1, "t": (1, float("inf"))}], fail=[1])
    lines = study.command("explain", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"index": 0, "action": "keep", "why": "already succeeded", "params": {"x": 0}},
        {"index": 1, "action": "execute", "why": "failed before: exit code 1 (exit:1)",
         "params": {"x": 1, "t": [1, "inf"]}},
    ]  # fmt: skip


def test_explain_is_what_resume_does(killed: CommandedStudy) -> None:
    documents = [json.loads(line) for line in command("explain", "--json", killed.path).stdout.splitlines()]
    killed.command("resume")
    assert killed.executed() == [each["index"] for each in documents if each["action"] == "execute"]


def test_text_of_a_program_cannot_order_a_terminal(study: CommandedStudy) -> None:
    study.sweep([], runs=[{"x": "a\x1b[31m"}], cmd=["sh", "-c", "exit 1"])
    assert "\x1b" not in study.command("explain").stdout
