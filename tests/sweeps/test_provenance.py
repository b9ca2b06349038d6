"""What a sweep writes down about where it comes from."""

import hashlib
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.invariants import check_sweep
from tests.sweeps.sweeping import run_sweep
from tests.unit.test_provenance import git

SCRIPT = """
from multirun import ParallelLocalRunner, multirun
multirun(runs=[{"x": 1}], cmd=["cat", "deck.txt"], input_files=["deck.txt"], output_path="sweep", timeout="1m",
         runner=ParallelLocalRunner(max_parallel=2), display=False)
"""


def definition_of(sweep: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((sweep / "sweep.json").read_text())
    return document


def test_a_script_in_a_repository(tmp_path: Path) -> None:
    code, elsewhere = tmp_path / "code", tmp_path / "elsewhere"
    code.mkdir()
    elsewhere.mkdir()
    (elsewhere / "deck.txt").write_text("deck\n")
    git(code, "init", "-q")
    (code / "study.py").write_text(SCRIPT)
    git(code, "add", "study.py")
    git(code, "commit", "-q", "-m", "first")
    (code / "study.py").write_text(f"{SCRIPT}# changed\n")
    subprocess.run([sys.executable, code / "study.py", "--fast"], cwd=elsewhere, check=True)
    check_sweep(elsewhere / "sweep")
    found = definition_of(elsewhere / "sweep")
    origin = found["provenance"]
    assert origin["git"] == {"directory": str(code), "commit": git(code, "rev-parse", "HEAD"), "dirty": True}
    assert origin["argv"] == [str(code / "study.py"), "--fast"]
    assert origin["directory"] == str(elsewhere)
    assert origin["runner"] == {"kind": "ParallelLocalRunner", "max_parallel": 2}
    assert datetime.fromisoformat(origin["time"]).utcoffset() is not None
    assert all(origin[name] for name in ("host", "user", "python", "multirun", "platform"))
    assert (found["command"], found["options"]["timeout_s"]) == (["cat", "deck.txt"], 60.0)
    content = hashlib.sha256(b"deck\n").hexdigest()
    assert found["inputs"][0]["digest"] == hashlib.sha256(f"\0{0:o}\0{content}\n".encode()).hexdigest()


def test_outside_of_a_repository_there_is_no_git(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(SCRIPT)
    (tmp_path / "deck.txt").touch()
    subprocess.run([sys.executable, tmp_path / "study.py"], cwd=tmp_path, check=True)
    assert definition_of(tmp_path / "sweep")["provenance"]["git"] is None


def test_every_sweep_has_an_origin(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{}], ["true"])
    assert "git" in definition_of(sweep_dir)["provenance"]
