"""What the tests call the same, and that there are enough odd values to tell."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from tests.unit.sameness import ODD, ODD_NAMES, same


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (float("nan"), 0.0),
        ((1,), [1]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: 2}, {True: 2}),
        ({1}, {True}),
        (Path("a"), PurePosixPath("a")),
        (ODD["datetime with fold"].replace(fold=0), ODD["datetime with fold"]),
        (timezone(timedelta(hours=1)), timezone(timedelta(hours=1), "x")),
        (np.int64(1), np.longlong(1)),
        (np.float64(1), 1.0),
        (np.datetime64(1, "s"), np.datetime64(1000, "ms")),
        (np.str_("a"), np.str_("a\0")),
    ],
)
def test_sameness_is_strict(left: Any, right: Any) -> None:
    assert same(left, left)
    assert same(right, right)
    assert not same(left, right)


def test_there_are_enough_odd_values() -> None:
    assert len(ODD) + len(ODD_NAMES) >= 150
