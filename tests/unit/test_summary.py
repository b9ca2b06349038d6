"""Why runs failed, as lines for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirun.causes import Cause
from multirun.statistics import RunStatistics
from multirun.styled import Line
from multirun.summary import Place, Tail, choose, lines_for, outcome_role, summarise


@dataclass
class Failed:
    """A failed run."""

    index: int
    reason: str = "exit:1"
    message: str | None = None
    params: Mapping[str, Any] = field(default_factory=lambda: {"vp": 0.3})
    evidence: str | None = None
    path: str = "/home/ada/study/runs/000003"


HERE = Place("/home/ada/study", "/home/ada")
LOG = "/home/ada/study/runs/000003/stderr.log"


def text(lines: Sequence[Line]) -> str:
    return "\n".join(line.plain for line in lines)


def cause(*indexes: int, line: str | None = None, contrast: str | None = None, **facts: Any) -> Cause:
    return Cause([Failed(index, **facts) for index in indexes], line, contrast)


def test_a_cause_of_many_runs() -> None:
    one = cause(3, 4, 5, 9, line="ValueError: bad 7", contrast="only with vp ≤ 0.4")
    tails = {3: Tail(LOG, ["starting", "ValueError: bad 7"])}
    assert text(summarise([one], tails, HERE, 5)) == (
        "4 runs failed: exit code 1\n"
        "  ValueError: bad 7\n"
        "  runs 3-5, 9\n"
        "  only with vp ≤ 0.4\n"
        "  the end of run 3 (vp=0.3), study/runs/000003/stderr.log:\n"
        "  | starting\n"
        "  | ValueError: bad 7\n"
        "  more: multirun show study 3"
    )


def test_a_single_run() -> None:
    assert text(summarise([cause(3, line="cannot open mesh")], {3: Tail(LOG, ["cannot open mesh"])}, HERE, 5)) == (
        "run 3 (vp=0.3) failed: exit code 1\n  cannot open mesh\n  more: multirun show study 3"
    )


def test_a_line_that_is_no_error_is_only_the_last_one() -> None:
    assert "  it last wrote: step 49/50\n" in text(summarise([cause(3, line="step 49/50")], {}, HERE, 5))


def test_a_program_that_wrote_nothing() -> None:
    assert "  it wrote nothing\n" in text(summarise([cause(3)], {3: Tail(LOG, [])}, HERE, 5))


def test_a_message_is_part_of_the_reason() -> None:
    lines = summarise([cause(3, reason="no-result", message="the results lack 'y'")], {}, HERE, 5)
    assert lines[0].plain == "run 3 (vp=0.3) failed: the results lack 'y'"


def test_cancelled_runs_are_named_and_no_more() -> None:
    lines = summarise([cause(3, 4, 5, reason="cancelled")], {}, HERE, 5)
    assert text(lines) == "3 runs cancelled, counted as failed: 3-5"
    assert {piece.role for piece in lines[0]} == {"notice"}


def test_the_largest_causes_are_shown_and_the_others_counted() -> None:
    causes = [cause(*range(10 * n, 10 * n + size)) for n, size in enumerate((1, 5, 2, 4))]
    assert choose(causes, 2) == [causes[1], causes[3]]
    shown = text(summarise(causes, {}, HERE, 2))
    assert shown.startswith("12 runs failed for 4 reasons:\n5 runs failed: exit code 1\n")
    assert "\n4 runs failed" in shown
    assert shown.endswith("\n3 more runs failed for 2 other reasons; list them with: multirun status study")
    assert text(summarise(causes[:2], {}, HERE, 1)).endswith(
        "1 more run failed for 1 other reason; list them with: multirun status study"
    )


def test_commands_can_be_typed() -> None:
    place = Place("/home/ada/my study", "/home/ada")
    assert text(summarise([cause(3)], {}, place, 5)).endswith("more: multirun show 'my study' 3")
    assert text(summarise([cause(3)], {}, Place("/home/ada/study"), 5)).endswith("multirun show /home/ada/study 3")


NASTY = st.text(st.characters() | st.sampled_from("\x1b\r\n\b\x07漢é…"), max_size=400)


@given(NASTY, NASTY, NASTY, st.lists(NASTY, max_size=6), st.integers(40, 200))
def test_nothing_is_wider_than_the_terminal_or_an_order_to_it(
    line: str, message: str, name: str, tail: list[str], width: int
) -> None:
    one = Cause([Failed(n, "exit:1", message, {name: name}) for n in range(0, 400, 2)], line, f"only with {name}=1")
    lines = summarise([one], {0: Tail(f"/home/ada/{name}/stderr.log", tail)}, HERE._replace(width=width), 5)
    assert all(len(each.plain) <= width for each in lines)
    assert all(each.plain.isprintable() for each in lines)
    assert len(lines) < 40
    everywhere = summarise([one], {0: Tail(LOG, tail)}, HERE, 5)
    assert all(each.plain.isprintable() for each in everywhere)
    assert sum(len(each.plain) for each in everywhere) < 5000


def test_wide_characters_take_two_columns() -> None:
    lines = summarise([cause(3, line="漢" * 100)], {3: Tail(LOG, ["字" * 200, "x"])}, HERE._replace(width=60), 5)
    wide = [each.plain for each in lines if "漢" in each.plain or "字" in each.plain]
    assert len(wide) > 2
    assert all(len(each) + sum(c in "漢字" for c in each) <= 60 for each in wide)


@pytest.mark.parametrize(
    ("counts", "role"),
    [
        ({"success_count": 2, "complete_count": 2, "total_count": 2}, "ok"),
        ({"success_count": 1, "skipped_count": 1, "complete_count": 2, "total_count": 2}, "ok"),
        ({"success_count": 1, "failure_count": 1, "complete_count": 2, "total_count": 2}, "failed"),
        ({"failure_count": 1, "pending_count": 1, "complete_count": 1, "total_count": 2}, "failed"),
        ({"success_count": 1, "pending_count": 1, "complete_count": 1, "total_count": 2}, "notice"),
    ],
)
def test_the_worst_outcome_decides_the_colour(counts: dict[str, int], role: str) -> None:
    names = ("pending", "running", "success", "failure", "skipped", "complete", "total")
    given: dict[str, Any] = {f"{name}_count": counts.get(f"{name}_count", 0) for name in names}
    assert outcome_role(RunStatistics(**given)) == role


def test_a_sweep_that_is_not_known_whole_is_not_complete() -> None:
    assert outcome_role(RunStatistics(0, 0, 2, 0, 0, 2, 2, total_known=False)) == "notice"


@pytest.mark.parametrize(
    ("line", "causes", "lines"),
    [("Error: x", 1, 6), ("Error: x", 2, 4), ("Error: x", 3, 3), ("Error: x", 4, 0), ("x", 4, 2), (None, 50, 2)],
)
def test_fewer_lines_for_each_of_many_causes(line: str | None, causes: int, lines: int) -> None:
    assert lines_for(cause(3, line=line), causes) == lines
