"""The arguments of a sweep one by one: what each may be, and what is said if it is something else."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multirun.contract import ENV_PREFIX, is_system_text
from multirun.durations import parse_duration
from multirun.resources import FileResource
from multirun.resume import RESUMES, Resume

if TYPE_CHECKING:
    from multirun.run import Run

Runs = Iterable[Mapping[str, Any]]
_PLAIN = "without NUL and surrogates"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,39}")


class MistakeError(ValueError):
    """An argument is not what it should be; `args` holds one sentence for each mistake in it."""


def optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A parser that lets None pass."""
    return lambda value: None if value is None else parse(value)


def _each(parse: Callable[[Any], Any], items: Iterable[Any]) -> tuple[Any, ...]:
    """Parse all items; the mistakes in all of them make one error."""
    parsed: list[Any] = []
    mistakes: list[str] = []
    for item in items:
        try:
            parsed.append(parse(item))
        except ValueError as error:
            mistakes.extend(error.args)
    if mistakes:
        raise MistakeError(*mistakes)
    return tuple(parsed)


def parse_runs(runs: object) -> Runs:
    """The source of parameter maps.

    Raises:
        MistakeError: it is none.
    """
    if isinstance(runs, Mapping | str | bytes) or not isinstance(runs, Iterable):
        raise MistakeError(
            f"{short(runs)} is no list of parameter maps; write [{{'x': 1}}, {{'x': 2}}] or a generator of such maps"
        )
    return runs


def parse_command(cmd: object) -> tuple[str, ...]:
    """The words of the command as text.

    Raises:
        MistakeError: it is no list of words.
    """
    if isinstance(cmd, str | bytes):
        raise MistakeError(
            f"{short(cmd)} is one text; give the words as a list (shlex.split makes one from a text), "
            "or add shell=True if a shell has to read it"
        )
    if not isinstance(cmd, Sequence) or not cmd:
        raise MistakeError(f"{short(cmd)} is no list of words; write something like ['python', 'job.py']")
    words: tuple[str, ...] = _each(lambda item: _word(*item), enumerate(cmd))
    if not words[0]:
        raise MistakeError("the first word, the program, is empty")
    return words


def parse_shell_command(cmd: object) -> tuple[str, ...]:
    """The words that make a shell read a text.

    Raises:
        MistakeError: it is no text.
    """
    if not isinstance(cmd, str):
        raise MistakeError(
            f"{short(cmd)} is not one text; with shell=True write something like 'simulate {{x}} | tail -n 1', "
            "and leave shell=True out for a list of words"
        )
    if not cmd.strip() or not is_system_text(cmd):
        raise MistakeError(f"{short(cmd)} is nothing that a shell can read; it must be text {_PLAIN}, and not empty")
    return ("/bin/sh", "-c", cmd)


def _word(position: int, word: object) -> str:
    if isinstance(word, str | os.PathLike):
        text = os.fspath(word)
        if isinstance(text, str) and is_system_text(text):
            return text
    raise MistakeError(f"word {position} is {short(word)}; every word must be a path or text {_PLAIN}")


def parse_env(env: object) -> dict[str, str]:
    """The environment variables as text.

    Raises:
        MistakeError: a name or a value cannot be one.
    """
    if env is None:
        return {}
    if not isinstance(env, Mapping):
        raise MistakeError(f"{short(env)} is no map; write {{'NAME': 'value'}}")
    return dict(_each(lambda item: (_env_name(item[0]), _env_value(*item)), env.items()))


def _env_name(name: object) -> str:
    if not isinstance(name, str) or not name or "=" in name or not is_system_text(name):
        raise MistakeError(f"{short(name)} cannot be the name of a variable")
    if name.startswith(ENV_PREFIX):
        raise MistakeError(f"{name!r} begins with {ENV_PREFIX}, which is kept for multirun's own variables")
    return name


def _env_value(name: object, value: object) -> str:
    if isinstance(value, str | os.PathLike | int | float) and not isinstance(value, bool):
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        if isinstance(text, str) and is_system_text(text):
            return text
    raise MistakeError(f"the value of {name!r} is {short(value)}; it must be a number, a path or text {_PLAIN}")


def parse_resources(inputs: object) -> tuple[FileResource, ...]:
    """The resources, plain paths included.

    Raises:
        MistakeError: it is no list of resources.
    """
    if inputs is None:
        return ()
    if isinstance(inputs, str | bytes | os.PathLike | FileResource) or not isinstance(inputs, Iterable):
        raise MistakeError(f"{short(inputs)} is no list; write [{short(inputs)}]")
    if isinstance(inputs, Mapping):
        raise MistakeError(f"{short(inputs)} is no list; write [FileResource(path, rename=name)]")
    return _each(_resource, inputs)


def _resource(item: object) -> FileResource:
    path: object = item.path if isinstance(item, FileResource) else item
    if isinstance(path, str | os.PathLike) and isinstance(os.fspath(path), str):
        return item if isinstance(item, FileResource) else FileResource(path)
    raise MistakeError(f"{short(item)} is neither a path nor a FileResource")


def parse_stdin(stdin: object) -> FileResource:
    """The resource that runs read as their standard input.

    Raises:
        MistakeError: it is no file.
    """
    resource = _resource(stdin)
    if os.path.isdir(resource.source):
        raise MistakeError(f"{short(os.fspath(resource.path))} is a folder; a program reads its input from a file")
    return resource


def parse_nice(nice: object) -> int:
    """How nice runs are.

    Raises:
        MistakeError: it is no number that everybody may choose.
    """
    if isinstance(nice, int) and not isinstance(nice, bool) and 0 <= nice <= 19:
        return nice
    raise MistakeError(f"{short(nice)} is no whole number from 0 to 19")


def parse_codes(codes: object) -> tuple[int, ...]:
    """The accepted exit codes.

    Raises:
        MistakeError: one of them cannot be an exit code, or there are none.
    """
    listed = (codes,) if isinstance(codes, int) else tuple(codes) if isinstance(codes, Iterable) else ()
    wrong = [code for code in listed if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 255]
    if wrong or not listed:
        raise MistakeError(f"{short(codes)} is no list of exit codes; write numbers from 0 to 255 such as (0, 10)")
    return listed


def parse_required_results(required: object) -> tuple[str, ...]:
    """The dotted keys that results must have; none if it only matters that there are results.

    Raises:
        MistakeError: it is neither a truth value nor a list of keys.
    """
    if required is None or isinstance(required, bool):
        return ()
    listed = (
        (required,) if isinstance(required, str) else tuple(required) if isinstance(required, Iterable) else (None,)
    )
    if not all(isinstance(key, str) and key for key in listed):
        raise MistakeError(f"{short(required)} is neither True nor a list of keys such as ['energy', 'final.step']")
    return listed


def parse_required_files(required: object) -> tuple[str, ...]:
    """The relative paths of files that a run must leave.

    Raises:
        MistakeError: one of them is no path below the run directory.
    """
    if isinstance(required, str | bytes) or not isinstance(required, Iterable):
        raise MistakeError(f"{short(required)} is no list; write [{short(required)}]")
    return _each(_inner_path, required)


def _inner_path(path: object) -> str:
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if isinstance(name, str) and is_system_text(name) and name[:1] not in ("", "/") and ".." not in name.split("/"):
        return name
    raise MistakeError(f"{short(path)} is no path below the run directory")


def parse_grace(grace: object) -> float:
    """Seconds between SIGTERM and SIGKILL.

    Raises:
        ValueError: it is no duration of at least 0.
    """
    return parse_duration(grace, zero=True)


def parse_count(count: object) -> int:
    """A whole number of at least 1.

    Raises:
        MistakeError: it is none.
    """
    if isinstance(count, int) and not isinstance(count, bool) and count >= 1:
        return count
    raise MistakeError(f"{short(count)} is no whole number of at least 1")


def parse_durability(durability: object) -> str | None:
    """What the journals survive, as definitions have it: None for the default.

    Raises:
        MistakeError: it is neither of the two words.
    """
    if durability in ("process", "power"):
        return None if durability == "process" else "power"
    raise MistakeError(
        f"{short(durability)} is neither 'process' (what is recorded survives SIGKILL of everything) nor 'power' (it "
        "survives the loss of power too)"
    )


def parse_kept(count: object) -> int:
    """How many directories of earlier attempts are kept.

    Raises:
        MistakeError: it is no whole number from 0.
    """
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        return count
    raise MistakeError(f"{short(count)} is no whole number from 0; write None to keep all")


def parse_output_path(path: object) -> str:
    """Absolute path of the sweep directory.

    Raises:
        MistakeError: it is no path.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if isinstance(text, str) and text and is_system_text(text):
        return os.path.abspath(text)
    raise MistakeError(f"{short(path)} is no path")


def parse_name(name: object) -> str:
    """A name that is safe as part of a file name.

    Raises:
        MistakeError: it is none.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise MistakeError(
        f"{short(name)} is no name; use up to 40 letters, digits, '.', '_' or '-', not beginning with '.' or '-'"
    )


def parse_resume(resume: object) -> Resume:
    """Whether and how a sweep goes on.

    Raises:
        MistakeError: it is no such word.
    """
    for known in RESUMES:
        if resume is known or (isinstance(resume, str) and resume == known):
            return known
    raise MistakeError(f"{short(resume)} is neither True nor False nor 'unfinished'")


def parse_callable(function: object) -> Callable[[Run], object]:
    """Something that can be called.

    Raises:
        MistakeError: it cannot.
    """
    if inspect.iscoroutinefunction(function):
        raise MistakeError(
            f"{short(function)} is a coroutine function, which nobody would await; give a plain function"
        )
    if callable(function):
        return function
    raise MistakeError(f"{short(function)} cannot be called; give a function that takes a Run")


def short(value: object) -> str:
    """A value as it was written, unless that is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
