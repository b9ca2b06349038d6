"""What rules found joins what a program posted, in whatever form that is stored."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.sameness import same
from tests.unit.test_posted import DOCUMENTS

from multirun.columns import leaves, unwrap
from multirun.encoding import decode_document, dumps, encode_document
from multirun.extraction import UnusableError
from multirun.extraction.merging import join, merge_results
from multirun.posted import lacking_keys, read_posted
from multirun.results import load_results

NAN = float("nan")
NAMES = st.text(min_size=1, max_size=5).filter(lambda name: name.isprintable() and name[0] != "$")
VALUES = st.dictionaries(
    NAMES, st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.floats()), max_size=4
)


def round_trip(document: object) -> Any:
    return json.loads(dumps(document))


@pytest.mark.parametrize(
    "posted",
    [
        {}, {"a": 1}, {"a": {"b": [1, 2]}, "c": None}, {"a": (1, 2)}, {"a": (1, 2), "b": 3}, {"a": NAN},
        {3: {4}, "a": (1,)}, {3: 1}, {"$typed": 1, "a": 2}, {"$value": (1,), "$extracted": 2}, {"b": {"$x": 1}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("values", [{"a": 5}, {"a": NAN, "z": math.inf}, {"z": [1, "x", None]}, {"é": "ü\ud800"}])
def test_a_map_comes_back_with_what_joined_it(posted: dict[Any, Any], values: dict[str, Any]) -> None:
    merged = round_trip(join(round_trip(encode_document(posted)), values))
    expected = {**posted, **values}
    found = decode_document(merged)
    assert isinstance(found, dict)
    assert same({str(key): found[key] for key in found}, {str(key): expected[key] for key in expected})
    shown = leaves(unwrap(merged))
    assert "z" not in values or ("z",) in shown
    assert not lacking_keys(_posted(merged), list(values))


def _posted(document: Any) -> Any:
    from multirun.posted import Posted

    return Posted(found=True, document=document, size=10)


@given(st.dictionaries(NAMES, DOCUMENTS, max_size=4), VALUES)
def test_any_map_that_any_language_wrote(posted: dict[str, Any], values: dict[str, Any]) -> None:
    written = json.loads(json.dumps(posted))
    found = decode_document(round_trip(join(written, values)))
    assert same(found, {**written, **values})


@given(VALUES, VALUES, VALUES)
def test_joining_twice_is_joining_all(posted: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> None:
    twice = join(round_trip(join(round_trip(encode_document(posted)), first)), second)
    assert same(decode_document(round_trip(twice)), {**posted, **first, **second})


@pytest.mark.parametrize(
    "posted",
    [None, 5, "text", [1], True, (1, 2), {1, 2}, [NAN], NAN, b"x"],
)
def test_what_has_no_names_cannot_be_joined(posted: object) -> None:
    with pytest.raises(UnusableError, match=r"results\.json holds something else than a map of names"):
        join(round_trip(encode_document(posted)), {"a": 1})


@pytest.mark.parametrize("document", [{"$typed": 5}, {"$value": 1, "$typed": {"$value": 5}},
                                      {"$value": 1, "$typed": {"$value": {"$dict": 5}}}])  # fmt: skip
def test_damage_is_not_joined(document: dict[str, Any]) -> None:
    with pytest.raises(UnusableError):
        join(document, {"a": 1})


# ------------------------------------------------------------------------------------------------ on disk


def post(run_dir: Path, code: str) -> None:
    """Post results as a program does."""
    program = f"from multirun import postRunResults\nimport collections\n{code}"
    variables = {"MULTIRUN_RESULTS": str(run_dir / "results.json"), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", program], env=variables, check=True)


def merge(run_dir: Path, values: dict[str, Any]) -> Any:
    merge_results(str(run_dir), read_posted(str(run_dir)), values)
    return load_results(str(run_dir))


def test_a_pickle_and_rules(tmp_path: Path) -> None:
    post(tmp_path, "postRunResults({'size': 3, 'words': collections.Counter('aab'), 'c': collections.Counter('x')})")
    found = merge(tmp_path, {"energy": NAN, "size": 4, "c": 1})
    assert math.isnan(found.pop("energy"))
    assert found == {"size": 4, "words": {"a": 2, "b": 1}, "c": 1}
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["$pickled"] == ["words"]
    assert unwrap(document) == {"size": 4, "words": {"a": 2, "b": 1}, "energy": "nan", "c": 1}
    posted = read_posted(str(tmp_path))
    assert posted.problem is None
    assert lacking_keys(posted, ["energy", "size", "c", "words", "words.a"]) == []
    assert merge(tmp_path, {"energy": 2})["size"] == 4  # what joined earlier stays


def test_a_pickled_map_that_counts_is_not_added_to(tmp_path: Path) -> None:
    post(tmp_path, "postRunResults(collections.Counter('aab'))")
    assert merge(tmp_path, {"a": 7}) == {"a": 7, "b": 1}


@pytest.mark.parametrize("value", ["collections.deque([1])", "{5: collections.deque()}"])
def test_a_pickle_without_names_cannot_be_joined(tmp_path: Path, value: str) -> None:
    post(tmp_path, f"postRunResults({value})")
    before = (tmp_path / "results.json").read_bytes()
    with pytest.raises(UnusableError):
        merge(tmp_path, {"a": 1})
    assert (tmp_path / "results.json").read_bytes() == before


def test_nothing_found_changes_nothing(tmp_path: Path) -> None:
    merge_results(str(tmp_path), read_posted(str(tmp_path)), {})
    assert list(tmp_path.iterdir()) == []


def test_nothing_posted(tmp_path: Path) -> None:
    assert merge(tmp_path, {"a": 1, "b": None}) == {"a": 1, "b": None}
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_large_results_are_joined_too(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps({"pad": "x" * (17 << 20)}))
    assert merge(tmp_path, {"a": 1})["a"] == 1


def test_large_results_that_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"pad": "' + "x" * (17 << 20))
    with pytest.raises(UnusableError, match="cannot be joined"):
        merge(tmp_path, {"a": 1})


def test_results_that_are_a_link_are_replaced(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (tmp_path / "elsewhere").write_text('{"b": 2}')
    (run_dir / "results.json").symlink_to("../elsewhere")
    assert merge(run_dir, {"a": 1}) == {"b": 2, "a": 1}
    assert (tmp_path / "elsewhere").read_text() == '{"b": 2}'
