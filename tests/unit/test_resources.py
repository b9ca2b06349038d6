"""Input files: every odd one is refused up front, all mistakes at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.subreaper import as_nobody

from multirun.resources import FileResource, check_resources, entries, explain, kind_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with a few files and folders in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    (tmp_path / "tree" / "leaves").mkdir(parents=True)
    (tmp_path / "tree" / "leaves" / "leaf").touch()
    return tmp_path


# -------------------------------------------------------------------------------------------------- names

GOOD_NAMES = [
    ("b", "b"),
    ("x/y/z", "x/y/z"),
    ("./b", "b"),
    ("x/./y", "x/y"),
    ("x/", "x"),
    ("x/.", "x"),
    ("..b", "..b"),
    ("b..", "b.."),
    ("...", "..."),
    ("x/..b/y", "x/..b/y"),
    (".hidden", ".hidden"),
    ("with space", "with space"),
    ("line\nbreak", "line\nbreak"),
    ("-rf", "-rf"),
    ("~", "~"),
    ("$HOME", "$HOME"),
    ("*", "*"),
    ("η\U0001f40c", "η\U0001f40c"),
    ("raw-\udcff", "raw-\udcff"),
    ("C:\\x", "C:\\x"),
    ("n" * 255, "n" * 255),
    ("/".join(["n" * 255] * 3), "/".join(["n" * 255] * 3)),
    ("x/params.json", "x/params.json"),
    ("params.json.orig", "params.json.orig"),
    ("Results.json", "Results.json"),
    ("results.csv", "results.csv"),
    ("x/.multirun", "x/.multirun"),
    ("results-", "results-"),
    (Path("x") / "y", "x/y"),
]

ABSOLUTE = "is absolute; it must be a path relative to the run directory"
OUTSIDE = 'contains ".."; a resource must stay inside the run directory'
EMPTY = "is empty; give rename= a relative path"
HOLES = 'contains an empty part; write "a/b" with single slashes'
NO_TEXT = "contains NUL or a surrogate, which no file name can"
LONG = "has a part longer than 255 bytes"
RESERVED = "is reserved for multirun's own files; choose another with rename="

BAD_NAMES = [
    ("", EMPTY),
    (".", EMPTY),
    ("./", EMPTY),
    ("./.", EMPTY),
    ("/", EMPTY),
    ("/etc/passwd", ABSOLUTE),
    ("/b", ABSOLUTE),
    ("//b", ABSOLUTE),
    ("/../b", ABSOLUTE),
    ("..", OUTSIDE),
    ("../b", OUTSIDE),
    ("./../b", OUTSIDE),
    ("x/..", OUTSIDE),
    ("x/../b", OUTSIDE),
    ("a/../../b", OUTSIDE),
    ("x/y/../../..", OUTSIDE),
    ("../", OUTSIDE),
    ("x//y", HOLES),
    ("x///y", HOLES),
    (".//b", ABSOLUTE),
    ("b\0", NO_TEXT),
    ("\0", NO_TEXT),
    ("x/\0/y", NO_TEXT),
    ("\ud800", NO_TEXT),
    ("n" * 256, LONG),
    ("n" * 300, LONG),
    ("x/" + "n" * 300 + "/y", LONG),
    ("η" * 128, LONG),
    ("params.json", RESERVED),
    ("./params.json", RESERVED),
    ("params.json/", RESERVED),
    ("params.json/x", RESERVED),
    ("results.json", RESERVED),
    ("stdout.log", RESERVED),
    ("stderr.log", RESERVED),
    (f"results-{'ab' * 32}.pkl", RESERVED),
    ("results-mine.pkl", RESERVED),
    (".multirun", RESERVED),
    (".multirun-1.tmp", RESERVED),
    (".multirun/x", RESERVED),
]


def short(value: object) -> str:
    return repr(value)[:24]


@pytest.mark.parametrize(("rename", "name"), GOOD_NAMES, ids=short)
def test_names_that_stay_inside_the_run_directory(here: Path, rename: Any, name: str) -> None:
    resource = FileResource("a", rename=rename)
    assert resource.name == name
    assert check_resources([resource]) == []


@pytest.mark.parametrize("linkage", ["shared", "copy", "link"])
@pytest.mark.parametrize(("rename", "mistake"), BAD_NAMES, ids=short)
def test_names_that_do_not(here: Path, rename: str, mistake: str, linkage: Any) -> None:
    resource = FileResource("a", linkage, rename)
    assert check_resources([resource]) == [f"input 'a': the name {resource.name!r} {mistake}"]


@given(st.text(st.sampled_from("ab./\0 ")) | st.text(max_size=300))
def test_a_name_that_is_accepted_lies_below_the_run_directory(rename: str) -> None:
    resource = FileResource("/", rename=rename, linkage="link")
    if not check_resources([resource]):
        landed = os.path.normpath(f"/sweep/runs/000000/{resource.name}")
        assert landed == f"/sweep/runs/000000/{resource.name}"
        assert not landed.endswith(("/params.json", "/.")) or "/" in resource.name


@pytest.mark.parametrize(
    ("path", "name"),
    [("a", "a"), ("./a", "a"), ("tree/", "tree"), ("tree/leaves", "leaves"), ("tree/..", None), (".", None)],
)
def test_without_rename_the_last_part_of_the_path_counts(here: Path, path: str, name: str | None) -> None:
    assert FileResource(path).name == name or (name is None and FileResource(path).name == here.name)
    assert FileResource(Path(path)).name == FileResource(path).name


def test_the_source_is_absolute_from_where_the_caller_stands(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FileResource("tree/leaves").source == str(here / "tree/leaves")
    monkeypatch.chdir(here / "tree")
    assert FileResource("leaves").source == str(here / "tree/leaves")


def test_the_whole_file_system_has_no_name_of_its_own() -> None:
    assert check_resources([FileResource("/", "link")]) == [f"input '/': the name '' {EMPTY}"]


# ------------------------------------------------------------------------------------------------ linkage


@pytest.mark.parametrize(
    ("linkage", "hint"),
    [
        ("copyx", "did you mean 'copy'?"),
        ("Copy", "did you mean 'copy'?"),
        ("share", "did you mean 'shared'?"),
        ("symlink", "did you mean 'link'?"),
        ("templates", "did you mean 'template'?"),
        ("", "choose one of 'copy', 'shared', 'link', 'template'"),
        (None, "choose one of 'copy', 'shared', 'link', 'template'"),
        (["copy"], "did you mean 'copy'?"),
    ],
)
def test_an_unknown_linkage_gets_a_hint(here: Path, linkage: Any, hint: str) -> None:
    assert check_resources([FileResource("a", linkage)]) == [f"input 'a': unknown linkage {linkage!r}; {hint}"]


# ------------------------------------------------------------------------------------------------- sources


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def make_loop(path: Path) -> None:
    path.mkdir()
    (path / "back").symlink_to(".")


def make_long_loop(path: Path) -> None:
    (path / "x" / "y").mkdir(parents=True)
    (path / "x" / "y" / "back").symlink_to("../..")


def make_folder_with(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def make_both(path: Path) -> None:
        path.mkdir()
        make(path / "inside")

    return make_both


ODD: list[tuple[str, Callable[[Path], Any], str, bool]] = [
    ("missing", lambda path: None, "'{path}' does not exist", True),
    ("broken link", lambda path: path.symlink_to("nowhere"), "'{path}' is a broken symbolic link", True),
    (
        "link to itself",
        lambda path: path.symlink_to(path.name),
        "'{path}' cannot be read: Too many levels of sym",
        True,
    ),
    ("fifo", os.mkfifo, "'{path}' is a FIFO, not a file or folder", True),
    ("socket", make_socket, "'{path}' is a socket, not a file or folder", True),
    ("device", lambda path: path.symlink_to("/dev/null"), "'{path}' is a character device, not a file or folder", True),
    ("loop", make_loop, "'{path}/back' is a symbolic link back into a folder around it", False),
    ("long loop", make_long_loop, "'{path}/x/y/back' is a symbolic link back into a folder around it", False),
    ("fifo in it", make_folder_with(os.mkfifo), "'{path}/inside' is a FIFO, not a file or folder", False),
    ("socket in it", make_folder_with(make_socket), "'{path}/inside' is a socket, not a file or folder", False),
    (
        "broken link in it",
        make_folder_with(lambda path: path.symlink_to("nowhere")),
        "'{path}/inside' is a broken symbolic link",
        False,
    ),
]


@pytest.mark.parametrize("linkage", ["shared", "copy", "link"])
@pytest.mark.parametrize(("make", "mistake", "also_linked"), [odd[1:] for odd in ODD], ids=[odd[0] for odd in ODD])
def test_odd_sources(here: Path, make: Callable[[Path], Any], mistake: str, also_linked: bool, linkage: Any) -> None:
    make(here / "odd")
    found = check_resources([FileResource("odd", linkage)])
    if linkage == "link" and not also_linked:
        assert found == []
    else:
        (only,) = found
        assert only.startswith(f"input 'odd': {mistake.format(path=here / 'odd')}")


@pytest.mark.parametrize(
    ("path", "mistake"),
    [
        ("", "the path is empty; name a file or folder"),
        ("a/x", "cannot be read: Not a directory"),
        ("none/x", "does not exist"),
        ("n" * 300, "cannot be read: File name too long"),
        ("a\0b", "embedded null byte"),
        ("/dev/zero", "is a character device, not a file or folder"),
        ("\ud800", "surrogates not allowed"),
    ],
    ids=short,
)
def test_odd_paths(here: Path, path: str, mistake: str) -> None:
    (found,) = check_resources([FileResource(path, rename="x")])
    assert found.startswith(f"input {path!r}: ")
    assert mistake in found


@pytest.mark.parametrize("linkage", ["shared", "copy", "link"])
def test_what_may_not_be_read(linkage: Any) -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        closed_file, closed_folder, closed_inside = (Path(folder) / name for name in ("file", "folder", "inside"))
        closed_file.touch(0o000)
        closed_folder.mkdir(0o000)
        closed_inside.mkdir()
        (closed_inside / "x").touch(0o000)
        resources = [FileResource(path, linkage) for path in (closed_file, closed_folder, closed_inside)]
        found = as_nobody(lambda: check_resources(resources))
    inside = (
        [] if linkage == "link" else [f"input '{closed_inside}': '{closed_inside}/x' cannot be read: permission denied"]
    )
    assert found == [
        f"input '{closed_file}': '{closed_file}' cannot be read: permission denied",
        f"input '{closed_folder}': '{closed_folder}' cannot be read: permission denied",
        *inside,
    ]


def test_links_that_lead_somewhere_are_followed(here: Path) -> None:
    (here / "tree" / "to-a").symlink_to("../a")
    (here / "to-tree").symlink_to("tree")
    found = list(entries(FileResource("to-tree")))
    assert [(entry.name, entry.is_folder) for entry in found] == [
        ("", True),
        ("leaves", True),
        ("leaves/leaf", False),
        ("to-a", False),
    ]
    assert [entry.source for entry in found][-1] == str(here / "to-tree/to-a")


def test_the_same_folder_may_be_met_twice_side_by_side(here: Path) -> None:
    (here / "tree" / "again").symlink_to("leaves")
    assert [entry.name for entry in entries(FileResource("tree"))] == [
        "",
        "again",
        "again/leaf",
        "leaves",
        "leaves/leaf",
    ]


def test_permissions_are_told(here: Path) -> None:
    (here / "a").chmod(0o750)
    assert [entry.mode for entry in entries(FileResource("a"))] == [0o750]
    assert kind_of("a").st_size == 1


def test_sweeps_in_a_folder_are_left_out(here: Path) -> None:
    for name in ("sweep", "tree/sweep"):
        for folder in ("journal", "runs"):
            (here / name / folder).mkdir(parents=True)
    (here / "tree" / "runs").mkdir()
    (here / "tree" / "runs" / "x").touch()
    assert [entry.name for entry in entries(FileResource("tree"))] == ["", "leaves", "leaves/leaf", "runs", "runs/x"]
    assert "sweep" not in [entry.name for entry in entries(FileResource("."))]
    assert [entry.name for entry in entries(FileResource("sweep"))] == ["", "journal", "runs"]


def test_errors_without_a_file_are_shown_as_they_are() -> None:
    assert explain(OSError(28, "No space left on device")) == "[Errno 28] No space left on device"
    assert explain(ValueError("odd")) == "odd"


# ------------------------------------------------------------------------------------------------- clashes


@pytest.mark.parametrize(
    ("names", "mistakes"),
    [
        (["x", "y"], []),
        (["x", "xy", "x.y"], []),
        (["d/x", "d/y", "e/x"], []),
        (["x", "x"], ["inputs 'a' and 'b' would both be called 'x'; use rename= for one of them"]),
        (["x", "./x"], ["inputs 'a' and 'b' would both be called 'x'; use rename= for one of them"]),
        (
            ["x", "x", "x"],
            [
                "inputs 'a' and 'b' would both be called 'x'; use rename= for one of them",
                "inputs 'a' and 'c' would both be called 'x'; use rename= for one of them",
            ],
        ),
        (["d", "d/x"], ["input 'b', called 'd/x', would lie inside 'a', called 'd'; use rename= for one of them"]),
        (["d/x", "d"], ["input 'a', called 'd/x', would lie inside 'b', called 'd'; use rename= for one of them"]),
        (["d", "d/e/x"], ["input 'b', called 'd/e/x', would lie inside 'a', called 'd'; use rename= for one of them"]),
        (
            ["d/e/x", "d/e", "d"],
            [
                "input 'a', called 'd/e/x', would lie inside 'b', called 'd/e'; use rename= for one of them",
                "input 'a', called 'd/e/x', would lie inside 'c', called 'd'; use rename= for one of them",
                "input 'b', called 'd/e', would lie inside 'c', called 'd'; use rename= for one of them",
            ],
        ),
    ],
)
def test_clashes(here: Path, names: list[str], mistakes: list[str]) -> None:
    resources = [FileResource(path, rename=name) for path, name in zip("abc", names, strict=False)]
    assert check_resources(resources) == mistakes


def test_the_same_resource_twice_is_a_clash(here: Path) -> None:
    resource = FileResource("a")
    assert check_resources([resource, resource]) == [
        "inputs 'a' and 'a' would both be called 'a'; use rename= for one of them"
    ]


def test_thousands_of_resources_are_checked_in_no_time(here: Path) -> None:
    resources = [FileResource("a", "link", f"folder-{number}/a") for number in range(20_000)]
    assert check_resources(resources) == []


def test_all_mistakes_are_found_at_once(here: Path) -> None:
    os.mkfifo(here / "fifo")
    resources = [
        FileResource("none"),
        FileResource("fifo", "copyy", "../x"),  # type: ignore[arg-type]
        FileResource("a", rename="params.json"),
        FileResource("b"),
        FileResource("c", rename="b"),
        FileResource("tree", rename="b/tree"),
        FileResource(""),
    ]
    assert [mistake.replace(str(here), "") for mistake in check_resources(iter(resources))] == [
        "input 'none': '/none' does not exist",
        "input 'fifo': unknown linkage 'copyy'; did you mean 'copy'?",
        f"input 'fifo': the name '../x' {OUTSIDE}",
        "input 'fifo': '/fifo' is a FIFO, not a file or folder",
        f"input 'a': the name 'params.json' {RESERVED}",
        "input '': the path is empty; name a file or folder",
        "inputs 'b' and 'c' would both be called 'b'; use rename= for one of them",
        "input 'tree', called 'b/tree', would lie inside 'b', called 'b'; use rename= for one of them",
    ]
