"""The command of a run as it was executed, and the line that repeats it in a shell."""

from __future__ import annotations

import json
import math
import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from multirun.command import render, render_words
from multirun.contract import (
    ENV_ATTEMPT,
    ENV_INDEX,
    ENV_PARAMS,
    ENV_RESULTS,
    ENV_RUN_DIR,
    PARAMS_FILE,
    RESULTS_FILE,
    THREAD_VARIABLES,
)
from multirun.encoding import decode_map
from multirun.errors import ParamsError

if TYPE_CHECKING:
    from multirun.definition import Definition
    from multirun.replay import RecordedRun


_FOLDER = "by-hand"


class Command(NamedTuple):
    """A command with the parameters of its run filled in.

    Attributes:
        words: its words.
        env: the variables that the sweep adds to the environment, apart from those of multirun.
    """

    words: list[str]
    env: dict[str, str]


def command_of(definition: Definition, run: RecordedRun) -> Command | None:
    """The command of a run; None if its parameters need something that is not here, such as numpy."""
    try:
        params = decode_map(run.params_document)
        words = render_words(definition.command, params, shell=definition.shell)
        return Command(words, {name: render(value, params) for name, value in definition.env.items()})
    except (ParamsError, ValueError):
        return None


def in_a_shell(words: list[str]) -> str:
    """Words as somebody types them."""
    return " ".join(quote(word) for word in words)


def quote(word: str) -> str:
    """A word for a shell, without orders for terminals; only where those are left out it has to be bash or zsh."""
    harmless = word.replace("\n", "").isprintable()
    return shlex.quote(word) if harmless else f"$'{''.join(map(_escape, word))}'"


def _escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    known = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}.get(character)
    return known or "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def repetition_of(definition: Definition, run: RecordedRun, command: Command, directory: str) -> str:
    """The line that executes a run once more, in its directory and with its variables.

    Its results go to a folder of their own: those that were recorded, and their pickle, stay as they are.

    Args:
        definition: the sweep.
        run: the run.
        command: its command.
        directory: path of its directory.
    """
    own = {
        ENV_RUN_DIR: '"$PWD"',
        ENV_PARAMS: f'"$PWD/{PARAMS_FILE}"',
        ENV_RESULTS: f'"$PWD/{_FOLDER}/{RESULTS_FILE}"',
        ENV_INDEX: str(run.index),
        ENV_ATTEMPT: str(max(1, run.record.get("attempt", 1))),
    }
    given = {name: quote(value) for name, value in (_threads(definition) | command.env).items()}
    variables = " ".join(f"{name}={value}" for name, value in {**given, **own}.items())
    stdin = "/dev/null" if definition.stdin is None else quote(definition.stdin)
    return f"cd {quote(directory)} && mkdir -p {_FOLDER} && env {variables} {in_a_shell(command.words)} <{stdin}"


def _threads(definition: Definition) -> dict[str, str]:
    threads = definition.options.threads_per_run
    return {} if threads is None else dict.fromkeys(THREAD_VARIABLES, str(threads))


def as_text(value: object) -> str:
    """A value of a parameter or a result for people: text as it is, everything else as JSON."""
    shown = finite(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def finite(value: object) -> object:
    """A value as JSON has it, where NaN and infinities are words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list) else value
