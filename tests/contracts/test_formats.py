"""Sweeps on disk outlive the program that wrote them: a sample of each version is read by the code of today.

Formats change by a new version, a new sample, and code that still reads the older ones: never by editing a sample.
"""

import collections
import csv
import hashlib
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.make_sample import CONTINUED, JOB, MAKERS, RUNS, SWEEP, make_sample
from tests.invariants import check_sweep
from tests.journals import read_all
from tests.sweeps.sweeping import files_below
from tests.unit.sameness import same

from multirun import (
    FileResource,
    FormatError,
    JournalDamagedError,
    SweepResult,
    explain_resume,
    getRunParams,
    multirun,
)
from multirun.definition import Definition, Input, Options, Rules, read_definition
from multirun.encoding import decode_map
from multirun.fold import fold
from multirun.journal import Record, frame
from multirun.params import check_params
from multirun.plan import read_plan
from multirun.results import ResultsHome, load_results, posted_of
from multirun.run import Run
from multirun.rundir import SweepPaths
from multirun.snapshot import take_snapshot
from multirun.table import write_table

SAMPLES = Path(__file__).parent / "samples"
V1 = SAMPLES / "v1"
PATHS = SweepPaths(str(V1))

RESULTS: list[Any] = [
    {"square": 1, "deep": {"er": 0.5}, "ok": True},
    None,
    {"pair": (1, 2.5), 3: {4}},
    {"size": 3, "words": collections.Counter("aab")},
    {"size": 1000, "list": list(range(1000, 2000))},
    None,
    None,
    {"square": 1, "deep": {"er": 0.5}, "ok": True},
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sample that may be changed."""
    return Path(shutil.copytree(V1, tmp_path / "copy", symlinks=True))


def state() -> dict[int, Record]:
    """The record that decides about each run."""
    return fold(record for records in read_all(PATHS.journals).values() for record in records)


def runs_of(paths: SweepPaths) -> list[Run]:
    """The runs of the sample as a caller would have them."""
    home, runs = ResultsHome(paths), []
    for index, record in sorted(state().items()):
        run = Run(index, RUNS[index], home)
        run.status, run.reason, run.duration_s = record["status"], record["reason"], record["duration_s"]
        run.posted = posted_of(record)
        runs.append(run)
    return runs


def test_the_definition() -> None:
    found = read_definition(PATHS)
    assert found == Definition(
        id=SWEEP,
        name="sample",
        command=("python", "job"),
        env={"LEVEL": "{x}"},
        inputs=(
            Input("job", "copy", "/home/ada/job", "file", found.inputs[0].digest, len(JOB)),
            Input("deep/data.txt", "shared", "/home/ada/deep/data.txt", "file", found.inputs[1].digest, 5),
        ),
        rules=Rules(),
        options=Options(timeout_s=600.0),
        provenance=found.provenance,
    )
    assert found.provenance["user"] == "ada"


def test_the_plan() -> None:
    *planned, end = read_plan(PATHS.plan)
    assert end is None
    assert [each.run for each in planned if each] == list(range(len(RUNS)))
    for each, params in zip(planned, RUNS, strict=True):
        assert each is not None
        assert same(decode_map(json.loads(each.params_text)), params)
        assert each.digest == check_params(0, params).digest  # by it a sweep that goes on finds its runs
        assert (V1 / "runs" / f"{each.run:06}" / "params.json").read_text() == each.params_text + "\n"
    assert [each.repetition for each in planned if each] == [0] * 7 + [1]


def test_the_journals() -> None:
    journals = read_all(PATHS.journals)
    assert [len(journals[writer]) for writer in ("00000000-0", "orchestrator")] == [17, 2]
    found = state()
    assert [found[index]["reason"] for index in range(8)] == [
        None, "exit:3", None, None, None, None, "signal:SIGKILL", None,
    ]  # fmt: skip
    assert found[1]["exit_code"] == 3
    assert found[0]["results"] == RESULTS[0]


def test_the_snapshot() -> None:
    snapshot = take_snapshot(str(V1))
    counts = snapshot.statistics
    assert (counts.success_count, counts.failure_count, counts.total_count, counts.total_known) == (6, 2, 8, True)
    assert not snapshot.alive
    assert snapshot.interrupted_count == 0
    assert [run.index for run in snapshot.failed] == [1, 6]
    assert snapshot.failed[0].params["when"] == "2024-02-29"
    assert snapshot.failed[0].stderr == f"{V1}/runs/000001/stderr.log"


def test_the_results() -> None:
    for run, expected in zip(runs_of(PATHS), RESULTS, strict=True):
        assert run.results == expected
        if type(expected) is dict and run.index != 3:
            assert same(run.results, expected)
        if expected is not None:
            assert load_results(str(run.path)) == expected


def test_the_table_comes_out_the_same(copy: Path) -> None:
    before = (copy / "results.csv").read_text()
    (copy / "results.csv").unlink()
    paths = SweepPaths(str(copy))
    write_table(paths, runs_of(paths))
    assert (copy / "results.csv").read_text() == before
    rows = list(csv.DictReader(before.splitlines()))
    assert (rows[3]["words.a"], rows[4]["size"], rows[0]["results.deep.er"]) == ("2", "1000", "0.5")


def test_parameters_as_a_program_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIRUN_PARAMS", str(V1 / "runs" / "000001" / "params.json"))
    params = getRunParams()
    assert math.isnan(params.pop("nan"))
    assert params == {"x": 2.5, "kind": "fails", "when": date(2024, 2, 29), "tags": ("a", b"b")}


def test_inputs_and_their_digests() -> None:
    listing = "\0{mode:o}\0{content}\n".format(mode=0, content=hashlib.sha256(b"data\n").hexdigest())
    data = read_definition(PATHS).inputs[1]
    assert (V1 / "shared" / data.name).read_text() == "data\n"
    assert (V1 / "runs" / "000000" / data.name).resolve() == V1 / "shared" / data.name
    assert data.digest == hashlib.sha256(listing.encode()).hexdigest()


def test_the_invariants_hold(copy: Path) -> None:
    check_sweep(copy)


def test_the_samples_have_no_trace_of_the_machine_that_made_them() -> None:
    for path in SAMPLES.rglob("*"):
        if path.is_file():
            assert not re.search(rb"/tmp/|/root|/var/|/usr/|site-packages|\.venv", path.read_bytes()), path


# ------------------------------------------------------------------------- what was written half way


@pytest.mark.parametrize("elsewhere", [True, False], ids=["on another machine", "before this machine booted"])
def test_a_sweep_that_was_cut_off(copy: Path, elsewhere: bool) -> None:
    plan, journal = copy / "plan.jsonl", copy / "journal" / "00000000-0.jsonl"
    plan.write_bytes(plan.read_bytes()[:-40])
    rewrite_header(copy / "journal" / "orchestrator.jsonl", host="host" if elsewhere else socket.gethostname())
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:4]) + lines[4][:-20])
    snapshot = take_snapshot(str(copy))
    counts = snapshot.statistics
    assert (counts.success_count, counts.total_count, counts.total_known) == (1, 7, False)
    assert snapshot.alive == elsewhere  # nobody here can know what happens there
    assert (counts.running_count, snapshot.interrupted_count) == ((1, 0) if elsewhere else (0, 1))


def rewrite_header(journal: Path, **changed: Any) -> None:
    """Leave only the first record of a journal, with some of its fields changed."""
    header = json.loads(journal.read_bytes().splitlines()[0])
    fields = {key: value for key, value in header.items() if key not in ("seq", "crc")}
    journal.write_bytes(frame({**fields, **changed}, 0, 0)[0])


@pytest.mark.parametrize("damage", ["flip", "lost", "repeated", "swapped"])
def test_damage_is_damage(copy: Path, damage: str) -> None:
    journal = copy / "journal" / "00000000-0.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    if damage == "flip":
        lines[4] = lines[4].replace(b'"exit_code":3', b'"exit_code":0')
    elif damage == "lost":
        del lines[4]
    elif damage == "repeated":
        lines.insert(4, lines[4])
    else:
        lines[3], lines[4] = lines[4], lines[3]
    journal.write_bytes(b"".join(lines))
    with pytest.raises(JournalDamagedError, match=r"00000000-0\.jsonl is damaged"):
        take_snapshot(str(copy))


@pytest.mark.parametrize("file", ["sweep.json", "plan.jsonl", "journal/orchestrator.jsonl"])
def test_a_newer_version_is_refused_and_named(copy: Path, file: str) -> None:
    path = copy / file
    if file.startswith("journal"):
        rewrite_header(path, version=2)
    else:
        path.write_text(re.sub(r'("version": ?)1', r"\g<1>2", path.read_text(), count=1))
    with pytest.raises(FormatError, match=re.escape(str(path))):
        take_snapshot(str(copy))


# --------------------------------------------------------------------------------- sweeps that go on


def test_a_sweep_that_went_on_is_read() -> None:
    found = SweepResult.load(SAMPLES / "v1-continued")
    assert [(run.status, run.attempts, run.results) for run in found] == [
        ("pending", 0, None), ("success", 3, {"y": 1}), ("pending", 0, None), ("success", 2, {"y": 5}),
        ("pending", 0, None),
    ]  # fmt: skip
    assert [run.params["x"] for run in found] == [0, 1, 2, 5, 2]
    assert (found.path / "runs" / "000001" / "data.txt").read_text() == "new"
    definition = read_definition(SweepPaths(str(found.path)))
    assert definition.snapshot == 3
    assert [each.why for each in explain_resume(found.path)][:2] == ["input changed: data.txt"] * 2


def test_a_sweep_that_went_on_goes_on(tmp_path: Path) -> None:
    copied = shutil.copytree(SAMPLES / "v1-continued", tmp_path / "copy")
    (tmp_path / "data.txt").write_text("new")
    result = multirun(
        runs=[{"x": x} for x in (2, 2, 5, 0)], cmd=CONTINUED, output_path=copied, resume=True, display=False,
        input_files=[FileResource(tmp_path / "data.txt", "copy")],
    )  # fmt: skip
    assert [(run.index, run.status, run.attempts) for run in result] == [
        (2, "success", 2), (4, "success", 2), (3, "skipped", 2), (0, "success", 2),
    ]  # fmt: skip
    assert {run.stdout.read_text() for run in result} == {"new"}
    check_sweep(copied, result=result)


def test_the_oldest_sample_goes_on(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name, content in (("job", JOB), ("data.txt", "data\n")):
        (tmp_path / name).write_text(content)
    result = multirun(
        runs=RUNS, cmd=["python", "job"], env={"LEVEL": "{x}"}, output_path=copy, resume=True, display=False,
        input_files=[
            FileResource(tmp_path / "job", "copy"), FileResource(tmp_path / "data.txt", "shared", "deep/data.txt"),
        ],
    )  # fmt: skip
    assert [run.status for run in result] == [
        "skipped", "failure", "skipped", "skipped", "skipped", "skipped", "failure", "skipped",
    ]  # fmt: skip
    assert [run.attempts for run in result] == [1, 2, 1, 1, 1, 1, 2, 1]
    assert result.results == RESULTS
    check_sweep(copy, result=result)


# ---------------------------------------------------------------------- what the code of today writes


_DIGEST = re.compile(r"(?<=results-)[0-9a-f]{64}")


def shape(value: Any) -> Any:
    """A JSON document with names of types in place of values, but for those that name a format."""
    if isinstance(value, dict):
        return {key: item if key in ("format", "version", "event") else shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def without_news(now: Any, then: Any) -> Any:
    """A JSON document without the fields that an older one does not have: readers ignore what they do not know."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {key: without_news(now[key], value) for key, value in then.items() if key in now}
    return now


OLDER = ("v1",)
"""Samples that lack fields which have come since."""
NEWER = ("lock",)
"""Folders that no sample has."""


@pytest.mark.parametrize("name", MAKERS)
def test_today_the_same_is_written(name: str, tmp_path: Path) -> None:
    made, sample = tmp_path / "made", SAMPLES / name
    subprocess.run([sys.executable, make_sample.__code__.co_filename, name, str(made)], check=True, capture_output=True)
    files = files_below(sample)
    today = [file for file in files_below(made) if file.partition("/")[0] not in NEWER]
    assert [_DIGEST.sub("", file) for file in today] == [_DIGEST.sub("", file) for file in files]
    for file in files:
        if file.endswith((".json", ".jsonl")):
            for now, then in zip(_documents(made / file), _documents(sample / file), strict=True):
                now = without_news(now, then) if name in OLDER else now  # noqa: PLW2901
                assert shape(now) == shape(then), f"{file}: a new version of its format needs a new sample"
    for file in ("plan.jsonl", "results.csv", "journal/orchestrator.jsonl"):
        assert (made / file).read_text() == (sample / file).read_text()


def test_every_sample_can_be_made_again() -> None:
    assert sorted(MAKERS) == sorted(path.name for path in SAMPLES.iterdir())


def _documents(file: Path) -> list[Any]:
    text = file.read_text()
    return [json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else [json.loads(text)]
