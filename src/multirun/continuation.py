"""Taking up a sweep that is on disk: what is left alive is ended, definitions are compared, journals are sealed."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple

from multirun import records
from multirun.contract import ENV_COOKIE
from multirun.definition import Definition, read_definition, write_definition
from multirun.differences import Difference, compare, diff
from multirun.errors import DefinitionChangedError, FormatError, MultirunError, StorageError
from multirun.journal import Journal
from multirun.plan import PlanSurvey
from multirun.processes import kill_carriers, may_be_alive
from multirun.replay import Replay
from multirun.resources import explain
from multirun.resume import INPUT_CHANGED, RETRY, Past
from multirun.rundir import SweepPaths, fsck_advice, orchestrator_of
from multirun.sessions import header_of, orchestrators, writers_in
from multirun.staging import survey, sync_snapshot, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from multirun.definition import Input
    from multirun.journal import Record
    from multirun.ownership import Ownership
    from multirun.request import Request

_LEAVING_S = 5.0
"""How long lanes without an orchestrator may take to leave; they need about 2 s."""


class Opening(NamedTuple):
    """A sweep that is about to be executed.

    Attributes:
        paths: where it is.
        definition: what is executed.
        past: what is on disk of it already, None for a new one.
        journal: of this session, None if it is still to be made.
    """

    paths: SweepPaths
    definition: Definition
    past: Past | None = None
    journal: Journal | None = None


class Look(NamedTuple):
    """A sweep on disk, compared with a call; nothing was changed.

    Attributes:
        before: the definition on disk.
        now: that of the call.
        differences: between the two.
        past: what is on disk of its runs.
    """

    before: Definition
    now: Definition
    differences: list[Difference]
    past: Past


def define(
    request: Request, sweep_id: str, inputs: tuple[Input, ...], provenance: Mapping[str, Any], snapshot: int = 1
) -> Definition:
    """The definition of what was asked for.

    Args:
        request: what was asked for.
        sweep_id: the id of the sweep.
        inputs: its inputs.
        provenance: where it comes from.
        snapshot: number of the session that took the snapshot of the inputs.
    """
    return Definition(
        id=sweep_id,
        name=request.name,
        command=request.command,
        env=request.env,
        inputs=inputs,
        rules=request.rules,
        options=request.options,
        provenance=provenance,
        shell=request.shell,
        stdin=request.stdin,
        snapshot=snapshot,
    )


def look(paths: SweepPaths, request: Request) -> Look:
    """Compare a call with the sweep on disk.

    Raises:
        DefinitionChangedError: the definition differs, and the call does not accept that.
        FormatError: a file of the sweep cannot be read by this version, or is damaged.
        JournalDamagedError: a journal is damaged.
        StorageError: an input cannot be read.
    """
    before = read_definition(paths)
    now = _now(request, before)
    differences = compare(before, now)
    if differences and not request.accept_changes:
        raise DefinitionChangedError(_refusal(paths.root, differences))
    replay, plan = Replay(paths.root), PlanSurvey(paths.plan)
    if replay.last_run >= len(plan.offsets):
        lists = f"it lists {len(plan.offsets)} runs, but the journals tell of run {replay.last_run}"
        raise FormatError(f"{paths.plan} is damaged: {lists}; {fsck_advice(paths.root)}")
    unfinished, recalled = request.resume == "unfinished", request.recalled
    past = Past(replay, plan, unfinished=unfinished, numbers=None if recalled is None else recalled.numbers)
    return Look(before, now, differences, past)


def foresee(paths: SweepPaths, request: Request) -> Past:
    """What would be on disk of a sweep that is taken up, and nothing is changed: if an input changed, no end counts.

    Raises:
        DefinitionChangedError: the definition differs, and the call does not accept that.
        MultirunError: it cannot be continued for another reason.
    """
    found = look(paths, request)
    if any(each.input is not None for each in found.differences):
        for index in found.past.replay.recorded_runs:
            found.past.replay.forget(records.reset(index, found.past.attempts(index), INPUT_CHANGED))
    return found.past


def _now(request: Request, before: Definition) -> Definition:
    """The definition of a call that goes on with a sweep."""
    if request.recalled is not None:
        return replace(before, options=request.options)
    called = define(request, before.id, _survey(request), before.provenance, before.snapshot)
    return replace(called, name=before.name)


def _survey(request: Request) -> tuple[Input, ...]:
    try:
        return survey(request.resources)
    except (OSError, ValueError) as error:
        raise StorageError(f"the inputs cannot be compared: {explain(error)}") from error


def _refusal(root: str, differences: Sequence[Difference]) -> str:
    return (
        f"{root} was started with another definition, so nothing was executed:\n{diff(differences)}\n"
        "Put it back as it was, give another output_path, or go on with accept_changes=True, which keeps finished runs "
        "unless an input changed"
    )


def continue_sweep(paths: SweepPaths, request: Request, ownership: Ownership) -> Opening:
    """Take up a sweep: end what is left of earlier sessions, compare, seal, and write down what changes.

    Args:
        paths: where it is, with the number of the new session.
        request: what was asked for.
        ownership: of the sweep.

    Raises:
        MultirunError: it cannot be continued; apart from what was alive, nothing changed.
    """
    try:
        end_remains(paths, read_definition(paths).id)
        return _take_up(paths, request, look(paths, request), ownership)
    except MultirunError:
        raise
    except (OSError, ValueError) as error:
        raise StorageError(f"the sweep in {paths.root} could not be continued: {explain(error)}") from error


def _take_up(paths: SweepPaths, request: Request, found: Look, ownership: Ownership) -> Opening:
    """From the seal to the new definition.

    Runs are reset before anything else changes: whoever is killed in between leaves a sweep in which they are executed
    again, never one that takes results of other inputs for its own.
    """
    writer = orchestrator_of(paths.session)
    synced = found.now.options.survives_power_loss
    journal = Journal(paths.journal(writer), found.before.id, writer, time(), paths.session, synced=synced)
    try:
        changes = [str(each) for each in found.differences]
        journal.append(records.opened(paths.session, found.past.replay.lengths(), changes))
        changed = [each.input for each in found.differences if each.input is not None]
        if changed:
            _reset_all(journal, found.past, changed)
            journal.sync()  # the new definition will be on the disk at once
        if request.recalled is not None and request.recalled.anew:
            _reset_kept(journal, found.past, request.recalled.numbers)
        definition = _renew(paths, request, found, changed=bool(changed))
        ownership.confirm()
        if definition != found.before:
            write_definition(paths, definition)
        found.past.survey.mend(paths.plan, f"{paths.plan}.torn-{paths.session}")
    except BaseException:
        journal.close()
        raise
    return Opening(paths, definition, found.past, journal)


def _reset_all(journal: Journal, past: Past, inputs: list[str]) -> None:
    for index in past.touched_runs():
        _reset(journal, past, records.reset(index, past.attempts(index), INPUT_CHANGED, inputs=inputs))


def _reset_kept(journal: Journal, past: Past, numbers: Sequence[int]) -> None:
    """Reset those of the named runs that would not be executed otherwise."""
    for index in numbers:
        if not past.ruling(index).execute:
            _reset(journal, past, records.reset(index, past.attempts(index), RETRY))


def _reset(journal: Journal, past: Past, record: Record) -> None:
    journal.append(record)
    past.replay.forget(record)


def _renew(paths: SweepPaths, request: Request, found: Look, *, changed: bool) -> Definition:
    """The definition from now on, with a new snapshot of the inputs if they changed."""
    definition = replace(found.now, inputs=found.before.inputs)
    if changed:
        inputs = take_snapshot(request.resources, paths, paths.session)
        if request.options.survives_power_loss:
            sync_snapshot(paths, paths.session)
        definition = replace(definition, inputs=inputs, snapshot=paths.session)
    return definition


# ------------------------------------------------------------------------------------- what is still alive


def end_remains(paths: SweepPaths, sweep_id: str) -> None:
    """End what earlier sessions left alive on this machine.

    Lanes come first: without their orchestrator they end their runs, write down how, and leave. So what was finished
    counts. A lane whose orchestrator lives may serve another sweep of it by now, and is left alone.

    Args:
        paths: the sweep.
        sweep_id: its id.
    """
    until = monotonic() + _LEAVING_S
    for lane in _orphaned_lanes(paths):
        _outlast(int(lane["pid"]), lane, until)
    kill_carriers(_cookies(paths, sweep_id), ENV_COOKIE)


def _cookies(paths: SweepPaths, sweep_id: str) -> str:
    """What programs carry that launchers of this sweep have started, but not those of a copy of its directory."""
    writers = writers_in(paths.journals)
    launchers = {writer.partition("-")[0] for writer in set(writers) - set(orchestrators(writers).values())}
    return " ".join(f"{sweep_id}:{launcher}" for launcher in launchers)


def _orphaned_lanes(paths: SweepPaths) -> Iterator[dict[str, Any]]:
    writers = writers_in(paths.journals)
    headers = {writer: header_of(paths.journals, writer) for writer in writers}
    owners = orchestrators(writers)
    dead = {session for session, writer in owners.items() if not _is_here(headers[writer])}
    for writer, header in headers.items():
        if writer not in owners.values() and header.get("session", 1) in dead and _is_here(header):
            yield header


def _is_here(header: dict[str, Any]) -> bool:
    """Whether the process that wrote this is alive, and on this machine."""
    import socket

    return header.get("host") == socket.gethostname() and may_be_alive(header)


def _outlast(pid: int, header: dict[str, Any], until: float) -> None:
    """Wait for the end of a process; end it when its time is over."""
    with suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if not _is_here(header):  # its number was given to another one
                return
            watch = select.poll()
            watch.register(handle, select.POLLIN)
            if not watch.poll(1000 * max(0.0, until - monotonic())):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                watch.poll(1000)
        finally:
            os.close(handle)
