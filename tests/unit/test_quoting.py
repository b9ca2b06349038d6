"""Values in the text of a shell stay text, wherever they stand: a real shell is asked."""

import subprocess

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from multirun.command import render_shell

NASTY = """a b'c"d$(echo no)`echo no`\\e\n$HOME;#*!"""


def said(text: str, **params: object) -> str:
    done = subprocess.run(["/bin/sh", "-c", render_shell(text, params)], capture_output=True, text=True, check=True)
    return done.stdout


PLACES = {
    "plain": "printf %s {x}",
    "inside a word": "printf %s a{x}b",
    "single quotes": "printf %s '{x}'",
    "double quotes": 'printf %s "{x}"',
    "after an escape": "printf %s%s \\' {x}",
    "a substitution": 'y=$(printf %s {x}); printf %s "$y"',
    "a substitution in quotes": 'printf %s "$(printf %s {x})"',
    "quotes in a substitution in quotes": 'printf %s "$(printf %s "{x}")"',
    "after a comment": "# don't\nprintf %s {x}",
    "after a hash that begins no comment": "y=a#b; printf %s \"${y#a}\" '{x}'",
    "after braces": "y=${Z:-it\\'s}${#Z}${Z:+}; printf %s \"${Z:-it's}\" {x}",
    "after case": "case y in y) printf %s {x};; esac; y=$(printf case)",
    "a group": "{ printf %s {x}; }",
    "after what awk takes": "awk '{print}' < /dev/null; printf %s \"{x}\"",
}


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_a_value_stays_text(text: str) -> None:
    assert NASTY in said(text, x=NASTY)


@settings(max_examples=40)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12))
def test_any_text_stays_text(value: str) -> None:
    shown = f"{value}|{value}|{value}|"
    assert said("printf '%s|' {x} '{x}' \"{x}\"", x=value) == shown


def test_a_value_in_a_comment_ends_with_it() -> None:
    assert said("printf ok # {x}", x="\nprintf no") == "ok"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo `cat {x}`", "a parameter cannot stand inside `…`; write $(…) instead"),
        ('echo "`cat {x}`"', "cannot stand inside `…`"),
        ("cat <<EOF\n{x}\nEOF", "cannot stand inside a here-document; give that text as stdin=Template"),
        ("cat <<- 'EOF'\n{x}\nEOF", "a here-document"),
        ('echo "${Z:-"{x}"}"', "inside ${…}; give it to a variable first, as in x={name}"),
        ("echo ${Z:-'{x}'}", "inside ${…}"),
        ('echo "$(case y in y) echo "{x}";; esac)"', "inside $(…) behind the word case"),
        ("echo $'it\\'s {x}'", "inside $'…'"),
    ],
)
def test_where_no_value_is_safe(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"a parameter cannot stand inside") as refused:
        render_shell(text, {"x": 1})
    assert words in str(refused.value)


def test_what_names_no_parameter_stays() -> None:
    text = "cat <<EOF\n{y} `date` ${x} {{y}}\nEOF"
    assert render_shell(text, {"x": 1}) == text


def test_numbers_and_formats() -> None:
    text = "a {x} {x:.2f} {{x}} {{{x}}} $((1 << {x}))"
    assert render_shell(text, {"x": 3}) == "a 3 3.00 {x} {3} $((1 << 3))"


def test_quotes_in_a_format_quote_nothing() -> None:
    assert said("printf '%s|' {x:'>4} '{s}'", x=3, s="' $HOME") == "'''3|' $HOME|"
