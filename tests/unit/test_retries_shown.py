"""How many attempts were followed by others is said in a word, wherever counts are."""

import io

import pytest

from multirun.display.counts import render_summary
from multirun.display.moment import Moment
from multirun.display.plain import PlainLines
from multirun.display.row import render_row
from multirun.run import Run
from multirun.runners.ledger import Ledger
from multirun.statistics import RunStatistics


class Home:
    def directory(self, index: int) -> str:
        return f"/study/runs/{index:06}"

    def load_results(self, run: Run) -> None:
        return None


def moment(retries: int, elapsed_s: float = 75.0) -> Moment:
    return Moment(RunStatistics(0, 7, 2, 1, 0, 1, 10), ("/study",), elapsed_s, retries=retries)


@pytest.mark.parametrize(("retries", "words"), [(1, "1 retry"), (2, "2 retries")])
def test_they_are_said_in_a_word(retries: int, words: str) -> None:
    assert words in render_row(moment(retries), 120).plain
    assert render_summary(moment(retries)).plain.endswith(f", {words}; see /study")
    stream = io.StringIO()
    lines = PlainLines(stream)
    lines.update(moment(retries, 0.0))
    lines.update(moment(retries))
    assert f"; {words}\n" in stream.getvalue()


def test_nothing_is_said_of_none() -> None:
    assert "retr" not in render_row(moment(0), 120).plain + render_summary(moment(0)).plain


def test_a_narrow_terminal_has_no_room_for_them() -> None:
    assert "retr" not in render_row(moment(3), 45).plain


def test_the_ledger_counts_them() -> None:
    ledger, run = Ledger(), Run(0, {}, Home())
    ledger.enroll(run)
    for _ in range(2):
        ledger.move(run, "running")
        ledger.retry(run)
    ledger.retry(run)  # its start was not heard of
    assert (ledger.retries, run.status) == (3, "pending")
    ledger.waive()
    assert ledger.retries == 2, "one of them was not made"
    counts = ledger.statistics()
    assert (counts.pending_count, counts.running_count, counts.total_count) == (1, 0, 1)
    assert ledger.oldest(5) == []
