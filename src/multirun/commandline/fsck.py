"""`multirun fsck`: whether the files of a sweep are as they were written, and what can be proven if they are not."""

from __future__ import annotations

from multirun.commandline.exits import OK, STORAGE
from multirun.commandline.owning import held
from multirun.commandline.paper import name_of, plural, put
from multirun.damage import Examination, Finding
from multirun.errors import FormatError
from multirun.hints import next_command, working_directory
from multirun.repair import repair
from multirun.snapshot import locate

_SHOWN = 50
_RUNS_SHOWN = 20


def fsck(directory: str | None, *, mend: bool) -> int:
    """Look at every file of a sweep; returns the exit code.

    Args:
        directory: the sweep; None for the newest here.
        mend: whether to write anew what can be proven.
    """
    root = locate(directory)
    found = Examination(root)
    if mend and found.damage:
        with held(found.paths):
            found = _mend(Examination(root))
    for line in describe(found.findings):
        put(line)
    again = found.undecided()
    if again:
        put(f"{_runs(again)} will be executed again when the sweep goes on: no proven record says how that ended")
    if found.damage and not mend:
        put(f"what can be proven is kept by: {next_command('fsck', root, '--repair', here=working_directory())}")
    put(_verdict(found, mended=mend))
    return STORAGE if found.damage else OK


def _mend(found: Examination) -> Examination:
    """Repair a sweep, say what was done, and look at it again."""
    for finding in found.damage[:_SHOWN]:
        put(f"{finding.path}: {finding.what}")
    try:
        for sentence in repair(found):
            put(f"  {sentence}")
    except FormatError as error:
        put(f"  nothing was repaired: {error}")
    return Examination(found.paths.root)


def describe(findings: list[Finding]) -> list[str]:
    """A line for each finding, if there are not too many."""
    lines = [f"{finding.path}: {finding.what}{'' if finding.is_damage else ' (harmless)'}" for finding in findings]
    hidden = len(lines) - _SHOWN
    return lines if hidden <= 0 else [*lines[:_SHOWN], f"… and {hidden} more"]


def _runs(runs: list[int]) -> str:
    shown = ", ".join(map(str, runs[:_RUNS_SHOWN]))
    more = f" and {len(runs) - _RUNS_SHOWN} more" if len(runs) > _RUNS_SHOWN else ""
    return f"run{'s' if len(runs) > 1 else ''} {shown}{more}"


def _verdict(found: Examination, *, mended: bool) -> str:
    where = name_of(found.paths.root)
    files = f"{plural(len(found.journals), 'journal')}, {plural(found.planned_count, 'run')} in the plan"
    if not found.damage:
        return f"{where}: no damage: {files}"
    spoiled = sorted({finding.run for finding in found.damage if finding.run is not None})
    about = f"; it is about {_runs(spoiled)}" if spoiled else ""
    places = "1 place is" if len(found.damage) == 1 else f"{len(found.damage)} places are"
    return f"{where}: {places} damaged{' and cannot be repaired' if mended else ''}: {files}{about}"
