"""How these tests run sweeps: the whole way through the public functions, with the invariants checked afterwards."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.invariants import check_sweep

from multirun import SweepResult, multirun

SCRIPTED = ["sh", "-c", "{script}"]
"""A command that executes the parameter `script` in a shell; what is between braces in there stays."""

PYTHON = [sys.executable, "-c", "{code}"]
"""The same for the parameter `code` in Python."""

POST_PARAMS = [sys.executable, "-c", "import multirun; multirun.postRunResults(multirun.getRunParams())"]


def run_sweep(
    output: Path, runs: Iterable[Mapping[str, Any]], cmd: Sequence[str | os.PathLike[str]], **keywords: Any
) -> SweepResult:
    """Run a sweep that is to come to its end, show nothing, and check what must hold after every sweep."""
    result = multirun(runs=runs, cmd=cmd, output_path=output, display=False, **keywords)
    check_sweep(output, result=result)
    return result


def files_below(folder: Path) -> list[str]:
    """Relative paths of everything in a folder, links not followed."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
