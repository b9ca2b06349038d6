"""What the commands print, as functions of what they are given."""

import os
import subprocess
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.commandline.alarm import Alarm
from multirun.commandline.byhand import in_a_shell, quote
from multirun.commandline.ending import fold, read_ending
from multirun.commandline.finding import split_words
from multirun.commandline.layout import lay_out
from multirun.commandline.paper import shortest
from multirun.commandline.show import describe
from multirun.replay import Replay

WIDE = 10_000

# -------------------------------------------------------------------------------------------------- tables

ROWS: list[dict[str, Any]] = [
    {"index": 0, "x": 0.5, "mode": "fast", "same": 1, "y": 1 / 3, "status": "success", "none": None},
    {"index": 10, "x": 12, "mode": "slow and " + "long " * 10, "same": 1, "status": "failure", "none": None},
]
COLUMNS = ["index", "x", "mode", "same", "y", "none", "status"]
KEPT = ("index", "status")


def lines_of(room: int, rows: list[dict[str, Any]] = ROWS) -> list[str]:
    table = lay_out(COLUMNS, rows, room, KEPT)
    return [table.header, *table.lines]


def test_numbers_stand_to_the_right_and_texts_to_the_left() -> None:
    rows = [{**ROWS[0]}, {**ROWS[1], "mode": "slow"}]
    assert lines_of(WIDE, rows) == [
        "index    x  mode  same         y  status",
        "    0  0.5  fast     1  0.333333  success",
        "   10   12  slow     1         -  failure",
    ]


def test_what_does_not_fit_goes_in_order() -> None:
    widths = [max(map(len, lines_of(room))) for room in (WIDE, 80, 60, 50, 40, 20)]
    assert widths[0] > 80
    assert all(width <= room for width, room in zip(widths[1:], (80, 60, 50, 40, 20), strict=True))
    assert lay_out(COLUMNS, ROWS, 61, KEPT).hidden == []
    assert "..." in lines_of(61)[2]
    assert lay_out(COLUMNS, ROWS, 55, KEPT).hidden == ["same"]
    assert lay_out(COLUMNS, ROWS, 45, KEPT).hidden == ["same", "y"]
    assert lay_out(COLUMNS, ROWS, 5, KEPT).hidden == ["x", "mode", "same", "y"]


def test_a_table_without_rows_has_all_its_columns() -> None:
    assert lines_of(WIDE, []) == ["index  x  mode  same  y  none  status"]


def test_no_text_of_a_user_gives_orders_to_a_terminal() -> None:
    table = lay_out(["a\x1b[2J", "b"], [{"a\x1b[2J": "\x1b[2J\n", "b": ["\x07"]}], WIDE)
    assert all(line.isprintable() for line in [table.header, *table.lines])


CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=40), st.lists(st.integers(), max_size=3))


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS), max_size=5), st.integers(0, 120))
def test_any_table_can_be_laid_out(rows: list[dict[str, Any]], room: int) -> None:
    table = lay_out(COLUMNS, rows, room, KEPT)
    assert len(table.lines) == len(rows)
    assert all(line.isprintable() for line in table.lines)
    assert not set(KEPT) & set(table.hidden)


# ------------------------------------------------------------------------------------------- ends of files


def ending(folder: Path, data: bytes, count: int = 3) -> tuple[list[str], bool]:
    path = folder / "stdout.log"
    path.write_bytes(data)
    found = read_ending(str(path), count)
    assert found.size == len(data)
    return found.lines, found.whole


@pytest.mark.parametrize(
    ("data", "lines", "whole"),
    [
        (b"", [], True),
        (b"a", ["a"], True),
        (b"a\n", ["a"], True),
        (b"\n", [""], True),
        (b"a\nb\nc\n", ["a", "b", "c"], True),
        (b"a\nb\nc\nd", ["b", "c", "d"], False),
        (b"10%\r50%\r100%\nend\r\n", ["100%", "end"], True),
        (b"\x1b[31mred\x1b[0m\tb\n", ["\\x1b[31mred\\x1b[0m\\tb"], True),
        (b"\xff\n", ["\ufffd"], True),
    ],
)
def test_the_last_lines(tmp_path: Path, data: bytes, lines: list[str], whole: bool) -> None:
    if b"\t" in data:
        lines = [fold(data.decode().rstrip("\n"))]
        assert "\t" not in lines[0]
        assert "\x1b" not in lines[0]
    assert ending(tmp_path, data) == (lines, whole)


def test_of_a_large_file_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 34)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    found = read_ending(str(path), 3)
    assert (found.lines, found.whole) == (["last"], False)
    assert ending(tmp_path, b"x" * 100_000)[1] is False


def test_where_there_is_no_file_there_are_no_lines(tmp_path: Path) -> None:
    assert read_ending(str(tmp_path / "none"), 3) == ([], True, None)


# -------------------------------------------------------------------------------------------------- shells


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10), min_size=1))
def test_words_come_through_a_shell_as_they_are(words: list[str]) -> None:
    line = in_a_shell(["printf", r"%s\0", *words])
    assert line.replace("\n", "").isprintable()
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == b"".join(os.fsencode(word) + b"\0" for word in words)


def test_any_shell_takes_words_of_several_lines() -> None:
    word = "first\nsecond 'quoted' $HOME"
    done = subprocess.run(["sh", "-c", in_a_shell(["printf", "%s", word])], capture_output=True, text=True, check=True)
    assert done.stdout == word


def test_bytes_that_are_no_text_come_through_too() -> None:
    data = b"a\xff"
    done = subprocess.run(["bash", "-c", f"printf %s {quote(os.fsdecode(data))}"], capture_output=True, check=True)
    assert done.stdout == data


# --------------------------------------------------------------------------------------------------- words


def test_which_word_is_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("3", "x=1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sweep.json").touch()
    monkeypatch.chdir(tmp_path)
    assert split_words([]) == (None, [])
    assert split_words(["17", "18"]) == (None, ["17", "18"])
    assert split_words(["3"]) == (None, ["3"])
    assert split_words(["./3"]) == ("./3", [])
    assert split_words(["3", "17"]) == ("3", ["17"])
    assert split_words(["x=1", "17"]) == ("x=1", ["17"])
    assert split_words(["x=2", "17"]) == (None, ["x=2", "17"])
    assert split_words(["study", "17", "x=1"]) == ("study", ["17", "x=1"])


def test_paths_are_as_short_as_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shortest(str(tmp_path / "study" / "runs")) == "study/runs"
    assert shortest(str(tmp_path)) == "."
    assert shortest(str(tmp_path / "-study")) == "./-study"
    assert shortest(str(tmp_path.parent)) == str(tmp_path.parent)


def test_a_run_of_the_sample_is_described() -> None:
    sample = Path(__file__).parents[1] / "contracts" / "samples" / "v1"
    replay = Replay(str(sample))
    for run in replay.runs():
        lines = list(describe(replay, run))
        assert lines[0].startswith(f"run {run.index} in ")
        assert all("\x1b" not in line for line in lines)


# ----------------------------------------------------------------------------------------------- the alarm


def test_the_alarm_rings_at_a_change_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.touch()
    alarm = Alarm()
    try:
        alarm.watch(str(tmp_path / "none"))
        alarm.watch(str(file))
        alarm.watch(str(tmp_path))
        assert not alarm.wait(0.05)
        for change in (lambda: file.write_text("more"), (tmp_path / "new").touch):
            change()
            assert alarm.wait(20)
            while alarm.wait(0):
                pass
    finally:
        alarm.close()
