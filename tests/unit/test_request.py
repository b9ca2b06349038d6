"""The keywords of `multirun`: what is good, and what becomes of it."""

import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.unit.requested import inspect

from multirun.definition import Options, Rules
from multirun.extraction import Extraction
from multirun.request import Inspector, Request
from multirun.resources import FileResource
from multirun.runners.abstract import AbstractRunner
from multirun.runners.local import ParallelLocalRunner


def test_the_least_one_can_ask_for() -> None:
    request, mistakes = inspect()
    assert mistakes == []
    assert request == Request([{"x": 1}], ("true",), {}, (), Rules(), Options(), None, "multirun", None)


# ------------------------------------------------------------------------------------------ what is good

GENERATOR = ({"x": number} for number in range(3))
GOOD: list[tuple[str, Any, str, Any]] = [
    ("runs", [], "runs", []),
    ("runs", GENERATOR, "runs", GENERATOR),
    ("runs", range(3), "runs", range(3)),
    ("runs", ({"x": 1},), "runs", ({"x": 1},)),
    ("cmd", ("a", Path("/b"), PurePosixPath("c"), "", " ", "{x}"), "command", ("a", "/b", "c", "", " ", "{x}")),
    ("cmd", ["raw-\udcff"], "command", ("raw-\udcff",)),
    ("output_path", "/x/../y", "output_path", "/y"),
    ("output_path", Path("/y"), "output_path", "/y"),
    ("output_path", "here", "output_path", os.path.abspath("here")),
    ("env", {}, "env", {}),
    (
        "env",
        {"A": "1", "B": 2, "C": 0.5, "D": Path("/d"), "E": ""},
        "env",
        {"A": "1", "B": "2", "C": "0.5", "D": "/d", "E": ""},
    ),
    ("env", {"a b.c-d": "{x}"}, "env", {"a b.c-d": "{x}"}),
    ("timeout", 90, "options.timeout_s", 90.0),
    ("timeout", "2h", "options.timeout_s", 7200.0),
    ("grace", 0, "options.grace_s", 0.0),
    ("grace", "0s", "options.grace_s", 0.0),
    ("grace", "1m", "options.grace_s", 60.0),
    ("grace", 0.25, "options.grace_s", 0.25),
    ("threads_per_run", 4, "options.threads_per_run", 4),
    ("threads_per_run", 1, "options.threads_per_run", 1),
    ("success_codes", 10, "rules.success_codes", (10,)),
    ("success_codes", [0, 10, 255], "rules.success_codes", (0, 10, 255)),
    ("success_codes", range(3), "rules.success_codes", (0, 1, 2)),
    ("success_codes", iter([3]), "rules.success_codes", (3,)),
    ("required_results", True, "rules.results_required", True),
    ("required_results", True, "rules.required_keys", ()),
    ("required_results", None, "rules.results_required", False),
    ("required_results", "energy", "rules.required_keys", ("energy",)),
    ("required_results", ["a", "b.c"], "rules.required_keys", ("a", "b.c")),
    ("required_results", ["a"], "rules.results_required", True),
    ("required_results", (key for key in "ab"), "rules.required_keys", ("a", "b")),
    ("required_results", [], "rules.results_required", False),
    (
        "required_files",
        ["a", Path("b/c"), "..d", "e/.."[:3] + "f"],
        "rules.required_files",
        ("a", "b/c", "..d", "e/.f"),
    ),
    ("required_files", iter("ab"), "rules.required_files", ("a", "b")),
    ("results", {"e": {"stdout": "e"}}, "rules.results", (Extraction("e", "regex", "stdout.log", "e", "last"),)),
    ("results", {}, "rules.results", ()),
    ("max_output", "100MB", "options.max_output_bytes", 100_000_000),
    ("max_output", 5, "options.max_output_bytes", 5),
    ("nice", 0, "options.nice", 0),
    ("nice", 19, "options.nice", 19),
    ("stdin", "/bin/sh", "stdin", "sh"),
    ("stdin", Path("/bin/sh"), "resources", (FileResource(Path("/bin/sh")),)),
    ("stdin", FileResource("/bin/sh", "copy", "deck"), "stdin", "deck"),
    ("name", "a", "name", "a"),
    ("name", "_Wing-2.5", "name", "_Wing-2.5"),
    ("name", "n" * 40, "name", "n" * 40),
    ("on_result", print, "on_result", print),
    ("input_files", [], "resources", ()),
    ("input_files", ["/bin/sh"], "resources", (FileResource("/bin/sh"),)),
    ("input_files", iter([Path("/bin/sh")]), "resources", (FileResource(Path("/bin/sh")),)),
    ("input_files", [FileResource("/bin/sh", "link", "sh")], "resources", (FileResource("/bin/sh", "link", "sh"),)),
]


@pytest.mark.parametrize(("keyword", "value", "where", "expected"), GOOD)
def test_good_values(keyword: str, value: Any, where: str, expected: Any) -> None:
    request, mistakes = inspect(**{keyword: value})
    assert mistakes == []
    found: Any = request
    for part in where.split("."):
        found = getattr(found, part)
    assert found == expected
    assert type(found) is type(expected)


# ------------------------------------------------------------------------------- a shell, and its words


def test_a_text_for_a_shell() -> None:
    request, mistakes = inspect(cmd="simulate {x} | tail -n 1", shell=True)
    assert mistakes == []
    assert (request.command, request.shell) == (("/bin/sh", "-c", "simulate {x} | tail -n 1"), True)


@pytest.mark.parametrize(
    ("cmd", "words"),
    [
        (["echo", "{x}"], "cmd: ['echo', '{x}'] is not one text; with shell=True write something like"),
        (Path("job.sh"), "is not one text"),
        (None, "is not one text"),
        ("", "'' is nothing that a shell can read"),
        (" \n", "is nothing that a shell can read"),
        ("a\0", "is nothing that a shell can read"),
    ],
)
def test_what_no_shell_can_read(cmd: object, words: str) -> None:
    _, (mistake,) = inspect(cmd=cmd, shell=True)
    assert words in mistake


# ------------------------------------------------------------------------------------- standard input


@pytest.mark.parametrize("linkage", ["shared", "copy", "link"])
def test_an_input_that_is_read_by_path_is_the_one_that_runs_are_given(linkage: Any) -> None:
    given = FileResource("/bin/../bin/sh", linkage, "deck/shell")
    request, mistakes = inspect(input_files=[given], stdin="/bin/sh")
    assert (request.stdin, request.resources, mistakes) == ("deck/shell", (given,), [])


def test_the_same_resource_is_given_once() -> None:
    given = FileResource("/bin/sh", "copy")
    request, mistakes = inspect(input_files=[given], stdin=FileResource(Path("/bin/sh"), "copy", "./sh"))
    assert (request.stdin, request.resources, mistakes) == ("sh", (given,), [])


def test_another_resource_of_the_same_name_is_a_mistake() -> None:
    _, (mistake,) = inspect(input_files=[FileResource("/bin/sh", "copy")], stdin=FileResource("/bin/sh", "link"))
    assert mistake == "inputs '/bin/sh' and '/bin/sh' would both be called 'sh'; use rename= for one of them"


def test_a_pipe_is_no_standard_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _, (mistake,) = inspect(stdin=tmp_path / "pipe")
    assert mistake.endswith("/pipe' is a FIFO, not a file or folder")


# ------------------------------------------------------------------------------------------------- runners


def test_a_runner_is_an_instance() -> None:
    inspector = Inspector()
    for good in (None, ParallelLocalRunner(max_parallel=2)):
        inspector.runner(good)
    assert inspector.mistakes == []
    for bad in (4, "local", ParallelLocalRunner, AbstractRunner):
        inspector.runner(bad)
    assert len(inspector.mistakes) == 4
    assert inspector.mistakes[0] == (
        "runner: 4 is no runner; give an instance such as ParallelLocalRunner(max_parallel=4)"
    )
