"""Runs examples as a reader of them would: from some directory, to the end."""

import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Finished = subprocess.CompletedProcess[str]


def run_example(program: Path, *arguments: str, cwd: Path) -> Finished:
    """Run a program of the examples to its end, which it must reach without an exception, also in the event loop."""
    command = [sys.executable, str(program), *arguments]
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert "Traceback" not in finished.stderr, finished.stderr
    return finished


def copy_example(name: str, to: Path, **replaced: str) -> Path:
    """Copy a folder of the examples and replace some of its files by other text."""
    copied = Path(shutil.copytree(EXAMPLES / name, to / name))
    for file, text in replaced.items():
        (copied / file.replace("__", ".")).write_text(text)
    return copied
