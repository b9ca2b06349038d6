"""Filling in templates: everything that is not meant for us comes through byte by byte."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.templates import TextTemplate, decode


def filled(folder: Path, data: bytes, **params: Any) -> bytes:
    path = folder / "template"
    path.write_bytes(data)
    return b"".join(TextTemplate("deck.sp", str(path)).render(params))


CASES: list[tuple[bytes, dict[str, Any], bytes]] = [
    (b"", {}, b""),
    (b"vdd={{ vdd }}\n", {"vdd": 1.5}, b"vdd=1.5\n"),
    (b"{{x}}", {"x": "a"}, b"a"),
    (b"{{ x }}\n\n\n", {"x": 1}, b"1\n\n\n"),
    (b"{% if x > 1 %}big{% else %}small{% endif %}", {"x": 2}, b"big"),
    (b"{% for v in vs %}{{ v }};{% endfor %}", {"vs": [1, 2]}, b"1;2;"),
    (b"{{ '%.3e' % x }} {{ x | round(1) }}", {"x": 1234.56}, b"1.235e+03 1234.6"),
    (b"{{ params['a-b'] }} {{ params.x }}", {"a-b": 1, "x": 2}, b"1 2"),
    (b"{{ params | length }}", {"a": 1, "x": 2}, b"2"),
    (b"{{ params }}", {"params": "mine"}, b"mine"),
    (b"{% set y = 2 * x %}{{ y }}", {"x": 2}, b"4"),
    (b"{{ x | default('none') }}{% if y is defined %}{{ y }}{% endif %}", {}, b"none"),
    (b"a {# a remark #}b {#- another -#} {#c#}d", {}, b"a bd"),
    (b"{# a remark\nof { two } lines #}x", {}, b"x"),
    (b"<{{ x }}>&", {"x": "<&>"}, b"<<&>>&"),
    # what belongs to other tools
    (b"${x} {expr} $x {x} ${#x} ${#x[@]} {{ x }}", {"x": 1}, b"${x} {expr} $x {x} ${#x} ${#x[@]} 1"),
    (b"${# x #} ${#x#} {{ x }}", {"x": 1}, b"${# x #} ${#x#} 1"),
    (b"\\newcommand{\\a}[1]{#1} {#2} {{ x }}", {"x": 1}, b"\\newcommand{\\a}[1]{#1} {#2} 1"),
    (b"\\foo{%\n{{ x }}%\r\n}{% \t\r\n{%", {"x": 1}, b"\\foo{%\n1%\r\n}{% \t\r\n{%"),
    (b"\\textbf{{{ x }}} {{{y}}}", {"x": 1, "y": 2}, b"\\textbf{1} {2}"),
    (b"{% raw %}{{ x }} {#1} {%\n {% endraw %}{{ x }}", {"x": 1}, b"{{ x }} {#1} {%\n 1"),
    (b"'{ print $1 }' }} %} #} {{ x }}", {"x": 1}, b"'{ print $1 }' }} %} #} 1"),
    # line breaks
    (b"a\r\n{{ x }}\r\n\r\n", {"x": 1}, b"a\r\n1\r\n\r\n"),
    (b"a\r\n{% if x -%}\r\n b\r\n{%- endif %}\r\n", {"x": 1}, b"a\r\nb\r\n"),
    (b"a\r\nb\nc\rd{{ x }}\r\n{% if x\r\n and x %}y{% endif %}", {"x": 1}, b"a\r\nb\nc\rd1\r\ny"),
    (b"a\rb{{ x }}\r", {"x": 1}, b"a\rb1\r"),
    (b"a\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8{{ x }}", {"x": "\r\n"}, b"a\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8\r\n"),
    # bytes
    (b"\xe9t\xe9 {{ x }} \xff", {"x": "\xe9"}, b"\xe9t\xe9 \xc3\xa9 \xff"),
    (b"\xef\xbb\xbf{{ x }}", {"x": 1}, b"\xef\xbb\xbf1"),
    (b"{{ x }}", {"x": os.fsdecode(b"\xff")}, b"\xff"),
]


@pytest.mark.parametrize(("data", "params", "expected"), CASES, ids=[repr(data)[2:40] for data, _, _ in CASES])
def test_what_becomes_of_a_file(tmp_path: Path, data: bytes, params: dict[str, Any], expected: bytes) -> None:
    assert filled(tmp_path, data, **params) == expected


@given(st.binary(max_size=80).filter(lambda data: b"\0" not in data), st.sampled_from([b"\n", b"\r\n", b"\r", b""]))
def test_what_has_no_tags_comes_through(tmp_path_factory: pytest.TempPathFactory, data: bytes, end: bytes) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    plain = data.replace(b"{", b"<") + end + b"${#x} {#1} {y} {%\n"
    assert filled(tmp_path_factory.getbasetemp(), plain + b"{{ x }}", x=1) == plain + b"1"


@pytest.mark.parametrize(
    ("data", "params", "words"),
    [
        (b"\n\n{{ y }}", {"x": 1}, "deck.sp, line 3: 'y' is undefined"),
        (b"\n{% if y %}{% endif %}", {}, "deck.sp, line 2: 'y' is undefined"),
        (b"a\r\nb\nc\n{{ params.y }}", {"x": 1}, "deck.sp, line 4: 'dict object' has no attribute 'y'"),
        (b"\n{{ 1 / x }}", {"x": 0}, "deck.sp, line 2: ZeroDivisionError: division by zero"),
        (b"{% if %}", {}, "deck.sp, line 1: "),
        (b"\0{{ x }}", {"x": 1}, "deck.sp: ValueError: it holds a NUL byte"),
        (b"{{ x }}", {"x": "\ud8ff"}, "deck.sp: UnicodeEncodeError"),
    ],
)
def test_what_cannot_be_filled_in(tmp_path: Path, data: bytes, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=r"^deck\.sp") as refused:
        filled(tmp_path, data, **params)
    assert words in str(refused.value)


def test_a_file_that_is_gone_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(TextTemplate("deck.sp", str(tmp_path / "none")).render({}))


def test_it_is_filled_in_piece_by_piece(tmp_path: Path) -> None:
    (tmp_path / "template").write_text("{% for i in range(10 ** 12) %}{{ i }}{% endfor %}")
    pieces = TextTemplate("deck.sp", str(tmp_path / "template")).render({})
    assert [next(pieces) for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize(("data", "words"), [(b"a\0", "NUL byte"), (b"\xff\xfea", "UTF-16"), (b"\xfe\xff", "UTF-16")])
def test_what_is_no_text(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode(data)


def test_an_isolated_python_finds_the_language_where_the_user_said(tmp_path: Path) -> None:
    (tmp_path / "more" / "jinja2").mkdir(parents=True)
    (tmp_path / "more" / "jinja2" / "__init__.py").write_text("HERE = 'found'\n")
    source = str(Path(sys.modules["multirun"].__file__ or "").parents[1])
    code = (
        f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; sys.path.insert(0, {source!r})\n"
        "from multirun.templates import make_jinja2_importable\n"
        "make_jinja2_importable()\nimport jinja2\nprint(jinja2.HERE)"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "more")}
    done = subprocess.run([sys.executable, "-I", "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("found\n", "")
