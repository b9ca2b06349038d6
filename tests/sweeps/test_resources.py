"""What runs find in their directories: shared, copied and linked inputs, seen by a program."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.invariants import check_sweep
from tests.sweeps.sweeping import files_below, run_sweep

from multirun import FileResource, ParallelLocalRunner, SweepResult, multirun
from multirun.definition import Input
from multirun.rundir import SweepPaths
from multirun.staging import Stager

pytestmark = pytest.mark.xdist_group("resources")  # so that the sweep runs once for all of them

READ_AND_CHANGE = """
set -e
test "$(cat data.txt)" = data
test "$(./tool.sh)" = tool
test "$(deep/er/copied.sh)" = tool
test "$(cat folder/inner/leaf)" = leaf
test "$(cat mine/inner/leaf)" = leaf
test "$(cat linked)" = data
test "$(cat linked_folder/inner/leaf)" = leaf
echo changed >> deep/er/copied.sh
echo changed >> mine/inner/leaf
echo new > mine/inner/new
"""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs: a file, a program, and a folder with links in it."""
    root = tmp_path_factory.mktemp("origin")
    (root / "data.txt").write_text("data\n")
    (root / "data.txt").chmod(0o640)
    tool = root / "tool.sh"
    tool.write_text("#!/bin/sh\necho tool\n")
    tool.chmod(0o754)
    inner = root / "folder" / "inner"
    inner.mkdir(parents=True)
    (inner / "leaf").write_text("leaf\n")
    (root / "folder" / "run.sh").write_text("#!/bin/sh\n")
    (root / "folder" / "run.sh").chmod(0o755)
    (root / "folder" / "to_file").symlink_to("inner/leaf")
    (root / "folder" / "to_folder").symlink_to("inner")
    (root / "folder" / "empty").mkdir()
    return root


@pytest.fixture(scope="module")
def sweep(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """Two runs that read all kinds of inputs and change what is theirs."""
    inputs: list[str | Path | FileResource] = [
        str(origin / "data.txt"),
        origin / "tool.sh",
        FileResource(origin / "tool.sh", "copy", "deep/er/copied.sh"),
        FileResource(origin / "folder"),
        FileResource(origin / "folder", linkage="copy", rename="mine"),
        FileResource(str(origin / "data.txt"), "link", "linked"),
        FileResource(origin / "folder", "link", "linked_folder"),
        FileResource(origin / "data.txt", "shared", "deep/shared.txt"),
    ]
    output = tmp_path_factory.mktemp("resources") / "sweep"
    result = run_sweep(output, [{"x": 1}, {"x": 2}], ["sh", "-c", READ_AND_CHANGE], input_files=inputs)
    assert [run.reason for run in result] == [None, None], result[0].stderr.read_text()
    return result


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_originals_are_untouched(origin: Path, sweep: SweepResult) -> None:
    assert (origin / "tool.sh").read_text() == "#!/bin/sh\necho tool\n"
    assert files_below(origin / "folder") == [
        "empty", "inner", "inner/leaf", "run.sh", "to_file", "to_folder",
    ]  # fmt: skip
    assert (origin / "folder" / "inner" / "leaf").read_text() == "leaf\n"


def test_copies_are_private(sweep: SweepResult) -> None:
    for run in sweep:
        assert (run.path / "deep" / "er" / "copied.sh").read_text().endswith("echo tool\nchanged\n")
        assert (run.path / "mine" / "inner" / "leaf").read_text() == "leaf\nchanged\n"
        assert (run.path / "mine" / "to_file").read_text() == "leaf\n"  # a copy of its own, no longer a link
        assert not any(path.is_symlink() for path in (run.path / "mine").rglob("*"))
        assert (run.path / "mine" / "empty").is_dir()


def test_copies_keep_their_bits_and_can_be_written(sweep: SweepResult) -> None:
    for run in sweep:
        assert mode(run.path / "deep" / "er" / "copied.sh") == 0o754
        assert mode(run.path / "mine" / "run.sh") == 0o755


def test_shared_files_are_one_read_only_copy_inside_the_sweep(origin: Path, sweep: SweepResult) -> None:
    shared = sweep.path / "shared"
    for run in sweep:
        for name in ("data.txt", "tool.sh", "folder", "deep/shared.txt"):
            path = run.path / name
            assert path.is_symlink()
            assert not os.path.isabs(os.readlink(path))  # so that the sweep can be moved
            assert path.resolve() == shared / name
    assert (mode(shared / "data.txt"), mode(shared / "tool.sh")) == (0o440, 0o554)
    assert mode(shared / "folder" / "inner" / "leaf") & 0o222 == 0
    assert mode(shared / "folder" / "run.sh") == 0o555
    assert (shared / "data.txt").stat().st_ino != (origin / "data.txt").stat().st_ino


def test_shared_folders_keep_their_write_bits_so_that_a_sweep_can_be_deleted(sweep: SweepResult) -> None:
    for folder in (sweep.path / "shared" / "folder", sweep.path / "shared" / "folder" / "inner", sweep.path / "shared"):
        assert mode(folder) & 0o200


def test_links_lead_to_the_originals(origin: Path, sweep: SweepResult) -> None:
    for run in sweep:
        assert os.readlink(run.path / "linked") == str(origin / "data.txt")
        assert os.readlink(run.path / "linked_folder") == str(origin / "folder")


def test_the_definition_says_what_the_inputs_were(origin: Path, sweep: SweepResult) -> None:
    inputs = {entry["name"]: entry for entry in json.loads((sweep.path / "sweep.json").read_text())["inputs"]}
    assert list(inputs) == [
        "data.txt", "tool.sh", "deep/er/copied.sh", "folder", "mine", "linked", "linked_folder", "deep/shared.txt",
    ]  # fmt: skip
    assert inputs["data.txt"]["source"] == str(origin / "data.txt")
    assert inputs["data.txt"]["size"] == 5
    assert inputs["folder"]["kind"] == "folder"
    assert inputs["folder"]["digest"] == inputs["mine"]["digest"]
    assert inputs["data.txt"]["digest"] == inputs["deep/shared.txt"]["digest"] != inputs["tool.sh"]["digest"]
    assert inputs["linked"]["mtime_ns"] == (origin / "data.txt").stat().st_mtime_ns
    assert inputs["linked"]["digest"] is None


def test_a_run_far_down_finds_what_is_shared(sweep: SweepResult) -> None:
    paths = SweepPaths(str(sweep.path))
    run_dir = Path(paths.run(12_042))
    assert run_dir == sweep.path / "runs" / "12" / "012042"
    run_dir.mkdir(parents=True)
    shared = [Input(name, "shared", "/somewhere", "file", "0", 5) for name in ("data.txt", "deep/shared.txt")]
    Stager(paths, shared).stage(str(run_dir), 12_042)
    assert [(run_dir / entry.name).read_text() for entry in shared] == ["data\n", "data\n"]


# -------------------------------------------------------------------------------- one sweep for each


def test_an_input_edited_later_does_not_mix(tmp_path: Path, sweep_dir: Path) -> None:
    source = tmp_path / "input"
    source.write_text("old")

    def maps() -> Iterator[dict[str, int]]:
        yield {}
        source.write_text("new")
        yield {}

    inputs = [FileResource(source, linkage, linkage) for linkage in ("copy", "shared")]
    result = run_sweep(sweep_dir, maps(), ["true"], input_files=inputs)
    assert {(run.path / name).read_text() for run in result for name in ("copy", "shared")} == {"old"}


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_a_linked_input_that_changes_fails_the_runs_after_that(tmp_path: Path, sweep_dir: Path, change: str) -> None:
    source = tmp_path / "input"
    source.write_text("old")
    done: list[int] = []

    def maps() -> Iterator[dict[str, int]]:
        yield {}
        while not done:
            yield {}
        source.write_text("another length") if change == "edit" else source.unlink()
        yield {}

    result = run_sweep(
        sweep_dir,
        maps(),
        ["true"],
        input_files=[FileResource(source, "link")],
        runner=ParallelLocalRunner(max_parallel=1),
        on_result=lambda run: done.append(run.index),
    )
    assert result[0].status == "success"
    assert (result[-1].status, result[-1].reason, result[-1].exit_code) == ("failure", "staging-failed", None)
    assert result[-1].message is not None
    assert str(source) in result[-1].message


def test_a_program_that_comes_as_an_input_is_found(tmp_path: Path, sweep_dir: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "[$1]" > "$MULTIRUN_RESULTS"\n')
    program.chmod(0o755)
    result = run_sweep(sweep_dir, [{"x": 1}, {"x": 2}], ["./program", "{x}"], input_files=[program])
    assert result.results == [[1], [2]]


def test_odd_file_names_and_contents(tmp_path: Path, sweep_dir: Path) -> None:
    names = [" ", "a b", "ü", "new\nline", "-rf", "$HOME", "*", "{x}", os.fsdecode(b"\xff")]
    for name in names:
        (tmp_path / name).write_bytes(name.encode(errors="surrogateescape") * 3)
    (tmp_path / "empty").touch()
    inputs = [
        FileResource(tmp_path / name, linkage, f"{linkage}/{name}")
        for name in [*names, "empty"]
        for linkage in ("copy", "shared", "link")
    ]
    result = run_sweep(sweep_dir, [{"x": 1}], ["true"], input_files=inputs)
    for name in [*names, "empty"]:
        for linkage in ("copy", "shared", "link"):
            assert (result[0].path / linkage / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_large_file_and_one_with_holes_are_copied_exactly(tmp_path: Path, sweep_dir: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.write(os.urandom(3 << 20))
        file.seek(8 << 20)
        file.write(b"end")
    result = run_sweep(
        sweep_dir, [{}], ["true"], input_files=[FileResource(large, "copy"), FileResource(large, "shared", "again")]
    )
    content = large.read_bytes()
    assert (result[0].path / "large").read_bytes() == content
    assert (result[0].path / "again").read_bytes() == content


def test_the_sweep_can_be_moved(tmp_path: Path, sweep_dir: Path) -> None:
    source = tmp_path / "input"
    source.write_text("here")
    run_sweep(sweep_dir, [{}], ["true"], input_files=[source])
    moved = sweep_dir.rename(tmp_path / "moved")
    assert (moved / "runs" / "000000" / "input").read_text() == "here"


def test_relative_paths_are_those_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "input").write_text("here")
    monkeypatch.chdir(tmp_path / "below")
    result = multirun(
        runs=[{}],
        cmd=["true"],
        output_path="sweep",
        input_files=["../input", FileResource("../below/../input", "link", "linked")],
        display=False,
    )
    assert [(result[0].path / name).read_text() for name in ("input", "linked")] == ["here", "here"]
    check_sweep(tmp_path / "below" / "sweep", result=result)
