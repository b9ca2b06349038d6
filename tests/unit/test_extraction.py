"""Rules at work: what they find in files of every kind, and what they say when they find nothing useful."""

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from multirun.extraction import Extraction, UnusableError
from multirun.extraction.columns import LONGEST_LINE
from multirun.extraction.conversion import beyond, convert, number_in
from multirun.extraction.evaluation import Findings, evaluate
from multirun.extraction.parsing import parse_results
from multirun.extraction.sources import LARGEST_JSON, LARGEST_TEXT, MOST_VALUES, look_up, show_pattern

FINITE = st.floats(allow_nan=False, allow_infinity=False)


class RunDir:
    """The directory of a run, and rules that look into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, data: str | bytes, name: str = "stdout.log") -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def find(self, params: dict[str, Any] | None = None, **rules: Any) -> Findings:
        return evaluate(parse_results(rules), str(self.path), params or {}, str)

    def value(self, rule: dict[str, Any]) -> Any:
        found = self.find(x=rule)
        assert found.reason is None, found
        return found.values["x"]

    def unmet(self, rule: dict[str, Any]) -> tuple[str | None, str]:
        found = self.find(x=rule)
        return found.reason, str(found.message)


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


# ----------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("+1", 1), ("-0", 0), ("007", 7), ("1.", 1.0), (".5", 0.5), ("-1.5e-3", -1.5e-3), ("1E5", 1e5),
        ("1.0D+03", 1000.0), ("-2.5d-1", -0.25), ("1q2", 100.0), ("0.123-100", 0.123e-100), ("1.5+100", 1.5e100),
        (" 12\r\n", 12), ("1e999", math.inf), ("-1e999", -math.inf), ("inf", math.inf), ("-Infinity", -math.inf),
        ("+INF", math.inf), ("9" * 700, math.inf), ("123456789012345678901", 123456789012345678901),
    ],
)  # fmt: skip
def test_numbers_as_programs_write_them(text: str, number: float) -> None:
    found = number_in(text)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "nan(0x8000)", "NAN"])
def test_not_a_number_is_a_number_of_its_own(text: str) -> None:
    assert math.isnan(number_in(text) or 0)


@pytest.mark.parametrize(
    "text",
    ["", ".", "e5", "1_000", "0x10", "1,5", "12.5,", "*****", "1e", "--1", "1 2", "5-100", "1.5-10", "infini", "nano",
     "٣", "1.2.3", "1D", "True"],
)  # fmt: skip
def test_what_is_no_number(text: str) -> None:
    assert number_in(text) is None


@given(FINITE | st.integers())
def test_what_python_writes_is_read_exactly(number: float) -> None:
    found = number_in(repr(number))
    assert found == number
    assert type(found) is type(number)


@given(FINITE)
def test_what_fortran_writes_is_read_exactly(number: float) -> None:
    assert number_in(f"{number:.17e}".replace("e", "D")) == number


@given(st.text())
def test_no_text_breaks_the_conversion(text: str) -> None:
    number_in(text)
    for kind in ("int", "float", "bool", "text", None):
        try:
            convert(text, kind)
        except UnusableError:
            pass


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        ("3", "float", 3.0), ("1.0D+03", "int", 1000), (3.0, "int", 3), (3, "float", 3.0), ("3", "text", "3"),
        ("3", None, 3), ("a", None, "a"), (".TRUE.", "bool", True), ("F", "bool", False), ("no", "bool", False),
        (1, "bool", True), (0, "bool", False), (True, "bool", True), (True, "text", "true"), (1.5, "text", "1.5"),
        (["1", "b"], None, [1, "b"]), (["1", "2"], "float", [1.0, 2.0]), ([[1], [2]], "float", [[1.0], [2.0]]),
        (10**400, "float", math.inf),
    ],
)  # fmt: skip
def test_types(raw: Any, kind: str | None, value: Any) -> None:
    found = convert(raw, kind)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("raw", "kind", "why"),
    [
        ("a", "float", "'a', which is no number"),
        ("*****", "int", "'*****', which is no number"),
        ("3.7", "int", "'3.7', which is no whole number"),
        ("nan", "int", "'nan', which is no whole number"),
        ("inf", "int", "'inf', which is no whole number"),
        ("maybe", "bool", "'maybe', which is neither true nor false"),
        (2, "bool", "2, which is neither true nor false"),
        (1.0, "bool", "1.0, which is neither true nor false"),
        (True, "float", "True, which is no number"),
        ({"a": 1}, "float", "{'a': 1}, which is no number"),
        ({"a": 1}, "text", "{'a': 1}, which is a map"),
        ({"a": 1}, "bool", "{'a': 1}, which is neither true nor false"),
        (["1", "b"], "int", "'b', which is no number"),
        ("y" * 999, "int", f"'{'y' * 58}…, which is no number"),
    ],
)
def test_what_cannot_be_converted(raw: Any, kind: str, why: str) -> None:
    with pytest.raises(UnusableError) as caught:
        convert(raw, kind)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("value", "limits", "wrong"),
    [
        (1, {"min": 1, "max": 1, "finite": True}, None),
        (0.999, {"min": 1}, "0.999 is not at least 1, its min"),
        (1.001, {"max": 1}, "1.001 is not at most 1, its max"),
        (math.nan, {"finite": True}, "nan is not finite"),
        (math.nan, {"min": 0}, "nan is not at least 0, its min"),
        (math.nan, {"max": 0}, "nan is not at most 0, its max"),
        (-math.inf, {"finite": True}, "-inf is not finite"),
        (math.inf, {"min": 0}, None),
        (10**400, {"finite": True}, None),
        (10**400, {"max": 1e308}, f"1{'0' * 58}… is not at most 1e+308, its max"),
        ([1, 2, 3], {"max": 2}, "3 is not at most 2, its max"),
        ([[1], [-1]], {"min": 0}, "-1 is not at least 0, its min"),
        ([], {"min": 0}, None),
    ],
)
def test_limits(value: Any, limits: dict[str, Any], wrong: str | None) -> None:
    assert beyond(value, Extraction("x", "json", "f", **limits)) == wrong


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


# ---------------------------------------------------------------------------------------------------- JSON

DOCUMENT = {"final": {"energy": -1.5, "a.b": {"c.d": 3}}, "steps": [{"e": 1}, {"e": 2}], "ok": True, "none": None,
            "name": "12", "": 4}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("final.energy", -1.5), ("final.a.b.c.d", 3), ("steps.0.e", 1), ("steps.-1.e", 2), ("ok", True), ("name", "12"),
        ("steps", [{"e": 1}, {"e": 2}]), ("final", DOCUMENT["final"]),
    ],
)  # fmt: skip
def test_keys(run_dir: RunDir, key: str, value: Any) -> None:
    run_dir.write(json.dumps(DOCUMENT), "o.json")
    assert run_dir.value({"json": "o.json", "key": key}) == value


def test_a_whole_document(run_dir: RunDir) -> None:
    run_dir.write(b"\xef\xbb\xbf 5.5", "o.json")
    assert run_dir.value({"json": "o.json"}) == 5.5


def test_a_longer_key_goes_before_a_way_of_several_steps() -> None:
    assert look_up({"a": {"b": 1}, "a.b": 2}, "a.b") == 2
    assert look_up({"a.b": {"x": 1}, "a": {"b": {"c": 3}}}, "a.b.c") == 3


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("fina.energy", "has no 'fina.energy'; did you mean 'final'?"),
        ("final.energie", "has no 'final.energie'; did you mean 'final.energy'?"),
        ("final.energy.x", "has no 'final.energy.x'; 'final.energy' is no map"),
        ("steps.2.e", "has no 'steps.2.e'; 'steps' is a list of 2"),
        ("steps.x", "has no 'steps.x'; 'steps' is a list of 2"),
        ("none", "has null at 'none'"),
        ("q", "has no 'q'; it has 'final', 'steps', 'ok', 'none', 'name', ''"),
    ],
)
def test_keys_that_are_not_there(run_dir: RunDir, key: str, said: str) -> None:
    run_dir.write(json.dumps(DOCUMENT), "o.json")
    assert run_dir.unmet({"json": "o.json", "key": key}) == ("no-result", f"'x' was not found: o.json {said}")
    assert run_dir.value({"json": "o.json", "key": key, "optional": True}) is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "is no valid JSON: Expecting property name"),
        (b"\xff\x00", "is no valid JSON: "),
        (b"[" * 100_000, "is no valid JSON: it is nested too deeply"),
        (b'{"a": 1} {"a": 2}', "is no valid JSON: Extra data"),
    ],
)
def test_json_that_is_none(run_dir: RunDir, data: bytes, said: str) -> None:
    run_dir.write(data, "o.json")
    reason, message = run_dir.unmet({"json": "o.json", "key": "a", "optional": True})
    assert reason == "bad-result"
    assert message.startswith(f"'x' cannot be used: o.json {said}")


def test_json_that_is_too_large(run_dir: RunDir) -> None:
    with (run_dir.path / "o.json").open("wb") as file:
        file.truncate(LARGEST_JSON + 1)
    assert "JSON is read up to" in run_dir.unmet({"json": "o.json"})[1]


def test_numbers_of_json_that_json_does_not_have(run_dir: RunDir) -> None:
    run_dir.write('{"a": NaN, "b": [1, Infinity]}', "o.json")
    assert math.isnan(run_dir.value({"json": "o.json", "key": "a"}))
    assert run_dir.unmet({"json": "o.json", "key": "a", "finite": True}) == (
        "rule:x",
        "'x' from o.json: nan is not finite",
    )
    assert run_dir.unmet({"json": "o.json", "key": "b", "finite": True}) == (
        "rule:x",
        "'x' from o.json: inf is not finite",
    )


def test_types_of_json_are_kept_unless_told(run_dir: RunDir) -> None:
    run_dir.write('{"a": "1.0D+03", "b": 2, "c": [1, "x"]}', "o.json")
    assert run_dir.value({"json": "o.json", "key": "a"}) == "1.0D+03"
    assert run_dir.value({"json": "o.json", "key": "a", "type": "float"}) == 1000.0
    assert run_dir.value({"json": "o.json", "key": "b", "type": "text"}) == "2"
    assert run_dir.unmet({"json": "o.json", "key": "c", "max": 9})[0] == "bad-result"


# ----------------------------------------------------------------------------------------------------- CSV

TABLE = "t,p,note\n0,1.5,a\n1,-2,\n\n2,7,c\n3,,d\n"


@pytest.mark.parametrize(
    ("column", "take", "value"),
    [
        ("p", "first", 1.5), ("p", "last", 7), ("p", "min", -2), ("p", "max", 7), ("p", "mean", 6.5 / 3),
        (1, "max", 7), (-2, "min", -2), (0, "mean", 1.5), ("note", "last", "d"), ("note", "first", "a"),
        (-1, "last", "d"),
    ],
)  # fmt: skip
def test_columns(run_dir: RunDir, column: Any, take: str, value: Any) -> None:
    run_dir.write(TABLE, "t.csv")
    found = run_dir.value({"csv": "t.csv", "column": column, "take": take})
    assert found == pytest.approx(value) if isinstance(value, float) else found == value


@pytest.mark.parametrize(
    ("data", "rule", "value"),
    [
        (b"\xef\xbb\xbft,p\r\n0,1\r\n1,2\r\n", {"column": "t"}, 1),
        ("t,p\n0,1\n1,2\n".encode("utf-16"), {"column": "p"}, 2),
        (b"t,p\r0,1\r1,2\r", {"column": "p"}, 2),
        (b'"t, s" , p\n1, "2"\n', {"column": "p"}, 2),
        (b'"t, s" , p\n1, "2"\n', {"column": "t, s"}, 1),
        (b"t;p\n1,5;2\n", {"column": "t", "delimiter": ";"}, "1,5"),
        (b"t\tp\n1\t2\n", {"column": "p", "delimiter": "\t"}, 2),
        (b"# made today\n#  t   p\n  1.0D+00   2.0D+00\n  2 3\n# end\n", {"column": "p", "delimiter": " "}, 3),
        (b"# made today\n#  t   p\n  1.0D+00   2.0D+00\n", {"column": 1, "delimiter": " "}, 2.0),
        (b"#t p\n1 2\n", {"column": "t", "delimiter": " "}, 1),
        (b"# t,p\n1,2\n", {"column": "p"}, 2),
        (b"# comment\nt,p\n1,2\n", {"column": "p"}, 2),
        (b"1,2\n3,4\n", {"column": 1, "take": "first"}, 2),
        (b"a,b\n3,4\n", {"column": 1, "take": "first"}, 4),
        (b"p,p\n1,2\n", {"column": "p"}, 1),
        (b"p,q\n1,2\n3\n", {"column": "q"}, 2),
        (b"p\n1\nnan\n2\n", {"column": "p", "take": "first"}, 1),
        (b"p\n\xff\n", {"column": "p"}, "\\xff"),
        (b'p\n"1\n2"\n', {"column": "p"}, "1\n2"),
        (b"p\n10\n9\n", {"column": "p", "take": "max"}, 10),
        (b"p\n1e308\n1e308\n-1e308\n", {"column": "p", "take": "mean"}, math.inf),
        (b"p\n2\n4\n", {"column": "p", "take": "mean", "type": "int"}, 3),
    ],
)
def test_files_that_call_themselves_csv(run_dir: RunDir, data: bytes, rule: dict[str, Any], value: Any) -> None:
    run_dir.write(data, "t.csv")
    found = run_dir.value({"csv": "t.csv", **rule})
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("take", ["min", "max", "mean"])
@pytest.mark.parametrize("rows", ["nan\n1\n2", "1\nnan\n2", "1\n2\nNaN", "inf\n-inf\nnan"])
def test_one_cell_that_is_not_a_number_makes_the_whole_not_a_number(run_dir: RunDir, take: str, rows: str) -> None:
    run_dir.write(f"p\n{rows}\n", "t.csv")
    assert math.isnan(run_dir.value({"csv": "t.csv", "column": "p", "take": take}))
    assert run_dir.unmet({"csv": "t.csv", "column": "p", "take": take, "finite": True})[0] == "rule:x"


@pytest.mark.parametrize(
    ("data", "rule", "reason", "said"),
    [
        ("", {"column": "p"}, "no-result", "is empty"),
        ("\n \n,,\n", {"column": "p"}, "no-result", "is empty"),
        ("# only\n", {"column": "p"}, "no-result", "has no rows"),
        ("t,p\n", {"column": "p"}, "no-result", "has nothing in column 'p'"),
        ("t,p\n1,\n", {"column": "p", "take": "mean"}, "no-result", "has nothing in column 'p'"),
        ("t,p\n1,2\n", {"column": "P"}, "no-result", "has no column 'P'; it has 't', 'p'"),
        ("t,pressure\n1,2\n", {"column": "pressur"}, "no-result", "has no column 'pressur'; did you mean 'pressure'?"),
        ("t;p\n1;2\n", {"column": "p"}, "no-result", "has no column 'p'; it has 't;p' (is its delimiter ';'?)"),
        ("t p\n1 2\n", {"column": "p"}, "no-result", "has no column 'p'; it has 't p' (is its delimiter ' '?)"),
        ("1,2\n", {"column": 2}, "no-result", "has no column 2: its first row has 2, counted from 0"),
        ("1,2\n", {"column": -3}, "no-result", "has no column -3: its first row has 2, counted from 0"),
        ("p\n1\nx\n", {"column": "p", "take": "max"}, "bad-result", "has 'x' in line 3, which is no number"),
        ("p\n1\nx\n", {"column": "p", "max": 5}, "bad-result", "holds 'x', which is no number"),
        ("p\n1.5\n", {"column": "p", "type": "int"}, "bad-result", "holds '1.5', which is no whole number"),
        ('p\n"' + "x" * 200_000, {"column": "p"}, "bad-result",
         "cannot be read as CSV at line 2: field larger than field limit (131072)"),
        ("x" * (LONGEST_LINE + 1), {"column": "p"}, "bad-result", f"has more than {LONGEST_LINE} characters in line 1"),
    ],
)  # fmt: skip
def test_columns_of_no_use(run_dir: RunDir, data: str, rule: dict[str, Any], reason: str, said: str) -> None:
    run_dir.write(data, "t.csv")
    words = "was not found" if reason == "no-result" else "cannot be used"
    assert run_dir.unmet({"csv": "t.csv", **rule}) == (reason, f"'x' {words}: t.csv {said}")


@given(st.lists(FINITE, min_size=1, max_size=50))
@example([1e16, 1.0, -1e16])
def test_folds_of_a_column_are_those_of_its_numbers(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float]
) -> None:
    run_dir = RunDir(tmp_path_factory.mktemp("run"))
    run_dir.write("p\n" + "".join(f"{number!r}\n" for number in numbers), "t.csv")
    rule = {"csv": "t.csv", "column": "p"}
    assert run_dir.value({**rule, "take": "min"}) == min(numbers)
    assert run_dir.value({**rule, "take": "max"}) == max(numbers)
    assert run_dir.value(rule) == numbers[-1]
    try:
        mean = math.fsum(numbers) / len(numbers)
    except OverflowError:
        return
    found = run_dir.value({**rule, "take": "mean"})
    assert not math.isfinite(found) or found == pytest.approx(mean, rel=1e-12, abs=1e-280)


@given(st.binary(max_size=300))
def test_no_content_breaks_a_rule(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    run_dir = RunDir(tmp_path_factory.mktemp("run"))
    run_dir.write(data, "f")
    found = run_dir.find(
        a={"file": "f", "regex": r"(\S+)", "take": "all"},
        b={"json": "f", "key": "a.b"},
        c={"csv": "f", "column": 0, "take": "mean"},
        d={"csv": "f", "column": "x", "delimiter": " "},
    )
    assert found.reason in (None, "no-result", "bad-result")
    json.dumps(found.values)


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
