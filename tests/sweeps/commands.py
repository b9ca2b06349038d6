"""The command `multirun`, executed as a user does: its real script, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("multirun")

Finished = subprocess.CompletedProcess[str]


def command(*words: str | Path, cwd: Path | None = None, **variables: str) -> Finished:
    """What the command does with these words; it never shows a traceback without being asked."""
    finished = subprocess.run(
        [PROGRAM, *words],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in finished.stderr or "--debug" in words, finished.stderr
    return finished
