"""Making a sweep whole again from what can be proven; what is replaced is kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from multirun.contract import PARAMS_FILE, RESULTS_FILE
from multirun.damage import Examination, digest_of_text
from multirun.definition import read_definition
from multirun.encoding import dumps
from multirun.files import publish, sync_folder
from multirun.fold import fold
from multirun.plan import END_MARK, HEADER, plan_line
from multirun.salvage import PlanCheck, SalvagedJournal, rewrite
from multirun.sessions import orchestrators, session_of

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths


_COUNT = re.compile(rb'\{(?:"end":true,"count":(\d+)\}|"run":(\d+),)')
"""The last line of a plan tells how many runs there are."""
_OPENING = 2
"""So many records come before the first reset."""
_BEGINNING = ('"event":"journal"', '"event":"opened"', '"event":"reset"')
_NO_RESET = re.compile(rb'\{"seq":\d+,"event":"(?:ended|skipped|closed)"')


def repair(examined: Examination) -> list[str]:
    """Write anew what can be proven; return what was done, as sentences.

    Args:
        examined: the sweep, which nobody may execute meanwhile.

    Raises:
        FormatError: its definition is damaged; nothing was changed.
        OSError: the disk refused.
    """
    paths = examined.paths
    sweep_id = read_definition(paths).id
    damaged = {finding.path for finding in examined.damage}
    done = []
    for name, found in examined.journals.items():
        if found.faults and not _says_what_counts(found, name):
            done.append(f"{name} is left as it is: nothing can stand for its record of which journals count")
        elif found.faults and _may_lack_resets(f"{paths.journals}/{name}", found):
            done.append(f"{name} is left as it is: nothing can stand for its record of which attempts do not count")
        elif found.faults:
            kept = _keep(paths, f"{paths.journals}/{name}")
            publish(f"{paths.journals}/{name}", rewrite(_with_header(found, sweep_id, name)))
            count = len(found.texts)
            done.append(f"{name} holds the {count} records that can be proven; the damaged file is {kept}")
    if any(path == os.path.basename(paths.plan) for path in damaged):
        done += _repair_plan(paths)
    done += _restore_results(examined)
    return done


def _says_what_counts(found: SalvagedJournal, name: str) -> bool:
    """Whether the record is proven, if there has to be one, that says how much of earlier journals counts."""
    session = orchestrators([name.removesuffix(".jsonl")])
    later = bool(session) and max(session) > 1
    return not later or any(text.startswith('"event":"opened"') for text in found.texts[:2])


def _may_lack_resets(path: str, found: SalvagedJournal) -> bool:
    """Whether a lost record can have been a reset, which come before all others; without it an old success counts."""
    sessions = orchestrators([os.path.basename(path).removesuffix(".jsonl")])
    if max(sessions, default=1) == 1:
        return False
    if any(not text.startswith(_BEGINNING) for text in found.texts[: found.faults[0].line]):
        return False
    with open(path, "rb") as file:
        data = file.read()
    return not all(fault.line < _OPENING or _NO_RESET.match(data, fault.offset) for fault in found.faults)


def _with_header(found: SalvagedJournal, sweep_id: str, name: str) -> list[str]:
    """The records with a header; a lost one is replaced by that of a process which is dead for certain."""
    if found.has_header:
        return found.texts
    writer = name.removesuffix(".jsonl")
    session = session_of(writer)
    who = {"host": socket.gethostname(), "boot": "lost", "pid": 0, "pid_start": 0, "time": 0}
    header = {"event": "journal", "version": 1, "sweep": sweep_id, "writer": writer}
    header |= ({} if session == 1 else {"session": session}) | who
    return [json.dumps(header, separators=(",", ":"))[1:-1], *found.texts]


def _keep(paths: SweepPaths, path: str) -> str:
    """Keep a damaged file under another name; return that, relative to the sweep."""
    folder = paths.damaged
    os.makedirs(folder, exist_ok=True)
    name, copy = os.path.basename(path), 1
    kept = f"{folder}/{name}"
    while os.path.lexists(kept):
        copy += 1
        kept = f"{folder}/{name}-{copy}"
    shutil.copyfile(path, kept)
    sync_folder(folder)
    return os.path.relpath(kept, paths.root)


def _repair_plan(paths: SweepPaths) -> list[str]:
    with open(paths.plan, "rb") as file:
        _, *lines = file.read().split(b"\n")
    torn = lines.pop()
    if not _has_every_line(lines):
        return ["the plan is left as it is: a line break is lost or new, so its lines do not tell which run is which"]
    mended = _mended(paths, lines)
    if mended == lines:
        return []
    done = [
        f"line {number} of the plan is written anew; its parameters are proven"
        for number, (before, after) in enumerate(zip(lines, mended, strict=True), start=2)
        if before != after
    ]
    kept = _keep(paths, paths.plan)
    publish(paths.plan, HEADER + b"".join(line + b"\n" for line in mended) + torn)
    return [*done, f"the damaged plan is {kept}"]


def _has_every_line(lines: list[bytes]) -> bool:
    """Whether there are as many runs as the last line says: else those behind a lost one would get other numbers."""
    count = sum(not line.startswith(END_MARK) for line in lines)
    found = _COUNT.match(lines[-1]) if lines else None
    return found is None or count == int(found[1] or int(found[2]) + 1)


def _mended(paths: SweepPaths, lines: list[bytes]) -> list[bytes]:
    """The lines of a plan, those replaced that are damaged and can be proven."""
    check = PlanCheck(digest_of_text)
    mended = []
    for line in lines:
        if line.startswith(END_MARK):
            mended.append(line)
            continue
        planned = None if check.problem_of(line) is None else check.restore(line, _witness(paths, check.number))
        mended.append(line if planned is None else plan_line(planned).rstrip(b"\n"))
        check.take(mended[-1])
    return mended


def _witness(paths: SweepPaths, run: int) -> str | None:
    try:
        with open(f"{paths.run(run)}/{PARAMS_FILE}", encoding="ascii") as file:
            return file.read().rstrip("\n")
    except (OSError, ValueError):
        return None


def _restore_results(examined: Examination) -> Iterator[str]:
    """Write `results.json` anew where a journal holds exactly what was in it."""
    state = fold(examined.records)
    for finding in examined.damage:
        if finding.run is None or os.path.basename(finding.path) != RESULTS_FILE:
            continue
        record = state[finding.run]
        data = dumps(record.get("results")).encode("ascii") + b"\n"
        same = hashlib.sha256(data).hexdigest() == record["results_digest"]
        if same and "results_complete" not in record and os.path.isdir(examined.paths.run(finding.run)):
            publish(f"{examined.paths.root}/{finding.path}", data)
            yield f"{finding.path} is written anew from the journal"
