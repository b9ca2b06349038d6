"""What templates take from the parameters of a run, found out before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from multirun.templates import MAP, decode, environment, has_tags, make_jinja2_importable, protect, sentence

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

_RAW = "to keep braces as they are, put {% raw %} before and {% endraw %} behind them"
_WORDS = re.compile(r"\w+")
_FORGIVING_FILTERS, _FORGIVING_TESTS = ("default", "d"), ("defined", "undefined")


class Needs(NamedTuple):
    """What a template takes from the parameters.

    Attributes:
        label: what to call the file.
        names: names that it uses, each with the line where it does so first.
        items: the same for names that it takes from the map of all parameters.
        is_plain: whether there is nothing in it to fill in.
    """

    label: str
    names: Mapping[str, int]
    items: Mapping[str, int]
    is_plain: bool = False

    def lacking(self, names: Iterable[str]) -> Iterator[str]:
        """A sentence for each name that is no parameter.

        Args:
            names: the names of the parameters of a run.
        """
        known = set(names)
        for name, line in sorted(self.names.items(), key=lambda item: item[1]):
            if name not in known and name != MAP:
                hint = _unwritable(name, known) or _nearest(name, known) or _RAW
                yield f"{self.label}, line {line}: no parameter is called {name!r}; {hint}"
        for name, line in self.items.items() if MAP not in known else ():
            if name not in known:
                hint = _nearest(name, known) or "correct the name, or give each run such a parameter"
                yield f"{self.label}, line {line}: no parameter is called {name!r}; {hint}"


def _unwritable(part: str, names: Iterable[str]) -> str | None:
    """How to write the parameter `a-b`, of which `{{ a-b }}` would be a difference."""
    whole = next((name for name in sorted(names) if not name.isidentifier() and part in _WORDS.findall(name)), None)
    return None if whole is None else f"if you mean {whole!r}, write {{{{ {MAP}[{whole!r}] }}}}"


def _nearest(name: str, names: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    close = get_close_matches(name, [*names], n=1)
    return f"did you mean {close[0]!r}?" if close else None


def examine(label: str, data: bytes) -> tuple[Needs, list[str]]:
    """What a template takes from the parameters, and everything that is wrong with it by itself.

    Args:
        label: what to call the file.
        data: its content.
    """
    try:
        text = decode(data)
    except ValueError as error:
        return Needs(label, {}, {}), [f"{label}: {error}"]
    if not has_tags(data):
        return Needs(label, {}, {}, is_plain=True), []
    make_jinja2_importable()
    from jinja2 import TemplateSyntaxError

    source, newline = protect(text)
    jinja = environment(newline)
    try:
        tree = jinja.parse(source)
        problems = list(_problems(tree, jinja))
        needs = Needs(label, {}, {}) if problems else _needs(label, tree)
    except TemplateSyntaxError as error:
        needs, problems = Needs(label, {}, {}), [(error.lineno, _complaint(sentence(error.message)))]
    except RecursionError:
        needs, problems = Needs(label, {}, {}), [(1, "it is nested too deeply")]
    return needs, [f"{label}, line {line}: {problem}" for line, problem in problems]


def _complaint(message: str) -> str:
    return message if message.startswith("Unexpected end") else f"{message}; {_RAW}"


def _problems(tree: nodes.Template, jinja: Environment) -> Iterator[tuple[int, str]]:
    """What Jinja2 would find only in a run, or never."""
    from jinja2 import nodes

    for include in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        word = {"FromImport": "from"}.get(type(include).__name__, type(include).__name__.lower())
        yield include.lineno, f"{{% {word} %}} is not possible: a template is one file; write its text here"
    for used, known, kind in ((nodes.Filter, jinja.filters, "filter"), (nodes.Test, jinja.tests, "test")):
        for node in tree.find_all(used):
            name = getattr(node, "name", "")
            if name not in known:
                hint = _nearest(name, known)
                yield node.lineno, f"there is no {kind} {name!r}{'; ' + hint if hint else ''}"


def _needs(label: str, tree: nodes.Template) -> Needs:
    from jinja2 import meta, nodes

    undeclared = meta.find_undeclared_variables(tree)
    optional = {_name_or_item(node) for node in _forgiven(tree)}
    names: dict[str, int] = {}
    items: dict[str, int] = {}
    for node in tree.find_all((nodes.Name, nodes.Getitem, nodes.Getattr)):
        found = _name_or_item(node)
        if found is None or found in optional:
            continue
        kind, name = found
        if kind == "item":
            items.setdefault(name, node.lineno)
        elif name in undeclared:
            names.setdefault(name, node.lineno)
    return Needs(label, names, items)


def _forgiven(tree: nodes.Template) -> Iterator[nodes.Node]:
    """What is asked whether it is there, or has a default."""
    from jinja2 import nodes

    for used, forgiving in ((nodes.Filter, _FORGIVING_FILTERS), (nodes.Test, _FORGIVING_TESTS)):
        for node in tree.find_all(used):
            inner = getattr(node, "node", None)
            if getattr(node, "name", "") in forgiving and isinstance(inner, nodes.Node):
                yield inner


def _name_or_item(node: nodes.Node) -> tuple[str, str] | None:
    """`name` as ("name", "name"), `params.name` and `params["name"]` as ("item", "name")."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return ("name", node.name) if node.ctx == "load" else None
    if not (isinstance(node, nodes.Getattr | nodes.Getitem) and _is_map(node.node)):
        return None
    if isinstance(node, nodes.Getattr):
        return None if hasattr(dict, node.attr) else ("item", node.attr)
    key = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return ("item", key) if isinstance(key, str) else None


def _is_map(node: nodes.Node) -> bool:
    return getattr(node, "name", None) == MAP
