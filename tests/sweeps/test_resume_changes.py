"""A sweep that goes on with another definition: what may change, what is refused, and what other inputs repeat."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.studies import CalledStudy
from tests.sweeps.sweeping import files_below

from multirun import DefinitionChangedError, FileResource, ParallelLocalRunner, Template


@pytest.fixture
def study(tmp_path: Path) -> CalledStudy:
    return CalledStudy(tmp_path)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "command": ({"cmd": ["true", "{x}"]}, r"cmd\n    - sh -c .*\n    \+ true '?\{x\}'?"),
    "variable": ({"env": {"EXTRA": "1"}}, r"env EXTRA\n    - nothing\n    \+ '1'"),
    "rule": ({"success_codes": (0, 3)}, r"success_codes\n    - \(0,\)\n    \+ \(0, 3\)"),
    "required results": ({"required_results": ["y"]}, r"required_results"),
    "required files": ({"required_files": ["a"]}, r"required_files\n    - \(\)\n    \+ \('a',\)"),
    "results": ({"results": {"z": {"stdout": "(.*)", "optional": True}}}, r"results 'z'\n    - nothing\n    \+ {'std"),
    "standard input": ({"stdin": __file__}, r"stdin\n    - nothing\n    \+ 'test_resume_changes.py'"),
    "shell": ({"cmd": "true", "shell": True}, r"cmd\n    - sh -c .*\n    \+ 'true' in a shell"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_another_definition_is_refused_with_what_differs(study: CalledStudy, change: dict[str, Any], told: str) -> None:
    study.call([0], resume=False)
    before = files_below(study.path)
    with pytest.raises(DefinitionChangedError, match=told) as refused:
        study.call([0, 1], **change)
    assert "accept_changes=True" in str(refused.value)
    assert study.executed() == [0]
    assert [name for name in files_below(study.path) if "lock" not in name] == [n for n in before if "lock" not in n]
    result = study.call([0, 1], accept_changes=True, **change)
    assert result[0].status == ("success" if "stdin" in change else "skipped")
    (study.path / "sweep.json").read_text()
    assert len(study.records("opened")[-1]["changes"]) >= 1
    study.executed()
    study.call([0, 1], **change)
    with pytest.raises(DefinitionChangedError):
        study.call([0, 1])


def test_options_name_and_runner_may_change(study: CalledStudy) -> None:
    study.call([0], resume=False, name="first", timeout=10)
    sweep_id = json.loads((study.path / "sweep.json").read_text())["id"]
    study.call([0, 1], name="second", timeout=20, grace=1, threads_per_run=2, nice=3, max_output="1 MB",
               runner=ParallelLocalRunner(max_parallel=1))  # fmt: skip
    now = json.loads((study.path / "sweep.json").read_text())
    assert (now["id"], now["name"]) == (sweep_id, "first")
    assert now["options"] == {
        "timeout_s": 20.0, "grace_s": 1.0, "threads_per_run": 2, "max_output_bytes": 1_000_000, "nice": 3,
    }  # fmt: skip
    assert study.executed() == [0, 1]


LINKAGES = ("copy", "shared", "link", "template")


@pytest.mark.parametrize("linkage", LINKAGES)
def test_where_an_input_changed_every_run_is_executed_with_the_new_one(study: CalledStudy, linkage: str) -> None:
    data = study.folder / "data.txt"
    data.write_text("old {{ x }}\n")
    cmd = ["sh", "-c", 'echo "{x}" >> "$COUNT"; printf \'{"y": "%s"}\' "$(cat data.txt)" > $MULTIRUN_RESULTS']
    inputs = [FileResource(data, linkage)]  # type: ignore[arg-type]
    rendered = {x: f"old {x if linkage == 'template' else '{{ x }}'}" for x in (0, 1)}
    assert study.call([0, 1], resume=False, cmd=cmd, input_files=inputs).results == [{"y": rendered[x]} for x in (0, 1)]
    assert [run.status for run in study.call([0, 1], cmd=cmd, input_files=inputs)] == ["skipped"] * 2
    study.executed()
    data.write_text("new content{# #}\n" if linkage == "template" else "new content\n")
    with pytest.raises(DefinitionChangedError, match=r"input data.txt\n"):
        study.call([0, 1, 2], cmd=cmd, input_files=inputs)
    assert study.executed() == []
    result = study.call([0, 2], cmd=cmd, input_files=inputs, accept_changes=True)
    assert result.results == [{"y": "new content"}] * 2
    assert study.executed() == [0, 2]
    assert [(row["index"], row["status"], row["y"]) for row in study.table()] == [
        ("0", "success", "new content"), ("1", "pending", ""), ("2", "success", "new content"),
    ]  # fmt: skip
    assert (study.path / "attempts" / "000000-1" / "data.txt").exists()
    result = study.call([0, 1, 2], cmd=cmd, input_files=inputs)
    assert (study.executed(), result.results) == ([1], [{"y": "new content"}] * 3)
    assert {record["reason"] for record in study.records("reset")} == {"input-changed"}


def test_an_input_that_only_moved_has_not_changed(study: CalledStudy) -> None:
    here, there = study.folder / "a" / "data.txt", study.folder / "b" / "data.txt"
    for path in (here, there):
        path.parent.mkdir()
        path.write_text("same")
    study.call([0], resume=False, input_files=[here])
    study.call([0], input_files=[there])
    assert study.executed() == [0]


def test_inputs_that_come_and_go_are_told(study: CalledStudy) -> None:
    (study.folder / "a").write_text("a")
    (study.folder / "b").mkdir()
    study.call([0], resume=False, input_files=[study.folder / "a"])
    with pytest.raises(
        DefinitionChangedError, match=r"(?s)input a\n    - shared file of 1 bytes\n    \+ nothing.*input b"
    ):
        study.call([0], input_files=[FileResource(study.folder / "b", "copy")])


def test_a_changed_template_of_another_linkage_is_told(study: CalledStudy) -> None:
    (study.folder / "deck").write_text("{{ x }}")
    study.call([0], resume=False, input_files=[Template(study.folder / "deck")])
    with pytest.raises(DefinitionChangedError, match=r"- template file of 7 bytes\n    \+ copy file of 7 bytes"):
        study.call([0], input_files=[FileResource(study.folder / "deck", "copy")])
