"""The table of a sweep: names of columns, values in cells, and where they come from."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.sweeping import POST_PARAMS, PYTHON, SCRIPTED, run_sweep

from multirun import SweepResult
from multirun.rundir import SweepPaths
from multirun.table import write_table

POST_DOCUMENT = ["sh", "-c", 'test "$0" = "" || printf %s "$0" > "$MULTIRUN_RESULTS"', "{document}"]


def read_table(sweep: Path) -> list[dict[str, str]]:
    with (sweep / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table_of(output: Path, documents: list[Any], **params: Any) -> list[dict[str, str]]:
    """The table of a sweep whose runs post these documents; without the columns that all tables have."""
    maps = [{"document": json.dumps(document) if document != "" else "", **params} for document in documents]
    run_sweep(output, maps, POST_DOCUMENT)
    return [
        {name: value for name, value in row.items() if name not in {"document", "duration_s", *params}}
        for row in read_table(output)
    ]


def test_the_columns_of_a_sweep(sweep_dir: Path) -> None:
    script = 'echo "{\\"y\\": $(({x} * 2))}" > "$MULTIRUN_RESULTS"; exit $(({x} == 2 ? 3 : 0))'
    result = run_sweep(sweep_dir, [{"x": x, "label": f"l{x}"} for x in (1, 2, 3)], ["sh", "-c", script])
    text = (sweep_dir / "results.csv").read_text()
    durations = [run.duration_s for run in result]
    assert text.splitlines() == [
        "index,x,label,y,status,reason,duration_s",
        f"0,1,l1,2,success,,{durations[0]}",
        f"1,2,l2,4,failure,exit:3,{durations[1]}",
        f"2,3,l3,6,success,,{durations[2]}",
    ]
    assert "\r" not in text


def test_maps_are_flattened_with_dots(sweep_dir: Path) -> None:
    documents = [
        {"a": {"b": {"c": 1, "d": None}, "e": [1, {"f": 2}]}, "g": True, "h": 1.5e-7, "i": "text"},
        {"a": {"b": 5}, "new": {"x": 1}},
        {},
        "",
    ]
    assert table_of(sweep_dir, documents) == [
        {"index": "0", "a.b.c": "1", "a.b.d": "", "a.e": '[1, {"f": 2}]', "g": "true", "h": "1.5e-07", "i": "text",
         "a.b": "", "new.x": "", "status": "success", "reason": ""},
        {"index": "1", "a.b.c": "", "a.b.d": "", "a.e": "", "g": "", "h": "", "i": "",
         "a.b": "5", "new.x": "1", "status": "success", "reason": ""},
        {"index": "2", **dict.fromkeys(("a.b.c", "a.b.d", "a.e", "g", "h", "i", "a.b", "new.x"), ""),
         "status": "success", "reason": ""},
        {"index": "3", **dict.fromkeys(("a.b.c", "a.b.d", "a.e", "g", "h", "i", "a.b", "new.x"), ""),
         "status": "success", "reason": ""},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "text"), [(5, "5"), ([1, 2], "[1, 2]"), (None, ""), (False, "false"), ("x\ny", "x\ny")]
)
def test_results_that_are_no_map_have_one_column(sweep_dir: Path, document: Any, text: str) -> None:
    (row,) = table_of(sweep_dir, [document])
    assert row == {"index": "0", "results": text, "status": "success", "reason": ""}


CLASHES: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = [
    ({"x": 1}, {"x": 2}, {"x": "1", "results.x": "2"}),
    ({"index": 7, "status": "s"}, {"reason": "r"}, {"params.index": "7", "params.status": "s", "results.reason": "r"}),
    (
        {"index": 7, "params.index": 8},
        {"index": 9, "results.index": 10},
        {"params.params.index": "7", "params.index": "8", "results.results.index": "9", "results.index": "10"},
    ),
    ({"a": {"b": 1}}, {"a": {"b": 2}, "c": 3}, {"a.b": "1", "results.a.b": "2", "c": "3"}),
    ({"results": 1, "x": 2}, {"results": {"x": 5}, "x": 6}, {"results": "1", "x": "2", "results.x": "5",
                                                             "results.results.x": "6"}),
    ({"$x": 1, "$value": 2, "$typed": 3}, {"$y": 4, "$typed": 5}, {"$x": "1", "$value": "2", "$y": "4"}),
]  # fmt: skip


@pytest.mark.parametrize(("params", "posted", "expected"), CLASHES)
def test_columns_of_one_name_are_told_apart(
    sweep_dir: Path, params: dict[str, Any], posted: dict[str, Any], expected: dict[str, str]
) -> None:
    code = f"import multirun; multirun.postRunResults({posted!r})"
    run_sweep(sweep_dir, [{**params, "code": code}], PYTHON)
    with (sweep_dir / "results.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert len(set(header)) == len(header)
    assert expected.items() <= dict(zip(header, row, strict=True)).items()
    assert (header[0], header[-3:]) == ("index", ["status", "reason", "duration_s"])


ODD_TEXTS = [
    "a,b",
    '"quoted"',
    "line\nbreak",
    "carriage\rreturn",
    "both\r\n",
    "\r",
    " ",
    "ü🧪",
    "=1+1",
    "\ud800",
    "\0",
    "'",
]


def test_odd_texts_stand_in_cells_as_they_are(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"x": text, f"name {text}": 1} for text in ODD_TEXTS if text != "\ud800"], POST_PARAMS)
    rows = read_table(sweep_dir)
    for row, text in zip(rows, [text for text in ODD_TEXTS if text != "\ud800"], strict=True):
        assert row["x"] == row["results.x"] == text
        assert row[f"name {text}"] == row[f"results.name {text}"] == "1"


def test_values_that_need_a_type_are_shown_plainly(sweep_dir: Path) -> None:
    params = {
        "t": (1, 2),
        "nan": float("nan"),
        "p": Path("a/b"),
        "z": 1 + 2j,
        "m": {1: "one", (2,): "two"},
        "s": "\ud800",
    }
    run_sweep(sweep_dir, [params], POST_PARAMS)
    (row,) = read_table(sweep_dir)
    shown = {"t": "[1, 2]", "nan": "nan", "p": "a/b", "z": "[1.0, 2.0]", "m.1": "one", "m.(2,)": "two", "s": "\ufffd"}
    assert {name: row[name] for name in shown} == shown
    assert {name: row[f"results.{name}"] for name in shown} == shown


def test_runs_without_a_program_have_empty_cells(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"program": "true"}, {"program": "/none"}], ["{program}"])
    good, bad = read_table(sweep_dir)
    assert float(good["duration_s"]) > 0
    assert (bad["status"], bad["reason"]) == ("failure", "exec-failed")


# ------------------------------------------------------------------------- no run directory is opened

pytestmark = pytest.mark.xdist_group("table")  # so that the sweep runs once for all of them

LARGE = """
import collections, multirun
small = {"number": 5, "text": "short", "deep": {"er": 1.5}}
kind = multirun.getRunParams()["kind"]
if kind == "large":
    multirun.postRunResults({**small, "list": list(range(50_000)), "last": True})
elif kind == "pickled":
    multirun.postRunResults({**small, "list": collections.Counter("aab"), "last": True})
elif kind == "large typed":
    multirun.postRunResults({**small, "list": tuple(range(50_000)), "last": True})
elif kind == "wide":
    multirun.postRunResults({f"key{number}": number for number in range(2000)})
elif kind == "wide and deep":
    multirun.postRunResults({"deep": {f"key{number}": number for number in range(2000)}})
elif kind == "long text":
    multirun.postRunResults({**small, "list": "x" * 5000, "last": True})
elif kind == "large list":
    multirun.postRunResults(list(range(50_000)))
elif kind == "huge":
    multirun.postRunResults({**small, "text": "x" * (17 << 20)})
"""
KINDS = ["large", "pickled", "large typed", "long text", "wide", "wide and deep", "large list", "huge", "nothing"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """Results too large or too odd to travel in the journal as a whole."""
    maps = [{"kind": kind, "code": LARGE} for kind in KINDS]
    return run_sweep(tmp_path_factory.mktemp("large") / "sweep", maps, PYTHON)


@pytest.mark.parametrize("kind", ["large", "pickled", "large typed", "long text"])
def test_the_small_parts_of_large_results_are_in_the_table(large: SweepResult, kind: str) -> None:
    row = read_table(large.path)[KINDS.index(kind)]
    assert {name: row[name] for name in ("number", "text", "deep.er", "last")} == {
        "number": "5", "text": "short", "deep.er": "1.5", "last": "true",
    }  # fmt: skip


def test_as_much_of_wide_results_as_fits_is_in_the_table(large: SweepResult) -> None:
    rows = read_table(large.path)
    for kind, prefix in (("wide", ""), ("wide and deep", "deep.")):
        row = rows[KINDS.index(kind)]
        numbers = [row.get(f"{prefix}key{number}", "") for number in range(2000)]
        shown = [number for number in numbers if number]
        assert shown[:100] == [str(number) for number in range(100)]
        assert len(shown) < 2000


def test_the_table_is_written_without_run_directories(large: SweepResult, tmp_path: Path) -> None:
    before = (large.path / "results.csv").read_bytes()
    away = large.path.parent / "away"
    (large.path / "runs").rename(away)
    (large.path / "results.csv").unlink()
    try:
        write_table(SweepPaths(str(large.path)), large)
    finally:
        away.rename(large.path / "runs")
    assert (large.path / "results.csv").read_bytes() == before


def test_the_table_of_a_generator_appears_even_if_it_broke(sweep_dir: Path) -> None:
    def maps() -> Any:
        yield {"script": "exit 0"}
        yield {"script": "exit 3"}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_sweep(sweep_dir, maps(), SCRIPTED)
    assert [row["reason"] for row in read_table(sweep_dir)] == ["", "exit:3"]


def test_a_table_replaces_an_older_one_whole(large: SweepResult, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(large.path, tmp_path / "copy", ignore=shutil.ignore_patterns("runs")))
    reader = (copy / "results.csv").open()
    with reader:
        write_table(SweepPaths(str(copy)), list(large)[:2])
        assert len(list(csv.reader(reader))) == len(KINDS) + 1  # who reads the old one is not disturbed
    assert len(read_table(copy)) == 2
    assert [path.name for path in copy.glob("results.csv*")] == ["results.csv"]
