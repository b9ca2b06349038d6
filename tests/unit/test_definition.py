"""`sweep.json`: what is written is read back, and nothing else is taken for it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multirun.definition import (
    Definition,
    Input,
    Options,
    Rules,
    from_document,
    read_definition,
    to_document,
    write_definition,
)
from multirun.errors import FormatError, NotASweepError
from multirun.extraction import Extraction
from multirun.rundir import SweepPaths

PLAIN = Definition(id="0123", name="multirun", command=("true",), env={})
RESULTS = (
    Extraction(
        "delay", "regex", "stdout.log", r"d = (\S+)", "all", "float", optional=True, min=0, max=1.5, finite=True
    ),
    Extraction("peak", "csv", "{x}.csv", -1, "max", delimiter=";"),
    Extraction("η", "json", "out.json"),
)
RICH = Definition(
    id="4567",
    name="wings-2",
    command=("python", "job.py", "{x:.3f}", "", "η\n", "raw-\udcff"),
    env={"MODE": "fast", "PATH": "/bin:{x}"},
    inputs=(
        Input("job.py", "shared", "/home/me/job.py", "file", "ab" * 32, 12),
        Input("data/mesh", "copy", "/data/mesh", "folder", "cd" * 32, 0),
        Input("big.bin", "link", "/big.bin", "file", None, 10**12, 1_700_000_000_123_456_789),
    ),
    rules=Rules(
        (0, 10), results_required=True, required_keys=("energy", "a.b"), required_files=("out.dat",), results=RESULTS
    ),
    options=Options(timeout_s=0.1, grace_s=0.0, threads_per_run=4),
    provenance={"host": "here", "argv": ["sweep.py", "-v"]},
)


@pytest.fixture
def paths(tmp_path: Path) -> SweepPaths:
    return SweepPaths(str(tmp_path))


@pytest.mark.parametrize("definition", [PLAIN, RICH])
def test_a_definition_is_read_back_exactly(paths: SweepPaths, definition: Definition) -> None:
    write_definition(paths, definition)
    found = read_definition(paths)
    assert found == definition
    assert Path(paths.sweep).read_bytes().isascii()
    assert [type(part) for part in (found.command, found.inputs, found.rules.success_codes)] == [tuple] * 3


def test_the_file_names_its_format_and_version_first(paths: SweepPaths) -> None:
    write_definition(paths, RICH)
    assert list(json.loads(Path(paths.sweep).read_text()).items())[:2] == [("format", "multirun-sweep"), ("version", 1)]


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.5])
def test_another_version_is_refused_with_what_to_do(version: object) -> None:
    document = to_document(PLAIN) | {"version": version}
    with pytest.raises(FormatError, match=f"here has format {version}; this multirun reads format 1: use the version"):
        from_document(document, "here")


@pytest.mark.parametrize("document", [None, [], 5, "text", {}, {"format": "other", "version": 1}, {"version": 1}])
def test_what_is_no_definition_is_refused(document: object) -> None:
    with pytest.raises(FormatError, match="here is no definition of a sweep"):
        from_document(document, "here")


@pytest.mark.parametrize("key", ["id", "name", "command", "env", "inputs", "rules", "options", "provenance"])
def test_each_part_must_be_there(key: str) -> None:
    document = json.loads(json.dumps(to_document(RICH)))
    del document[key]
    with pytest.raises(FormatError, match=f"here is damaged: KeyError: '{key}'"):
        from_document(document, "here")


@pytest.mark.parametrize(
    "change",
    [
        {"command": 5},
        {"inputs": [{"name": "x"}]},
        {"inputs": [5]},
        {"rules": []},
        {"options": 5},
    ],
)
def test_a_part_of_another_shape_is_damage(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="here is damaged: "):
        from_document(to_document(RICH) | change, "here")


@pytest.mark.parametrize(("part", "path"), [("rules", "rules.odd"), ("options", "options.odd")])
def test_what_this_version_does_not_know_it_does_not_obey(part: str, path: str) -> None:
    document = to_document(RICH)
    document[part]["odd"] = 1
    with pytest.raises(FormatError, match=f"here asks for {path}, which this multirun does not know; use a newer one"):
        from_document(document, "here")


def test_nor_does_it_give_inputs_that_it_does_not_understand() -> None:
    document = to_document(RICH)
    document["inputs"] = [dict(document["inputs"][0]), {**document["inputs"][1], "odd": 1}]
    with pytest.raises(FormatError, match=r"here asks for inputs\[1\]\.odd, which"):
        from_document(document, "here")


def test_nor_does_it_take_results_by_rules_that_it_does_not_understand() -> None:
    document = json.loads(json.dumps(to_document(RICH)))
    document["rules"]["results"][1]["odd"] = 1
    with pytest.raises(FormatError, match=r"here asks for rules\.results\[1\]\.odd, which"):
        from_document(document, "here")


def test_older_versions_can_read_what_asks_for_nothing_new() -> None:
    document = to_document(PLAIN)
    assert set(document["rules"]) == {"success_codes", "results_required", "required_keys", "required_files"}
    assert set(document["options"]) == {"timeout_s", "grace_s", "threads_per_run"}


def test_new_limits_are_read_back(paths: SweepPaths) -> None:
    limited = replace(PLAIN, options=Options(max_output_bytes=5, nice=0), shell=True, stdin="deck")
    write_definition(paths, limited)
    assert read_definition(paths) == limited


@pytest.mark.parametrize("data", [b"", b"{", b'{"format": "multirun-sw', b"\xff\xfe", '{"näme": 1}'.encode()])
def test_a_damaged_file_is_damage_and_not_a_missing_sweep(paths: SweepPaths, data: bytes) -> None:
    Path(paths.sweep).write_bytes(data)
    with pytest.raises(FormatError, match=r"sweep\.json is damaged: "):
        read_definition(paths)


def test_without_the_file_there_is_no_sweep(paths: SweepPaths, tmp_path: Path) -> None:
    with pytest.raises(NotASweepError, match=rf"{tmp_path} is no sweep: it holds no sweep\.json; give"):
        read_definition(paths)
    with pytest.raises(NotASweepError, match="is no sweep: it does not exist; give"):
        read_definition(SweepPaths(str(tmp_path / "none")))
    (tmp_path / "file").touch()
    with pytest.raises(NotASweepError, match="is no sweep: it is a file; give"):
        read_definition(SweepPaths(str(tmp_path / "file")))


def test_a_typo_in_a_directory_gets_the_nearest_sweep(tmp_path: Path) -> None:
    (tmp_path / "studie").mkdir()
    (tmp_path / "study").mkdir()
    write_definition(SweepPaths(str(tmp_path / "study")), PLAIN)
    with pytest.raises(NotASweepError, match=f"it does not exist; did you mean {tmp_path}/study\\?"):
        read_definition(SweepPaths(str(tmp_path / "studies")))


def test_rules_and_inputs_are_values() -> None:
    assert replace(RICH, rules=replace(RICH.rules, success_codes=(0,))) != RICH
    assert Rules() == PLAIN.rules
    assert (Rules().success_codes, Options().timeout_s, Options().grace_s) == ((0,), None, 5.0)
