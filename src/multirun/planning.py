"""From what a source yields to checked runs: pure, one parameter map at a time."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from multirun.command import fields, near_misses, render, render_shell, split_field
from multirun.contract import is_system_text
from multirun.errors import MultirunWarning, ParamsError
from multirun.params import CheckedParams, check_params, describe
from multirun.skipping import files_of

if TYPE_CHECKING:
    from multirun.needs import Needs
    from multirun.request import Request


class Planner:
    """Checks the parameter maps of one sweep against its command and environment."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        shell: bool = False,
        files: Sequence[str] = (),
        templates: Sequence[Needs] = (),
    ) -> None:
        """Plan runs of a command.

        Args:
            command: words of the command, templates included.
            env: environment variables, templates included.
            shell: whether a shell reads the command.
            files: names of files that runs have to leave, or that say which are skipped, templates included.
            templates: what input files that are templates take from the parameters.
        """
        fill = render_shell if shell else render
        filled = [*((text, fill) for text in command), *((text, render) for text in (*files, *env.values()))]
        self._texts = [(text, fill) for text, fill in filled if "{" in text]
        self._fields = fields(text for text, _ in self._texts)
        self._templates = templates
        self._seen: set[frozenset[str]] = set()
        for template in templates:
            if template.is_plain:
                _warn(f"{template.label} holds no {{{{ … }}}} and no {{% … %}}, so all runs get the same file")

    @classmethod
    def of(cls, request: Request) -> Planner:
        """The planner of what was asked for."""
        rules = request.rules
        files = [*(rule.file for rule in rules.results), *rules.required_files, *files_of(request.skip_if)]
        return cls(request.command, request.env, shell=request.shell, files=files, templates=request.templates)

    def plan(self, index: int, candidate: object) -> CheckedParams:
        """Check what the source yielded for a run.

        Args:
            index: number of the run.
            candidate: what the source yielded.

        Raises:
            ParamsError: it is no map, cannot be stored exactly, or does not fit a template.
        """
        planned = check_params(index, candidate)
        if self._texts or self._templates:
            self._check_names(index, planned.params)
            self._check_texts(index, planned.params)
        return planned

    def _check_names(self, index: int, params: dict[str, Any]) -> None:
        """Look for names that are no parameters, once for all runs whose parameters have the same names."""
        names = frozenset(params)
        if names in self._seen:
            return
        self._seen.add(names)
        self._warn_of_near_misses(names)
        lacking = [sentence for template in self._templates for sentence in template.lacking(names)]
        if lacking:
            raise ParamsError(f"run {index} ({describe(params)}): {'; '.join(lacking)}")

    def _check_texts(self, index: int, params: dict[str, Any]) -> None:
        for text, fill in self._texts:
            try:
                rendered = fill(text, params)
            except ValueError as error:
                raise ParamsError(f"run {index} ({describe(params)}): {error}") from error
            if not is_system_text(rendered):
                problem = f"{text!r} would contain NUL or a surrogate, which no program can be given"
                raise ParamsError(f"run {index} ({describe(params)}): {problem}")

    def _warn_of_near_misses(self, names: frozenset[str]) -> None:
        unknown = {field for field in self._fields if split_field(field, names) is None}
        for field, name in near_misses(unknown, sorted(names)):
            _warn(f"{{{field}}} names no parameter and is passed on as it is; did you mean {{{name}}}?")


def _warn(message: str) -> None:
    warnings.warn_explicit(message, MultirunWarning, *_callers_line())


def _callers_line() -> tuple[str, int]:
    """File and line of whoever called into multirun, however deep in an event loop the mistake was noticed."""
    own = (os.path.dirname(__file__), os.path.dirname(asyncio.__file__))
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(own):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else (__file__, 0)


def plan_each(planner: Planner, candidates: Iterable[object], mistakes: list[str]) -> Iterator[CheckedParams | None]:
    """Plan all runs of a source with a length; None stands for one with a mistake.

    Args:
        planner: checks each of them.
        candidates: what the source yields.
        mistakes: where the mistakes go.
    """
    for index, candidate in enumerate(candidates):
        try:
            yield planner.plan(index, candidate)
        except ParamsError as error:
            mistakes.append(str(error))
            yield None
