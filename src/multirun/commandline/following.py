"""`multirun logs -f`: what runs write, as it comes, until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.commandline import paper
from multirun.commandline.alarm import Alarm
from multirun.commandline.exits import INCOMPLETE, OK, SOME_FAILED
from multirun.commandline.logs import heading

if TYPE_CHECKING:
    from multirun.replay import RecordedRun, Replay

_PATIENCE_S = 1.0
"""How long a change may go unnoticed of which the system does not tell: on a shared disk, or a process was killed."""
_CHUNK = 1 << 16


class _Output:
    """A file that grows.

    Attributes:
        run: the run that writes it.
        name: its name.
    """

    def __init__(self, run: RecordedRun, name: str) -> None:
        self.run = run
        self.name = name
        self.path = f"{run.path}/{name}"
        self._offset = 0

    def read(self) -> bytes:
        """What was written since the last call, or a part of it."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                data = file.read(_CHUNK)
        except FileNotFoundError:
            return b""
        self._offset += len(data)
        return data


class _Reader:
    """Prints what the outputs of runs grow by, with a heading whenever another one has its turn.

    Attributes:
        open: the outputs of each run that has not ended, by number.
    """

    def __init__(self, runs: list[RecordedRun], names: list[str]) -> None:
        self.open = {run.index: [_Output(run, name) for name in names] for run in runs}
        self._one = len(runs) * len(names) == 1
        self._last: _Output | None = None
        self._broken = False

    def read(self, replay: Replay, alarm: Alarm) -> None:
        """Print all that is there by now, and forget the runs that had ended before."""
        for index, outputs in list(self.open.items()):
            status = replay.status(index)
            if status == "pending" and replay.alive:
                continue
            for output in outputs:
                alarm.watch(output.path)
                while data := output.read():
                    self._print(output, data)
            if status != "running":
                del self.open[index]

    def _print(self, output: _Output, data: bytes) -> None:
        if output is not self._last and not self._one:
            if self._broken:
                paper.put("")
            paper.put(heading(output.run, output.name))
        self._last = output
        self._broken = not data.endswith(b"\n")
        paper.put_bytes(data)


def follow_runs(replay: Replay, runs: list[RecordedRun], names: list[str], *, everything: bool) -> int:
    """Print what runs write until they have ended, or nobody executes them any more; returns the exit code.

    Args:
        replay: the sweep.
        runs: the runs.
        names: the files that are printed.
        everything: whether these are simply all runs: then those that have ended already are left out.
    """
    followed = [run for run in runs if not everything or _is_going(replay, run)]
    if not followed:
        paper.talk("nothing is running")
    _talk_of_waiting(replay, followed)
    reader, alarm = _Reader(followed, names), Alarm()
    try:
        alarm.watch(replay.paths.journals)
        reader.read(replay, alarm)
        while reader.open:
            alarm.wait(_PATIENCE_S)
            replay.refresh()
            reader.read(replay, alarm)
    finally:
        alarm.close()
    return _code(replay, followed)


def _is_going(replay: Replay, run: RecordedRun) -> bool:
    return replay.alive and replay.status(run.index) in ("pending", "running")


def _talk_of_waiting(replay: Replay, runs: list[RecordedRun]) -> None:
    waiting = [run for run in runs if replay.status(run.index) == "pending"]
    if waiting and len(waiting) == len(runs):
        who = f"run {runs[0].index} waits" if len(runs) == 1 else f"the {len(runs)} runs wait"
        if replay.alive:
            paper.talk(f"{who} for a free place")


def _code(replay: Replay, runs: list[RecordedRun]) -> int:
    """The exit code, and how one run ended in words."""
    statuses = [replay.status(run.index) for run in runs]
    if "pending" in statuses or "running" in statuses:
        paper.talk("nobody executes this sweep any more; it was stopped before it was complete")
        return INCOMPLETE
    failed = statuses.count("failure")
    if failed:
        paper.talk(
            f"run {runs[0].index} failed" if len(runs) == 1 else f"{failed} of {paper.plural(len(runs), 'run')} failed"
        )
    return SOME_FAILED if failed else OK
