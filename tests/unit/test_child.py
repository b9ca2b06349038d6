"""What a program sees and leaves behind when it calls `getRunParams` and `postRunResults` in a run."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.unit.sameness import ODD, same

from multirun import child
from multirun.child import getRunParams, postRunResults
from multirun.contract import is_pickle_name
from multirun.encoding import decode_document, dumps, encode_map
from multirun.errors import NotInRunError, ParamsError, ResultsError


class RunDirectory:
    """A directory with the files and the environment of run 7."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.params = path / "params.json"
        self.results = path / "results.json"
        self.give({"x": 1})

    def give(self, params: dict[str, Any]) -> None:
        self.params.write_text(dumps(encode_map(params)))

    @property
    def variables(self) -> dict[str, str]:
        return {
            "MULTIRUN_RUN_DIR": str(self.path),
            "MULTIRUN_PARAMS": str(self.params),
            "MULTIRUN_RESULTS": str(self.results),
            "MULTIRUN_INDEX": "7",
        }

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}

    def start(self, code: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", f"from multirun.child import *\n{textwrap.dedent(code)}"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, cwd=self.path, stdout=pipe, stderr=pipe, text=True)

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        program = self.start(code)
        out, err = program.communicate(timeout=60)
        return subprocess.CompletedProcess(program.args, program.returncode, out, err)

    def posted(self) -> Any:
        return json.loads(self.results.read_bytes())

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir() if entry.name != "params.json")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = tmp_path / "run"
    directory.mkdir()
    return RunDirectory(directory)


@pytest.fixture
def inside(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """This very process is the program of the run."""
    for name, value in run.variables.items():
        monkeypatch.setenv(name, value)
    return run


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MULTIRUN_PARAMS", "MULTIRUN_RESULTS"):
        monkeypatch.delenv(name, raising=False)


def succeed(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


# ------------------------------------------------------------------------------------- getRunParams

GRANDCHILD = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
READ = "from multirun.child import *; print(getRunParams())"


@pytest.mark.parametrize(
    "code",
    [
        READ,
        f"import os; os.chdir('/'); {READ}",
        GRANDCHILD.format(code=READ),
        f"import os; os.chdir('/'); {GRANDCHILD.format(code=READ)}",
    ],
    ids=["child", "after chdir", "grandchild", "grandchild after chdir"],
)
def test_parameters_are_read_wherever_the_program_is(run: RunDirectory, code: str) -> None:
    params = {"name": "a b", "t": (1, {2: 0.5}), "z": b"\xff", "$typed": None}
    run.give(params)
    assert succeed(run.run(code)) == f"{params}\n"


def test_all_odd_values_reach_the_program(inside: RunDirectory) -> None:
    inside.give(ODD)
    assert same(getRunParams(), ODD)


def test_every_call_returns_a_map_of_its_own(inside: RunDirectory) -> None:
    inside.give({"x": [1]})
    getRunParams()["x"].append(2)
    assert getRunParams() == {"x": [1]}


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("value", [None, ""])
def test_outside_a_run_the_error_says_what_to_do(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is not None:
        monkeypatch.setenv("MULTIRUN_PARAMS", value)
        monkeypatch.setenv("MULTIRUN_RESULTS", value)
    words = r"^{}\(\) was called outside a run: the variable {} is not set\. Let multirun start"
    with pytest.raises(NotInRunError, match=words.format("getRunParams", "MULTIRUN_PARAMS")):
        getRunParams()
    with pytest.raises(NotInRunError, match=words.format("postRunResults", "MULTIRUN_RESULTS")):
        postRunResults({"x": 1})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is damaged"),
        (b'{"x": 1', "is damaged"),
        (b"[1, 2]", "is damaged: it holds no map"),
        (b"\xff\xfe\x00", "is damaged"),
        (b'{"x": 1, "$typed": {"x": {"$nothing": 1}}}', r"parameter x is damaged.*\(read from .*params\.json\)"),
        (b'{"x": 1, "$typed": 3}', r"\$typed is damaged"),
    ],
)
def test_damaged_parameters_are_an_error(inside: RunDirectory, content: bytes, words: str) -> None:
    inside.params.write_bytes(content)
    with pytest.raises(ParamsError, match=f"^run 7: .*{words}"):
        getRunParams()


def test_missing_parameters_are_an_error(inside: RunDirectory) -> None:
    inside.params.unlink()
    with pytest.raises(ParamsError, match=r"^run 7: its parameters cannot be read from .*params\.json: No such file"):
        getRunParams()


def test_a_program_without_numpy_is_told_to_install_it(run: RunDirectory) -> None:
    run.give({"mesh": np.float64(1)})
    finished = run.run("import sys; sys.modules['numpy'] = None; getRunParams()")
    assert finished.returncode == 1
    assert "parameter mesh is a value of the module numpy" in finished.stderr
    assert "pip install numpy" in finished.stderr


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


def load_pickle(run: RunDirectory) -> Any:
    name = run.posted()["$pickle"]
    assert is_pickle_name(name)
    data = (run.path / name).read_bytes()
    assert name == f"results-{hashlib.sha256(data).hexdigest()}.pkl"
    return pickle.loads(data)


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


# ---------------------------------------------------------------------------------------- failures


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


# ----------------------------------------------------------------------------- kills and neighbours

DIE = """
    import os, signal
    import numpy as np
    postRunResults({first})
    left = {calls}
    def mortal(call):
        def wrapper(*args):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args)
        return wrapper
    os.fsync, os.rename, os.unlink = mortal(os.fsync), mortal(os.rename), mortal(os.unlink)
    postRunResults({second})
    os.kill(os.getpid(), signal.SIGKILL)
"""
POSTS = ("{'v': 1}", "{'v': np.zeros(1)}", "{'v': np.ones(1)}")


@pytest.mark.parametrize(("first", "second"), [POSTS[:2], POSTS[1:], (POSTS[1], POSTS[0])])
def test_killed_at_any_step_the_results_are_the_earlier_or_the_later_ones(
    run: RunDirectory, first: str, second: str
) -> None:
    values = []
    for calls in range(1, 12):
        assert run.run(DIE.format(first=first, second=second, calls=calls)).returncode == -signal.SIGKILL
        document = run.posted()
        values.append(repr(load_pickle(run)["v"] if "$pickle" in document else document["v"]))
        for leftover in run.path.glob(".multirun-*.tmp"):
            leftover.unlink()
    expected = {"{'v': 1}": "1", "{'v': np.zeros(1)}": "array([0.])", "{'v': np.ones(1)}": "array([1.])"}
    assert values[0] == expected[first]
    assert values[-1] == expected[second]
    turn = values.index(expected[second])
    assert set(values[:turn]) <= {expected[first]}
    assert set(values[turn:]) == {expected[second]}


def test_killed_at_any_time_what_was_posted_can_be_read(run: RunDirectory) -> None:
    code = """
        import itertools
        for n in itertools.count():
            postRunResults({'n': n, 'same': [n] * 1000, 'f': len} if n % 2 else {'n': n, 'same': [n] * 1000})
            print(n, flush=True)
    """
    for lines in (1, 2, 3, 10, 17):
        program = run.start(code)
        assert program.stdout is not None
        told = [int(program.stdout.readline()) for _ in range(lines)]
        program.kill()
        program.communicate(timeout=60)
        document = run.posted()
        assert document["n"] >= told[-1]
        assert document["same"] == [document["n"]] * 1000
        assert ("$pickle" in document) == bool(document["n"] % 2)
        assert "$pickle" not in document or load_pickle(run)["n"] == document["n"]


def test_programs_that_post_at_once_never_remove_each_others_pickle(run: RunDirectory) -> None:
    code = "for n in range(150): postRunResults({'f': [len, n % 3]})"
    programs = [run.start(code) for _ in range(3)]
    for program in programs:
        _, errors = program.communicate(timeout=100)
        assert program.returncode == 0, errors
    assert load_pickle(run) == {"f": [len, 2]}
    assert len(run.names()) == 2


def is_locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_the_folder_is_locked_while_files_get_their_names_and_no_longer(
    inside: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[bool] = []
    copies: list[int] = []
    rename, flock = os.rename, fcntl.flock

    def watched_rename(source: str, target: str) -> None:
        locked.append(is_locked(inside.path))
        rename(source, target)

    def copied_flock(descriptor: int, operation: int) -> None:
        copies.append(os.dup(descriptor))  # as a process has that was forked now
        flock(descriptor, operation)

    monkeypatch.setattr(os, "rename", watched_rename)
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", copied_flock)
        postRunResults({"f": len})
    assert locked[-2:] == [True, True]
    assert not is_locked(inside.path)
    for copy in copies:
        os.close(copy)


def test_a_neighbour_that_hangs_does_not_stop_a_post(inside: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_LOCK_SECONDS", 0.01)
    folder = os.open(inside.path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    postRunResults({"x": 1})
    os.close(folder)
    assert inside.posted() == {"x": 1}


def test_without_locks_it_still_posts(inside: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    postRunResults({"x": 1})
    assert inside.posted() == {"x": 1}


def test_no_descriptor_is_left_open(inside: RunDirectory) -> None:
    for value in (1, {"f": len}, (letter for letter in "ab")):
        before = len(os.listdir("/proc/self/fd"))
        try:
            postRunResults(value)
        except ResultsError:
            pass
        assert len(os.listdir("/proc/self/fd")) == before


# -------------------------------------------------------------------------------------------- weight


def loaded_by(run: RunDirectory, code: str) -> set[str]:
    before = "import sys; before = set(sys.modules); from multirun.child import getRunParams, postRunResults"
    lines = f"{before}\n{code}\nprint(*set(sys.modules) - before)"
    return set(subprocess.check_output([sys.executable, "-c", lines], env=run.environment, text=True).split())


HEAVY = {"anyio", "asyncio", "cloudpickle", "contextlib", "dataclasses", "inspect", "logging", "pathlib", "pickle"}
HEAVY |= {"hashlib", "numpy", "rich", "subprocess", "tempfile", "typing", "yaml", "multirun.errors"}


def test_importing_loads_nothing_else(run: RunDirectory) -> None:
    loaded = {name for name in loaded_by(run, "") if name != "__future__"}
    assert loaded == {"multirun", "multirun.child", "multirun.contract"}


def test_the_common_case_loads_nothing_heavy(run: RunDirectory) -> None:
    loaded = loaded_by(run, "postRunResults({'y': getRunParams()['x'] + 0.5})")
    assert loaded & HEAVY == set()
    assert not loaded & {"multirun.encoding.tagging", "multirun.encoding.kinds"}


def test_pickles_are_what_cloudpickle_writes(inside: RunDirectory) -> None:
    postRunResults({"f": len})
    assert cloudpickle.dumps({"f": len}) == next(inside.path.glob("*.pkl")).read_bytes()
