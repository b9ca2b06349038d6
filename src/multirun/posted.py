"""What a run posted, as its launcher and later the table see it: no pickle is ever loaded here."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from multirun.contract import INLINE_RESULTS_BYTES, PICKLED_KEYS, RESULTS_FILE, is_pickle_name
from multirun.encoding import encode_document

if TYPE_CHECKING:
    from io import BufferedReader

PARSED_BYTES = 16 << 20
"""Larger results are trusted without being parsed by the launcher."""


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
        with open(f"{run_dir}/{RESULTS_FILE}", "rb", opener=_open_at_once) as file:
            return _examine(file, run_dir)
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        if error.errno in _LACKING:
            raise
        return Posted(found=True, problem=f"{RESULTS_FILE} cannot be read: {error.strerror}")


_LACKING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for a writer: the program may have put a FIFO there."""
    return os.open(path, flags | os.O_NONBLOCK)


def _examine(file: BufferedReader, run_dir: str) -> Posted:
    size = os.fstat(file.fileno()).st_size
    if size > PARSED_BYTES:
        return Posted(found=True, size=size, digest=hashlib.file_digest(file, "sha256").hexdigest())
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        why = f"is no valid JSON: {error}" if data else "is empty"
        return Posted(found=True, size=size, digest=digest, problem=f"{RESULTS_FILE} {why}")
    problem = _bad_pickle(document, run_dir)
    if b"NaN" in data or b"Infinity" in data:
        document = encode_document(document)
    return Posted(found=True, document=document, size=len(data), digest=digest, problem=problem)


def _bad_pickle(document: object, run_dir: str) -> str | None:
    name = document.get("$pickle") if isinstance(document, dict) else None
    if name is None:
        return None
    if not isinstance(name, str) or not is_pickle_name(name):
        return f"{RESULTS_FILE} names {name!r} as its pickle, which postRunResults never does"
    return None if os.path.isfile(f"{run_dir}/{name}") else f"{RESULTS_FILE} refers to {name}, which is missing"


def excerpt(document: object, budget: int = INLINE_RESULTS_BYTES) -> dict[str, Any]:
    """The scalar leaves of a JSON object, in order, as long as they fit.

    Args:
        document: any JSON value; only objects have an excerpt.
        budget: how many bytes of JSON it may take.
    """
    kept, _ = _excerpt(document, budget)
    return kept


def _excerpt(document: object, budget: int) -> tuple[dict[str, Any], int]:
    kept: dict[str, Any] = {}
    for key, value in document.items() if isinstance(document, dict) else ():
        if key.startswith("$"):
            continue
        if isinstance(value, dict):
            value, budget = _excerpt(value, budget)  # noqa: PLW2901 - the part of it that fits
            if not value:
                continue
        elif isinstance(value, list):
            continue
        cost = len(json.dumps({key: value}))
        if cost <= budget:
            kept[key] = value
            budget -= cost
    return kept, budget


def journal_fields(posted: Posted) -> dict[str, Any]:
    """What the `ended` record tells about the results: their digest, and the value or as much as fits."""
    if not posted.found or posted.problem is not None:
        return {}
    if posted.size <= INLINE_RESULTS_BYTES:
        return {"results_digest": posted.digest, "results": posted.document}
    return {"results_digest": posted.digest, "results": excerpt(posted.document), "results_complete": False}


def lacking_keys(posted: Posted, required: Sequence[str]) -> list[str]:
    """Those of the required keys that the results do not have; results too large to be parsed here are trusted.

    Args:
        posted: what was posted.
        required: dotted keys such as `final.energy`.
    """
    if posted.size > PARSED_BYTES:
        return []
    return [key for key in required if not _has_key(posted.document, key)]


def _has_key(document: Any, dotted: str) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(document, dict):
        return False
    head, dot, rest = dotted.partition(".")
    if dotted in document or head in document.get(PICKLED_KEYS, ()):
        return True
    return bool(dot) and head in document and _has_key(document[head], rest)
