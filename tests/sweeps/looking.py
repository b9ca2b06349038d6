"""A sweep to be looked at by the command, and what the command says when it refuses."""

import subprocess

PROGRAM_OF_RUNS = r"""
printf 'x is %s\n' "$1"
printf '10%%\r20%%\rlast words' >&2
[ "$1" = 3 ] && { printf '\nError: diverged\n' >&2; exit 4; }
printf '{"y": %s.5, "final": {"energy": -%s}, "note": "a note for %s"}' "$1" "$1" "$1" > "$MULTIRUN_RESULTS"
"""


def said(finished: subprocess.CompletedProcess[str]) -> str:
    """What a command that is refused says, after its exit code was checked."""
    assert (finished.returncode, finished.stdout) == (2, ""), finished
    assert finished.stderr.startswith("multirun: ")
    return finished.stderr
