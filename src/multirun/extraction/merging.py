"""What rules found joins what a program posted, and the whole is published as its results."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from multirun.contract import EXTRACTED, PICKLED_KEYS, RESULTS_FILE
from multirun.encoding import PICKLE, TYPED, VALUE, dumps, encode_document
from multirun.extraction import UnusableError
from multirun.extraction.sources import LARGEST_JSON
from multirun.files import publish

if TYPE_CHECKING:
    from multirun.posted import Posted

Document = dict[str, Any]


def merge_results(run_dir: str, posted: Posted, values: Mapping[str, object]) -> None:
    """Add values to the results of a run; nothing happens if there are no values.

    Args:
        run_dir: the directory of the run.
        posted: what its program posted, without damage.
        values: the values by name; they go before what was posted under the same names.

    Raises:
        UnusableError: what was posted has no names, or is too large to be joined.
        OSError: the file cannot be written.
    """
    if not values:
        return
    path = f"{run_dir}/{RESULTS_FILE}"
    try:
        merged = join(_document(path, posted), values)
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"{RESULTS_FILE} cannot be joined with the results of rules: {error}") from error
    publish(path, dumps(merged).encode("ascii") + b"\n")


def _document(path: str, posted: Posted) -> Any:  # noqa: ANN401 - any JSON value
    """What was posted, an empty map if nothing was."""
    if not posted.found:
        return {}
    if posted.document is not None:
        return posted.document
    if posted.size > LARGEST_JSON:
        raise UnusableError(
            f"{RESULTS_FILE} has {posted.size} bytes; up to {LARGEST_JSON} are joined with other results"
        )
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        return json.loads(file.read())


def join(document: object, values: Mapping[str, object]) -> object:
    """The document of the results of a program together with further values; pure.

    Args:
        document: the JSON value that `results.json` holds.
        values: the values by name.

    Raises:
        UnusableError: what was posted has no names.
        Unencodable: a value has no exact form.
    """
    if not isinstance(document, dict) or _is_nameless(document):
        raise UnusableError(f"{RESULTS_FILE} holds something else than a map of names, which other results could join")
    if PICKLE in document:
        return _join_pickled(document, values)
    if TYPED in document:
        return (_join_value if VALUE in document else _join_typed)(document, values)
    return encode_document({**document, **values})


def _is_nameless(document: Document) -> bool:
    """Whether what stands for a value stands for no map."""
    if PICKLE in document:
        return not (set(document) - {PICKLE, PICKLED_KEYS} or document.get(PICKLED_KEYS))
    typed = document.get(TYPED)
    if TYPED in document and not isinstance(typed, dict):
        return True
    packed = typed[VALUE] if isinstance(typed, dict) and VALUE in document and VALUE in typed else {"$dict": []}
    return not (isinstance(packed, dict) and list(packed) == ["$dict"] and isinstance(packed["$dict"], list))


def _join_typed(document: Document, values: Mapping[str, object]) -> Document:
    typed = {name: packed for name, packed in document[TYPED].items() if name not in values}
    encoded = _encode(values)
    typed.update(encoded.pop(TYPED, {}))
    view = {name: value for name, value in document.items() if name != TYPED}
    return {**view, **encoded, **({TYPED: typed} if typed else {})}


def _join_value(document: Document, values: Mapping[str, object]) -> Document:
    """Join a map with keys that are no names, or ours: it is stored as pairs."""
    if VALUE not in document[TYPED]:
        return _join_typed(document, values)
    pairs = [pair for pair in document[TYPED][VALUE]["$dict"] if not _is_one_of(pair, values)]
    pairs += [[name, packed] for name, packed in _pack(values).items()]
    encoded = _encode(values)
    encoded.pop(TYPED, None)
    plain = document[VALUE] if isinstance(document[VALUE], dict) else {}
    return {**document, VALUE: {**plain, **encoded}, TYPED: {**document[TYPED], VALUE: {"$dict": pairs}}}


def _is_one_of(pair: object, values: Mapping[str, object]) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and pair[0] in values


def _join_pickled(document: Document, values: Mapping[str, object]) -> Document:
    """Join a map of which a part needs a pickle: who loads that adds what the rules found."""
    encoded = _encode(values)
    encoded.pop(TYPED, None)
    lacking, before = document.get(PICKLED_KEYS), document.get(EXTRACTED)
    own = {
        PICKLE: document[PICKLE],
        PICKLED_KEYS: [name for name in lacking if name not in values] if isinstance(lacking, list) else [],
        EXTRACTED: {**(before if isinstance(before, dict) else {}), **_pack(values)},
    }
    return {**{name: value for name, value in document.items() if name not in own}, **encoded, **own}


def _encode(values: Mapping[str, object]) -> Document:
    """Names and plain views, and their tagged forms under `"$typed"` where they need any."""
    encoded = encode_document(dict(values))
    return encoded if isinstance(encoded, dict) else {}


def _pack(values: Mapping[str, object]) -> Document:
    """The tagged form of each value."""
    typed = _encode(values).get(TYPED, {})
    return {name: typed.get(name, value) for name, value in values.items()}
