"""Tables for notebooks: whatever is in them stays text, and they stay short."""

from html.parser import HTMLParser

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.test_averages import sweep

from multirun.markup import SHOWN_COLUMNS, SHOWN_ROWS, html_table, shown_items

TEXTS = st.text(max_size=20) | st.sampled_from(["<b>", "&amp;", "</td>", '"', "<script>alert(1)</script>", "x" * 500])


class Cells(HTMLParser):
    """Reads a table back: tags by name, and the text of each cell."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self._inside = False
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


@given(st.lists(TEXTS, min_size=1, max_size=3).flatmap(lambda row: st.tuples(st.just(row), st.just([row, row]))))
def test_whatever_is_in_a_table_stays_text(table: tuple[list[str], list[list[str]]]) -> None:
    names, rows = table
    markup = html_table(names, rows, [], hidden=0, caption="<caption> & more")
    found = Cells(markup)
    assert found.tags == {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert "&lt;caption&gt; &amp; more" in markup
    shown = [text if len(text) <= 80 else f"{text[:79]}…" for text in names]
    assert found.rows == [shown, shown, shown]


@pytest.mark.parametrize(("count", "rows"), [(0, 0), (1, 1), (20, 20), (21, 20), (100_000, 20)])
def test_of_many_rows_the_first_and_the_last_are_shown(count: int, rows: int) -> None:
    head, tail = shown_items(count)
    assert len(head) + len(tail) == rows <= SHOWN_ROWS
    assert [*head, *tail] == sorted({*head, *tail})
    assert (list(head)[:1], [*head, *tail][-1:]) == ([0][:count], [count - 1][:count])


def test_a_sweep_in_a_notebook() -> None:
    study = sweep(*[({"x": f"<{x}>"}, {"y": x, "flag": x > 5}, "success") for x in range(1000)])
    found = Cells(study._repr_html_())
    assert found.rows[0] == ["index", "x", "y", "flag", "status", "reason", "duration_s"]
    assert found.rows[1] == ["0", "<0>", "0", "false", "success", "", ""]
    assert found.rows[11] == ["… 980 more …"]
    assert found.rows[-1][:3] == ["999", "<999>", "999"]
    assert len(found.rows) == 22
    assert "1000 ok of 1000 in /nowhere" in study._repr_html_()


def test_a_wide_sweep_in_a_notebook() -> None:
    found = Cells(sweep(({f"x{n}": n for n in range(200)}, ..., "success"))._repr_html_())
    assert {len(row) for row in found.rows} == {SHOWN_COLUMNS + 1}
    assert found.rows[0][-1] == found.rows[1][-1] == "…"


def test_means_in_a_notebook() -> None:
    study = sweep(*[({"x": x, "seed": seed}, {"y": x + seed}, "success") for x in range(30) for seed in range(2)])
    found = Cells(study.mean_by("x")._repr_html_())
    assert found.rows[:2] == [["x", "runs", "y"], ["0", "2", "0.50 ± 0.50"]]
    assert found.rows[11] == ["… 10 more …"]
    assert len(found.rows) == 22
