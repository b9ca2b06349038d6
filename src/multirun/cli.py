"""The command `multirun`."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from multirun.errors import JournalDamagedError, MultirunError
from multirun.snapshot import find_sweep, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multirun.snapshot import FailedRun, Snapshot

_CAUSES = 20
"""How many causes are shown; more than at the end of a sweep, for here somebody asks."""
OK, SOME_FAILED, USAGE, INCOMPLETE, INTERNAL, STORAGE, INTERRUPTED = 0, 1, 2, 3, 70, 74, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="multirun-sweep", prog_name="multirun")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def commands(debug: bool) -> None:
    """Look at parameter sweeps."""


@commands.command()
@click.argument("directory", required=False, type=click.Path(), metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(ctx: click.Context, directory: str | None, as_json: bool) -> None:
    """Count the runs of a sweep and say why some failed, also while it runs.

    DIR is the directory of the sweep; without it, the current directory or else the newest sweep in it.

    The exit code is 0 if all runs succeeded, 1 if some failed, 3 if some are not complete yet.
    """
    snapshot = take_snapshot(directory if directory is not None else find_sweep(os.getcwd()))
    if as_json:
        click.echo(json.dumps(to_document(snapshot), indent=1))
    else:
        for line in describe(snapshot):
            click.echo(line)
    ctx.exit(exit_code(snapshot))


def exit_code(snapshot: Snapshot) -> int:
    """The exit code of the command line for a sweep."""
    counts = snapshot.statistics
    if not counts.total_known or counts.complete_count < counts.total_count:
        return INCOMPLETE
    return SOME_FAILED if counts.failure_count else OK


def to_document(snapshot: Snapshot) -> dict[str, Any]:
    """The object that `status --json` prints."""
    counts = snapshot.statistics
    names = ("total", "complete", "success", "failure", "running", "pending", "skipped")
    return {
        "path": snapshot.paths.root,
        "id": snapshot.definition.id,
        "name": snapshot.definition.name,
        "alive": snapshot.alive,
        "total_known": counts.total_known,
        "counts": {name: getattr(counts, f"{name}_count") for name in names},
        "interrupted": snapshot.interrupted_count,
        "stopped": snapshot.stopped,
        "failed": [_failed_document(run) for run in snapshot.failed],
    }


def _failed_document(run: FailedRun) -> dict[str, Any]:
    facts = {"index": run.index, "params": run.params, "reason": run.reason, "message": run.message}
    return {**facts, "evidence": run.evidence, "path": run.path, "stderr": run.stderr}


def describe(snapshot: Snapshot) -> list[str]:
    """The lines that `status` prints."""
    from multirun.diagnosis import explain_snapshot
    from multirun.hints import working_directory
    from multirun.wording import counts_line

    lines = [f"{snapshot.definition.name}: {counts_line(snapshot.statistics)}, {_life(snapshot)}", snapshot.paths.root]
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    explained = explain_snapshot(snapshot, here=working_directory(), width=width, most=_CAUSES)
    return lines + [line.plain for line in explained]


def _life(snapshot: Snapshot) -> str:
    from multirun.wording import stopped_line

    if snapshot.alive:
        return "still going"
    if exit_code(snapshot) != INCOMPLETE:
        return "complete"
    if snapshot.stopped is not None:
        return stopped_line(snapshot.stopped)
    count = snapshot.interrupted_count
    cut = f" ({count} {'run was' if count == 1 else 'runs were'} cut off)" if count else ""
    return f"stopped before it was complete{cut}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = commands.main(args=words, prog_name="multirun", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - an exit code of Python's own would mean that runs failed
        if "--debug" in words:
            traceback.print_exception(error)
        code = _complain(error)
    sys.exit(code)


def _complain(error: Exception) -> int:
    """Say what is wrong, without a traceback, and return the exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return USAGE
    if isinstance(error, click.Abort):
        return INTERRUPTED
    if not isinstance(error, MultirunError | OSError):
        click.echo(f"multirun: internal error: {error!r}; multirun --debug shows where, please report it", err=True)
        return INTERNAL
    click.echo(f"multirun: {error}", err=True)
    return STORAGE if isinstance(error, JournalDamagedError) or not isinstance(error, MultirunError) else USAGE
