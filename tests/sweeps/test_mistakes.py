"""What cannot run is refused before anything is created, all of it at once."""

import os
import pickle
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.sweeping import files_below

from multirun import ConfigurationError, FileResource, MultirunError, ParallelLocalRunner, multirun, multirunAsync


def mistakes_of(tmp_path: Path, **keywords: Any) -> list[str]:
    """The mistakes that a call is refused for; it must leave nothing behind."""
    before = files_below(tmp_path)
    given: dict[str, Any] = {"runs": [{"x": 1}], "cmd": ["true"], "output_path": tmp_path / "sweep", **keywords}
    with pytest.raises(ConfigurationError) as refused:
        multirun(**given)
    assert files_below(tmp_path) == before
    assert isinstance(refused.value, ValueError | MultirunError)
    assert "othing was created or started" in str(refused.value)
    return list(refused.value.mistakes)


def assert_one(mistakes: list[str], words: str) -> None:
    assert len(mistakes) == 1, mistakes
    assert re.search(words, mistakes[0]), mistakes


# --------------------------------------------------------------------------------------- everything


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "twice").touch()
    mistakes = mistakes_of(
        tmp_path,
        runs=[{"x": 1}, {"x": object()}, 7, {"x": "a"}],
        cmd=["echo", "{x:.3f}", 3],
        env={"A=B": 1, "OK": object(), "MULTIRUN_INDEX": "1"},
        timeout="soon",
        grace=-1,
        success_codes=[0, 256],
        required_results=[1],
        required_files=["../up", "/abs", ""],
        threads_per_run=0,
        name="a/b",
        on_result=5,
        input_files=["missing", tmp_path / "twice", FileResource(tmp_path / "twice", "copy"), 8],
        runner="local",
    )
    for words in (
        "^run 1: parameter x is an object",
        r"^run 2 is an int \(7\)",
        "^cmd: word 2 is 3",
        "^env: 'A=B' cannot be the name",
        "^env: the value of 'OK'",
        "^env: 'MULTIRUN_INDEX' begins with MULTIRUN_",
        "^timeout: 'soon' is no duration",
        "^grace: -1 is no duration",
        r"^success_codes: \[0, 256\]",
        r"^required_results: \[1\]",
        "^required_files: '../up'",
        "^required_files: '/abs'",
        "^required_files: ''",
        "^threads_per_run: 0 is no whole number",
        "^name: 'a/b' is no name",
        "^on_result: 5 cannot be called",
        "^input_files: 8 is neither",
        "^runner: 'local' is no runner",
    ):
        assert [mistake for mistake in mistakes if re.search(words, mistake)], (words, mistakes)


def test_a_template_that_does_not_fit_is_told_for_each_run(tmp_path: Path) -> None:
    mistakes = mistakes_of(tmp_path, runs=[{"x": 1.0}, {"x": "a"}, {"x": [1]}], cmd=["echo", "{x:.3f}"])
    assert len(mistakes) == 2
    assert mistakes[0].startswith("run 1 (x='a'): {x:.3f} cannot format 'a'")
    assert mistakes[1].startswith("run 2 (x=[1]): {x:.3f} cannot format [1]")


def test_only_the_first_mistakes_are_in_the_text_but_all_are_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="… and 80 more") as refused:
        multirun(runs=[{"x": open}] * 100, cmd=["true"], output_path=tmp_path / "sweep")  # type: ignore[dict-item]
    assert len(refused.value.mistakes) == 100
    assert str(refused.value).startswith("100 mistakes; nothing was created or started:\n  - run 0")
    again = pickle.loads(pickle.dumps(refused.value))
    assert again.mistakes == refused.value.mistakes


async def test_the_async_function_refuses_alike(sweep_dir: Path) -> None:
    runner = ParallelLocalRunner()
    with pytest.raises(ConfigurationError) as refused:
        await multirunAsync(runs=[{"x": 1}, 5], cmd=[], output_path=sweep_dir, runner=runner)  # type: ignore[list-item]
    assert len(refused.value.mistakes) == 2
    assert list(runner.runs) == []
    assert files_below(sweep_dir.parent) == []


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"runs": {"x": 1}}, r"^runs: \{'x': 1\} is no list of parameter maps"),
        ({"runs": 5}, "^runs: 5 is no list"),
        ({"runs": "x=1"}, "^runs: 'x=1' is no list"),
        ({"runs": None}, "^runs: None is no list"),
        ({"cmd": "echo {x}"}, "^cmd: 'echo {x}' is one text; .*shlex.split"),
        ({"cmd": []}, "^cmd: "),
        ({"cmd": None}, "^cmd: None is no list of words"),
        ({"cmd": ["", "a"]}, "^cmd: .*program, is empty"),
        ({"cmd": ["echo", b"a"]}, "^cmd: word 1 is b'a'"),
        ({"cmd": ["echo", "a\0b"]}, "^cmd: word 1 .*NUL"),
        ({"cmd": ["echo", "\ud800"]}, "^cmd: word 1 "),
        ({"env": {"A": "\ud800"}}, "^env: the value of 'A'"),
        ({"env": {"A": "a\0"}}, "^env: the value of 'A'"),
        ({"env": {"A": True}}, "^env: the value of 'A' is True"),
        ({"env": ["A=1"]}, "^env: .* is no map"),
        ({"env": {"": "1"}}, "^env: '' cannot be the name"),
        ({"timeout": 0}, "^timeout: 0 is no duration"),
        ({"timeout": -3}, "^timeout: -3"),
        ({"timeout": float("inf")}, "^timeout: inf"),
        ({"timeout": "5 parsecs"}, "^timeout: '5 parsecs'"),
        ({"timeout": True}, "^timeout: True"),
        ({"success_codes": []}, "^success_codes: "),
        ({"success_codes": "0"}, "^success_codes: "),
        ({"success_codes": [True]}, "^success_codes: "),
        ({"success_codes": [-9]}, "^success_codes: "),
        ({"required_files": "out.txt"}, r"^required_files: 'out.txt' is no list; write \['out.txt'\]"),
        ({"required_results": 5}, "^required_results: 5"),
        ({"required_results": [""]}, r"^required_results: \[''\]"),
        ({"threads_per_run": 1.5}, "^threads_per_run: 1.5"),
        ({"name": ".hidden"}, "^name: '.hidden'"),
        ({"name": "x" * 41}, "^name: "),
        ({"output_path": ""}, "^output_path: '' is no path"),
        ({"output_path": 5}, "^output_path: 5 is no path"),
        ({"output_path": "a\0"}, "^output_path: "),
        ({"input_files": "job.py"}, r"^input_files: 'job.py' is no list; write \['job.py'\]"),
        ({"input_files": [None]}, "^input_files: None is neither"),
        ({"runner": ParallelLocalRunner}, "^runner: .* is no runner; give an instance"),
        ({"runs": [{"{x}": 1, 3: 4}]}, r"^run 0: parameter \[3\]"),
        ({"runs": [{"x": "a\0b"}], "cmd": ["echo", "{x}"]}, "^run 0 .*NUL"),
        ({"runs": [{"x": "\ud800"}], "cmd": ["echo", "{x}"]}, "^run 0 .*surrogate"),
        ({"runs": [{"x": "a\0b"}], "env": {"A": "{x}"}}, "^run 0 .*NUL"),
    ],
)
def test_one_mistake(tmp_path: Path, keywords: dict[str, Any], words: str) -> None:
    assert_one(mistakes_of(tmp_path, **keywords), words)


# ---------------------------------------------------------------------------------------- resources


@pytest.fixture
def inputs(tmp_path: Path) -> Iterator[Path]:
    """A folder with things that can and things that cannot be inputs."""
    folder = tmp_path / "inputs"
    (folder / "sub").mkdir(parents=True)
    for name in ("file", "other", "results.json", "sub/file"):
        (folder / name).touch()
    (folder / "broken").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "round").mkdir()
    (folder / "round" / "back").symlink_to("../round")
    (folder / "holds_fifo").mkdir()
    os.mkfifo(folder / "holds_fifo" / "fifo")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket"))
        yield folder


NAMES = [
    ("", "the name '' is empty"),
    (".", "the name '' is empty"),
    ("/etc/x", "the name '/etc/x' is absolute"),
    ("..", r'the name \'\.\.\' contains "\.\."'),
    ("a/../../b", r'contains "\.\."'),
    ("a//b", "contains an empty part"),
    ("a\0b", "contains.* NUL"),
    ("x" * 256, "longer than 255 bytes"),
    ("params.json", "'params.json' is reserved"),
    ("./results.json", "'results.json' is reserved"),
    ("stdout.log", "is reserved"),
    ("stderr.log", "is reserved"),
    ("results-" + "0" * 64 + ".pkl", "is reserved"),
    ("stdout.log/x", "is reserved"),
    (".multirun-x", "is reserved"),
]


@pytest.mark.parametrize(("name", "words"), NAMES, ids=[words for _, words in NAMES])
@pytest.mark.parametrize("linkage", ["copy", "shared", "link"])
def test_names_that_are_refused(tmp_path: Path, inputs: Path, name: str, words: str, linkage: Any) -> None:
    assert_one(mistakes_of(tmp_path, input_files=[FileResource(inputs / "file", linkage, name)]), words)


SOURCES = [
    ("missing", "missing' does not exist"),
    ("broken", "broken' is a broken symbolic link"),
    ("loop", "loop' cannot be read: Too many levels of symbolic links"),
    ("fifo", "fifo' is a FIFO"),
    ("socket", "socket' is a socket"),
    ("/dev/null", "'/dev/null' is a character device"),
    ("results.json", "'results.json' is reserved"),
]


@pytest.mark.parametrize(("name", "words"), SOURCES, ids=[name for name, _ in SOURCES])
@pytest.mark.parametrize("linkage", ["copy", "shared", "link"])
def test_sources_that_are_refused(tmp_path: Path, inputs: Path, name: str, words: str, linkage: Any) -> None:
    assert_one(mistakes_of(tmp_path, input_files=[FileResource(inputs / name, linkage)]), words)


@pytest.mark.parametrize("linkage", ["copy", "shared"])
@pytest.mark.parametrize(
    ("name", "words"), [("holds_fifo", "holds_fifo/fifo' is a FIFO"), ("round", "back' is a symbolic link back into")]
)
def test_folders_that_cannot_be_copied(tmp_path: Path, inputs: Path, name: str, words: str, linkage: Any) -> None:
    assert_one(mistakes_of(tmp_path, input_files=[FileResource(inputs / name, linkage)]), words)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (("sub/file", None), "would both be called 'file'"),
        (("other", "file"), "would both be called 'file'"),
        (("other", "./file"), "would both be called 'file'"),
        (("other", "file/inner"), "would lie inside"),
    ],
)
def test_two_inputs_in_one_place(tmp_path: Path, inputs: Path, second: tuple[str, str | None], words: str) -> None:
    source, rename = second
    given = [inputs / "file", FileResource(inputs / source, "copy", rename)]
    (mistake,) = mistakes_of(tmp_path, input_files=given)
    assert re.search(words, mistake)
    assert f"{inputs / 'file'}" in mistake
    assert f"{inputs / source}" in mistake


def test_an_unknown_linkage_names_the_nearest(tmp_path: Path, inputs: Path) -> None:
    wrong = FileResource(inputs / "file", "copied")  # type: ignore[arg-type]
    assert_one(mistakes_of(tmp_path, input_files=[wrong]), "unknown linkage 'copied'; did you mean 'copy'")
    wrong = FileResource(inputs / "file", "zzz")  # type: ignore[arg-type]
    assert_one(mistakes_of(tmp_path, input_files=[wrong]), "choose one of 'copy', 'shared', 'link'")


def test_every_wrong_input_is_told(tmp_path: Path, inputs: Path) -> None:
    given = [inputs / name for name in ("missing", "fifo", "loop", "broken", "file")]
    given.append(inputs / "sub" / "file")
    mistakes = mistakes_of(tmp_path, input_files=given)
    assert len(mistakes) == 5


def test_an_unreadable_input(tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("file"))  # root may read everything
    assert_one(mistakes_of(tmp_path, input_files=[inputs / "file"]), "file' cannot be read: permission denied")
