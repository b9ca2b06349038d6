"""The tagged form of values: packing with the way to what cannot be packed, and unpacking."""

from __future__ import annotations

from multirun.encoding.kinds import build, find_kind, plain
from multirun.encoding.lossless import MAX_DEPTH, Unencodable, compact, is_lossless, is_name
from multirun.encoding.refusal import Verbatim, explain, join_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def pack(value: object, *path: object, canonical: bool = False) -> object:
    """Return the tagged form of `value`; `path` leads to it.

    Raises:
        Unencodable: it has no exact form.
    """
    return Packer(path, canonical=canonical).pack(value)


class Packer:
    """Packs one value and knows the way to the part it is at.

    Attributes:
        canonical: whether the form is for comparison: without the order of keys, with one NaN.
    """

    __slots__ = ("_open", "_path", "canonical")

    def __init__(self, path: Iterable[object], *, canonical: bool) -> None:
        self.canonical = canonical
        self._path = list(path)
        self._open: list[int] = []

    def pack(self, value: object) -> object:
        """Return the tagged form of a value that lies where the packer is."""
        if is_lossless(value, MAX_DEPTH):  # so deep only scalars are
            return value
        if type(value) is list:
            return self.items(value)
        if type(value) is dict:
            return self._pack_dict(value)
        found = find_kind(type(value))
        if found is None:
            raise self.refusal(explain(value))
        tag, pack_kind, _ = found
        return {tag: pack_kind(self, value)}

    def items(self, values: Iterable[object]) -> list[object]:
        """Pack what a list or tuple holds."""
        self._enter(values)
        packed = [self._pack_at(place, item) for place, item in enumerate(values)]
        self._open.pop()
        return packed

    def members(self, values: Iterable[object]) -> list[object]:
        """Pack what a set holds, in an order that does not depend on the hashes of this process."""
        self._enter(values)
        packed = [self._pack_at(Verbatim("{…}"), item) for item in values]
        self._open.pop()
        return sorted(packed, key=compact)

    def refusal(self, why: str) -> Unencodable:
        """Return the error for the part the packer is at."""
        return Unencodable(join_path(self._path), why)

    def _pack_dict(self, value: dict[object, object]) -> object:
        self._enter(value)
        packed = [
            (self._pack_at(Verbatim(f".keys()[{place}]"), key), self._pack_at(key, item))
            for place, (key, item) in enumerate(value.items())
        ]
        self._open.pop()
        if all(type(key) is str and key[:1] != "$" for key, _ in packed):
            return dict(packed)
        if self.canonical:
            packed.sort(key=lambda pair: compact(pair[0]))
        return {"$dict": [list(pair) for pair in packed]}

    def _pack_at(self, step: object, value: object) -> object:
        self._path.append(step)
        packed = self.pack(value)
        self._path.pop()
        return packed

    def _enter(self, container: object) -> None:
        if id(container) in self._open:
            raise self.refusal("contains itself; pass a value without cycles")
        if len(self._open) >= MAX_DEPTH:
            raise self.refusal(f"lies more than {MAX_DEPTH} levels deep; pass a flatter value")
        self._open.append(id(container))


def unpack(packed: object) -> object:
    """Return the value of a tagged form.

    Raises:
        ImportError: rebuilding it needs a module that is not installed.
        ValueError: it is damaged; this can be any error that the type itself raises.
    """
    if type(packed) is list:
        return [unpack(item) for item in packed]
    if type(packed) is not dict:
        return packed
    if len(packed) == 1:
        ((key, payload),) = packed.items()
        if key[:1] == "$":
            return build(key, unpack(payload))
    return {key: unpack(item) for key, item in packed.items()}


def explain_damage(error: Exception) -> str:
    """Say why a value could not be rebuilt, to be read after its name."""
    if isinstance(error, ImportError):
        module = error.name or "unknown"
        return f"is a value of the module {module}, which is not installed here; install it: pip install {module}"
    if type(error).__name__ == "ZoneInfoNotFoundError":
        return f"has a time zone that is not known here ({error}); install the zones: pip install tzdata"
    return f"is damaged, or was written by a newer multirun ({type(error).__name__}: {error})"


def split_map(value: object, depth: int = 0) -> tuple[dict[str, object], list[str]]:
    """Return the plain view of the entries of a map that have a tagged form, and the names of the others.

    Of an entry that has none but is a map, the part that has one is shown.
    """
    shown: dict[str, object] = {}
    lacking: list[str] = []
    for name, entry in value.items() if isinstance(value, dict) and depth < MAX_DEPTH else ():
        if not is_name(name):
            continue
        try:
            pack(entry)
            shown[name] = plain(entry)
        except Unencodable:
            lacking.append(name)
            part, _ = split_map(entry, depth + 1)
            if part:
                shown[name] = part
    return shown, lacking
