"""Results that cannot be posted: the program is told why, and the earlier ones stay."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

import numpy as np
import pytest
from tests.unit.rundirectory import RunDirectory, succeed

from multirun.child import postRunResults
from multirun.errors import ResultsError

UNPICKLABLE = {
    "generator": "(i for i in 'abc')",
    "lambda that holds a socket": "(lambda s: lambda: s)(__import__('socket').socket())",
    "lock": "__import__('threading').Lock()",
    "open file": "open('/dev/null', 'w')",
    "object that refuses": "type('Refusing', (), {'__reduce__': lambda self: 1 / 0})()",
}


@pytest.mark.parametrize("expression", UNPICKLABLE.values(), ids=UNPICKLABLE.keys())
@pytest.mark.parametrize("before", ["", "postRunResults({'x': 1})", "postRunResults({'x': len})"])
def test_what_cannot_be_pickled_is_an_error_and_leaves_the_earlier_results(
    run: RunDirectory, expression: str, before: str
) -> None:
    succeed(run.run(before))
    names, content = run.names(), run.results.read_bytes() if before else b""
    finished = run.run(f"{before}\npostRunResults({{'fine': 1, 'bad': [{expression}]}})")
    assert finished.returncode == 1
    last = finished.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "multirun.errors.ResultsError: run 7: the results cannot be posted. As JSON: results.bad[0] "
    )
    assert "direct cause" in finished.stderr
    assert run.names() == names
    assert not before or run.results.read_bytes() == content


def test_the_error_chains_what_pickling_said(inside: RunDirectory) -> None:
    generator = (letter for letter in "ab")
    words = r"As JSON: results{} is a generator.* As a pickle: TypeError: cannot pickle 'generator' object"
    with pytest.raises(ResultsError, match=words.format(r"\[0\]")) as raised:
        postRunResults([generator])
    assert isinstance(raised.value.__cause__, TypeError)
    with pytest.raises(ResultsError, match=words.format("")):
        postRunResults(generator)
    assert inside.names() == []


@pytest.mark.parametrize("value", ["'x' * 10**6", "{'f': __import__('numpy').zeros(10**6)}"], ids=["json", "pickle"])
def test_a_full_disk_leaves_the_earlier_results(run: RunDirectory, value: str) -> None:
    code = f"""
        import resource
        postRunResults({{'x': 1}})
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        postRunResults({value})
    """
    finished = run.run(code)
    assert finished.returncode == 1
    assert "File too large" in finished.stderr
    assert "run 7: its results could not be posted to" in finished.stderr
    assert run.posted() == {"x": 1}
    assert run.names() == ["results.json"]


@pytest.mark.parametrize("value", [1, {"f": np.zeros(1)}], ids=["json", "pickle"])
def test_a_folder_in_the_place_of_the_results_is_an_error(inside: RunDirectory, value: Any) -> None:
    inside.results.mkdir()
    with pytest.raises(IsADirectoryError):
        postRunResults(value)
    assert inside.names() == ["results.json"]


def test_a_run_directory_that_is_gone_is_an_error(inside: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIRUN_RESULTS", str(inside.path / "gone" / "results.json"))
    with pytest.raises(FileNotFoundError) as raised:
        postRunResults(1)
    assert raised.value.__notes__ == [f"run 7: its results could not be posted to {inside.path}/gone/results.json"]


def test_a_failing_disk_is_reported_but_not_a_file_system_that_syncs_no_folders(
    inside: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fail_for_folders(code: int) -> Any:
        def fsync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(code, os.strerror(code))
            real(descriptor)

        return fsync

    monkeypatch.setattr(os, "fsync", fail_for_folders(errno.EINVAL))
    postRunResults(1)
    postRunResults({"f": len})
    monkeypatch.setattr(os, "fsync", fail_for_folders(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        postRunResults(2)
    # The disk may still hold the document that refers to the pickle.
    assert len(inside.names()) == 2
