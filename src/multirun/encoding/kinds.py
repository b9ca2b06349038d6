"""The types that have a tagged form: for each how to pack it, to build it again, and to show it plainly."""

from __future__ import annotations

import sys

from multirun.encoding.lossless import MAX_DEPTH, compact, is_lossless
from multirun.encoding.refusal import name_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    import fractions
    import zoneinfo
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from multirun.encoding.tagging import Packer

    Pack: TypeAlias = Callable[[Packer, Any], object]
    Build: TypeAlias = Callable[[Any, Any], object]
    Plain: TypeAlias = Callable[[Any], object]
    Kind: TypeAlias = tuple[str, Pack, Build, Plain]


def find_kind(kind: type) -> tuple[str, Pack, Plain] | None:
    """Return tag, packing and plain view for values of exactly this type, or None."""
    name = "numpy" if kind.__module__ == "numpy" else kind.__name__
    if name not in KINDS:
        return None
    module, pack, _, show = KINDS[name]
    same = getattr(sys.modules.get(module), kind.__name__, None) is kind
    return (f"${name}", pack, show) if same and (name != "numpy" or _is_scalar(kind)) else None


def build(tag: str, payload: object) -> object:
    """Rebuild a value from its tag and its payload, which is unpacked already.

    Raises:
        ImportError: the module of the type is not installed.
        ValueError: nothing is known of the tag, or the payload does not fit it; also other errors of the type.
    """
    name = tag[1:]
    if name not in KINDS:
        raise ValueError(f"nothing is known of {tag}")
    module, _, make, _ = KINDS[name]
    return make(getattr(__import__(module), name, None), payload)


def plain(value: object) -> object:
    """Return what other languages see of a value that has a tagged form."""
    if is_lossless(value, MAX_DEPTH):  # so deep only scalars are
        return value
    if type(value) is list:
        return _list_plain(value)
    if type(value) is dict:
        return {_clean(key if type(key) is str else _text(key)): plain(item) for key, item in value.items()}
    found = find_kind(type(value))
    return found[2](value) if found else None


def _list_plain(value: Iterable[object]) -> list[object]:
    return [plain(item) for item in value]


def _list_members(value: Iterable[object]) -> list[object]:
    return sorted(_list_plain(value), key=compact)


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an integer in it has more digits than Python writes
        return hex(value) if type(value) is int else f"a huge {name_type(type(value))}"


def _to_base64(value: bytes) -> str:
    import binascii

    return binascii.b2a_base64(value, newline=False).decode()


def _from_base64(text: str) -> bytes:
    import binascii

    return binascii.a2b_base64(text, strict_mode=True)


def _pack_moment(packer: Packer, value: datetime.datetime | datetime.time) -> list[object]:
    return [value.replace(tzinfo=None).isoformat(), value.fold, packer.pack(value.tzinfo)]


def _build_moment(kind: type[datetime.datetime], payload: tuple[str, int, datetime.tzinfo]) -> object:
    text, fold, zone = payload
    return kind.fromisoformat(text).replace(fold=fold, tzinfo=zone)


def _pack_zone(packer: Packer, value: zoneinfo.ZoneInfo) -> str:
    if value.key is None:
        raise packer.refusal("has a time zone without a name; make it with ZoneInfo('Area/City')")
    return value.key


def _pack_range(packer: Packer, value: range) -> list[object]:
    return [packer.pack(number) for number in (value.start, value.stop, value.step)]


def _show_range(value: range) -> dict[str, object]:
    return {"start": plain(value.start), "stop": plain(value.stop), "step": plain(value.step)}


def _pack_fraction(packer: Packer, value: fractions.Fraction) -> list[object]:
    return [packer.pack(value.numerator), packer.pack(value.denominator)]


def _is_scalar(kind: type) -> bool:
    from multirun.encoding.scalars import is_scalar

    return is_scalar(kind)


def _pack_scalar(packer: Packer, value: object) -> object:
    from multirun.encoding.scalars import pack_scalar

    return pack_scalar(packer, value)


def _build_scalar(_kind: object, payload: list[Any]) -> object:
    from multirun.encoding.scalars import build_scalar

    return build_scalar(payload)


def _show_scalar(value: object) -> object:
    from multirun.encoding.scalars import show_scalar

    return plain(show_scalar(value))


def _pack_text(packer: Packer, value: object) -> object:
    return packer.pack(str(value))


def _call(kind: Callable[[object], object], payload: object) -> object:
    return kind(payload)


def _spread(kind: Callable[..., object], payload: Iterable[object]) -> object:
    return kind(*payload)


def _show_text(value: object) -> str:
    return _clean(_text(value))


def _pack_members(packer: Packer, value: set[object]) -> list[object]:
    return packer.members(value)


_PATH: Kind = ("pathlib", _pack_text, _call, _show_text)
_BYTES: Kind = ("builtins", lambda _, value: _to_base64(value), lambda kind, text: kind(_from_base64(text)), _to_base64)
_SET: Kind = ("builtins", _pack_members, _call, _list_members)
_MOMENT: Kind = ("datetime", _pack_moment, _build_moment, lambda value: value.isoformat())

KINDS: dict[str, Kind] = {
    "float": ("builtins", lambda _, value: repr(value), _call, repr),
    "int": ("builtins", lambda _, value: hex(value), lambda kind, text: kind(text, 16), hex),
    "str": (
        "builtins",
        lambda _, value: _to_base64(value.encode("utf-8", "surrogatepass")),
        lambda kind, text: kind(_from_base64(text), "utf-8", "surrogatepass"),
        _clean,
    ),
    "dict": ("builtins", lambda packer, value: packer.pack(value), _call, plain),
    "tuple": ("builtins", lambda packer, value: packer.items(value), _call, _list_plain),
    "set": _SET,
    "frozenset": _SET,
    "bytes": _BYTES,
    "bytearray": _BYTES,
    "complex": (
        "builtins",
        lambda packer, value: [packer.pack(value.real), packer.pack(value.imag)],
        _spread,
        lambda value: [plain(value.real), plain(value.imag)],
    ),
    "range": ("builtins", _pack_range, _spread, _show_range),
    "PosixPath": _PATH,
    "PurePosixPath": _PATH,
    "PureWindowsPath": _PATH,
    "datetime": _MOMENT,
    "time": _MOMENT,
    "date": (
        "datetime",
        lambda _, value: value.isoformat(),
        lambda kind, text: kind.fromisoformat(text),
        lambda value: value.isoformat(),
    ),
    "timedelta": (
        "datetime",
        lambda _, value: [value.days, value.seconds, value.microseconds],
        _spread,
        lambda value: value.total_seconds(),
    ),
    "timezone": (
        "datetime",
        lambda packer, value: [packer.pack(part) for part in value.__getinitargs__()],
        _spread,
        _show_text,
    ),
    "ZoneInfo": ("zoneinfo", _pack_zone, _call, _show_text),
    "Decimal": ("decimal", _pack_text, _call, _show_text),
    "Fraction": ("fractions", _pack_fraction, _spread, _show_text),
    "UUID": ("uuid", _pack_text, _call, _show_text),
    "numpy": ("numpy", _pack_scalar, _build_scalar, _show_scalar),
}
