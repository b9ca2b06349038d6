"""How two definitions differ: what matters is told, what does not is left out."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from multirun.definition import Definition, Input, Options, Rules
from multirun.differences import compare, compare_inputs, diff
from multirun.extraction import Extraction

COPY = Input("data.txt", "copy", "/a/data.txt", "file", "ab" * 32, 10)
LINK = Input("raw", "link", "/a/raw", "file", None, 10, 1_700_000_000_000_000_000)
MINUTE = f"{datetime.fromtimestamp(1_700_000_000).astimezone():%Y-%m-%d %H:%M}"
RULE = Extraction("energy", "json", "out.json", "final.energy", type="float")
BASE = Definition("id", "name", ("run", "{x}"), {"A": "1"}, (COPY, LINK), Rules(results=(RULE,)))


SAME: dict[str, dict[str, Any]] = {
    "nothing": {},
    "id": {"id": "other"},
    "name": {"name": "other"},
    "options": {"options": Options(timeout_s=3.0, nice=2, keep_directory=True)},
    "provenance": {"provenance": {"user": "ada"}},
    "snapshot": {"snapshot": 4},
    "where a copy came from": {"inputs": (replace(COPY, source="/b/data.txt"), LINK)},
    "order of inputs": {"inputs": (LINK, COPY)},
    "order of variables": {"env": {"A": "1"}},
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_may_change(change: dict[str, Any]) -> None:
    assert compare(BASE, replace(BASE, **change)) == []


OTHER: dict[str, tuple[dict[str, Any], list[str]]] = {
    "command": ({"command": ("run", "a b")}, ["cmd: was run '{x}', is now run 'a b'"]),
    "shell": (
        {"command": ("sh", "-c", "run {x}"), "shell": True},
        ["cmd: was run '{x}', is now 'run {x}' in a shell"],
    ),
    "variables": (
        {"env": {"B": "2"}},
        ["env A: was '1', is now nothing", "env B: was nothing, is now '2'"],
    ),
    "variable": ({"env": {"A": "2"}}, ["env A: was '1', is now '2'"]),
    "standard input": ({"stdin": "data.txt"}, ["stdin: was nothing, is now 'data.txt'"]),
    "codes": (
        {"rules": Rules(success_codes=(0, 1), results=(RULE,))},
        ["success_codes: was (0,), is now (0, 1)"],
    ),
    "keys": (
        {"rules": Rules(results_required=True, required_keys=("a",), results=(RULE,))},
        ["required_results: was False, is now True", "required_results: was (), is now ('a',)"],
    ),
    "no rule": (
        {"rules": Rules()},
        ["results 'energy': was {'json': 'out.json', 'key': 'final.energy', 'type': 'float'}, is now nothing"],
    ),
    "content": (
        {"inputs": (replace(COPY, digest="cd" * 32), LINK)},
        [("input data.txt: was copy file of 10 bytes, SHA-256 abababababab…, "
         "is now copy file of 10 bytes, SHA-256 cdcdcdcdcdcd…")],
    ),
    "size": (
        {"inputs": (replace(COPY, digest="cd" * 32, size=11), LINK)},
        ["input data.txt: was copy file of 10 bytes, is now copy file of 11 bytes"],
    ),
    "linkage": (
        {"inputs": (replace(COPY, linkage="shared"), LINK)},
        ["input data.txt: was copy file of 10 bytes, is now shared file of 10 bytes"],
    ),
    "time of a link": (
        {"inputs": (COPY, replace(LINK, mtime_ns=1_700_000_001_500_000_000))},
        [(f"input raw: was link file of 10 bytes, /a/raw changed at {MINUTE}:20.000000000, "
         f"is now link file of 10 bytes, /a/raw changed at {MINUTE}:21.500000000")],
    ),
    "target of a link": (
        {"inputs": (COPY, replace(LINK, source="/b/raw"))},
        [(f"input raw: was link file of 10 bytes, /a/raw changed at {MINUTE}:20.000000000, "
         f"is now link file of 10 bytes, /b/raw changed at {MINUTE}:20.000000000")],
    ),
    "one input less": ({"inputs": (COPY,)}, ["input raw: was link file of 10 bytes, is now nothing"]),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), OTHER.values(), ids=OTHER)
def test_what_has_to_be_the_same(change: dict[str, Any], told: list[str]) -> None:
    assert [str(each) for each in compare(BASE, replace(BASE, **change))] == told


def test_inputs_that_differ_are_named() -> None:
    now = replace(BASE, env={}, inputs=(replace(COPY, digest="00"),))
    assert [each.input for each in compare(BASE, now)] == [None, "data.txt", "raw"]
    assert [each.input for each in compare_inputs((), (COPY,))] == ["data.txt"]


def test_differences_are_shown_one_below_the_other() -> None:
    found = compare(BASE, replace(BASE, command=("walk",), env={}))
    assert diff(found) == "  cmd\n    - run '{x}'\n    + walk\n  env A\n    - '1'\n    + nothing"
