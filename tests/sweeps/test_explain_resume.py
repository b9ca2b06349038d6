"""Before a sweep goes on: what would be executed and why, from `explain_resume` and a dry run."""

from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.studies import COUNTED, CalledStudy, statuses
from tests.sweeps.sweeping import files_below

from multirun import ConfigurationError, Decision, DefinitionChangedError, explain_resume, multirun


@pytest.fixture
def study(tmp_path: Path) -> CalledStudy:
    return CalledStudy(tmp_path)


def test_why_each_run_would_be_executed_or_not(study: CalledStudy) -> None:
    data = study.folder / "data.txt"
    data.write_text("old")
    study.let_fail(1)
    study.call([0, 1], resume=False, input_files=[data])
    before = files_below(study.path)
    assert explain_resume(study.path) == [
        Decision(0, {"x": 0}, "keep", "already succeeded"),
        Decision(1, {"x": 1}, "execute", "failed before: exit code 1 (exit:1)"),
    ]
    assert explain_resume(study.path, resume="unfinished")[1].action == "keep"
    asked = [{"x": 2}, {"x": 0}, {"x": 0}, {"z": 1}]
    assert [tuple(each) for each in explain_resume(study.path, asked)] == [
        (2, {"x": 2}, "execute", "new: no run has x=2"),
        (0, {"x": 0}, "keep", "already succeeded"),
        (3, {"x": 0}, "execute", "new: once more with the same parameters"),
        (4, {"z": 1}, "execute", "new: no run has a parameter 'z'"),
    ]
    data.write_text("new")
    assert explain_resume(study.path)[0] == Decision(0, {"x": 0}, "execute", "input changed: data.txt")
    assert files_below(study.path) == before


def test_what_would_be_executed_is_told_beforehand(study: CalledStudy, capsys: pytest.CaptureFixture[str]) -> None:
    study.let_fail(1)
    study.call([0, 1], resume=False)
    before = files_below(study.path)
    result = multirun(
        runs=[{"x": 1}, {"x": 0}, {"x": 5}],
        cmd=COUNTED,
        env=study.env,
        output_path=study.path,
        resume=True,
        dry_run=True,
    )
    assert statuses(result) == [(1, "pending"), (0, "skipped"), (2, "pending")]
    assert result[1].results == {"y": 0}
    assert files_below(study.path) == before
    assert f"dry run: 2 of 3 runs would be executed in {study.path}; the first: " in capsys.readouterr().err
    with pytest.raises(DefinitionChangedError):
        multirun(runs=[{"x": 1}], cmd=["true"], output_path=study.path, resume=True, dry_run=True)


def test_what_changed_inputs_would_do_is_told_beforehand(
    study: CalledStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    data = study.folder / "data.txt"
    data.write_text("old")
    study.call([0, 1], resume=False, input_files=[data])
    keywords: dict[str, Any] = {"cmd": COUNTED, "env": study.env, "output_path": study.path, "resume": True}
    keywords |= {"runs": [{"x": 0}, {"x": 1}], "input_files": [data], "dry_run": True}
    multirun(**keywords)
    assert f"dry run: 0 of 2 runs would be executed in {study.path}\n" in capsys.readouterr().err
    data.write_text("new")
    before = files_below(study.path)
    assert statuses(multirun(**keywords, accept_changes=True)) == [(0, "pending"), (1, "pending")]
    assert "dry run: 2 of 2 runs would be executed" in capsys.readouterr().err
    assert files_below(study.path) == before


def test_an_explanation_of_what_cannot_be_asked_for_is_refused(study: CalledStudy) -> None:
    study.call([0], resume=False)
    with pytest.raises(ConfigurationError, match="resume: 'unfinishd' is neither True nor 'unfinished'"):
        explain_resume(study.path, resume="unfinishd")  # type: ignore[arg-type]
