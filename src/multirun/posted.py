"""What a run posted, as its launcher and later the table see it: no pickle is ever loaded here."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from multirun.contract import EXTRACTED, INLINE_RESULTS_BYTES, PICKLED_KEYS, RESULTS_FILE, is_pickle_name
from multirun.encoding import PICKLE, RESERVED_KEYS, TYPED, VALUE, Unencodable, encode_document
from multirun.files import LACKING, sync_file, sync_folder

if TYPE_CHECKING:
    from io import BufferedReader

PARSED_BYTES = 16 << 20
"""Larger results are trusted without being parsed by the launcher."""

_DEEPEST = 400
"""Deeper ones are refused: every reader would have to be ready for them. What `postRunResults` writes is flatter."""

_READ_AT_ONCE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Does not wait for a writer: the program may have put a FIFO there."""
_HIDDEN = frozenset({TYPED, PICKLE, PICKLED_KEYS, EXTRACTED})
_strict = json.JSONEncoder(allow_nan=False).encode


class Posted(NamedTuple):
    """The results of an attempt.

    Attributes:
        found: whether anything was posted.
        document: the JSON value; None if it is too large to be parsed here.
        size: bytes of the file.
        digest: SHA-256 of the file, None if there is none.
        problem: what is wrong with it, in words.
    """

    found: bool = False
    document: Any = None
    size: int = 0
    digest: str | None = None
    problem: str | None = None


NOTHING = Posted()


def read_posted(run_dir: str) -> Posted:
    """Read what a run posted.

    Args:
        run_dir: the directory of the run.

    Raises:
        OSError: this process or the machine lacks something (descriptors, memory); the results may be fine.
    """
    try:
        descriptor = os.open(f"{run_dir}/{RESULTS_FILE}", _READ_AT_ONCE)
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        return _unreadable(error)
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return _examine(file, run_dir)
    except OSError as error:
        return _unreadable(error)
    finally:
        os.close(descriptor)


def _unreadable(error: OSError) -> Posted:
    if error.errno in LACKING:
        raise error
    return Posted(found=True, problem=f"{RESULTS_FILE} cannot be read: {error.strerror}")


def _examine(file: BufferedReader, run_dir: str) -> Posted:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        return Posted(found=True, problem=f"{RESULTS_FILE} is no regular file")
    if found.st_size > PARSED_BYTES:
        return Posted(found=True, size=found.st_size, digest=hashlib.file_digest(file, "sha256").hexdigest())
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    try:
        document = _parse(data)
    except ValueError as error:
        return Posted(found=True, size=len(data), digest=digest, problem=f"{RESULTS_FILE} {error}")
    problem = _bad_pickle(document, run_dir)
    return Posted(found=True, document=document, size=len(data), digest=digest, problem=problem)


def _parse(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value in a file.

    Raises:
        ValueError: there is none, or it is too deep.
    """
    if not data:
        raise ValueError("is empty")
    try:
        document = json.loads(data)
    except RecursionError:
        document = None
    except ValueError as error:
        raise ValueError(f"is no valid JSON: {error}") from error
    if data.count(b"[") + data.count(b"{") > _DEEPEST and (document is None or _is_deep(document)):
        raise ValueError(f"is nested deeper than {_DEEPEST} levels")
    return document


def _is_deep(document: object) -> bool:
    level = [document]
    for _ in range(_DEEPEST):
        level = [child for item in level for child in _children(item)]
    return any(isinstance(item, dict | list) for item in level)


def _children(item: object) -> list[Any]:
    children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return [child for child in children if isinstance(child, dict | list)]


def _bad_pickle(document: object, run_dir: str) -> str | None:
    name = document.get("$pickle") if isinstance(document, dict) else None
    if name is None:
        return None
    if not isinstance(name, str) or not is_pickle_name(name):
        return f"{RESULTS_FILE} names {name!r} as its pickle, which postRunResults never does"
    return None if os.path.isfile(f"{run_dir}/{name}") else f"{RESULTS_FILE} refers to {name}, which is missing"


def keep_results(run_dir: str, posted: Posted) -> None:
    """Bring to the disk what a run posted, with all its names: programs that do not use `postRunResults` may not have.

    Args:
        run_dir: the directory of the run.
        posted: what was read there.

    Raises:
        OSError: the disk failed; nothing may be recorded that refers to these results.
    """
    names = [RESULTS_FILE]
    if isinstance(posted.document, dict) and PICKLE in posted.document:
        names.append(posted.document[PICKLE])
    for name in names:
        sync_file(f"{run_dir}/{name}")
    sync_folder(run_dir)
    sync_folder(os.path.dirname(run_dir))


def excerpt(document: object, budget: int = INLINE_RESULTS_BYTES) -> dict[str, Any]:
    """The scalar leaves of a JSON object, in order, as long as they fit.

    Args:
        document: any JSON value; only objects have an excerpt.
        budget: how many bytes of JSON it may take.
    """
    if not isinstance(document, dict):
        return {}
    shown = {key: value for key, value in document.items() if key not in _HIDDEN}
    return _excerpt(shown, budget)[0]


def _excerpt(document: dict[str, Any], budget: int) -> tuple[dict[str, Any], int]:
    """The part that fits, and what it leaves of the budget."""
    kept: dict[str, Any] = {}
    left = budget - len("{}")
    for key, value in document.items():
        if isinstance(value, list):
            continue
        room = left - len(_strict(key)) - len(": , ")
        part: object
        if isinstance(value, dict):
            part, room = _excerpt(value, room)
        else:
            part = _finite(value)
            room -= len(_strict(part))
        if room >= 0 and part != {}:
            kept[key] = part
            left = room
    return kept, left


def _finite(value: object) -> object:
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def journal_fields(posted: Posted) -> dict[str, Any]:
    """What the `ended` record tells about the results: their digest, and the value or as much as fits."""
    if not posted.found or posted.problem is not None:
        return {}
    if posted.size <= INLINE_RESULTS_BYTES:
        try:
            return {"results_digest": posted.digest, "results": _storable(posted.document)}
        except Unencodable:
            pass
    return {"results_digest": posted.digest, "results": excerpt(posted.document), "results_complete": False}


def _storable(document: Any) -> object:  # noqa: ANN401 - any JSON value
    """The document itself, or what stands for it where it holds NaN or infinities, which JSON lacks.

    Raises:
        Unencodable: nothing can stand for it.
    """
    try:
        _strict(document)
    except ValueError:
        if isinstance(document, dict) and not RESERVED_KEYS.isdisjoint(document):
            raise Unencodable("", "has keys of ours beside numbers that are not finite") from None
        return encode_document(document)
    return document


def lacking_keys(posted: Posted, required: Sequence[str]) -> list[str]:
    """Those of the required keys that the results do not have; results too large to be parsed here are trusted.

    Args:
        posted: what was posted.
        required: dotted keys such as `final.energy`.
    """
    if not required or posted.size > PARSED_BYTES:
        return []
    document = posted.document if isinstance(posted.document, dict) else {}
    shown = document[VALUE] if VALUE in document and TYPED in document else document
    pickled = document.get(PICKLED_KEYS)
    elsewhere = tuple(f"{key}." for key in pickled) if isinstance(pickled, list) else ()
    return [key for key in required if not f"{key}.".startswith(elsewhere) and not _has_key(shown, key)]


def _has_key(document: Any, dotted: str) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(document, dict):
        return False
    if dotted in document:
        return True
    cuts = [at for at, sign in enumerate(dotted) if sign == "."]
    return any(dotted[:at] in document and _has_key(document[dotted[:at]], dotted[at + 1 :]) for at in cuts)
