"""Data frames of other libraries: every value arrives, what is missing has a type, what is not installed is named."""

import json
import math
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given
from tests.unit.test_averages import sweep

from multirun import MissingExtraError, MultirunError, StorageError
from multirun.columns import Table, typed_columns
from multirun.frames import pip_command, to_arrow, to_pandas, to_polars

TABLE = Table(
    ["n", "big", "x", "flag", "word", "list", "nothing", "given"],
    [
        [1, 2**63, 1.5, True, "a", [1, None], None, None],
        [None, None, None, None, None, None, None, None],
        [3, 1, 2, False, "ü\ud800", {}, None, None],
    ],
    {"given": "float"},
)
WORDS = ["a", None, "ü\\ud800"]
LISTS = ["[1, null]", None, "{}"]


def test_pandas() -> None:
    frame = to_pandas(TABLE)
    assert [str(kind) for kind in frame.dtypes] == [
        "Int64", "UInt64", "float64", "boolean", "string", "string", "object", "float64",
    ]  # fmt: skip
    assert frame["n"].isna().tolist() == [False, True, False]
    assert (frame["n"].sum(), int(frame["big"][0]), frame["x"].mean()) == (4, 2**63, 1.75)
    assert [None if value is pandas.NA else value for value in frame["word"]] == WORDS
    assert [None if value is pandas.NA else value for value in frame["list"]] == LISTS


def test_polars() -> None:
    frame = to_polars(TABLE)
    assert [str(kind) for kind in frame.dtypes] == [
        "Int64", "UInt64", "Float64", "Boolean", "String", "String", "Null", "Float64",
    ]  # fmt: skip
    assert frame["n"].to_list() == [1, None, 3]
    assert (frame["big"][0], frame["x"].mean()) == (2**63, 1.75)
    assert (frame["word"].to_list(), frame["list"].to_list()) == (WORDS, LISTS)


def test_arrow() -> None:
    table = to_arrow(TABLE)
    assert [str(kind) for kind in table.schema.types] == [
        "int64", "uint64", "double", "bool", "string", "string", "null", "double",
    ]  # fmt: skip
    assert (table["n"].null_count, table["big"].to_pylist()) == (1, [2**63, None, 1])
    assert (table["word"].to_pylist(), table["list"].to_pylist()) == (WORDS, LISTS)


CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=5)))
def test_all_of_them_hold_the_same(rows: list[list[Any]]) -> None:
    names = [f"c{number}" for number in range(len(rows[0]) if rows else 1)]
    table = Table(names, rows)
    expected = {name: values for name, _, values in typed_columns(table)}
    assert to_arrow(table).to_pydict() == to_polars(table).to_dict(as_series=False) == expected
    frame = to_pandas(table)
    assert list(frame.columns) == names
    for name, values in expected.items():
        found = [None if pandas.isna(value) else value for value in frame[name]]
        assert found == values


def test_a_number_that_is_no_number_is_not_missing() -> None:
    study = sweep(*[({"x": x}, {"y": x} if x != 2 else ..., "success") for x in (math.nan, 1.0, 2.0)])
    assert [str(value) for value in study.to_polars()["x"]] == ["nan", "1.0", "2.0"]
    assert study.to_arrow()["x"].null_count == 0
    assert study.to_polars()["y"].null_count() == 1


def test_columns_of_ours_have_their_types_even_if_they_are_empty() -> None:
    empty = sweep()
    assert (
        list(empty.to_pandas().columns)
        == list(empty.to_polars().columns)
        == ["index", "status", "reason", "duration_s"]
    )
    kinds = {"index": "Int64", "status": "string", "reason": "string", "duration_s": "float64"}
    one = sweep(({}, ..., "success"))
    for frame in (empty.to_pandas(), one.to_pandas()):
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == kinds
    assert str(one.to_polars()["reason"].dtype) == "String"
    assert one.to_arrow().schema.field("duration_s").type == pyarrow.float64()


def test_means_as_frames() -> None:
    study = sweep(*[({"t": t, "seed": seed}, {"y": t + seed}, "success") for t in (1, 2) for seed in (0, 2)])
    for frame in (study.mean_by("t").to_pandas(), study.mean_by("t").to_polars()):
        assert list(frame.columns) == ["t", "runs", "y.mean", "y.error", "y.count"]
        assert [*frame["y.mean"], *frame["y.error"]] == [2.0, 3.0, 1.0, 1.0]
    assert isinstance(study.to_polars(), polars.DataFrame)
    single = study.where(seed=0).mean_by("t").to_arrow()
    assert [str(kind) for kind in single.schema.types] == ["int64", "int64", "double", "double", "int64"]
    assert single["y.error"].to_pylist() == [None, None]


def test_means_as_a_csv_file(tmp_path: Path) -> None:
    study = sweep(*[({"t": 1, "seed": seed}, {"y": seed, "z": 5} if seed else {"y": 0}, "success") for seed in (0, 2)])
    study.mean_by("t").to_csv(tmp_path / "means.csv")
    assert (tmp_path / "means.csv").read_text().splitlines() == [
        "t,runs,y.mean,y.error,y.count,z.mean,z.error,z.count",
        "1,2,1.0,1.0,2,5.0,,1",
    ]


# --------------------------------------------------------------------------------------- what is missing


@pytest.mark.parametrize(("method", "module", "extra"), [
    ("to_pandas", "pandas", "pandas"), ("to_polars", "polars", "polars"), ("to_arrow", "pyarrow", "arrow"),
])  # fmt: skip
def test_a_missing_library_is_one_sentence_with_the_command(
    method: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # what Python itself does for modules that may not be imported
    with pytest.raises(MissingExtraError) as caught:
        getattr(sweep(), method)()
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, MultirunError)
    assert str(caught.value) == (
        f"this needs {module}, which {sys.executable} does not find; install it with: {pip_command(extra)}"
    )


def test_a_library_that_is_broken_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "polars.py").write_text("import missing_inside_polars")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "polars")
    with pytest.raises(ModuleNotFoundError, match="missing_inside_polars"):
        sweep().to_polars()


@pytest.mark.parametrize(("record", "words"), [
    ({"url": "file:///home/ada/my%20checkout", "dir_info": {"editable": True}}, ["-e", "/home/ada/my checkout[arrow]"]),
    ({"url": "file:///home/ada/multirun", "dir_info": {}}, ["/home/ada/multirun[arrow]"]),
    ({"url": "https://example.org/multirun.git", "vcs_info": {"vcs": "git"}}, ["multirun-sweep[arrow]"]),
    (None, ["multirun-sweep[arrow]"]),
])  # fmt: skip
def test_the_command_installs_from_where_multirun_came(
    record: object, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "multirun_sweep-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: multirun-sweep\nVersion: 0.1.0\n")
    if record is not None:
        (info / "direct_url.json").write_text(json.dumps(record))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert metadata.version("multirun-sweep") == "0.1.0"
    assert shlex.split(pip_command("arrow")) == [sys.executable, "-m", "pip", "install", *words]


def test_a_journal_that_cannot_be_read_is_not_taken_for_the_csv_file(tmp_path: Path) -> None:
    study = sweep(({}, "x" * 1000, "success"), folder=tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="gone/journal"):
        study.to_csv(tmp_path / "table.csv")


def test_a_csv_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere/table\.csv cannot be written: No such file or directory"):
        sweep().to_csv(tmp_path / "nowhere" / "table.csv")
