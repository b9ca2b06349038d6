"""`multirun show`: all about a run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multirun.columns import unwrap
from multirun.commandline import paper
from multirun.commandline.byhand import as_text, command_of, finite, in_a_shell, repetition_of
from multirun.commandline.ending import read_ending
from multirun.commandline.exits import OK
from multirun.commandline.finding import choose, flat, open_sweep, params_of
from multirun.durations import format_duration
from multirun.errors import SelectionError
from multirun.wording import printable, why_in_words

if TYPE_CHECKING:
    from multirun.definition import Definition
    from multirun.replay import RecordedRun, Replay
    from multirun.styled import Role

_LINES = 10
_LABEL = 12
_SHORT_S = 0.1
_WORDS: dict[str, Role] = {
    "success": "ok", "failure": "failed", "pending": "waiting", "running": "running", "skipped": "skipped",
}  # fmt: skip
"""Each status as people see it, which is a role as well."""


def show(words: Sequence[str], *, as_json: bool) -> int:
    """Print all about some runs; returns the exit code.

    Args:
        words: `[DIR] RUN…`.
        as_json: whether to print one JSON object for each run.
    """
    replay, selector = open_sweep(words)
    if not selector.ranges and not selector.values:
        raise SelectionError(_which(replay))
    for place, run in enumerate(choose(replay, selector)):
        if as_json:
            paper.put(json.dumps(to_document(replay.definition, run)))
            continue
        for line in ["", "", *describe(replay, run)] if place else describe(replay, run):
            paper.put(line)
    return OK


def _which(replay: Replay) -> str:
    runs = list(replay.runs())
    failed = next((run.index for run in runs if run.status == "failure"), 0)
    example = f"multirun show {in_a_shell([paper.shortest(replay.paths.root)])} {failed}"
    return f"say which of the {paper.plural(len(runs), 'run')}, for example: {example}"


# -------------------------------------------------------------------------------------------------- as JSON


def to_document(definition: Definition, run: RecordedRun) -> dict[str, Any]:
    """The object that `show --json` prints for a run; its keys never depend on the run."""
    record, command = run.record, command_of(definition, run)
    ended = record.get("event") == "ended"
    return {
        "index": run.index,
        "status": run.status,
        "reason": record.get("reason"),
        "why": _why(record) if record.get("reason") else None,
        "message": record.get("message"),
        "params": run.params,
        "results": finite(unwrap(record.get("results"))),
        "results_complete": record.get("results_complete", True),
        "exit_code": record.get("exit_code"),
        "signal": record.get("signal"),
        "attempts": record.get("attempt", 0),
        "started": _started(record),
        "ended": record["time"] if ended else None,
        "duration_s": record.get("duration_s"),
        "cpu_s": record.get("cpu_s"),
        "max_rss_bytes": record.get("max_rss_bytes"),
        "path": run.path,
        "stdout": run.stdout,
        "stderr": run.stderr,
        "command": command.words if command else None,
        "by_hand": repetition_of(definition, run, command, run.path) if command and ended else None,
    }


def _started(record: Mapping[str, Any]) -> float | None:
    """When the attempt began, in seconds since 1970, None if nobody knows."""
    if record.get("event") == "started":
        return float(record["time"])
    if "duration_s" not in record:
        return None
    return round(float(record["time"] - record["duration_s"] - record.get("rules_s", 0.0)), 3)


# ------------------------------------------------------------------------------------------------ for people


def describe(replay: Replay, run: RecordedRun) -> Iterator[str]:
    """The lines that `show` prints for a run."""
    record, command = run.record, command_of(replay.definition, run)
    yield f"{paper.paint(f'run {run.index}', 'strong')} in {paper.name_of(replay.paths.root)}: {_status(run)}"
    if record.get("reason"):
        yield from _block("why", [printable(_why(record))])
    if run.status == "failure":
        yield from _block("reason", [record["reason"]])
    yield from _block("parameters", _pairs(params_of(run)) or ["none"])
    yield from _block("results", _results(record))
    for label, text in _facts(replay, run, record).items():
        yield from _block(label, [text])
    yield from _block("command", [in_a_shell(command.words) if command else _unknown_command(replay.definition)])
    if record.get("attempt"):
        yield from _outputs(run, f"multirun logs {in_a_shell([paper.shortest(replay.paths.root), str(run.index)])}")
    if run.status == "running":
        yield ""
        yield f"follow it: multirun logs -f {in_a_shell([paper.shortest(replay.paths.root), str(run.index)])}"
    elif command and record.get("attempt"):
        yield ""
        yield paper.paint("repeat it by hand:", "strong")
        yield f"  {repetition_of(replay.definition, run, command, paper.shortest(run.path))}"


def _status(run: RecordedRun) -> str:
    word = _WORDS[run.status]
    return paper.paint(word, word)


def _why(record: Mapping[str, Any]) -> str:
    said: str = record["reason"]
    return said if record["event"] == "skipped" else why_in_words(said, record.get("message"))


def _block(label: str, lines: list[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        shown = "" if place else label
        yield f"  {paper.paint(f'{shown:<{_LABEL}}', 'dim')}{line}"


def _pairs(values: Mapping[str, object]) -> list[str]:
    longest = max(map(len, values), default=0)
    room = max(20, paper.width() - _LABEL - longest - 6)
    return [
        f"{printable(name):<{longest}} = {paper.cut(printable(as_text(value)), room)}" for name, value in values.items()
    ]


def _results(record: Mapping[str, Any]) -> list[str]:
    if "results_digest" not in record:
        return ["none"]
    shown = _pairs(flat(unwrap(record["results"])))
    return shown if record.get("results_complete", True) else [*shown, "… the rest is in results.json"]


def _facts(replay: Replay, run: RecordedRun, record: Mapping[str, Any]) -> dict[str, str]:
    facts = {"time": _times(replay, record)}
    if record.get("attempt", 0) > 1:
        facts["attempts"] = f"{record['attempt']}{_earlier(replay, run, record['attempt'])}"
    if record.get("event") == "ended":
        facts["exit code"] = _exit(record)
    facts["directory"] = printable(paper.shortest(run.path))
    return facts


def _earlier(replay: Replay, run: RecordedRun, attempt: int) -> str:
    """Where the last of the earlier attempts is, if that is kept."""
    path = replay.paths.attempt(run.index, attempt - 1)
    return f"; the one before is in {printable(paper.shortest(path))}" if os.path.isdir(path) else ""


def _exit(record: Mapping[str, Any]) -> str:
    if record["exit_code"] is not None:
        return str(record["exit_code"])
    return f"none, {record['signal']} ended it" if "signal" in record else "none, it was not started"


def _times(replay: Replay, record: Mapping[str, Any]) -> str:
    if not record:
        return "not started yet" if replay.alive else "never started"
    began = _started(record)
    if record["event"] == "started":
        still = f"running for {format_duration(max(0.0, time.time() - record['time']))}"
        return f"started {_moment(record['time'])}, {still if replay.alive else 'and cut off'}"
    if record["event"] == "skipped":
        return f"skipped {_moment(record['time'])}"
    if began is None:
        return f"ended {_moment(record['time'])}"
    seconds = record["duration_s"]
    took = format_duration(seconds) if seconds >= _SHORT_S else f"{seconds:.3f} s"
    return f"started {_moment(began)}, took {took}"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _unknown_command(definition: Definition) -> str:
    return f"{in_a_shell(list(definition.command))} (its parameters cannot be filled in here)"


def _outputs(run: RecordedRun, more: str) -> Iterator[str]:
    for name, path in (("stdout.log", run.stdout), ("stderr.log", run.stderr)):
        ending = read_ending(path, _LINES)
        yield ""
        if not ending.lines:
            yield f"{paper.paint(name, 'strong')} is {'not there' if ending.size is None else 'empty'}"
            continue
        much = "" if ending.whole else f", its last {paper.plural(len(ending.lines), 'line')} ({more} prints all)"
        yield f"{paper.paint(name, 'strong')}{much}:"
        yield from (f"  {paper.cut(line, max(20, paper.width() - 2))}" for line in ending.lines)
