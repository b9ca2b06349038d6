"""Exact storage of Python values in JSON: what comes back has the same value and the same type.

A value that JSON holds exactly is stored as it is. Any other known value is stored twice: as a *plain*
view that every language can read, and in *tagged* form, an object with the one key `"$<type>"`, from
which Python rebuilds it. Programs import this inside their runs, so all about tags loads when it is needed.
"""

from __future__ import annotations

from multirun.contract import EXTRACTED, PICKLED_KEYS
from multirun.encoding.lossless import Unencodable, compact, is_lossless, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "PICKLE",
    "RESERVED_KEYS",
    "TYPED",
    "VALUE",
    "Unencodable",
    "canonical",
    "decode_document",
    "decode_map",
    "decode_tagged",
    "dumps",
    "encode_document",
    "encode_map",
    "excerpt",
]

TYPED, VALUE, PICKLE = "$typed", "$value", "$pickle"
RESERVED_KEYS = frozenset((TYPED, VALUE, PICKLE, PICKLED_KEYS, EXTRACTED))
"""Keys at the top of a document that are ours; a user's map with one of them is stored inside `"$value"`."""


class _UndecodableError(ValueError):
    """A stored value cannot be rebuilt; the text says which and why."""


def encode_map(params: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON-able form of a parameter map.

    The form is a copy of the map where JSON is exact; it shares the values of `params`. Otherwise it
    is the plain view, and a last key `"$typed"` holds the tagged form of every value that needs one.

    Raises:
        Unencodable: a value, or a name at top level, has no exact form.
    """
    _check_names(params)
    exact = TYPED not in params and all(map(is_lossless, params.values()))
    return dict(params) if exact else _encode_typed(dict(params))


def _check_names(params: Mapping[str, object]) -> None:
    if not all(map(is_name, params)):
        from multirun.encoding.refusal import show

        wrong = next(name for name in params if not is_name(name))
        raise Unencodable(f"[{show(wrong)}]", "is no usable name; at the top level names are text without surrogates")


def _encode_typed(params: dict[str, object]) -> dict[str, object]:
    from multirun.encoding.kinds import plain
    from multirun.encoding.tagging import pack

    # A user's own "$typed" has no place in the view. All values are tagged then, which keeps their order too.
    every = TYPED in params
    typed = {name: pack(value, name) for name, value in params.items() if every or not is_lossless(value)}
    view = {name: plain(value) if name in typed else value for name, value in params.items() if name != TYPED}
    return {**view, TYPED: typed}


def decode_map(document: dict[str, object]) -> dict[str, object]:
    """Return the parameter map of `encode_map`; it may share objects with `document`.

    Raises:
        ParamsError: a value is damaged, or rebuilding it needs a module that is not installed.
    """
    try:
        return _decode_map(document)
    except _UndecodableError as error:
        from multirun.errors import ParamsError

        raise ParamsError(f"parameter {error}") from error


def _decode_map(document: dict[str, object]) -> dict[str, object]:
    if TYPED not in document:
        return document
    typed = document[TYPED]
    if type(typed) is not dict:
        raise _UndecodableError(f"{TYPED} is damaged: it is not an object")
    order: Iterable[str] = typed if TYPED in typed else (name for name in document if name != TYPED)
    return {name: _rebuild(name, typed[name]) if name in typed else document[name] for name in order}


def _rebuild(name: str, packed: object) -> object:
    from multirun.encoding.tagging import explain_damage, unpack

    try:
        return unpack(packed)
    except (ImportError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise _UndecodableError(f"{name} {explain_damage(error)}") from error


def encode_document(value: object) -> object:
    """Return the JSON-able form of any value, for results.

    A map whose keys are text becomes what `encode_map` makes of it, another value that JSON holds exactly
    is left alone, and the rest becomes `{"$value": plain view, "$typed": {"$value": tagged form}}`.

    Raises:
        Unencodable: the value has no exact form.
    """
    if _is_open_map(value):
        return encode_map(value)  # type: ignore[arg-type]
    if is_lossless(value):
        return value
    from multirun.encoding.kinds import plain
    from multirun.encoding.tagging import pack

    packed = pack(value)
    return {VALUE: plain(value), TYPED: {VALUE: packed}}


def _is_open_map(value: object) -> bool:
    """Whether this is a map that can stand at the top of a document and not be taken for one of ours."""
    return type(value) is dict and all(is_name(key) and key not in RESERVED_KEYS for key in value)


def decode_document(document: object) -> object:
    """Return the value of `encode_document`; a `"$pickle"` in the document is for the caller to follow.

    Raises:
        ResultsDamagedError: a value is damaged, or rebuilding it needs a module that is not installed.
    """
    if type(document) is not dict or TYPED not in document:
        return document
    typed = document[TYPED]
    try:
        if type(typed) is dict and VALUE in typed:
            return _rebuild(VALUE, typed[VALUE])
        return _decode_map(document)
    except _UndecodableError as error:
        from multirun.errors import ResultsDamagedError

        raise ResultsDamagedError(f"the posted {error}") from error


def decode_tagged(packed: object) -> object:
    """Return the value of the tagged form of a map.

    Raises:
        ResultsDamagedError: it is damaged, or rebuilding it needs a module that is not installed.
    """
    return decode_document({TYPED: {VALUE: packed}})


def excerpt(value: object) -> tuple[dict[str, object], list[str]]:
    """Return the part of a map that tables can show although the whole of it needs a pickle.

    Returns:
        The plain view of what has an exact form, also in maps inside, and the names at top level whose
        values are not all there. Both are empty for anything but a map.
    """
    from multirun.encoding.tagging import split_map

    shown, lacking = split_map(value)
    reserved = [name for name in shown if name in RESERVED_KEYS]
    return {name: shown[name] for name in shown if name not in RESERVED_KEYS}, lacking + reserved


def canonical(params: Mapping[str, object]) -> bytes:
    """Return bytes that are equal for equal maps and for no others, to be digested.

    The order of keys does not matter and NaN equals NaN; `1`, `1.0` and `True` differ, and so do the two zeros.

    Raises:
        Unencodable: a value, or a name at top level, has no exact form.
    """
    _check_names(params)
    exact = {name: value if is_lossless(value) else _pack_canonical(value, name) for name, value in params.items()}
    return compact(exact).encode("ascii")


def _pack_canonical(value: object, name: str) -> object:
    from multirun.encoding.tagging import pack

    return pack(value, name, canonical=True)


def dumps(document: object) -> str:
    """Return a document as one line of ASCII JSON."""
    import json

    return json.dumps(document)
