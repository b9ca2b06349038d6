"""What templates take from the parameters: names and mistakes, each with its line."""

import pytest

from multirun.needs import Needs, examine


def needs(text: str) -> Needs:
    found, problems = examine("deck", text.encode())
    assert problems == []
    return found


NAMES: list[tuple[str, dict[str, int], dict[str, int]]] = [
    ("", {}, {}),
    ("{{ a }}\n{{ b }}{{ a }}", {"a": 1, "b": 2}, {}),
    ("{% if a %}\n{% if b %}\n{{ c }}{% elif d %}{% else %}{{ e.f }}{% endif %}{% endif %}",
     {"a": 1, "b": 2, "c": 3, "d": 3, "e": 3}, {}),
    ("{% for i in vs %}{{ i }}{{ loop.index }}{{ k }}{% endfor %}", {"vs": 1, "k": 1}, {}),
    ("{% set y = x %}{{ y }}", {"x": 1}, {}),
    ("{{ range(n) | list }}{{ dict(a=b) }}", {"n": 1, "b": 1}, {}),
    ("{% macro m(p, q=z) %}{{ p }}{{ varargs }}{% endmacro %}{{ m(1) }}", {"z": 1}, {}),
    ("{{ a | default(3) }}{{ b | d }}{% if c is defined %}{{ c }}{% endif %}{{ e | default(f) }}", {"f": 1}, {}),
    ("{{ params['a-b'] }}\n{{ params.c }}{{ params.items() }}{{ params | length }}", {"params": 1}, {"a-b": 1, "c": 2}),
    ("{{ params[key] }}{{ params[0] }}", {"params": 1, "key": 1}, {}),
    ("{{ params['a'] | default(1) }}{{ params.b is defined }}", {"params": 1}, {}),
    ("{# {{ a }} #}{% raw %}{{ b }}{% endraw %}${#c} {d}", {}, {}),
    ("{%- if a -%}\r\n{{- b -}}\r\n{%- endif -%}", {"a": 1, "b": 2}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names", "items"), NAMES, ids=[text[:30] for text, _, _ in NAMES])
def test_names(text: str, names: dict[str, int], items: dict[str, int]) -> None:
    found = needs(text)
    assert (found.names, found.items) == (names, items)


def test_what_has_nothing_to_fill_in() -> None:
    assert needs("{x} ${y}").is_plain
    assert not needs("{{ x }}").is_plain


PROBLEMS = [
    ("a\n{% if x %}", "deck, line 2: Unexpected end of template"),
    ("{% fi x %}", "deck, line 1: Encountered unknown tag 'fi'"),
    ("\n\n\\section{{\\bf x}}", "deck, line 3: unexpected char '\\\\'"),
    ("{{ x", "deck, line 1: unexpected end of template"),
    ("{{ x y }}", "deck, line 1: expected token 'end of print statement', got 'y'"),
    ("\n{{ x | rond }}", "deck, line 2: there is no filter 'rond'; did you mean 'round'?"),
    ("{% if 0 %}{{ x | qqq }}{% endif %}", "deck, line 1: there is no filter 'qqq'"),
    ("{{ x is evne }}", "deck, line 1: there is no test 'evne'; did you mean 'even'?"),
    ("\n{% include 'other' %}", "deck, line 2: {% include %} is not possible: a template is one file"),
    ("{% from 'a' import b %}", "deck, line 1: {% from %} is not possible"),
    ("{% import 'a' as b %}", "deck, line 1: {% import %} is not possible"),
    ("{% extends 'a' %}", "deck, line 1: {% extends %} is not possible"),
    ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "deck, line 1: it is nested too deeply"),
    ("{{ x }}\0", "deck: it holds a NUL byte"),
]


@pytest.mark.parametrize(("text", "words"), PROBLEMS, ids=[words for _, words in PROBLEMS])
def test_problems(text: str, words: str) -> None:
    _, problems = examine("deck", text.encode())
    assert [problem[: len(words)] for problem in problems] == [words]


def test_what_the_syntax_refuses_can_be_kept() -> None:
    _, (problem,) = examine("deck", b"{{\\bf x}}")
    assert problem.endswith("to keep braces as they are, put {% raw %} before and {% endraw %} behind them")


def test_every_problem_is_told() -> None:
    _, problems = examine("deck", b"{{ a | rond }}\n{% include 'x' %}{{ b is evne }}")
    assert len(problems) == 3


def lacking(text: str, *names: str) -> list[str]:
    return list(needs(text).lacking(names))


def test_a_name_that_is_no_parameter() -> None:
    assert lacking("{{ x }}", "x") == []
    assert lacking("a\n{{ vddd }}", "vdd") == ["deck, line 2: no parameter is called 'vddd'; did you mean 'vdd'?"]
    (sentence,) = lacking("\\textbf{{Hello}}", "vdd")
    assert sentence == (
        "deck, line 1: no parameter is called 'Hello'; "
        "to keep braces as they are, put {% raw %} before and {% endraw %} behind them"
    )
    assert lacking("{{ params['a-c'] }}", "a-b") == ["deck, line 1: no parameter is called 'a-c'; did you mean 'a-b'?"]
    assert len(lacking("{{ params.zzz }}{{ y }}")) == 2


def test_a_parameter_whose_name_cannot_be_written() -> None:
    assert lacking("{{ a-b }}", "a-b")[0] == (
        "deck, line 1: no parameter is called 'a'; if you mean 'a-b', write {{ params['a-b'] }}"
    )


def test_a_block_without_an_end_is_no_matter_of_braces() -> None:
    _, (problem,) = examine("deck", b"{% if x %}")
    assert "raw" not in problem


def test_a_parameter_may_be_called_like_the_map() -> None:
    assert lacking("{{ params.x }}", "params") == []
