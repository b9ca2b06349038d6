"""Rules at work: what they find in files of every kind, and what they say when they find nothing useful."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.rules import RunDir

from multirun.extraction.evaluation import Findings, evaluate
from multirun.extraction.parsing import parse_results
from multirun.extraction.sources import LARGEST_TEXT, MOST_VALUES, show_pattern

# ------------------------------------------------------------------------------------ regular expressions


def test_first_last_and_all(run_dir: RunDir) -> None:
    run_dir.write("step 1 e = 1.5\nstep 2 e = 2.5\nstep 3 e = -3\n")
    assert run_dir.value({"stdout": r"e = (\S+)"}) == -3
    assert run_dir.value({"stdout": r"e = (\S+)", "take": "first"}) == 1.5
    assert run_dir.value({"stdout": r"e = (\S+)", "take": "all"}) == [1.5, 2.5, -3]
    assert run_dir.value({"stdout": r"^step \d"}) == "step 3"
    assert run_dir.value({"stdout": r"(?P<e>\S+)$", "take": "first", "type": "text"}) == "1.5"


def test_a_group_that_took_no_part_is_no_match(run_dir: RunDir) -> None:
    run_dir.write("a1 a a3 a")
    assert run_dir.value({"stdout": r"a(\d)?", "take": "all"}) == [1, 3]
    run_dir.write("a a")
    assert run_dir.unmet({"stdout": r"a(\d)?"}) == (
        "no-result",
        "'x' was not found: stdout.log has no match of r'a(\\d)?'",
    )


def test_other_files_and_names_with_parameters(run_dir: RunDir) -> None:
    run_dir.write("n=7", "deep/run-5.log")
    run_dir.write("oops: 3", "stderr.log")
    found = run_dir.find(
        {"case": 5},
        n={"file": "deep/run-{case}.log", "regex": "n=(.)"},
        e={"stderr": "oops: (.)"},
        o={"file": Path("run-{other}.log"), "regex": "n", "optional": True},
    )
    assert found == Findings({"n": 7, "e": 3, "o": None})


@pytest.mark.parametrize("case", ["../../etc/x", "..", "/etc/passwd", "a/../../b", "\0"])
def test_no_parameter_leads_out_of_the_directory(run_dir: RunDir, case: str) -> None:
    found = run_dir.find({"case": case}, x={"file": "{case}", "regex": "."})
    assert found.reason == "bad-result"
    assert found.message == "'x' cannot be used: {case} leads out of the directory of the run"


def test_bytes_that_are_no_text(run_dir: RunDir) -> None:
    run_dir.write(b"\x00\xff\xfe e = 5 \x80\n e = \xe9\xff\n\x00")
    assert run_dir.value({"stdout": r"e = (\S+)", "take": "all"}) == [5, "\\xe9\\xff"]


def test_characters_beyond_ascii(run_dir: RunDir) -> None:
    run_dir.write("Länge = 5 µm\nT = 20 °C\n")
    assert run_dir.value({"stdout": r"L[äö]nge = (\d+) µ?m"}) == 5
    assert run_dir.value({"stdout": r"T = \d+ (\S+)"}) == "°C"
    assert run_dir.value({"stdout": r"(?i)LÄNGE = (\d)"}) == 5


def test_a_large_file_is_not_decoded(run_dir: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multirun.extraction.sources.LARGEST_DECODED", 10)
    run_dir.write("µ = 5" + " " * 10)
    reason, message = run_dir.unmet({"stdout": "µ = (.)"})
    assert reason == "bad-result"
    assert "characters beyond ASCII" in message


def test_one_gigabyte_with_a_line_at_its_end(run_dir: RunDir) -> None:
    with (run_dir.path / "stdout.log").open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nenergy = 4.5\n")
    assert run_dir.value({"stdout": r"energy = (\S+)"}) == 4.5
    assert run_dir.unmet({"stdout": r"\x00+"})[0] == "bad-result"  # nobody wants a text of a gigabyte


def test_what_can_be_taken_is_bounded(run_dir: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    run_dir.write("a" * (LARGEST_TEXT + 1))
    assert "at most" in run_dir.unmet({"stdout": "a+"})[1]
    run_dir.write("a " * (MOST_VALUES + 1))
    assert "more matches than can be taken" in run_dir.unmet({"stdout": "a", "take": "all"})[1]
    assert run_dir.value({"stdout": "a"}) == "a"


@pytest.mark.parametrize(
    ("make", "reason", "said"),
    [
        (lambda path: None, "no-result", "does not exist"),
        (lambda path: path.touch(), "no-result", "is empty"),
        (lambda path: path.mkdir(), "bad-result", "is a folder"),
        (os.mkfifo, "bad-result", "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "bad-result", "is no regular file"),
        (lambda path: path.symlink_to("nowhere"), "no-result", "does not exist"),
        (lambda path: path.symlink_to(path), "bad-result", "cannot be read: Too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("rule", [{"file": "f", "regex": "a"}, {"json": "f", "key": "a"}, {"csv": "f", "column": "a"}])
def test_files_that_are_none(run_dir: RunDir, make: Any, reason: str, said: str, rule: dict[str, Any]) -> None:
    make(run_dir.path / "f")
    found, message = run_dir.unmet(rule)
    if said == "is empty" and "json" in rule:
        reason, said = "bad-result", "is no valid JSON: it is empty"
    assert (found, message) == (
        reason,
        f"'x' {'was not found' if reason == 'no-result' else 'cannot be used'}: f {said}",
    )


def test_a_folder_on_the_way_that_is_a_file(run_dir: RunDir) -> None:
    run_dir.write("a", "f")
    assert run_dir.unmet({"file": "f/g", "regex": "a"}) == ("no-result", "'x' was not found: f/g does not exist")


# ----------------------------------------------------------------------------------------------- together


def test_what_is_found_is_kept_beside_what_is_not(run_dir: RunDir) -> None:
    run_dir.write("a = 1\nb = x\nd = 9\n")
    found = run_dir.find(
        a={"stdout": "a = (.)"},
        b={"stdout": "b = (.)", "type": "int"},
        c={"stdout": "c = (.)"},
        d={"stdout": "d = (.)", "max": 5},
    )
    assert found.values == {"a": 1, "d": 9}
    assert found.reason == "bad-result"
    assert found.message == (
        "'b' cannot be used: stdout.log holds 'x', which is no number; "
        "'c' was not found: stdout.log has no match of 'c = (.)'; "
        "'d' from stdout.log: 9 is not at most 5, its max"
    )


def test_many_that_are_not_met_are_told_shortly(run_dir: RunDir) -> None:
    found = run_dir.find(**{f"x{number}": {"stdout": "a"} for number in range(9)})
    assert str(found.message).endswith("; and 4 more")
    assert re.findall(r"'x(\d)'", str(found.message)) == list("01234")


def test_each_result_is_announced_before_it_is_looked_for(run_dir: RunDir) -> None:
    names: list[str] = []
    evaluate(parse_results({"b": {"stdout": "x"}, "a": {"stdout": "x"}}), str(run_dir.path), {}, names.append)
    assert names == ["b", "a"]


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("e = .", "'e = .'"),
        (r"e = (\S+)", r"r'e = (\S+)'"),
        (r"'\d'", "\"'\\\\d'\""),
        ("\\d\n", r"'\\d\n'"),
        ("x" * 99, f"'{'x' * 78}…"),
    ],
)
def test_an_expression_is_shown_as_it_is_written(pattern: str, shown: str) -> None:
    assert show_pattern(pattern) == shown
