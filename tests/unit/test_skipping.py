"""Which runs need not be executed: what is asked, what files must hold, and what is said of other wishes."""

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.requested import inspect

from multirun.run import Run
from multirun.skipping import ask, parse_skip_if

HERE = Path("/sweep/runs/000003")


class _Home:
    def directory(self, index: int) -> str:
        return str(HERE)

    def load_results(self, run: Run) -> Any:
        return None


def why(given: object, **params: Any) -> str | None:
    return parse_skip_if(given)(params, HERE)


# ------------------------------------------------------------------------------------------------ functions


@pytest.mark.parametrize(
    ("said", "reason"), [(True, "skip_if says so"), ("done by hand", "done by hand"), (1, "skip_if says so")]
)
def test_a_function_says_whether_and_why(said: object, reason: str) -> None:
    assert why(lambda params, directory: said) == reason


@pytest.mark.parametrize("said", [False, None, "", 0, []])
def test_a_function_says_no(said: object) -> None:
    assert why(lambda params, directory: said) is None


def test_a_function_is_given_parameters_and_directory() -> None:
    assert why(lambda params, directory: f"{params['x']} in {directory}", x=3) == f"3 in {HERE}"


# ---------------------------------------------------------------------------------------------------- rules


def test_every_rule_must_find_its_value(tmp_path: Path) -> None:
    (tmp_path / "3.json").write_text(json.dumps({"final": {"energy": 1.5}}))
    (tmp_path / "3.log").write_text("step 1\nfinished\n")
    (tmp_path / "3.csv").write_text("t,x\n0,1\n1,2\n")
    rules = [
        {"json": f"{tmp_path}/{{x}}.json", "key": "final.energy", "type": "float"},
        {"file": f"{tmp_path}/{{x}}.log", "regex": "^finished$"},
        {"csv": tmp_path / "{x}.csv", "column": "x", "take": "last", "min": 2},
    ]
    reason = why(rules, x=3)
    assert reason == f"complete already: {tmp_path}/3.json, {tmp_path}/3.log, {tmp_path}/3.csv"
    assert why(rules, x=4) is None
    for name in ("3.json", "3.log", "3.csv"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        assert why(rules, x=3) is None, f"{name} is missing"
        (tmp_path / name).write_bytes(content)
    assert why(rules, x=3) is not None


def test_a_half_written_file_never_counts(tmp_path: Path) -> None:
    """Whatever part of it is there."""
    whole = json.dumps({"energy": 1.5, "steps": [1, 2, 3]}).encode()
    for rule in ({"json": tmp_path / "out.json"}, {"json": tmp_path / "out.json", "key": "energy"}):
        for length in range(len(whole)):
            (tmp_path / "out.json").write_bytes(whole[:length])
            assert why([rule]) is None, f"{length} bytes of {len(whole)} count as complete"
        (tmp_path / "out.json").write_bytes(whole)
        assert why([rule]) is not None


def test_values_out_of_bounds_do_not_count(tmp_path: Path) -> None:
    rule = {"json": tmp_path / "out.json", "key": "energy", "max": 0, "finite": True}
    for text, counts in (('{"energy": -1}', True), ('{"energy": 1}', False), ('{"energy": NaN}', False), ("{}", False)):
        (tmp_path / "out.json").write_text(text)
        assert (why([rule]) is not None) == counts, text


def test_relative_paths_are_those_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "1.json").write_text("1")
    (tmp_path / "calls").mkdir()
    monkeypatch.chdir(tmp_path / "calls")
    skip_if = parse_skip_if([{"json": "../done/{x}.json"}])
    monkeypatch.chdir("/")
    assert skip_if({"x": 1}, HERE) == f"complete already: {tmp_path}/done/1.json"


def test_a_parameter_may_be_the_path(tmp_path: Path) -> None:
    (tmp_path / "a b{c}.json").write_text("1")
    assert why([{"json": "{target}"}], target=tmp_path / "a b{c}.json") is not None


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_does_not_count(tmp_path: Path, kind: str) -> None:
    if kind == "folder":
        (tmp_path / "out").mkdir()
    else:
        os.mkfifo(tmp_path / "out")
    assert why([{"json": tmp_path / "out"}]) is None


# ------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "out.json",
            "skip_if: 'out.json' is only a path, and a file that exists may be half written; say what is in it",
        ),
        (Path("out.json"), "is only a path"),
        (["out.json"], "skip_if: rule 1: 'out.json' is only a path"),
        ([{"json": "a"}, Path("b")], "skip_if: rule 2: "),
        ({"json": "out.json"}, "is neither a function nor a list of rules; write something like [{'json'"),
        (3, "3 is neither a function nor a list of rules"),
        ([], "there is no rule in it"),
        ([3], "rule 1 is 3, which names no file"),
        ([{"stdout": "x"}], "which names no file"),
        ([{"json": ""}], "which names no file"),
        ([{"json": "a", "kye": "b"}], "did you mean 'key'?"),
        ([{"file": "a"}], "'rule 1' has no 'regex'"),
        ([{"file": "a", "regex": "("}], "which is wrong"),
        ([{"json": "a", "optional": True}], "has 'optional', but"),
    ],
)
def test_what_is_wrong(given: object, words: str) -> None:
    (mistake,) = inspect(skip_if=given)[1]
    assert mistake.startswith("skip_if: ")
    assert words in mistake


def test_all_mistakes_at_once() -> None:
    assert len(inspect(skip_if=["a", {"file": "b"}, 3])[1]) == 3


# ---------------------------------------------------------------------------------------------- asking them


def test_what_a_function_raises_names_the_run() -> None:
    def broken(params: dict[str, Any], directory: Path) -> bool:
        raise KeyError("y")

    with pytest.raises(KeyError) as raised:
        asyncio.run(ask(parse_skip_if(broken), Run(3, {"x": 1}, _Home()), print))
    assert raised.value.__notes__ == ["skip_if raised this for run 3 (x=1)"]


def test_a_lack_of_descriptors_only_makes_it_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multirun.skipping._AGAIN_S", 0.0)
    lacks, notices = [OSError(errno.EMFILE, "Too many open files")] * 2, []

    def look(params: dict[str, Any], directory: Path) -> str:
        if lacks:
            raise lacks.pop()
        return "done"

    said = asyncio.run(ask(parse_skip_if(look), Run(3, {}, _Home()), lambda *told: notices.append(told)))
    assert said == "done"
    assert notices == [(3, "skip_if waits: Too many open files"), (3, None)] * 2


def test_a_function_cannot_change_the_parameters() -> None:
    run = Run(3, {"x": 1}, _Home())
    asyncio.run(ask(parse_skip_if(lambda params, _: params.clear()), run, print))
    assert run.params == {"x": 1}
