"""The directory of a run, for programs that call `getRunParams` and `postRunResults` in it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from multirun.contract import is_pickle_name
from multirun.encoding import dumps, encode_map

GRANDCHILD = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"


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


def succeed(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def load_pickle(run: RunDirectory) -> Any:
    name = run.posted()["$pickle"]
    assert is_pickle_name(name)
    data = (run.path / name).read_bytes()
    assert name == f"results-{hashlib.sha256(data).hexdigest()}.pkl"
    return pickle.loads(data)
