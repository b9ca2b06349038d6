"""The words for a value that cannot be stored: where it is, what it is, and what to pass instead."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LONGEST = 40
_BUILTINS = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)


class Verbatim(str):
    """A step of a key path that is shown as it stands."""

    __slots__ = ()


def join_path(steps: Iterable[object]) -> str:
    """Return the way to a value as text, such as `mesh.sizes[3]`."""
    text = "".join(_show_step(step) for step in steps).removeprefix(".")
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}…{text[-_LONGEST:]}"


def _show_step(step: object) -> str:
    if type(step) is Verbatim:
        return step
    if type(step) is str and step.isidentifier():
        return f".{step}"
    return f"[{show(step)}]"


def show(value: object) -> str:
    """Return a short name for a key, running no code of its type."""
    if type(value) is tuple:
        return f"({', '.join(show(item) for item in value[:3])}{', …' if len(value) > 3 else ''})"
    if type(value) not in (str, float, bool, bytes, type(None)) and not _is_short(value):
        return f"<{name_type(type(value))}>"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_short(value: object) -> bool:
    return type(value) is int and value.bit_length() <= 128


def name_type(kind: type) -> str:
    """Return the name of a type, with its module unless everybody knows it."""
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def explain(value: object) -> str:
    """Say that a value cannot be stored, and what can."""
    return f"is {name_value(value)}, which has no exact form in JSON; {_advise(value)}"


def name_value(value: object) -> str:
    """Return what a value is, with its article."""
    name = name_type(type(value))
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _advise(value: object) -> str:
    kind = type(value)
    for applies, advice in _ADVICE:
        if applies(kind):
            return advice
    base = next((base for base in _BUILTINS if issubclass(kind, base)), None)
    if base is not None:
        return f"it would come back as {base.__name__}, so say so: pass {base.__name__}(value)"
    return "pass numbers, texts, lists and maps instead"


def _is_enum(kind: type) -> bool:
    module = sys.modules.get("enum")
    return module is not None and issubclass(kind, module.Enum)


_ADVICE: tuple[tuple[Callable[[type], bool], str], ...] = (
    (_is_enum, "pass value.value or value.name"),
    (lambda kind: hasattr(kind, "tolist"), "pass a list: value.tolist()"),
    (lambda kind: hasattr(kind, "to_pydatetime"), "pass a datetime: value.to_pydatetime()"),
    (lambda kind: hasattr(kind, "_asdict"), "pass a map or a tuple: value._asdict() or tuple(value)"),
    (lambda kind: hasattr(kind, "__dataclass_fields__"), "pass a map: dataclasses.asdict(value)"),
    (lambda kind: hasattr(kind, "model_dump"), "pass a map: value.model_dump()"),
    (lambda kind: hasattr(kind, "read"), "pass the path of the file"),
    (lambda kind: hasattr(kind, "__next__"), "pass a list: list(value)"),
    (lambda kind: kind is slice, "pass a range, or its start, stop and step"),
    (lambda kind: any("__call__" in base.__dict__ for base in kind.__mro__), "pass its name as text"),
)
