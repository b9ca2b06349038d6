"""Rules that look into the columns of tables."""

import json
import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given
from tests.unit.rules import FINITE, RunDir

from multirun.extraction.columns import LONGEST_LINE

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
