"""What the launcher sees of posted results, whatever a program in any language left there."""

import hashlib
import json
import math
import os
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from multirun.contract import INLINE_RESULTS_BYTES
from multirun.encoding import decode_document, dumps, encode_document
from multirun.posted import NOTHING, PARSED_BYTES, Posted, excerpt, journal_fields, lacking_keys, read_posted

PICKLE_NAME = f"results-{'ab' * 32}.pkl"
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class RunDir:
    """The directory of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results = path / "results.json"

    def post(self, data: bytes | str) -> Posted:
        self.results.write_bytes(data.encode() if isinstance(data, str) else data)
        return self.look()

    def look(self) -> Posted:
        return read_posted(str(self.path))


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


def posted(document: Any, size: int = 100) -> Posted:
    return Posted(found=True, document=document, size=size, digest="d")


# -------------------------------------------------------------------------------------------------- read


@pytest.mark.parametrize(
    ("data", "document"),
    [
        ("{}", {}),
        ("null", None),
        ("0", 0),
        ('"text"', "text"),
        (' {"x": [1, 2.5, null, true]} \n', {"x": [1, 2.5, None, True]}),
        (b'\xef\xbb\xbf{"x": 1}', {"x": 1}),
        ('{"x": 1}'.encode("utf-16"), {"x": 1}),
        ('{"η": "ü"}', {"η": "ü"}),
        ('{"x": 1, "x": 2}', {"x": 2}),
        ('{"$pickled": 5}', {"$pickled": 5}),
        ('{"$pickle": null}', {"$pickle": None}),
        ("[" * 400 + "]" * 400, json.loads("[" * 400 + "]" * 400)),
        ("[" + "[]," * 1000 + "[]]", [[]] * 1001),
    ],
)
def test_any_json_is_read(run_dir: RunDir, data: bytes | str, document: object) -> None:
    found = run_dir.post(data)
    raw = data.encode() if isinstance(data, str) else data
    assert found == Posted(True, document, len(raw), hashlib.sha256(raw).hexdigest(), None)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"{", "is no valid JSON: Expecting property name"),
        (b'{"x": 1', "is no valid JSON: Expecting ',' delimiter"),
        (b'{"x": 1} x', "is no valid JSON: Extra data"),
        (b"\0" * 10, "is no valid JSON: "),
        (b'{"x": "\xff"}', "is no valid JSON: 'utf-8' codec"),
        (b"9" * 5000, "is no valid JSON: Exceeds the limit"),
        (b"x" * 10, "is no valid JSON: Expecting value"),
        (b"[" * 401 + b"]" * 401, "is nested deeper than 400 levels"),
        (b'{"x":' * 401 + b"1" + b"}" * 401, "is nested deeper than 400 levels"),
        (b"[" * 100_000 + b"]" * 100_000, "is nested deeper than 400 levels"),
        (b'{"$pickle": 5}', "names 5 as its pickle, which postRunResults never does"),
        (b'{"$pickle": "../../evil.pkl"}', "names '../../evil.pkl' as its pickle"),
        (b'{"$pickle": ["x"]}', "names ['x'] as its pickle"),
        (f'{{"$pickle": "{PICKLE_NAME}"}}'.encode(), f"refers to {PICKLE_NAME}, which is missing"),
    ],
)
def test_damage_is_reported_as_damage(run_dir: RunDir, data: bytes, problem: str) -> None:
    found = run_dir.post(data)
    assert found.found
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert str(found.problem).startswith(f"results.json {problem}")
    assert journal_fields(found) == {}


def test_nothing_is_nothing(run_dir: RunDir) -> None:
    assert run_dir.look() == NOTHING
    assert not NOTHING.found


def test_a_link_that_leads_nowhere_is_nothing(run_dir: RunDir) -> None:
    run_dir.results.symlink_to("nowhere")
    assert run_dir.look() == NOTHING


def test_a_link_to_a_file_is_as_good_as_the_file(run_dir: RunDir) -> None:
    (run_dir.path / "other.json").write_text("[1]")
    run_dir.results.symlink_to("other.json")
    assert run_dir.look().document == [1]


def odd_things(run_dir: RunDir) -> Iterator[tuple[str, str]]:
    """Put one thing after another in place of the results; say what it is and what is to be said about it."""
    run_dir.results.mkdir()
    yield "folder", "results.json cannot be read: Is a directory"
    run_dir.results.rmdir()
    os.mkfifo(run_dir.results)
    yield "fifo", "results.json is no regular file"
    holder = os.open(run_dir.results, os.O_RDWR)
    yield "fifo with a writer that says nothing", "results.json is no regular file"
    os.close(holder)
    for device in ("/dev/null", "/dev/zero"):
        run_dir.results.unlink()
        run_dir.results.symlink_to(device)
        yield device, "results.json is no regular file"
    run_dir.results.unlink()
    run_dir.results.symlink_to("results.json")
    yield "loop", "results.json cannot be read: Too many levels of symbolic links"
    run_dir.results.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(run_dir.results))
        yield "socket", "results.json cannot be read: No such device or address"


def test_whatever_lies_in_place_of_the_file_is_damage_and_holds_nobody_up(run_dir: RunDir) -> None:
    for what, problem in odd_things(run_dir):
        found: list[Posted] = []
        reader = threading.Thread(target=lambda: found.append(run_dir.look()), daemon=True)  # noqa: B023 - joined here
        reader.start()
        reader.join(10)
        assert found, f"reading a {what} hangs"
        assert found == [Posted(found=True, problem=problem)], what


def test_what_the_machine_lacks_is_no_damage(run_dir: RunDir) -> None:
    run_dir.results.write_text("{}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            run_dir.look()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert run_dir.look().document == {}


def test_huge_results_are_trusted_without_being_parsed(run_dir: RunDir) -> None:
    with run_dir.results.open("wb") as file:
        file.truncate(PARSED_BYTES + 1)
    found = run_dir.look()
    digest = hashlib.sha256(bytes(PARSED_BYTES + 1)).hexdigest()
    assert found == Posted(True, None, PARSED_BYTES + 1, digest, None)
    assert lacking_keys(found, ["any"]) == []
    assert journal_fields(found) == {"results_digest": digest, "results": {}, "results_complete": False}


def test_just_below_that_nothing_is_trusted(run_dir: RunDir) -> None:
    with run_dir.results.open("wb") as file:
        file.write(b"[")
        file.truncate(PARSED_BYTES)
    assert str(run_dir.look().problem).startswith("results.json is no valid JSON")
    assert lacking_keys(posted({}, PARSED_BYTES), ["any"]) == ["any"]


def test_a_pickle_must_be_a_file_and_is_never_loaded(run_dir: RunDir) -> None:
    pickled = run_dir.path / PICKLE_NAME
    text = json.dumps({"shown": 1, "$pickle": PICKLE_NAME, "$pickled": ["hidden"]})
    pickled.symlink_to("nowhere")
    assert run_dir.post(text).problem == f"results.json refers to {PICKLE_NAME}, which is missing"
    pickled.unlink()
    pickled.write_bytes(b"cos\nabort\n(tR.")
    found = run_dir.post(text)
    assert found.problem is None
    assert journal_fields(found)["results"] == json.loads(text)


# ---------------------------------------------------------------------------------------- in the journal


@given(DOCUMENTS)
@example({"a": (1, 2), "word": "NaN"})
@example({"$typed": {"x": 1}, "x": math.inf, "word": "-Infinity"})
@example({"$value": math.nan})
@example([math.nan, {"x": -math.inf}])
def test_small_results_come_back_from_the_journal_as_from_the_file(value: object) -> None:
    stored = dumps(encode_document(value))
    fields = journal_fields(posted(json.loads(stored), len(stored)))
    if "results_complete" not in fields:
        text = json.dumps(fields["results"], allow_nan=False)
        assert repr(decode_document(json.loads(text))) == repr(decode_document(json.loads(stored)))


@given(DOCUMENTS)
def test_a_program_in_any_language_may_write_nan(document: object) -> None:
    fields = journal_fields(posted(json.loads(json.dumps(document))))
    text = json.dumps(fields["results"], allow_nan=False)
    if "results_complete" not in fields:
        assert repr(decode_document(json.loads(text))) == repr(json.loads(json.dumps(document)))


def test_numbers_beyond_floats_are_kept() -> None:
    fields = journal_fields(posted(json.loads('{"x": 1e999, "y": [-1e999]}')))
    assert json.dumps(fields["results"], allow_nan=False)
    assert decode_document(fields["results"]) == {"x": math.inf, "y": [-math.inf]}


@pytest.mark.parametrize(
    "document",
    [
        {"$typed": {}, "x": math.nan},
        {"$pickle": None, "x": math.nan},
        {"x": math.nan, "y": json.loads("[" * 150 + "]" * 150)},
    ],
)
def test_where_nothing_can_stand_for_nan_an_excerpt_does(document: object) -> None:
    assert journal_fields(posted(document)) == {
        "results_digest": "d",
        "results": {"x": "nan"},
        "results_complete": False,
    }


def test_size_decides_between_value_and_excerpt() -> None:
    document = {"x": 1, "list": [1, 2]}
    assert journal_fields(posted(document, INLINE_RESULTS_BYTES)) == {"results_digest": "d", "results": document}
    assert journal_fields(posted(document, INLINE_RESULTS_BYTES + 1)) == {
        "results_digest": "d",
        "results": {"x": 1},
        "results_complete": False,
    }


def test_without_results_the_journal_says_nothing() -> None:
    assert journal_fields(NOTHING) == {}


@pytest.mark.parametrize(
    ("document", "budget", "kept"),
    [
        ([1, 2], 99, {}),
        ("text", 99, {}),
        (None, 99, {}),
        ({}, 99, {}),
        ({"a": 1, "b": [1], "c": "x", "d": None, "e": True}, 99, {"a": 1, "c": "x", "d": None, "e": True}),
        ({"a": {"b": {"c": 1, "d": [2]}}, "e": {"f": []}}, 99, {"a": {"b": {"c": 1}}}),
        ({"$typed": {"x": 1}, "$pickle": "p", "$pickled": ["y"], "x": 1, "$own": 2}, 99, {"x": 1, "$own": 2}),
        ({"a": {"$typed": 1}}, 99, {"a": {"$typed": 1}}),
        ({"$value": {"1": 2}, "$typed": {}}, 99, {"$value": {"1": 2}}),
        ({"big": "x" * 90, "small": 1}, 50, {"small": 1}),
        ({"a": {"x": "y" * 30, "z": 1}, "b": 2}, 40, {"a": {"z": 1}, "b": 2}),
        ({"a": {"x": "y" * 60}, "b": 2}, 100, {"a": {"x": "y" * 60}, "b": 2}),
        ({"x": math.nan, "y": -math.inf}, 99, {"x": "nan", "y": "-inf"}),
        ({"a": 1}, 0, {}),
        ({"a": 1}, 9, {}),
        ({"a": 1}, 10, {"a": 1}),
        ({"a": {"b": 1}}, 18, {}),
        ({"a": {"b": 1}}, 19, {"a": {"b": 1}}),
    ],
)
def test_an_excerpt_holds_the_leaves_that_fit(document: object, budget: int, kept: dict[str, Any]) -> None:
    assert excerpt(document, budget) == kept


def leaves(document: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, (*way, key))
        else:
            yield (*way, key), value


@given(st.dictionaries(st.text(), DOCUMENTS, max_size=5), st.integers(0, 200))
def test_an_excerpt_never_exceeds_its_budget_and_invents_nothing(document: dict[str, Any], budget: int) -> None:
    kept = excerpt(document, budget)
    assert len(json.dumps(kept, allow_nan=False)) <= max(budget, len("{}"))
    everything = dict(leaves(document))
    for way, value in leaves(kept):
        assert value == everything[way] or value == repr(everything[way])


@given(st.dictionaries(st.text().filter(lambda key: key[:1] != "$"), DOCUMENTS, max_size=5))
def test_with_room_enough_every_scalar_is_kept(document: dict[str, Any]) -> None:
    expected = [way for way, value in leaves(document) if not isinstance(value, list)]
    assert [way for way, _ in leaves(excerpt(document, 10**6))] == expected


# -------------------------------------------------------------------------------------------------- keys

RESULTS = {"energy": 0, "none": None, "final": {"step": 3, "x.y": 1}, "a.b": {"c.d": 1}, "list": [1], "$own": 1}


@pytest.mark.parametrize(
    "key", ["energy", "none", "final", "final.step", "final.x.y", "a.b", "a.b.c.d", "list", "$own"]
)
def test_keys_that_are_there(key: str) -> None:
    assert lacking_keys(posted(RESULTS), [key]) == []


@pytest.mark.parametrize(
    "key", ["Energy", "step", "final.", ".final", "final.x", "a", "a.b.c", "list.0", "energy.x", ""]
)
def test_keys_that_are_not(key: str) -> None:
    assert lacking_keys(posted(RESULTS), ["energy", key]) == [key]


@pytest.mark.parametrize("document", [None, 5, "energy", ["energy"], True])
def test_only_objects_have_keys(document: object) -> None:
    assert lacking_keys(posted(document), ["energy", "0"]) == ["energy", "0"]


def test_what_is_only_in_the_pickle_is_there() -> None:
    document = {"shown": {"a": 1}, "$pickle": PICKLE_NAME, "$pickled": ["model", "shown"]}
    assert lacking_keys(posted(document), ["model", "model.weights", "shown.b", "mode", "models", "x"]) == [
        "mode",
        "models",
        "x",
    ]


@pytest.mark.parametrize("pickled", [None, 5, "energy", {"energy": 1}, [], [5, None, ["energy"]]])
def test_what_only_looks_like_ours_confuses_nobody(pickled: object) -> None:
    assert lacking_keys(posted({"$pickled": pickled}), ["energy"]) == ["energy"]


def test_keys_are_found_in_a_map_that_json_cannot_hold_as_it_is() -> None:
    document = json.loads(dumps(encode_document({1: "one", "energy": 2})))
    assert lacking_keys(posted(document), ["energy", "1", "other"]) == ["other"]


def test_keys_are_found_beside_values_that_json_cannot_hold_as_they_are() -> None:
    document = json.loads(dumps(encode_document({"size": (1, 2), "energy": 2})))
    assert "$typed" in document
    assert lacking_keys(posted(document), ["energy", "size", "other"]) == ["other"]
    assert lacking_keys(posted({"$value": {"x": 1}}), ["x", "$value.x"]) == ["x"]
