"""Inputs on their way: into the sweep once, then into each run directory."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from multirun.definition import Input
from multirun.resources import FileResource
from multirun.rundir import SweepPaths
from multirun.staging import InputChangedError, Stager, take_snapshot


def mode_of(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


class Sweep:
    """A sweep directory and inputs beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = SweepPaths(str(folder / "sweep"))
        os.makedirs(self.paths.root)
        (folder / "job.sh").write_bytes(b"#!/bin/sh\n")
        (folder / "job.sh").chmod(0o755)
        (folder / "data.txt").write_bytes(b"data")
        (folder / "data.txt").chmod(0o444)
        (folder / "tree" / "deep").mkdir(parents=True)
        (folder / "tree" / "empty").mkdir()
        (folder / "tree" / "deep" / "leaf").write_bytes(b"leaf")
        (folder / "tree" / "tool").write_bytes(b"tool")
        (folder / "tree" / "tool").chmod(0o755)

    def resource(self, name: str, linkage: Any, rename: str | None = None) -> FileResource:
        return FileResource(self.folder / name, linkage, rename)

    def snapshot(self, *resources: FileResource) -> tuple[Input, ...]:
        return take_snapshot(resources, self.paths)

    def stage(self, inputs: tuple[Input, ...], index: int = 0) -> Path:
        run_dir = self.paths.run(index)
        os.makedirs(run_dir)
        Stager(self.paths, inputs).stage(run_dir, index)
        return Path(run_dir)


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def test_copies_are_private_writable_and_keep_their_run_bits(sweep: Sweep) -> None:
    inputs = sweep.snapshot(
        sweep.resource("job.sh", "copy"),
        sweep.resource("data.txt", "copy", "in/my.txt"),
        sweep.resource("tree", "copy"),
    )
    one, other = sweep.stage(inputs, 0), sweep.stage(inputs, 10_000)
    for run_dir in (one, other):
        assert mode_of(run_dir / "job.sh") == 0o755
        assert mode_of(run_dir / "in" / "my.txt") == 0o644
        assert mode_of(run_dir / "tree" / "tool") == 0o755
        assert (run_dir / "tree" / "deep" / "leaf").read_bytes() == b"leaf"
        assert (run_dir / "tree" / "empty").is_dir()
    (one / "tree" / "deep" / "leaf").write_bytes(b"changed")
    assert (other / "tree" / "deep" / "leaf").read_bytes() == b"leaf"
    assert (sweep.folder / "tree" / "deep" / "leaf").read_bytes() == b"leaf"


@pytest.mark.parametrize("index", [0, 12_345, 1_234_567])
def test_shared_inputs_are_one_read_only_copy_behind_relative_links(sweep: Sweep, index: int) -> None:
    inputs = sweep.snapshot(
        sweep.resource("job.sh", "shared"),
        sweep.resource("tree", "shared", "x/y/tree"),
        sweep.resource("data.txt", "shared"),
    )
    run_dir = sweep.stage(inputs, index)
    for name in ("job.sh", "x/y/tree", "data.txt"):
        assert (run_dir / name).is_symlink()
        assert not os.path.isabs(os.readlink(run_dir / name))
        assert os.path.realpath(run_dir / name) == f"{sweep.paths.shared()}/{name}"
    assert mode_of(f"{sweep.paths.shared()}/job.sh") == 0o555
    assert mode_of(f"{sweep.paths.shared()}/data.txt") == 0o444
    assert mode_of(f"{sweep.paths.shared()}/x/y/tree/tool") == 0o555
    assert (run_dir / "x/y/tree/deep/leaf").read_bytes() == b"leaf"


def test_folders_of_the_sweep_keep_their_write_bits_so_that_it_can_be_deleted(sweep: Sweep) -> None:
    for folder in ("tree/deep", "tree/empty", "tree"):
        (sweep.folder / folder).chmod(0o555)
    sweep.snapshot(sweep.resource("tree", "shared"), sweep.resource("tree", "copy", "mine"))
    folders = [folder for folder, _, _ in os.walk(sweep.paths.root)]
    assert len(folders) == 9
    assert all(mode_of(folder) & 0o300 == 0o300 for folder in folders)
    for folder in ("tree", "tree/deep", "tree/empty"):
        (sweep.folder / folder).chmod(0o755)


def test_a_sweep_that_moved_finds_its_shared_inputs(sweep: Sweep) -> None:
    inputs = sweep.snapshot(sweep.resource("data.txt", "shared", "x/data"))
    sweep.stage(inputs, 3)
    moved = SweepPaths(str(sweep.folder / "moved"))
    os.rename(sweep.paths.root, moved.root)
    assert Path(f"{moved.run(3)}/x/data").read_bytes() == b"data"


def test_an_input_that_is_edited_later_does_not_mix(sweep: Sweep) -> None:
    inputs = sweep.snapshot(sweep.resource("job.sh", "copy"), sweep.resource("data.txt", "shared"))
    for name in ("job.sh", "data.txt"):
        (sweep.folder / name).chmod(0o644)
        (sweep.folder / name).write_bytes(b"edited")
    run_dir = sweep.stage(inputs)
    assert (run_dir / "job.sh").read_bytes() == b"#!/bin/sh\n"
    assert (run_dir / "data.txt").read_bytes() == b"data"


def test_names_side_by_side_in_one_folder(sweep: Sweep) -> None:
    inputs = sweep.snapshot(
        sweep.resource("job.sh", "copy", "in/a/x"),
        sweep.resource("data.txt", "link", "in/a/y"),
        sweep.resource("tree", "shared", "in/b"),
        sweep.resource("tree", "copy", "in/a/z"),
    )
    run_dir = sweep.stage(inputs)
    found = sorted(str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file())
    assert {"in/a/x", "in/a/y", "in/a/z/deep/leaf"} <= set(found)
    assert (run_dir / "in/b/deep/leaf").read_bytes() == b"leaf"


def test_without_inputs_nothing_is_made(sweep: Sweep) -> None:
    assert sweep.snapshot() == ()
    assert list(sweep.stage(()).iterdir()) == []
    assert os.listdir(sweep.paths.root) == ["runs"]


def test_the_definition_remembers_what_the_inputs_were(sweep: Sweep) -> None:
    job, tree, data = sweep.snapshot(
        sweep.resource("job.sh", "copy"), sweep.resource("tree", "shared", "x/t"), sweep.resource("data.txt", "link")
    )
    assert (job.name, job.linkage, job.kind, job.size, job.mtime_ns) == ("job.sh", "copy", "file", 10, None)
    assert job.source == str(sweep.folder / "job.sh")
    content = hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    assert job.digest == hashlib.sha256(f"\x00111\x00{content}\n".encode()).hexdigest()
    assert (tree.name, tree.linkage, tree.kind, tree.size) == ("x/t", "shared", "folder", 8)
    stamp = (sweep.folder / "data.txt").stat().st_mtime_ns
    assert (data.linkage, data.kind, data.digest, data.size, data.mtime_ns) == ("link", "file", None, 4, stamp)


def test_of_a_linked_folder_only_the_place_is_remembered(sweep: Sweep) -> None:
    (tree,) = sweep.snapshot(sweep.resource("tree", "link"))
    assert tree == Input("tree", "link", str(sweep.folder / "tree"), "folder", None, 0, None)


def change_nothing(tree: Path) -> None:
    (tree / "tool").touch()


def change_content(tree: Path) -> None:
    (tree / "deep" / "leaf").write_bytes(b"laef")


def change_name(tree: Path) -> None:
    (tree / "deep" / "leaf").rename(tree / "deep" / "leav")


def change_run_bit(tree: Path) -> None:
    (tree / "tool").chmod(0o644)


def add_folder(tree: Path) -> None:
    (tree / "more").mkdir()


def move_file(tree: Path) -> None:
    (tree / "deep" / "leaf").rename(tree / "leaf")


@pytest.mark.parametrize("change", [change_nothing, change_content, change_name, change_run_bit, add_folder, move_file])
def test_the_digest_of_a_folder_tells_every_change_apart(sweep: Sweep, change: Any) -> None:
    (before,) = sweep.snapshot(sweep.resource("tree", "copy", "before"))
    change(sweep.folder / "tree")
    (after,) = sweep.snapshot(sweep.resource("tree", "copy", "after"))
    assert (before.digest == after.digest) is (change is change_nothing)


# --------------------------------------------------------------------------------------------- links


def touch_later(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def grow(path: Path) -> None:
    stamp = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_bytes(b"longer than before")
    os.utime(path, ns=(0, stamp))


def vanish(path: Path) -> None:
    path.unlink()


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (touch_later, "was changed after the sweep started; start a new sweep, or use linkage='copy'"),
        (grow, "was changed after the sweep started"),
        (become_folder, "was changed after the sweep started"),
        (vanish, "does not exist"),
        (become_broken_link, "is a broken symbolic link"),
    ],
)
def test_a_linked_file_that_was_changed_is_refused(sweep: Sweep, change: Any, problem: str) -> None:
    inputs = sweep.snapshot(sweep.resource("data.txt", "link"))
    assert os.readlink(sweep.stage(inputs, 0) / "data.txt") == str(sweep.folder / "data.txt")
    change(sweep.folder / "data.txt")
    with pytest.raises(InputChangedError) as caught:
        sweep.stage(inputs, 1)
    assert str(caught.value).startswith(f"the linked input '{sweep.folder / 'data.txt'}' ")
    assert problem in str(caught.value)


def test_a_linked_folder_may_change_but_not_vanish(sweep: Sweep) -> None:
    inputs = sweep.snapshot(sweep.resource("tree", "link"))
    (sweep.folder / "tree" / "tool").write_bytes(b"changed")
    assert (sweep.stage(inputs, 0) / "tree" / "tool").read_bytes() == b"changed"
    (sweep.folder / "tree").rename(sweep.folder / "forest")
    with pytest.raises(InputChangedError, match="does not exist"):
        sweep.stage(inputs, 1)


@pytest.mark.parametrize("linkage", ["copy", "shared", "link"])
def test_an_input_that_vanished_since_it_was_checked_is_an_error(sweep: Sweep, linkage: Any) -> None:
    with pytest.raises(FileNotFoundError):
        sweep.snapshot(sweep.resource("gone", linkage))


def test_a_snapshot_that_is_gone_is_an_error_before_any_run(sweep: Sweep) -> None:
    inputs = sweep.snapshot(sweep.resource("job.sh", "copy"))
    os.unlink(f"{sweep.paths.inputs()}/job.sh")
    with pytest.raises(FileNotFoundError):
        Stager(sweep.paths, inputs)


def test_many_small_copies_can_be_interrupted(sweep: Sweep) -> None:
    for number in range(100):
        (sweep.folder / "tree" / f"{number:03}").write_bytes(b"small")
    inputs = sweep.snapshot(sweep.resource("tree", "copy"))
    run_dir = sweep.folder / "run"
    run_dir.mkdir()
    with pytest.raises(InterruptedError):
        Stager(sweep.paths, inputs).stage(str(run_dir), 0, interrupt)
    assert 0 < len(list((run_dir / "tree").glob("[0-9]*"))) < 30


def interrupt() -> None:
    """What a lane does that hears that its run shall end."""
    raise InterruptedError
