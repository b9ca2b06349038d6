"""What a program sees when it calls `getRunParams` in a run, and how little both functions load for it."""

from __future__ import annotations

import subprocess
import sys

import cloudpickle  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.unit.rundirectory import GRANDCHILD, RunDirectory, succeed
from tests.unit.sameness import ODD, same

from multirun.child import getRunParams, postRunResults
from multirun.errors import NotInRunError, ParamsError

# ------------------------------------------------------------------------------------- getRunParams

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
