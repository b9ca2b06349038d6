"""The frozen definition of a sweep: what `sweep.json` holds and every launcher obeys."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from multirun.errors import FormatError, NotASweepError
from multirun.extraction import Extraction
from multirun.files import publish
from multirun.rundir import SWEEP_FILE, SweepPaths

VERSION = 1
_FORMAT = "multirun-sweep"
_NEWEST = (("options", "keep_directory"), ("options", "durability"), ("options", "keep_attempts"))
_LATER = (("rules", "results"), ("options", "max_output_bytes"), ("options", "nice"), *_NEWEST)
"""What came later: a version that does not know it refuses it, so it is written only where it says something."""


@dataclass(frozen=True, slots=True)
class Input:
    """One resource as the sweep holds it.

    Attributes:
        name: relative path in each run directory.
        linkage: `"copy"`, `"shared"`, `"link"` or `"template"`.
        source: absolute path it came from.
        kind: `"file"` or `"folder"`.
        digest: SHA-256 of the snapshot (of a folder: of its sorted names and digests); None for `"link"`.
        size: bytes; for a folder the sum over its files, 0 if it is linked.
        mtime_ns: modification time of a linked file in nanoseconds, else None.
    """

    name: str
    linkage: str
    source: str
    kind: str
    digest: str | None
    size: int
    mtime_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """When an attempt counts as a success.

    Attributes:
        success_codes: accepted exit codes.
        results_required: whether results must have been posted.
        required_keys: dotted keys that the results must have.
        required_files: relative paths of files that must exist and not be empty.
        results: how results are taken from what a program printed or wrote.
    """

    success_codes: tuple[int, ...] = (0,)
    results_required: bool = False
    required_keys: tuple[str, ...] = ()
    required_files: tuple[str, ...] = ()
    results: tuple[Extraction, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """What may change when a sweep is continued.

    Attributes:
        timeout_s: seconds a run may take, None for no limit.
        grace_s: seconds between SIGTERM and SIGKILL.
        threads_per_run: threads of numerical libraries in a run; None for 1 unless the environment says otherwise.
        max_output_bytes: what a run may write to its standard output and error together, None for no limit.
        nice: how nice its processes are to others, from 0 to 19; None for as nice as the caller.
        keep_directory: whether a further attempt goes on in the directory of the one before.
        durability: `"power"` if journals and plan survive the loss of power, None if they survive SIGKILL.
        keep_attempts: how many directories of earlier attempts of a run are kept, None for all.
    """

    timeout_s: float | None = None
    grace_s: float = 5.0
    threads_per_run: int | None = None
    max_output_bytes: int | None = None
    nice: int | None = None
    keep_directory: bool = False
    durability: str | None = None
    keep_attempts: int | None = None

    @property
    def survives_power_loss(self) -> bool:
        """Whether what is recorded has to be on the disk at once."""
        return self.durability == "power"


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole sweep apart from its parameter maps.

    Attributes:
        id: random text, the same for life.
        name: what the user calls the sweep.
        command: words of the command, templates included.
        env: environment variables of each run on top of the launcher's own, templates included.
        inputs: the resources.
        rules: when an attempt is a success.
        options: what may change when the sweep is continued.
        provenance: who, where, when and with which versions; for people only.
        shell: whether the last word of the command is a text for `sh`, in which values are quoted.
        stdin: name of the input that the program reads as its standard input, None for nothing.
        snapshot: number of the session that took the snapshot of the inputs.
    """

    id: str
    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    inputs: tuple[Input, ...] = ()
    rules: Rules = field(default_factory=Rules)
    options: Options = field(default_factory=Options)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    shell: bool = False
    stdin: str | None = None
    snapshot: int = 1


def to_document(definition: Definition) -> dict[str, Any]:
    """The JSON object that `sweep.json` holds."""
    document = {"format": _FORMAT, "version": VERSION, **asdict(definition)}
    for part, name in _LATER:
        if document[part][name] in (None, ()) or document[part][name] is False:
            del document[part][name]
    if definition.snapshot == 1:
        del document["snapshot"]
    return document


def from_document(document: object, path: str) -> Definition:
    """The definition in the JSON object of a `sweep.json`.

    Args:
        document: the object.
        path: where it was read, for messages.

    Raises:
        FormatError: it is no definition, or one of a version that this multirun cannot read.
    """
    if not isinstance(document, Mapping) or document.get("format") != _FORMAT:
        raise FormatError(f"{path} is no definition of a sweep")
    if document.get("version") != VERSION:
        raise FormatError(
            f"{path} has format {document.get('version')}; this multirun reads format {VERSION}: "
            "use the version that wrote it"
        )
    try:
        _refuse_unknown(document, path)
        return _rebuild(document)
    except (LookupError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _refuse_unknown(document: Mapping[str, Any], path: str) -> None:
    """What this version does not know cannot be obeyed, and a verdict without it could be wrong."""
    parts: list[tuple[str, Any, Any]] = [
        ("rules", Rules, document["rules"]),
        ("options", Options, document["options"]),
        *((f"inputs[{n}]", Input, entry) for n, entry in enumerate(document["inputs"])),
        *((f"rules.results[{n}]", Extraction, entry) for n, entry in enumerate(document["rules"].get("results", ()))),
    ]
    for name, kind, part in parts:
        unknown = sorted(set(part) - {each.name for each in fields(kind)})
        if unknown:
            raise FormatError(
                f"{path} asks for {name}.{unknown[0]}, which this multirun does not know; use a newer one"
            )


def _rebuild(document: Mapping[str, Any]) -> Definition:
    rules = {key: _tuple_if_list(value) for key, value in document["rules"].items()}
    rules["results"] = tuple(Extraction(**entry) for entry in rules.get("results", ()))
    return Definition(
        id=document["id"],
        name=document["name"],
        command=tuple(document["command"]),
        env=document["env"],
        inputs=tuple(Input(**entry) for entry in document["inputs"]),
        rules=Rules(**rules),
        options=Options(**document["options"]),
        provenance=document["provenance"],
        shell=document.get("shell", False),
        stdin=document.get("stdin"),
        snapshot=document.get("snapshot", 1),
    )


def _tuple_if_list(value: object) -> Any:  # noqa: ANN401 - the value of any rule
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def read_definition(paths: SweepPaths) -> Definition:
    """Read `sweep.json`.

    Raises:
        NotASweepError: there is none.
        FormatError: it cannot be read by this version.
    """
    try:
        with open(paths.sweep, encoding="ascii") as file:
            document = json.load(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotASweepError(f"{paths.root} is no sweep: {_explain_absence(paths.root)}") from error
    except ValueError as error:
        raise FormatError(f"{paths.sweep} is damaged: {error}") from error
    return from_document(document, paths.sweep)


def _explain_absence(root: str) -> str:
    """Why a path is no sweep, and which may be meant."""
    give = "give the directory that a sweep wrote"
    if os.path.isdir(root):
        return f"it holds no {SWEEP_FILE}; {give}"
    if os.path.exists(root):
        return f"it is a file; {give}"
    near = _nearest_sweep(root)
    return f"it does not exist; {give}" if near is None else f"it does not exist; did you mean {near}?"


def _nearest_sweep(root: str) -> str | None:
    from difflib import get_close_matches

    parent, name = os.path.split(root)
    try:
        sweeps = [each for each in os.listdir(parent) if os.path.isfile(f"{parent}/{each}/{SWEEP_FILE}")]
    except OSError:
        return None
    return next((f"{parent}/{each}" for each in get_close_matches(name, sweeps, n=1)), None)


def write_definition(paths: SweepPaths, definition: Definition) -> None:
    """Publish `sweep.json`; from this moment on the directory is a sweep."""
    text = json.dumps(to_document(definition), indent=1) + "\n"
    publish(paths.sweep, text.encode("ascii"))
