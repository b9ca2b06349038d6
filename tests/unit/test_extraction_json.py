"""Rules that look for keys in JSON."""

import json
import math
from typing import Any

import pytest
from tests.unit.rules import RunDir

from multirun.extraction.sources import LARGEST_JSON, look_up

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
