"""Scalars of numpy. Whoever passes one has numpy; only rebuilding one imports it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multirun.encoding.tagging import Packer


def is_scalar(kind: type) -> bool:
    """Whether a type of numpy is one of plain scalars, not of arrays, records or objects."""
    numpy = sys.modules["numpy"]
    return issubclass(kind, numpy.generic) and not issubclass(kind, (numpy.void, numpy.object_))


def pack_scalar(packer: Packer, value: Any) -> list[object]:  # noqa: ANN401, numpy need not be installed
    """Return type and value as a list of texts."""
    kind, char, stored = value.dtype.kind, value.dtype.char, value.dtype.str
    if kind == "U":  # the buffer of a text loses NULs at its end
        return ["str_", packer.pack(str.__str__(value))]
    if kind == "S":
        return ["bytes_", packer.pack(bytes(value))]
    if char == "g":  # size and padding depend on the processor
        return ["longdouble", _digits(value)]
    if char == "G":
        return ["clongdouble", _digits(value.real), _digits(value.imag)]
    if packer.canonical and kind in "fc" and sys.modules["numpy"].isnan(value):  # it has many bit patterns
        return [stored, repr(float(value.real)), repr(float(value.imag))]
    return [stored, packer.pack(value.tobytes()), *_type_name(value)]


def _digits(value: object) -> str:
    return str(sys.modules["numpy"].format_float_scientific(value))


def _type_name(value: Any) -> list[object]:  # noqa: ANN401
    """Return the name of a type that shares its layout with the usual one, such as longlong."""
    usual = sys.modules["numpy"].dtype(value.dtype.str).type
    return [] if usual is type(value) else [type(value).__name__]


def build_scalar(payload: list[Any]) -> object:
    """Rebuild a scalar from the list of `pack_scalar`."""
    import numpy

    stored, first, *rest = payload
    if stored in ("str_", "bytes_"):
        return getattr(numpy, stored)(first)
    if stored == "longdouble":
        return _long_double(first)
    if stored == "clongdouble":
        whole = numpy.zeros((), numpy.clongdouble)
        whole.real, whole.imag = _long_double(first), _long_double(rest[0])
        return whole[()]
    return numpy.frombuffer(first, getattr(numpy, rest[0]) if rest else stored)[0]


def _long_double(digits: str) -> Any:  # noqa: ANN401
    import warnings

    import numpy

    with warnings.catch_warnings():  # for the smallest ones it warns of an overflow, and is right all the same
        warnings.simplefilter("ignore", RuntimeWarning)
        return numpy.longdouble(digits)


def show_scalar(value: Any) -> object:  # noqa: ANN401
    """Return the nearest value of Python itself."""
    kind = value.dtype.kind
    if kind == "M":
        return str(value)
    if kind == "m":
        return _seconds(value)
    if value.dtype.char in "gG":
        return float(value) if kind == "f" else complex(value)
    return value.item()


def _seconds(span: Any) -> float:  # noqa: ANN401
    numpy = sys.modules["numpy"]
    try:
        return float(span / numpy.timedelta64(1, "s"))
    except TypeError:  # months and years have no length in seconds
        return float(span.astype("int64"))
