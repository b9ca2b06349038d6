"""The command `multirun`: its words, and how it leaves."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from multirun.commandline.exits import INCOMPLETE, INTERNAL, INTERRUPTED, LOCKED, STORAGE, USAGE
from multirun.errors import JournalDamagedError, LauncherError, LockedError, LockLostError, MultirunError, StorageError

_DIRECTORY = click.argument("directory", required=False, type=click.Path(), metavar="[DIR]")
_WORDS = click.argument("words", nargs=-1, metavar="[DIR] RUN...")
_SOME = click.argument("words", nargs=-1, metavar="[DIR] [RUN...]")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="multirun-sweep", prog_name="multirun")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def commands(debug: bool) -> None:
    """Look at parameter sweeps, also while they run, and go on with those that were stopped.

    DIR is the directory of a sweep; without it, the current directory, or else the newest sweep in it, or else the
    sweep around it.

    RUN is the number of a run (17), a range (3-9) or a parameter (x=0.3).
    """


@commands.command()
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(directory: str | None, as_json: bool) -> int:
    """Count the runs of a sweep and say why some failed.

    The exit code is 0 if all runs succeeded, 1 if some failed, 3 if some are not complete yet.
    """
    from multirun.commandline.status import status as run

    return run(directory, as_json=as_json)


@commands.command()
@_WORDS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each run, one a line.")
def show(words: tuple[str, ...], as_json: bool) -> int:
    """Tell all about one run, or some: why it failed, what it wrote, how to repeat it by hand."""
    from multirun.commandline.show import show as run

    return run(words, as_json=as_json)


@commands.command()
@_SOME
@click.option("-f", "--follow", is_flag=True, help="Go on with what runs write until they end.")
@click.option("--failed", is_flag=True, help="Only runs that failed.")
@click.option("--stdout", "stream", flag_value="stdout", help="Only standard output.")
@click.option("--stderr", "stream", flag_value="stderr", help="Only standard error.")
def logs(words: tuple[str, ...], follow: bool, failed: bool, stream: str | None) -> int:
    """Print what the programs of runs wrote to standard output and standard error.

    Without RUN it is all runs. With -f the exit code tells how they ended: 0 if all succeeded, 1 if some failed, 3 if
    some were not complete when the sweep stopped.
    """
    from multirun.commandline.logs import logs as run

    return run(words, follow=follow, failed=failed, stream=stream)


@commands.command()
@_DIRECTORY
@click.option("--where", "conditions", multiple=True, metavar="CONDITION", help="""Only runs like 'x > 1 and y < 2'.""")
@click.option("--sort", "orders", multiple=True, metavar="COLUMN", help="Sort by a column; -COLUMN: largest first.")
@click.option("--csv", metavar="FILE", help="Write CSV to a file; - is standard output.")
@click.option("--json", metavar="FILE", help="Write a JSON list of objects.")
@click.option("--jsonl", metavar="FILE", help="Write JSON objects, one a line.")
def results(directory: str | None, conditions: Sequence[str], orders: Sequence[str], **files: str | None) -> int:
    """Print the table of a sweep: parameters and results of its runs.

    Conditions compare columns: --where 'energy < -1.5 and mode == "fast"'. Several must all hold.
    """
    from multirun.commandline.results import results as run

    return run(directory, conditions, orders, {kind: path for kind, path in files.items() if path is not None})


def _seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    from multirun.durations import parse_duration

    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


_MANNER = (
    click.option("-j", "--max-parallel", type=click.IntRange(min=1), metavar="N", help="How many runs at once."),
    click.option("--timeout", "timeout_s", callback=_seconds, metavar="TIME", help="How long a run may take: 90s, 2h."),
    click.option(
        "--retries",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="How many further attempts a run may have after its program failed.",
    ),
    click.option(
        "--max-failures", type=click.IntRange(min=1), metavar="N", help="Start nothing more after so many failed runs."
    ),
    click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done with each run, and why."),
)
"""How a sweep goes on."""


def _in_a_manner(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_MANNER):
        command = option(command)
    return command


@commands.command()
@click.argument("words", nargs=-1, metavar="DIR [RUN...]")
def cancel(words: tuple[str, ...]) -> int:
    """End a sweep that is running elsewhere, or only some of its runs, as Ctrl-C there would.

    Waits until nothing of these runs is alive. The exit code is 75 if whoever executes the sweep does not answer.
    """
    from multirun.commandline.cancel import cancel as run

    return run(words)


@commands.command()
@_DIRECTORY
@click.option("--unfinished", is_flag=True, help="Leave runs that failed as they are.")
@_in_a_manner
def resume(directory: str | None, unfinished: bool, **manner: Any) -> int:  # noqa: ANN401 - as click reads them
    """Go on with a sweep that was stopped, without its script.

    Executes every run that has not succeeded: what was cut off, what was never started, and what failed. Runs that
    succeeded stay as they are. Command, inputs, rules and options are those of the sweep, from its directory; what you
    edited since is not looked at.

    The exit code is 0 if all runs have succeeded now, 1 if some failed, 3 if some are not complete, 75 if somebody else
    executes the sweep, 130 after Ctrl-C.
    """
    from multirun.commandline.resume import Manner
    from multirun.commandline.resume import resume as run

    return run(directory, Manner(**manner), unfinished=unfinished)


@commands.command()
@_SOME
@_in_a_manner
def retry(words: tuple[str, ...], **manner: Any) -> int:  # noqa: ANN401 - as click reads them
    """Execute the named runs again, also those that succeeded; without RUN, those that failed.

    What the attempts before left is moved to the folder attempts of the sweep. All other runs stay as they are. The
    exit code is that of resume, for the runs that were executed.
    """
    from multirun.commandline.resume import Manner
    from multirun.commandline.resume import retry as run

    return run(words, Manner(**manner))


@commands.command()
@_SOME
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each run, one a line.")
def explain(words: tuple[str, ...], as_json: bool) -> int:
    """Say what resume would do with each run, and why; nothing is changed."""
    from multirun.commandline.explain import explain as run

    return run(words, as_json=as_json)


@commands.command()
@_DIRECTORY
@click.option("--repair", "mend", is_flag=True, help="Write anew what can be proven, and keep what was damaged.")
def fsck(directory: str | None, mend: bool) -> int:
    """Check that every file of a sweep is as it was written, and say which runs are hit if not.

    The exit code is 0 if there is no damage, 74 if there is some, or some is left after --repair.
    """
    from multirun.commandline.fsck import fsck as run

    return run(directory, mend=mend)


@commands.command()
@_DIRECTORY
@click.option(
    "--keep-attempts",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Keep the last N earlier attempts of each run.",
)
@click.option("-y", "--yes", "agreed", is_flag=True, help="Do not ask.")
def clean(directory: str | None, keep_attempts: int, agreed: bool) -> int:
    """Remove what earlier attempts and repairs left, after saying how much that is and asking."""
    from multirun.commandline.clean import clean as run

    return run(directory, keep_attempts=keep_attempts, agreed=agreed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    if arguments is None:
        # Like every tool of Unix: who reads our output may leave early, and we leave silently then.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _execute(words)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - an exit code of Python's own would mean that runs failed
        if "--debug" in words:
            _print_traceback(error)
        code = _complain(error)
        _drop_output()
    sys.exit(code)


def _drop_output() -> None:
    """Let Python not try again, when it ends, to write what cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _execute(words: list[str]) -> int:
    from multirun.commandline import paper

    paper.prepare()
    code: int = commands.main(args=words, prog_name="multirun", standalone_mode=False)
    sys.stdout.flush()
    return code


def _print_traceback(error: Exception) -> None:
    import traceback

    traceback.print_exception(error)


def _in_words(error: MultirunError | OSError) -> str:
    """An error without the number that the system has for it."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror


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
    click.echo(f"multirun: {_in_words(error)}", err=True)
    return _code_of(error)


def _code_of(error: MultirunError | OSError) -> int:
    if isinstance(error, LockedError | LockLostError):
        return LOCKED
    if isinstance(error, LauncherError):
        return INCOMPLETE
    ours = isinstance(error, MultirunError) and not isinstance(error, JournalDamagedError | StorageError)
    return USAGE if ours else STORAGE
