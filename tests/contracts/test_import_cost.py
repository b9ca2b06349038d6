"""What a program loads that asks for its parameters, and what the launcher loads: as little as can be."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import multirun

SOURCE = Path(multirun.__file__).parents[1]
PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"

THIRD_PARTY = {"anyio", "rich", "yaml", "cloudpickle", "click", "pydantic", "jinja2", "numpy"}
HEAVY = {
    *("asyncio", "dataclasses", "pathlib", "typing", "logging", "inspect", "json", "re", "enum", "subprocess"),
    *("functools", "collections", "contextlib", "datetime", "hashlib", "socket", "tempfile", "importlib.metadata"),
}
OURS = {"__future__"}
"""What the package needs of the standard library to load its modules when they are first used."""


def modules_after(code: str, *, site: bool = False, variables: Mapping[str, str] | None = None) -> set[str]:
    """The modules that a fresh interpreter has loaded after it executed some code."""
    bare = [] if site else ["-S"]
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{code}\nprint(*sys.modules, sep='\\n')"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-I", *bare, "-c", program],
        env={**kept, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def roots(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_a_program_in_a_run_loads_next_to_nothing() -> None:
    code = "from multirun import getRunParams, postRunResults"
    loaded = modules_after(code) - modules_after("import os")
    assert (THIRD_PARTY | HEAVY) & loaded == set()
    assert roots(loaded) == {"multirun", *OURS}


def test_also_where_site_packages_are() -> None:
    before = modules_after("import os", site=True)
    loaded = modules_after("from multirun import getRunParams, postRunResults", site=True) - before
    assert roots(loaded) <= {"multirun", *OURS}
    assert loaded & (THIRD_PARTY | HEAVY) == set()


def test_reading_parameters_and_posting_results_load_json_and_no_third_party(tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text(json.dumps({"x": [1, 2.5, "text"], "y": {"z": None}}))
    code = "import multirun; params = multirun.getRunParams(); multirun.postRunResults({'x': params['x']})"
    paths = {"MULTIRUN_PARAMS": str(tmp_path / "params.json"), "MULTIRUN_RESULTS": str(tmp_path / "results.json")}
    loaded = modules_after(code, variables=paths) - modules_after("import os, json, fcntl, errno")
    assert json.loads((tmp_path / "results.json").read_text()) == {"x": [1, 2.5, "text"]}
    assert roots(loaded) == {"multirun", *OURS}
    assert not {name for name in loaded if name.startswith(("multirun.params", "multirun.launcher", "multirun.engine"))}


def test_the_package_itself_loads_nothing_of_its_own() -> None:
    loaded = modules_after("import multirun") - modules_after("import os")
    assert {name for name in loaded if name.startswith("multirun")} == {"multirun"}


def launcher_modules() -> list[str]:
    """What the layers say the launcher consists of, with the modules in its folders."""
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    (named,) = [contract["source_modules"] for contract in contracts if contract["type"] == "forbidden"]
    names = list(named)
    for name in named:
        folder = SOURCE / name.replace(".", "/")
        names += [f"{name}.{path.stem}" for path in folder.glob("*.py") if not path.stem.startswith("__")]
    return names


def test_the_launcher_stands_on_the_standard_library() -> None:
    modules = launcher_modules()
    assert {"multirun.launcher.keeper", "multirun.launcher.lane", "multirun.verdict"} <= set(modules)
    before = modules_after("import os", site=True)
    loaded = modules_after(f"import importlib\nfor name in {modules!r}: importlib.import_module(name)", site=True)
    foreign = roots(loaded - before) - set(sys.stdlib_module_names) - {"multirun"}
    assert foreign == set()
    above = ("engine", "api", "cli", "display", "runners", "results", "snapshot", "table", "testing", "creation")
    assert not {name for name in loaded if name.startswith(tuple(f"multirun.{module}" for module in above))}


def test_the_launcher_loads_no_asyncio() -> None:
    loaded = modules_after("import multirun.launcher.keeper, multirun.launcher.lane")
    assert not {"asyncio", "logging", "concurrent", "multiprocessing"} & roots(loaded)


EXTRAS = {"numpy", "matplotlib", "pandas", "polars", "pyarrow", "yaml", "pydantic", "jinja2", "cloudpickle"}
SHOWN_WITH = {"rich", "click", "IPython", "ipykernel", "nbclient"}


@pytest.mark.parametrize("module", ["multirun.api", "multirun.cli", "multirun.sweepresult"])
def test_nothing_needs_the_extras(module: str) -> None:
    assert not EXTRAS & roots(modules_after(f"import {module}", site=True))


def test_a_script_loads_what_draws_only_when_there_is_something_to_draw() -> None:
    loaded = modules_after("from multirun import *", site=True)
    assert "multirun.api" in loaded
    assert not (EXTRAS | SHOWN_WITH) & roots(loaded)
