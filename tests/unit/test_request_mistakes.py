"""The keywords of `multirun`: what is not good, and all mistakes at once."""

import math
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.requested import MINIMAL, inspect

from multirun.extraction.parsing import EXAMPLE
from multirun.request import Inspector
from multirun.resources import FileResource


class Bytes:
    """A path of bytes."""

    def __fspath__(self) -> bytes:
        return b"x"

    def __repr__(self) -> str:
        return "Bytes()"


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
