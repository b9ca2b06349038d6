"""The program of one run of asyncio_app.py: an estimate of pi, by chance or by a series."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle

from multirun import getRunParams, postRunResults


def throw_darts(seed: int, darts: int) -> float:
    """Four times the fraction of random points in a square that hit the quarter of a circle in it."""
    number = random.Random(seed).random
    hits = sum(number() ** 2 + number() ** 2 <= 1 for _ in range(darts))
    return 4 * hits / darts


def add_series(terms: int) -> float:
    """The first terms of 4 - 4/3 + 4/5 - 4/7 + ... (Leibniz): too far or too short by less than the next term."""
    return sum(sign / odd for sign, odd in zip(cycle([4, -4]), range(1, 2 * terms, 2), strict=False))


METHODS: dict[str, Callable[..., float]] = {"darts": throw_darts, "series": add_series}

if __name__ == "__main__":
    params = getRunParams()
    method = METHODS[params.pop("method")]
    postRunResults({"pi": method(**params)})
