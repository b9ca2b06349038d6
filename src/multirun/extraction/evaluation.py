"""The rules of a sweep applied to what one program left: the values found, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from multirun.command import render
from multirun.extraction import Extraction, MissingError, UnusableError
from multirun.extraction.conversion import beyond, convert, convert_text
from multirun.extraction.sources import find

_TOLD = 5


class Findings(NamedTuple):
    """What the rules found.

    Attributes:
        values: the results by name; None where an optional one is missing.
        reason: reason code of the first rule that is not met, None if all are.
        message: sentences about the rules that are not met.
    """

    values: dict[str, Any]
    reason: str | None = None
    message: str | None = None


class _Unmet(NamedTuple):
    reason: str
    sentence: str


def file_of(rule: Extraction, params: Mapping[str, object]) -> str:
    """Relative path of the file in which a rule looks.

    Args:
        rule: the rule.
        params: the parameters of the run.

    Raises:
        UnusableError: with these parameters the path leads out of the directory of the run.
    """
    name = render(rule.file, params)
    if name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise UnusableError("leads out of the directory of the run")
    return name


def evaluate(
    rules: Iterable[Extraction],
    run_dir: str,
    params: Mapping[str, object],
    begin: Callable[[str], object],
) -> Findings:
    """Apply rules to what a program left.

    Args:
        rules: the rules.
        run_dir: the directory of its run.
        params: the parameters of the run, for names of files.
        begin: called with the name of each result before it is looked for.

    Raises:
        OSError: the machine lacks something (see `files.LACKING`).
    """
    values: dict[str, Any] = {}
    unmet = []
    for rule in rules:
        begin(rule.name)
        problem = _apply(rule, run_dir, params, values)
        if problem is not None:
            unmet.append(problem)
    if not unmet:
        return Findings(values)
    more = f"; and {len(unmet) - _TOLD} more" if len(unmet) > _TOLD else ""
    return Findings(values, unmet[0].reason, "; ".join(each.sentence for each in unmet[:_TOLD]) + more)


def _apply(rule: Extraction, run_dir: str, params: Mapping[str, object], values: dict[str, Any]) -> _Unmet | None:
    """Apply one rule: add its value to `values`, and tell what is wrong with it."""
    where = rule.file
    try:
        where = file_of(rule, params)
        raw = find(rule, f"{run_dir}/{where}")
        value = _value(rule, raw)
    except MissingError as error:
        if rule.optional:
            values[rule.name] = None
            return None
        return _Unmet("no-result", f"{rule.name!r} was not found: {where} {error}")
    except (UnusableError, RecursionError, MemoryError, ValueError) as error:
        return _Unmet("bad-result", f"{rule.name!r} cannot be used: {where} {str(error) or 'is too large'}")
    values[rule.name] = value
    wrong = beyond(value, rule) if rule.is_limited and value is not None else None
    return _Unmet(f"rule:{rule.name}", f"{rule.name!r} from {where}: {wrong}") if wrong else None


def _value(rule: Extraction, raw: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value of what was found.

    Raises:
        MissingError: it is null.
        UnusableError: it is not of the wanted type.
    """
    if raw is None:
        raise MissingError(f"has null at {rule.target!r}")
    try:
        if rule.kind == "json":
            typed = rule.type is not None or rule.is_limited
            return convert(raw, rule.type, limited=rule.is_limited) if typed else raw
        texts = raw if isinstance(raw, list) else [raw]
        found = [_of_text(text, rule) for text in texts]
    except UnusableError as error:
        raise UnusableError(f"holds {error}") from error
    return found if isinstance(raw, list) else found[0]


def _of_text(raw: str | float, rule: Extraction) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(raw, str):
        return convert_text(raw, rule.type, limited=rule.is_limited)
    return convert(raw, rule.type)
