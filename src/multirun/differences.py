"""How the definition of a call differs from that of the sweep on disk: a pure comparison, told to people."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from multirun.contract import STDERR_FILE, STDOUT_FILE
from multirun.definition import Definition, Input, Rules

if TYPE_CHECKING:
    from multirun.extraction import Extraction

_NOTHING = "nothing"


class Difference(NamedTuple):
    """One thing that is not as it was.

    Attributes:
        what: its name, such as `cmd` or `input data.txt`.
        before: what the sweep on disk has.
        now: what the call asks for.
        input: name of the input that differs, None if it is something else.
    """

    what: str
    before: str
    now: str
    input: str | None = None

    def __str__(self) -> str:
        return f"{self.what}: was {self.before}, is now {self.now}"


def compare(before: Definition, now: Definition) -> list[Difference]:
    """What has to be the same when a sweep is continued, and is not: command, environment, inputs and rules.

    Args:
        before: the definition on disk.
        now: that of the call.
    """
    found = [*_command(before, now), *_env(before.env, now.env), *_rules(before.rules, now.rules)]
    if before.stdin != now.stdin:
        found.append(Difference("stdin", _name(before.stdin), _name(now.stdin)))
    return [*found, *compare_inputs(before.inputs, now.inputs)]


def diff(differences: Iterable[Difference]) -> str:
    """The differences as lines, what was and what is below each other."""
    return "\n".join(f"  {each.what}\n    - {each.before}\n    + {each.now}" for each in differences)


def _command(before: Definition, now: Definition) -> Iterator[Difference]:
    if (before.command, before.shell) != (now.command, now.shell):
        yield Difference("cmd", _words(before), _words(now))


def _words(definition: Definition) -> str:
    return f"{definition.command[-1]!r} in a shell" if definition.shell else shlex.join(definition.command)


def _env(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield Difference(f"env {name}", _name(before.get(name)), _name(now.get(name)))


def _name(value: str | None) -> str:
    return _NOTHING if value is None else repr(value)


def _rules(before: Rules, now: Rules) -> Iterator[Difference]:
    for field in fields(Rules):
        if field.name != "results" and getattr(before, field.name) != getattr(now, field.name):
            name = "required_results" if field.name in ("results_required", "required_keys") else field.name
            yield Difference(name, repr(getattr(before, field.name)), repr(getattr(now, field.name)))
    rules = [{rule.name: rule for rule in each.results} for each in (before, now)]
    for name in dict.fromkeys([*rules[0], *rules[1]]):
        old, new = (each.get(name) for each in rules)
        if old != new:
            yield Difference(f"results {name!r}", _rule(old), _rule(new))


def _rule(rule: Extraction | None) -> str:
    """A rule as it is written in a call."""
    if rule is None:
        return _NOTHING
    options = [(each.name, getattr(rule, each.name), (each.default, *_USUAL)) for each in fields(rule)[_OPTIONS_FROM:]]
    return repr(_source(rule) | {name: value for name, value, usual in options if value not in usual})


def _source(rule: Extraction) -> dict[str, object]:
    """Where a rule looks, in the words of `results`."""
    if rule.kind != "regex":
        what = {} if rule.target is None else {"key" if rule.kind == "json" else "column": rule.target}
        return {rule.kind: rule.file, **what}
    stream = _STREAMS.get(rule.file)
    return {"file": rule.file, "regex": rule.target} if stream is None else {stream: rule.target}


_STREAMS = {STDOUT_FILE: "stdout", STDERR_FILE: "stderr"}
_USUAL = ("last",)
_OPTIONS_FROM = 4
"""Place of the first field that is an option of a rule."""


def compare_inputs(before: Sequence[Input], now: Sequence[Input]) -> list[Difference]:
    """Which inputs are not what they were."""
    return list(_inputs(before, now))


def _inputs(before: Sequence[Input], now: Sequence[Input]) -> Iterator[Difference]:
    inputs = [{each.name: each for each in listed} for listed in (before, now)]
    for name in dict.fromkeys([*inputs[0], *inputs[1]]):
        old, new = (each.get(name) for each in inputs)
        if old is None or new is None or _content(old) != _content(new):
            yield Difference(f"input {name}", *_tell(old, new), input=name)


def _content(entry: Input) -> tuple[object, ...]:
    """What must be the same for runs to see the same; where a copy came from does not matter."""
    if entry.linkage == "link":
        return entry.linkage, entry.kind, entry.source, entry.size, entry.mtime_ns
    return entry.linkage, entry.kind, entry.digest


def _tell(old: Input | None, new: Input | None) -> tuple[str, str]:
    """Both in words; if these are the same, with what tells them apart."""
    brief = [_NOTHING if each is None else f"{each.linkage} {each.kind} of {each.size} bytes" for each in (old, new)]
    if brief[0] != brief[1] or old is None or new is None:
        return brief[0], brief[1]
    if old.linkage == "link":
        marks = [f"{each.source} changed at {_moment(each.mtime_ns or 0)}" for each in (old, new)]
    else:
        marks = [f"SHA-256 {(each.digest or '')[:12]}…" for each in (old, new)]
    return f"{brief[0]}, {marks[0]}", f"{brief[1]}, {marks[1]}"


def _moment(time_ns: int) -> str:
    """A time as people read it, with as many digits as a file system may tell apart."""
    whole, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(whole).astimezone():%Y-%m-%d %H:%M:%S}.{rest:09}"
