"""Tables for people: as HTML for notebooks, and as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

SHOWN_ROWS = 20
SHOWN_COLUMNS = 30
_LONGEST = 80


def shown_items(count: int) -> tuple[range, range]:
    """The numbers of the rows that are shown of `count`: all, or so many from the beginning and from the end."""
    if count <= SHOWN_ROWS:
        return range(count), range(0)
    half = SHOWN_ROWS // 2
    return range(half), range(count - half, count)


def html_table(
    names: Sequence[str], head: Iterable[Sequence[str]], tail: Iterable[Sequence[str]], *, hidden: int, caption: str
) -> str:
    """A table as HTML; every text is escaped, long ones are cut, and so are the columns beyond the thirtieth.

    Args:
        names: names of the columns.
        head: the first rows.
        tail: the last rows.
        hidden: how many rows between them are left out.
        caption: a sentence below the table.
    """
    from html import escape

    gap = [f'<tr><td colspan="{min(len(names), SHOWN_COLUMNS + 1)}">… {hidden} more …</td></tr>'] if hidden else []
    body = "\n".join([*map(_html_row, head), *gap, *map(_html_row, tail)])
    heading = _html_row(names, "th")
    return f"<table>\n<thead>{heading}</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n<p>{escape(caption)}</p>"


def _html_row(cells: Sequence[str], tag: str = "td") -> str:
    from html import escape

    shown = [f"<{tag}>{escape(_cut(text))}</{tag}>" for text in islice(cells, SHOWN_COLUMNS)]
    more = [f"<{tag}>…</{tag}>"] if len(cells) > SHOWN_COLUMNS else []
    return f"<tr>{''.join([*shown, *more])}</tr>"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def text_lines(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of text, columns flush right."""
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in (names, *rows)
    ]
