"""Durations as people write them, and as people read them."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.durations import format_duration, parse_duration

GOOD = [
    (90, 90.0),
    (0.25, 0.25),
    ("90", 90.0),
    (" 1e3 ", 1000.0),
    ("90s", 90.0),
    ("1.5h", 5400.0),
    ("2 h", 7200.0),
    ("1h30m", 5400.0),
    ("1h 30m 5s", 5405.0),
    ("2D", 172800.0),
    ("0.5m", 30.0),
    ("5:00", 300.0),
    ("90:00", 5400.0),
    ("1:30:00", 5400.0),
    ("0:00:01.5", 1.5),
    ("100:00:00", 360_000.0),
]

BAD = [
    0,
    0.0,
    -1,
    math.inf,
    -math.inf,
    math.nan,
    10**400,
    True,
    False,
    None,
    b"5",
    [5],
    1j,
    "",
    " ",
    "0",
    "0s",
    "0:00",
    "-5",
    "-5s",
    "nan",
    "inf",
    "infinity",
    "9" * 400,
    "9" * 400 + "h",
    "9" * 400 + ":00:00",
    "9" * 5000 + ":00:00",
    "abc",
    "5 x",
    "5 minutes",
    "1h-30m",
    "1h 30",
    "h",
    "1.2.3s",
    "1:2",
    "1:2:3:4",
    ":30",
    "1:30:0",
    "1:30h",
]


@pytest.mark.parametrize(("written", "seconds"), GOOD)
def test_what_people_write_is_understood(written: object, seconds: float) -> None:
    parsed = parse_duration(written)
    assert parsed == seconds
    assert type(parsed) is float


@pytest.mark.parametrize("written", BAD, ids=lambda value: repr(value)[:20] if isinstance(value, str) else None)
def test_what_is_no_duration_is_refused_with_examples(written: object) -> None:
    with pytest.raises(ValueError, match=r'is no duration; write seconds \(90\) or text such as "90s"') as caught:
        parse_duration(written)
    assert str(caught.value).startswith(repr(written))


@pytest.mark.parametrize("written", [0, 0.0, "0", "0s", "0:00"])
def test_zero_is_a_duration_only_where_it_is_asked_for(written: object) -> None:
    assert parse_duration(written, zero=True) == 0


@pytest.mark.parametrize("written", [-1, math.nan, math.inf, 10**400, False, "-1", None])
def test_where_zero_is_allowed_nothing_else_is(written: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(written, zero=True)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
def test_units_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert parse_duration(f"{days}d{hours}h {minutes}m {seconds}s") == expected


@given(st.integers(0, 99), st.integers(0, 59), st.integers(1, 59))
def test_a_clock_counts_hours_minutes_and_seconds(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}:{minutes:02}:{seconds:02}") == hours * 3600 + minutes * 60 + seconds


@given(st.text(max_size=8) | st.floats() | st.integers() | st.booleans() | st.none())
def test_anything_at_all_is_finite_and_positive_or_refused(written: object) -> None:
    try:
        seconds = parse_duration(written)
    except ValueError:
        return
    assert 0 < seconds < math.inf


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d 00 h"),
        (273600, "3 d 04 h"),
    ],
)
def test_people_read_two_units_at_most(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown
