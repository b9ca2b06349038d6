"""What a program leaves behind when it calls `postRunResults` in a run."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.rundirectory import GRANDCHILD, RunDirectory, load_pickle, succeed
from tests.unit.sameness import ODD, same

from multirun.child import postRunResults
from multirun.encoding import decode_document

# ------------------------------------------------------------------------------------ postRunResults


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_odd_values_are_posted_exactly(inside: RunDirectory, value: Any) -> None:
    postRunResults(value)
    assert same(decode_document(inside.posted()), value)
    postRunResults({"x": value})
    assert same(decode_document(inside.posted()), {"x": value})
    assert inside.names() == ["results.json"]


@pytest.mark.parametrize(
    "code",
    [
        "postRunResults({'y': 2})",
        "import os; os.chdir('/'); postRunResults({'y': 2})",
        GRANDCHILD.format(code="from multirun.child import *; postRunResults({'y': 2})"),
        "import os; pid = os.fork(); pid or postRunResults({'y': 2}); pid and os.waitpid(pid, 0)",
        "import threading; t = threading.Thread(target=postRunResults, args=({'y': 2},)); t.start(); t.join()",
        "postRunResults({'x': 1}); postRunResults({'y': 2})",
    ],
    ids=["child", "after chdir", "grandchild", "fork", "thread", "twice"],
)
def test_results_are_posted_wherever_the_program_is(run: RunDirectory, code: str) -> None:
    succeed(run.run(code))
    assert run.results.read_text() == '{"y": 2}\n'
    assert run.names() == ["results.json"]


def test_the_file_obeys_the_umask(run: RunDirectory) -> None:
    succeed(run.run("import os; os.umask(0o027); postRunResults(1)"))
    assert stat.S_IMODE(run.results.stat().st_mode) == 0o640


def test_a_link_is_replaced_and_its_target_left_alone(inside: RunDirectory, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    inside.results.symlink_to(target)
    postRunResults(1)
    assert target.read_text() == "mine"
    assert inside.posted() == 1


def test_a_fifo_in_the_place_of_the_results_is_replaced(inside: RunDirectory) -> None:
    os.mkfifo(inside.results)
    postRunResults(1)
    assert inside.posted() == 1


class Recorder:
    """Notes what happens to files, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        self._fsync, self._rename, self._unlink = os.fsync, os.rename, os.unlink
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "rename", self.rename)
        monkeypatch.setattr(os, "unlink", self.unlink)

    def fsync(self, descriptor: int) -> None:
        self.events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        self._fsync(descriptor)

    def rename(self, source: str, target: str) -> None:
        assert os.path.getsize(source) > 0
        self.events.append(f"name {Path(target).suffix}")
        self._rename(source, target)

    def unlink(self, path: str) -> None:
        self.events.append(f"remove {Path(path).suffix}")
        self._unlink(path)


def test_everything_is_on_the_disk_before_it_has_its_name(
    inside: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(monkeypatch)
    publish = ["sync file", "name .json", "sync folder"]
    publish_pickle = ["sync file", "sync file", "name .pkl", "sync folder", "name .json", "sync folder"]
    postRunResults({"x": 1})
    assert recorder.events == publish
    recorder.events.clear()
    postRunResults({"f": np.zeros(2)})
    assert recorder.events == publish_pickle
    recorder.events.clear()
    postRunResults({"f": np.zeros(3)})
    assert recorder.events == [*publish_pickle, "remove .pkl"]


# ------------------------------------------------------------------------------------------ pickles


def test_what_json_cannot_hold_is_pickled_beside_an_excerpt(inside: RunDirectory) -> None:
    postRunResults({"energy": (1.5,), "field": np.arange(3), "fit": {"error": 0.1, "model": len}})
    document = inside.posted()
    assert list(document) == ["energy", "fit", "$pickle", "$pickled"]
    assert document["energy"] == [1.5]
    assert document["fit"] == {"error": 0.1}
    assert document["$pickled"] == ["field", "fit"]
    loaded = load_pickle(inside)
    assert loaded["energy"] == (1.5,)
    assert loaded["field"].tolist() == [0, 1, 2]
    assert len(inside.names()) == 2


@pytest.mark.parametrize("value", [np.zeros(3), [object], len, {1: np.zeros(1)}], ids=["array", "list", "call", "map"])
def test_other_pickles_have_no_excerpt(inside: RunDirectory, value: Any) -> None:
    postRunResults(value)
    assert list(inside.posted()) == ["$pickle", "$pickled"]
    assert inside.posted()["$pickled"] == []
    assert type(load_pickle(inside)) is type(value)


def test_keys_of_ours_are_only_in_the_pickle(inside: RunDirectory) -> None:
    value = {"$pickle": 1, "$pickled": 2, "$typed": 3, "$value": 4, "a": 5, "f": len}
    postRunResults(value)
    document = inside.posted()
    assert list(document) == ["a", "$pickle", "$pickled"]
    assert sorted(document["$pickled"]) == ["$pickle", "$pickled", "$typed", "$value", "f"]
    assert load_pickle(inside) == value


def test_functions_and_classes_of_the_program_itself_can_be_posted(run: RunDirectory) -> None:
    succeed(run.run("class Mine:\n    x = 5\nk = 3\npostRunResults({'f': lambda x: x + k, 'm': Mine()})"))
    loaded = load_pickle(run)
    assert loaded["f"](1) == 4
    assert loaded["m"].x == 5


def test_without_cloudpickle_there_is_pickle(run: RunDirectory) -> None:
    succeed(run.run("import sys; sys.modules['cloudpickle'] = None; postRunResults({'f': [len, slice(1)]})"))
    assert load_pickle(run) == {"f": [len, slice(1)]}


def test_a_large_pickle_is_complete(inside: RunDirectory) -> None:
    field = np.arange(300_000)
    postRunResults({"f": field})
    assert (load_pickle(inside)["f"] == field).all()


def test_the_pickle_nothing_refers_to_any_more_is_removed(inside: RunDirectory) -> None:
    def pickles() -> list[str]:
        return [name for name in inside.names() if name.endswith(".pkl")]

    postRunResults({"f": np.zeros(1)})
    first = pickles()
    postRunResults({"f": np.zeros(1)})
    assert pickles() == first
    postRunResults({"f": np.ones(1)})
    assert len(pickles()) == 1
    assert pickles() != first
    assert load_pickle(inside)["f"].tolist() == [1]
    postRunResults({"x": 1})
    assert inside.names() == ["results.json"]


@pytest.mark.parametrize(
    "earlier",
    [
        '{"$pickle": "params.json"}',
        '{"$pickle": "../keep"}',
        '{"$pickle": 3}',
        '"$pickle"',
        '["$pickle"]',
        '{"$pickle": ',
        '{"$pickle": "keep"}',
    ],
)
def test_only_our_own_pickles_are_ever_removed(inside: RunDirectory, earlier: str) -> None:
    for keep in (inside.path / "keep", inside.path.parent / "keep"):
        keep.write_text("mine")
    inside.results.write_text(earlier)
    postRunResults({"x": 1})
    assert inside.names() == ["keep", "results.json"]
    assert (inside.path.parent / "keep").exists()
    assert inside.params.exists()
