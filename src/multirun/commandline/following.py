"""`multirun logs -f`: what runs write, as it comes, until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.commandline import paper
from multirun.commandline.alarm import Alarm
from multirun.commandline.ending import open_output
from multirun.commandline.exits import INCOMPLETE, OK, SOME_FAILED
from multirun.commandline.logs import heading
from multirun.contract import STDERR_FILE

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
        self._held = b""

    def read(self) -> bytes:
        """What was written since the last call, or a part of it."""
        try:
            with open_output(self.path) as file:
                file.seek(self._offset)
                data = file.read(_CHUNK)
        except OSError:
            return b""
        self._offset += len(data)
        return data

    def take_lines(self, data: bytes) -> list[bytes]:
        """The whole lines in what was written by now; half a line is held back, unless it is very long."""
        *lines, self._held = (self._held + data).split(b"\n")
        return [*lines, *self.take_rest()] if len(self._held) > _CHUNK else lines

    def take_rest(self) -> list[bytes]:
        """The last line, if it has no end."""
        held, self._held = self._held, b""
        return [held] if held else []


class _Reader:
    """Prints what the outputs of runs grow by.

    The outputs of one run have a heading whenever the other has its turn; of several runs each line says whose it is.

    Attributes:
        open: the outputs of each run that has not ended, by number.
    """

    def __init__(self, runs: list[RecordedRun], names: list[str]) -> None:
        self.open = {run.index: [_Output(run, name) for name in names] for run in runs}
        self._several = len(runs) > 1
        self._headings = len(names) > 1
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
                self._print_new(output, ended=status != "running")
            if status != "running":
                del self.open[index]

    def _print_new(self, output: _Output, *, ended: bool) -> None:
        while data := output.read():
            if self._several:
                _print_lines(output, output.take_lines(data))
            else:
                self._print(output, data)
        if ended:
            _print_lines(output, output.take_rest())

    def _print(self, output: _Output, data: bytes) -> None:
        if output is not self._last and self._headings:
            if self._broken:
                paper.put("")
            paper.put(heading(output.run, output.name))
        self._last = output
        self._broken = not data.endswith(b"\n")
        paper.put_bytes(data)


def _print_lines(output: _Output, lines: list[bytes]) -> None:
    stream = " stderr" if output.name == STDERR_FILE else ""
    whose = paper.paint(f"run {output.run.index}{stream} | ", "dim").encode()
    if lines:
        paper.put_bytes(b"".join(b"%b%b\n" % (whose, line) for line in lines))


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
