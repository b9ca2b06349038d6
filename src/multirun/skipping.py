"""Which runs need not be executed: the caller's own word, or what files of an earlier time hold."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from multirun.arguments import MistakeError, parse_callable, short
from multirun.command import render
from multirun.contract import is_system_text
from multirun.extraction.evaluation import evaluate
from multirun.extraction.parsing import parse_results
from multirun.files import LACKING
from multirun.params import describe

if TYPE_CHECKING:
    from multirun.extraction import Extraction
    from multirun.run import Run

SkipIf = Callable[[dict[str, Any], Path], str | None]
"""Says why a run need not be executed, None if it must be; called with its parameters and its directory."""

_FILES = ("json", "csv", "file")
_AGAIN_S = 1.0
_STAND_IN = "file"
_REASON = "skip_if says so"


def parse_skip_if(given: object) -> SkipIf:
    """What says which runs need not be executed.

    Args:
        given: a function, or a list of rules in the words of `results`.

    Raises:
        MistakeError: it is neither.
    """
    if callable(given):
        return _asking(parse_callable(given))
    if isinstance(given, str | os.PathLike):
        raise MistakeError(_only_a_path(given))
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        raise MistakeError(f"{short(given)} is neither a function nor a list of rules; write something like {_EXAMPLE}")
    mistakes: list[str] = []
    rules = [rule for number, each in enumerate(given, start=1) if (rule := _read(number, each, mistakes))]
    if mistakes or not rules:
        raise MistakeError(*(mistakes or [f"there is no rule in it; write something like {_EXAMPLE}"]))
    return _Complete(tuple(rules), os.getcwd())


@dataclass(frozen=True, slots=True)
class _Complete:
    """Skips runs for which each rule finds its value."""

    rules: tuple[Extraction, ...]
    here: str

    def __call__(self, params: dict[str, Any], _: Path) -> str | None:
        return _why_complete(self.rules, self.here, params)


def files_of(skip_if: SkipIf | None) -> list[str]:
    """The files that rules look at, templates included; none if a function decides.

    Args:
        skip_if: what says which runs need not be executed.
    """
    return [rule.file for rule in skip_if.rules] if isinstance(skip_if, _Complete) else []


_EXAMPLE = "[{'json': 'done/{name}.json', 'key': 'energy'}]"


def _only_a_path(path: object) -> str:
    name = short(path)
    return (
        f"{name} is only a path, and a file that exists may be half written; say what is in it once it is complete: "
        f"{{'json': {name}}} for a whole JSON document, {{'file': {name}, 'regex': 'finished'}} for a text"
    )


def _read(number: int, given: object, mistakes: list[str]) -> Extraction | None:
    """One rule, with its path as it was given."""
    try:
        return _parse(f"rule {number}", given)
    except ValueError as error:
        mistakes.extend(error.args)
        return None


def _parse(name: str, given: object) -> Extraction:
    if isinstance(given, str | os.PathLike):
        raise MistakeError(f"{name}: {_only_a_path(given)}")
    rule = given if isinstance(given, Mapping) else {}
    source = next((source for source in _FILES if source in rule), None)
    path = _path_in(rule[source]) if source is not None else None
    if source is None or path is None:
        raise MistakeError(f"{name} is {short(given)}, which names no file; write something like {_EXAMPLE[1:-1]}")
    if "optional" in rule:
        raise MistakeError(f"{name} has 'optional', but a run is skipped only if each rule finds its value")
    (parsed,) = parse_results({name: {**rule, source: _STAND_IN}})
    return replace(parsed, file=path)


def _path_in(path: object) -> str | None:
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    return text if isinstance(text, str) and text and is_system_text(text) else None


def _why_complete(rules: Iterable[Extraction], here: str, params: Mapping[str, Any]) -> str | None:
    """Why a run need not be executed if each rule finds its value.

    Raises:
        OSError: the machine lacks something (see `files.LACKING`).
    """
    found = []
    for rule in rules:
        path = os.path.abspath(os.path.join(here, render(rule.file, params)))
        findings = evaluate([replace(rule, file=path.lstrip("/"))], "", {}, _begin)
        if findings.reason is not None:
            return None
        found.append(path)
    return f"complete already: {', '.join(dict.fromkeys(found))}"


def _begin(_: str) -> None:
    """Nobody wants to know which rule is evaluated."""


async def ask(skip_if: SkipIf, run: Run, notice: Callable[[int | None, str | None], object]) -> str | None:
    """Why a run need not be executed, None if it must be; found out in a thread, for files may be slow.

    Args:
        skip_if: what says so.
        run: the run.
        notice: told why a run is held up while the machine lacks something, None when it goes on.

    Raises:
        BaseException: whatever the caller's function raises, with a note that names the run.
    """
    while True:
        try:
            return await anyio.to_thread.run_sync(skip_if, dict(run.params), run.path)
        except BaseException as error:
            if not isinstance(error, OSError) or error.errno not in LACKING:
                error.add_note(f"skip_if raised this for run {run.index} ({describe(run.params)})")
                raise
            notice(run.index, f"skip_if waits: {error.strerror}")
        await asyncio.sleep(_AGAIN_S)
        notice(run.index, None)


def _asking(function: Callable[..., object]) -> SkipIf:
    def ask(params: dict[str, Any], directory: Path) -> str | None:
        said = function(params, directory)
        return (said if isinstance(said, str) else _REASON) if said else None

    return ask
