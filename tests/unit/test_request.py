"""The keywords of `multirun`: what is good, what is not, and all mistakes at once."""

import math
import os
from pathlib import Path, PurePosixPath
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.definition import Options, Rules
from multirun.extraction import Extraction
from multirun.extraction.parsing import EXAMPLE
from multirun.request import Inspector, Request
from multirun.resources import FileResource
from multirun.runners.abstract import AbstractRunner
from multirun.runners.local import ParallelLocalRunner

MINIMAL: dict[str, Any] = {
    "runs": [{"x": 1}],
    "cmd": ["true"],
    "input_files": None,
    "output_path": None,
    "env": None,
    "timeout": None,
    "grace": 5.0,
    "success_codes": (0,),
    "required_results": False,
    "required_files": (),
    "results": None,
    "threads_per_run": None,
    "name": None,
    "on_result": None,
    "stdin": None,
    "shell": False,
    "max_output": None,
    "nice": None,
    "first_alone": False,
    "resume": False,
    "accept_changes": False,
    "keep_directory": False,
    "retries": 0,
    "retry_if": None,
    "retry_delay": 1.0,
    "infrastructure_retries": 3,
    "max_failures": None,
    "max_same_failures": None,
    "skip_if": None,
    "durability": "process",
    "keep_attempts": None,
}


def inspect(**given: Any) -> tuple[Request, list[str]]:
    inspector = Inspector()
    request = inspector.request(**(MINIMAL | given))
    return request, inspector.mistakes


class Bytes:
    """A path of bytes."""

    def __fspath__(self) -> bytes:
        return b"x"

    def __repr__(self) -> str:
        return "Bytes()"


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


# -------------------------------------------------------------------------------------------- what is not

NO_RUNS = "is no list of parameter maps; write [{'x': 1}, {'x': 2}] or a generator of such maps"
ONE_TEXT = (
    "is one text; give the words as a list (shlex.split makes one from a text), "
    "or add shell=True if a shell has to read it"
)
NO_WORDS = "is no list of words; write something like ['python', 'job.py']"
NO_WORD = "every word must be a path or text without NUL and surrogates"
NO_VALUE = "it must be a number, a path or text without NUL and surrogates"
NO_DURATION = 'is no duration; write seconds (90) or text such as "90s", "2h", "1h30m" or "1:30:00"'
NO_SIZE = 'is no size; write bytes (100_000) or text such as "100MB", "1.5GB" or "512MiB"'
NO_COUNT = "is no whole number of at least 1"
NO_CODES = "is no list of exit codes; write numbers from 0 to 255 such as (0, 10)"
NO_KEYS = "is neither True nor a list of keys such as ['energy', 'final.step']"
NO_FILE = "is no path below the run directory"
NO_NAME = "is no name; use up to 40 letters, digits, '.', '_' or '-', not beginning with '.' or '-'"
NEITHER = "is neither a path nor a FileResource"


async def on_result(run: object) -> None:
    """A function of a kind that people try."""


STRANGE = FileResource(Bytes())  # type: ignore[arg-type]


def refused(keyword: str, why: str, *values: Any) -> list[tuple[str, Any, str]]:
    return [(keyword, value, f"{value!r} {why}") for value in values]


BAD: list[tuple[str, Any, str]] = [
    *refused("runs", NO_RUNS, None, 5, {"x": 1}, "x=1", b"x", print),
    *refused("cmd", ONE_TEXT, "python job.py", b"true"),
    *refused("cmd", NO_WORDS, None, [], (), 5, {"a": 1}, {"a"}, Path("/bin/true")),
    *refused("results", f"is no map; write something like {EXAMPLE}", 5, "x", [], {"a"}),
    ("results", {"e": {}}, "'e' does not say where to look; give 'stdout', 'stderr', 'file', 'json' or 'csv'"),
    ("cmd", [""], "the first word, the program, is empty"),
    ("cmd", ["a", 5], f"word 1 is 5; {NO_WORD}"),
    ("cmd", ["a", None], f"word 1 is None; {NO_WORD}"),
    ("cmd", [b"a"], f"word 0 is b'a'; {NO_WORD}"),
    ("cmd", [Bytes()], f"word 0 is Bytes(); {NO_WORD}"),
    ("cmd", ["a", "b\0"], f"word 1 is 'b\\x00'; {NO_WORD}"),
    ("cmd", ["a", "\ud800"], f"word 1 is '\\ud800'; {NO_WORD}"),
    *refused("output_path", "is no path", "", 5, b"x", "a\0", "\ud800", Bytes(), []),
    *refused("env", "is no map; write {'NAME': 'value'}", ["A=1"], "A=1", 5),
    *[
        ("env", {name: "1"}, f"{name!r} cannot be the name of a variable")
        for name in ("", "A=B", "A\0", "\ud800", 5, None, b"A")
    ],
    ("env", {"MULTIRUN_X": "1"}, "'MULTIRUN_X' begins with MULTIRUN_, which is kept for multirun's own variables"),
    *[
        ("env", {"A": value}, f"the value of 'A' is {value!r}; {NO_VALUE}")
        for value in (None, True, b"x", "x\0", "\ud800", [1], Bytes())
    ],
    *refused("timeout", NO_DURATION, 0, -1, math.inf, math.nan, True, "soon", "", b"5", [5]),
    *refused("grace", NO_DURATION, None, -1, math.inf, math.nan, False, "soon", "-1s", b"5"),
    *refused("threads_per_run", NO_COUNT, 0, -1, 1.0, True, "4"),
    *refused("max_output", NO_SIZE, 0, -1, 1.5, True, "", "many", "100M", "-5MB", "1e3", b"5", "0MB"),
    *refused("nice", "is no whole number from 0 to 19", -1, 20, 1.0, True, "5"),
    *refused("stdin", NEITHER, 5, -3, b"a", ["a"], Bytes()),
    ("stdin", "/bin", "'/bin' is a folder; a program reads its input from a file"),
    *refused("success_codes", NO_CODES, None, (), -1, 256, True, 0.0, "0", ["0"], [0, -9], [0, True], [None], b""),
    *refused("required_results", NO_KEYS, "", [""], 5, 1, [5], ["a", None], b"a", 0),
    ("required_files", "out.dat", "'out.dat' is no list; write ['out.dat']"),
    *[("required_files", value, f"{value!r} is no list; write [{value!r}]") for value in (None, 5, b"x", Path("x"))],
    *[
        ("required_files", [value], f"{value!r} {NO_FILE}")
        for value in ("", "/x", "..", "../x", "x/../y", "x\0", "\ud800", 5, None, b"x", Bytes())
    ],
    *refused("name", NO_NAME, "", ".x", "-x", "a/b", "a b", "x\n", "ü", 5, b"x", "../x", "n" * 41),
    *refused("on_result", "cannot be called; give a function that takes a Run", 5, "print"),
    *refused("on_result", "is a coroutine function, which nobody would await; give a plain function", on_result),
    *[
        ("input_files", value, f"{value!r} is no list; write [{value!r}]")
        for value in ("a", b"a", Path("a"), FileResource("a"), 5)
    ],
    ("input_files", {"a": "b"}, "{'a': 'b'} is no list; write [FileResource(path, rename=name)]"),
    *[("input_files", [value], f"{value!r} {NEITHER}") for value in (5, None, b"a", Bytes(), ["a"], STRANGE)],
    ("input_files", ["/none/x"], "input '/none/x': '/none/x' does not exist"),
    (
        "input_files",
        ["/bin/sh", FileResource("/bin/sh")],
        "inputs '/bin/sh' and '/bin/sh' would both be called 'sh'; use rename= for one of them",
    ),
]


@pytest.mark.parametrize(
    ("keyword", "value", "mistake"),
    BAD,
    ids=[f"{keyword}={value!r}".partition(" at 0x")[0][:40] for keyword, value, _ in BAD],
)
def test_bad_values(keyword: str, value: Any, mistake: str) -> None:
    _, mistakes = inspect(**{keyword: value})
    prefix = "" if mistake.startswith("input") else f"{keyword}: "
    assert mistakes == [f"{prefix}{mistake}"]


@pytest.mark.parametrize(
    ("keyword", "value", "mistakes"),
    [
        ("cmd", ["a", 5, "b\0", "c"], [f"word 1 is 5; {NO_WORD}", f"word 2 is 'b\\x00'; {NO_WORD}"]),
        (
            "env",
            {"A=": "1", "B": "1", "MULTIRUN_RUN_DIR": "1", "C": None},
            [
                "'A=' cannot be the name of a variable",
                "'MULTIRUN_RUN_DIR' begins with MULTIRUN_, which is kept for multirun's own variables",
                f"the value of 'C' is None; {NO_VALUE}",
            ],
        ),
        ("required_files", ["/a", "b", "../c"], [f"'/a' {NO_FILE}", f"'../c' {NO_FILE}"]),
        ("input_files", [5, "x", None], [f"5 {NEITHER}", f"None {NEITHER}"]),
    ],
)
def test_all_mistakes_of_one_keyword_are_found(keyword: str, value: Any, mistakes: list[str]) -> None:
    assert inspect(**{keyword: value})[1] == [f"{keyword}: {mistake}" for mistake in mistakes]


def test_all_mistakes_of_all_keywords_are_found() -> None:
    bad = {
        "runs": 5,
        "cmd": "true",
        "input_files": ["/none/x", "/none/y"],
        "output_path": "",
        "env": {"": "1"},
        "timeout": -1,
        "grace": -1,
        "success_codes": -1,
        "required_results": 5,
        "required_files": "x",
        "results": 5,
        "threads_per_run": 0,
        "name": "/",
        "on_result": 5,
    }
    _, mistakes = inspect(**bad)
    found = [mistake.split(":")[0] for mistake in mistakes]
    inputs = ["input '/none/x'", "input '/none/y'"]
    assert sorted(found) == sorted([*inputs, *(keyword for keyword in bad if keyword != "input_files")])


@pytest.mark.parametrize("value", ["x" * 500, ["word" * 100], range(10**9), {"x": "y" * 99}])
def test_long_values_are_shown_short(value: object) -> None:
    (mistake,) = inspect(on_result=value)[1]
    assert len(mistake) < 160


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 78), (81, "x" * 76 + "...")])
def test_a_value_is_shown_in_eighty_characters(length: int, shown: str) -> None:
    (mistake,) = inspect(on_result="x" * (length - 2))[1]
    assert mistake.startswith(f"on_result: '{shown}")
    assert mistake.index(" cannot be called") == len("on_result: ") + 80


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.lists(st.integers() | st.text())
)
def test_nothing_at_all_escapes_as_another_error(value: object) -> None:
    for keyword in MINIMAL:
        inspect(**{keyword: value})


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        *[
            (name, value, True)
            for name in ("check", "dry_run", "shell", "first_alone", "accept_changes", "keep_directory", "display")
            for value in (True, False)
        ],
        ("display", None, True),
        *[
            (name, value, False)
            for name in ("check", "dry_run", "shell", "first_alone", "accept_changes", "keep_directory", "display")
            for value in (1, 0, "yes", "")
        ],
        ("check", None, False),
        ("dry_run", None, False),
    ],
)
def test_switches_are_true_or_false(name: str, value: object, good: bool) -> None:
    inspector = Inspector()
    inspector.switches(
        {
            "check": False,
            "dry_run": False,
            "shell": False,
            "first_alone": False,
            "accept_changes": False,
            "keep_directory": False,
            "display": None,
            name: value,
        }
    )
    assert inspector.mistakes == ([] if good else [f"{name}: {value!r} is neither True nor False"])


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
