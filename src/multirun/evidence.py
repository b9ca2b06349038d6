"""The line of a failed attempt's output that says most about why it failed; finding it is pure."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from functools import cache
from sys import intern
from typing import Any, NamedTuple

from multirun.contract import STDERR_FILE, STDOUT_FILE

TAIL_BYTES = 16 * 1024
"""How much of the end of each stream is looked at."""
LONGEST_LINE = 300
"""The most characters that a line of evidence has."""
_LONGEST_SEARCHED = 400
_STREAMS = (("stderr", STDERR_FILE), ("stdout", STDOUT_FILE))
_NOT_READ = frozenset({"cancelled", "lost", "exec-failed", "staging-failed", "never-started"})
"""Reasons of which the output of the program is not the cause."""
_TELLING = ("rule:", "no-result", "bad-result")
"""Reasons whose messages say all: the program may add an error, but not just the last thing that it wrote."""


class Evidence(NamedTuple):
    """A line that a program wrote.

    Attributes:
        stream: `"stderr"` or `"stdout"`.
        line: the line, printable and at most 300 characters long.
    """

    stream: str
    line: str


# What says why, on its own: error messages of languages, libraries, simulators, shells and the system.
_CAUSES = r"""
    ^ .{0,80}? \b (?: ERROR | FATAL | CRITICAL | SEVERE ) \b
  | ^ \W{0,9} (?: [Ff]atal \s+ )? [Ee]rror \b | : \s (?: fatal \s )? error:
  | \b (?: runtime | fatal | syntax ) \s error\b
  | (?: ^ | [\s:.|\]] ) [A-Z]\w{0,60} (?: Error | Exception | Interrupt | Failure ) (?: :\s | :?$ )
  | \( [A-Z]\w* (?: Error | Exception ) \) \s* $ | ^ (?: Exception \s in \s thread | Caused \s by: )
  | Fortran \s runtime \s error: | forrtl: \s+ (?: severe | error ) | Program \s received \s signal
  | terminate \s called | terminating \s (?: due | with ) | Assertion .* failed | assertion \s failed
  | double \s free | stack \s smashing | free\(\): | malloc\(\): | corrupted \s size | Sanitizer:
  | [Oo]ut \s of \s memory | OUT_OF_MEMORY | oom[-_]kill | CUDA \s error | cudaError | cannot \s allocate \s memory
  | DUE \s TO \s | Fatal \s error \s in | ^ panic: | panicked \s at | FOAM \s FATAL
  | command \s not \s found | :\s+ (?: \d+:\s+ )? \S+: \s not \s found
  | (?: No \s such \s file | Permission \s denied | No \s space \s left | Disk \s quota | Too \s many \s open
      | Exec \s format | cannot \s open \s shared | Connection \s refused | Argument \s list \s too ) [^:]* $
  | doAnalyses: | singular \s matrix | [Tt]imestep \s too \s small | iteration \s limit \s reached
  | \b at \s \S+ \s line \s \d+ [.] $ | ^ Undefined \s (?: function | variable )
"""
# What only says that something went wrong, in the program or in whatever started it.
_AFTERMATH = r"""
    MPI_ABORT \s was | MPI_Abort | mpi\w* \s (?: noticed | detected ) | ^Abort\( | process \s returned \s a \s non-zero
  | srun: \s error: .* (?: [Ee]xited | Terminated | Killed | Aborted | Segmentation | Out \s Of \s Memory )
  | Job \s step \s aborted
  | Error \s termination | Execution \s halted | ^ make (?: \[\d+\] )? : \s \*\*\* | exit \s status \s \d
  | ^ Error \s in \s .* \( line \s \d+ \) | CalledProcessError | returned \s non-zero | ChildFailedError
  | Aborted (?: $ | \s \( ) | Segmentation \s fault
  | Floating \s point \s exception | Bus \s error | Illegal \s instruction | ^ \S* Killed $
  | simulation\(s\) \s aborted | FOAM \s (?: exiting | aborting ) | compilation \s terminated | ^ STOP \b
"""
# Words by which people complain.
_COMPLAINTS = r"""
    \b (?: error | fatal | failed | failure | exception | abort(?: ed|ing )? | panic | cannot | can't | could \s not
      | unable \s to | not \s found | invalid | illegal | diverge[sd]? | divergence | not \s converge\w*
      | no \s convergence | unknown | undefined | unrecognized | unexpected | exceeded | overflow | must \s be
      | refused | denied | killed | timed \s out ) \b
"""
_HARMLESS = r"""
    \b (?: no | 0 | zero | without ) \s+ (?: \w+ \s+ )? (?: error | failure | warning ) s? \b
  | \b (?: error | failure ) s? \s* (?: \w{1,20} \s* )? [=:]? \s* [-+]? [.\d][\w.+-]* \s*
      (?: $ | [,;%|)\]] | \s \w+ \s* [=:] )
  | \b error \s+ (?: estimate | tolerance | norm | bound | bars? ) \b
"""
_TERMINAL = r"\x1b (?: \[ [0-?]* [ -/]* [@-~] | \] [^\x07\x1b]* (?: \x07 | \x1b\\ ) | [@-Z\\^_] )"


@cache
def _pattern(verbose: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern, compiled when a run has failed for the first time."""
    return re.compile(verbose, re.VERBOSE | flags)


def weigh(line: str) -> int:
    """How much a line looks like the cause of a failure.

    Args:
        line: a line of output.

    Returns:
        3 for a message that says why, 2 for a complaint, 1 for what comes after a failure, 0 for anything else.
    """
    searched = line[:_LONGEST_SEARCHED]
    if _pattern(_HARMLESS, re.IGNORECASE).search(searched):
        return 0
    if _pattern(_AFTERMATH).search(searched):
        return 1
    if _pattern(_CAUSES).search(searched):
        return 3
    if not _pattern(_COMPLAINTS, re.IGNORECASE).search(searched):
        return 0
    return 1 if "warning" in searched.lower() else 2


def find_evidence(stderr: bytes, stdout: bytes) -> Evidence | None:
    """The line that says most about a failure: the last one of the best kind, standard error before standard output.

    Args:
        stderr: the end of the standard error.
        stdout: the same of the standard output.

    Returns:
        The last line that is not empty if none looks like an error; None if there is nothing readable at all.
    """
    best, best_weight = None, -1
    for (stream, _), tail in zip(_STREAMS, (stderr, stdout), strict=True):
        weight, line = _heaviest(read_lines(tail))
        if line and weight > best_weight:
            best, best_weight = Evidence(stream, shorten(line)), weight
    return best


def _heaviest(lines: list[str]) -> tuple[int, str]:
    best, found = -1, ""
    thrown = _thrown(lines)
    for place in range(len(lines) - 1, -1, -1):
        weight = 3 if place in thrown else weigh(lines[place])
        if weight > best:
            best, found = weight, _complete(*lines[place : place + 2]) if weight else lines[place]
        if best == 3:
            break
    return best, found.lstrip(" |+").strip()


def _thrown(lines: list[str]) -> set[int]:
    """Places of the lines that name the exception at the end of a Python traceback, whatever that is called."""
    places, depth = set(), -1
    for place, line in enumerate(lines):
        indent = len(line) - len(line.lstrip(" |+"))
        if depth >= 0 and indent <= depth:
            places.add(place)
            depth = -1
        if "Traceback (most recent call last)" in line:
            depth = indent
    return places


def _complete(line: str, following: str = "") -> str:
    """A message whose second half is on the next line."""
    stripped = line.rstrip()
    if "terminate called after" in stripped:
        is_half = "what():" in following
    else:
        is_half = bool(following) and (stripped.endswith(":") or "Error using" in stripped)
    return f"{stripped.rstrip(' :')}: {following.strip()}" if is_half else line


def read_lines(tail: bytes) -> list[str]:
    """The lines of the end of a stream as they looked on a terminal, without those that are empty or not text.

    Args:
        tail: the bytes.
    """
    lines = (_fold(piece.decode("utf-8", "backslashreplace")) for piece in tail.split(b"\n"))
    return [line for line in lines if line and _is_text(line)]


def _fold(line: str) -> str:
    """What is left of a line after carriage returns, in which progress bars are drawn over, and without colours."""
    for part in reversed(line.split("\r")):
        shown = part if part.isprintable() else _rub_out(_pattern(_TERMINAL).sub("", part))
        if shown.strip():
            return shown.rstrip()
    return ""


def _rub_out(text: str) -> str:
    """What is left of a text after backspaces."""
    kept: list[str] = []
    for each in text:
        if each != "\b":
            kept.append(each)
        elif kept:
            kept.pop()
    return "".join(kept)


def _is_text(line: str) -> bool:
    escapes = line.count("\\x")
    strange = escapes + sum(not each.isprintable() and each != "\t" for each in line)
    return strange * 4 <= len(line) - 3 * escapes


def shorten(line: str, limit: int = LONGEST_LINE) -> str:
    """A line on which nothing can act as an order to a terminal, cut where it is too long.

    Args:
        line: any text.
        limit: the most characters it may have.
    """
    text = line[: limit + 1].replace("\t", " ")
    if not text.isprintable():
        text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _whole_lines(tail: bytes) -> bytes:
    rest = tail.partition(b"\n")[2]
    return rest if rest.strip() else tail


def evidence_of(record: Mapping[str, Any]) -> str | None:
    """The line of evidence in an `ended` record, None if it has none.

    Equal lines are one object, for many runs may fail alike.
    """
    found = record.get("evidence")
    return None if found is None else intern(found["line"])


def tells(reason: str) -> bool:
    """Whether the output of a program may tell the cause of such a failure."""
    return reason not in _NOT_READ


def read_evidence(run_dir: str, reason: str | None) -> Evidence | None:
    """Look for evidence in what a failed attempt wrote.

    Args:
        run_dir: the directory of the run.
        reason: why it failed; None if it did not.

    Returns:
        None if there is none, or if the output does not tell the cause: of runs that were cancelled or never started.
    """
    if reason is None or not tells(reason):
        return None
    found = find_evidence(*read_tails(run_dir))
    return None if found and reason.startswith(_TELLING) and not weigh(found.line) else found


def read_tails(run_dir: str) -> tuple[bytes, bytes]:
    """The ends of the standard error and the standard output of a run, where its directory is not repeated.

    Args:
        run_dir: the directory of the run.
    """
    prefix = os.fsencode(f"{run_dir}/")
    stderr, stdout = (read_tail(f"{run_dir}/{name}").replace(prefix, b"") for _, name in _STREAMS)
    return stderr, stdout


def read_tail(path: str, size: int = TAIL_BYTES) -> bytes:
    """The last lines of a file; nothing if it cannot be read, or if a program put something else in its place.

    Args:
        path: the file.
        size: how many bytes at most; a first line that lacks its beginning is left out unless it is the only one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return b""
        tail = os.pread(descriptor, size, max(0, found.st_size - size))
        return tail if found.st_size <= size else _whole_lines(tail)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
