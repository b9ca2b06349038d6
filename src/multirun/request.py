"""What a caller asks for, checked as a whole: every mistake is found before anything is created."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from multirun import arguments
from multirun.allowances import Allowances, parse_allowances
from multirun.arguments import Runs, optional, short
from multirun.definition import Options, Rules
from multirun.durations import parse_duration
from multirun.extraction.parsing import parse_results
from multirun.needs import Needs, examine
from multirun.preflight import Program, check_program
from multirun.resources import FileResource, check_resources, entries, find_same
from multirun.runners.abstract import AbstractRunner
from multirun.sizes import parse_size
from multirun.skipping import SkipIf, parse_skip_if

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multirun.resume import Resume
    from multirun.run import Run


class Recalled(NamedTuple):
    """What of a sweep on disk goes on without its script: nothing of its definition is asked for, it stays as it is.

    Attributes:
        numbers: of the runs that are meant, each once.
        anew: whether those that succeeded or were skipped are executed as well.
        total_known: whether no more runs are meant than these.
    """

    numbers: Sequence[int]
    anew: bool = False
    total_known: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """A sweep as it was asked for, apart from its parameter maps; every field was checked.

    Attributes:
        runs: what yields the parameter maps.
        command: words of the command.
        env: environment variables.
        resources: input files and folders, that for the standard input among them.
        rules: when an attempt is a success.
        options: time limit, grace, threads.
        output_path: absolute path of the sweep directory, None for a new one below the current directory.
        name: what the user calls the sweep.
        on_result: called with each finished run.
        shell: whether the last word of the command is a text for a shell.
        stdin: name of the resource that runs read as their standard input, None for nothing.
        templates: what the templates among the resources take from the parameters.
        first_alone: whether the first run has to succeed before others start.
        resume: whether a sweep that is there goes on; `"unfinished"` leaves recorded failures alone.
        accept_changes: whether it may go on with another definition.
        recalled: what goes on without a script, None for the call of one.
        allowances: what failures may cost.
        skip_if: which runs need not be executed, None if all are.
    """

    runs: Runs
    command: tuple[str, ...]
    env: Mapping[str, str]
    resources: tuple[FileResource, ...]
    rules: Rules
    options: Options
    output_path: str | None
    name: str
    on_result: Callable[[Run], object] | None
    shell: bool = False
    stdin: str | None = None
    templates: tuple[Needs, ...] = ()
    first_alone: bool = False
    resume: Resume = False
    accept_changes: bool = False
    recalled: Recalled | None = None
    allowances: Allowances = field(default_factory=Allowances)
    skip_if: SkipIf | None = None


class Inspector:
    """Collects mistakes while it turns arguments into what a `Request` holds.

    Attributes:
        mistakes: one sentence for each mistake found so far.
    """

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def _try(self, name: str, parse: Callable[[Any], Any], value: object, otherwise: object = None) -> Any:  # noqa: ANN401
        try:
            return parse(value)
        except ValueError as error:
            self.mistakes.extend(f"{name}: {mistake}" for mistake in error.args)
            return otherwise

    def request(self, *, runs: object, cmd: object, input_files: object, **given: Any) -> Request:  # noqa: ANN401
        """Check all arguments of a sweep; look at `mistakes` before the request is used.

        Args:
            runs: see `multirun`.
            cmd: see `multirun`.
            input_files: see `multirun`.
            **given: the other keywords of `multirun`.
        """
        attempt = self._try
        shell = given["shell"] is True
        rules, options = self._rules(given), self._options(given)
        resources = attempt("input_files", arguments.parse_resources, input_files, ())
        resources, stdin = self._read_by_all(resources, given["stdin"])
        self.mistakes.extend(check_resources(resources))
        checked_runs = attempt("runs", arguments.parse_runs, runs, ())
        command = attempt("cmd", arguments.parse_shell_command if shell else arguments.parse_command, cmd, ())
        env = attempt("env", arguments.parse_env, given["env"], {})
        if command and getattr(given.get("runner"), "uses_this_machine", False):
            self.mistakes.extend(f"cmd: {mistake}" for mistake in check_program(Program(command, env, resources)))
        return Request(
            runs=checked_runs,
            command=command,
            env=env,
            resources=resources,
            rules=rules,
            options=options,
            output_path=attempt("output_path", optional(arguments.parse_output_path), given["output_path"]),
            name=attempt("name", optional(arguments.parse_name), given["name"]) or "multirun",
            on_result=attempt("on_result", optional(arguments.parse_callable), given["on_result"]),
            shell=shell,
            stdin=stdin,
            templates=self._templates(resources),
            first_alone=given["first_alone"] is True,
            resume=self._resume(given),
            accept_changes=given["accept_changes"] is True,
            allowances=parse_allowances(attempt, given),
            skip_if=attempt("skip_if", optional(parse_skip_if), given["skip_if"]),
        )

    def _rules(self, given: Mapping[str, Any]) -> Rules:
        attempt = self._try
        keys = attempt("required_results", arguments.parse_required_results, given["required_results"], ())
        return Rules(
            success_codes=attempt("success_codes", arguments.parse_codes, given["success_codes"], (0,)),
            results_required=given["required_results"] is True or bool(keys),
            required_keys=keys,
            required_files=attempt("required_files", arguments.parse_required_files, given["required_files"], ()),
            results=attempt("results", parse_results, given["results"], ()),
        )

    def _options(self, given: Mapping[str, Any]) -> Options:
        attempt = self._try
        return Options(
            timeout_s=attempt("timeout", optional(parse_duration), given["timeout"]),
            grace_s=attempt("grace", arguments.parse_grace, given["grace"], 5.0),
            threads_per_run=attempt("threads_per_run", optional(arguments.parse_count), given["threads_per_run"]),
            max_output_bytes=attempt("max_output", optional(parse_size), given["max_output"]),
            nice=attempt("nice", optional(arguments.parse_nice), given["nice"]),
            keep_directory=given["keep_directory"] is True,
            durability=attempt("durability", arguments.parse_durability, given["durability"]),
            keep_attempts=attempt("keep_attempts", optional(arguments.parse_kept), given["keep_attempts"]),
        )

    def _resume(self, given: Mapping[str, Any]) -> Resume:
        resume: Resume = self._try("resume", arguments.parse_resume, given["resume"], otherwise=False)
        if resume and given["output_path"] is None:
            self.mistakes.append("resume: without output_path there is nothing to go on with; give its directory")
        return resume

    def _read_by_all(
        self, resources: tuple[FileResource, ...], stdin: object
    ) -> tuple[tuple[FileResource, ...], str | None]:
        """The resources with the one for the standard input among them, and the name of that."""
        wanted: FileResource | None = self._try("stdin", optional(arguments.parse_stdin), stdin)
        if wanted is None:
            return resources, None
        if isinstance(stdin, str | os.PathLike):  # the input of that path, however runs are given it
            wanted = next((each for each in resources if each.source == wanted.source), wanted)
        known = find_same(wanted, resources) is not None
        return resources if known else (*resources, wanted), wanted.name

    def _templates(self, resources: tuple[FileResource, ...]) -> tuple[Needs, ...]:
        """What all templates take; those that cannot be read are no new mistake."""
        found: list[Needs] = []
        for resource in resources:
            if resource.linkage == "template":
                with suppress(OSError, ValueError):
                    found += self._examine(resource)
        return tuple(found)

    def _examine(self, resource: FileResource) -> Iterator[Needs]:
        path = os.fspath(resource.path)
        for entry in entries(resource):
            if not entry.is_folder:
                label = f"template {os.path.join(path, entry.name) if entry.name else path!r}"
                with open(entry.source, "rb") as file:
                    needs, wrong = examine(label, file.read())
                self.mistakes.extend(wrong)
                yield needs._replace(is_plain=needs.is_plain and not entry.name)

    def switches(self, given: Mapping[str, object]) -> None:
        """Check the keywords that are True or False."""
        either = (True, False)
        switches = {
            "check": either,
            "dry_run": either,
            "shell": either,
            "first_alone": either,
            "accept_changes": either,
            "keep_directory": either,
            "display": (None, *either),
        }
        for name, allowed in switches.items():
            if not any(given[name] is value for value in allowed):
                self.mistakes.append(f"{name}: {short(given[name])} is neither True nor False")

    def runner(self, runner: object) -> None:
        """Check the runner."""
        if runner is not None and not isinstance(runner, AbstractRunner):
            self.mistakes.append(
                f"runner: {runner!r} is no runner; give an instance such as ParallelLocalRunner(max_parallel=4)"
            )
