"""A mean and how far it may be off by chance: pure arithmetic."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import SupportsFloat


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its standard error.

    Attributes:
        mean: arithmetic mean of the values; NaN if there are none.
        error: standard error of the mean; NaN if there are fewer than two values.
        count: how many values there are.
    """

    mean: float
    error: float
    count: int

    def __format__(self, spec: str) -> str:
        """`mean ± error`, both in a format of floating-point numbers such as `.3f`; without one, as `str` writes it."""
        if not spec:
            return str(self)
        return " ± ".join(f"{number:{spec}}" for number in self.known())

    def __str__(self) -> str:
        """`mean ± error` with two significant digits of the error, as the GUM recommends (JCGM 100:2008, 7.2.6)."""
        if self.count > 1 and math.isfinite(self.mean) and 0 < self.error < math.inf:
            return _rounded(self.mean, self.error)
        return " ± ".join(f"{number:.6g}" for number in self.known())

    def known(self) -> tuple[float, ...]:
        """Mean and error, as far as there are enough values for them."""
        return (self.mean, self.error)[: self.count]


def _rounded(mean: float, error: float) -> str:
    exponent = math.floor(math.log10(max(abs(mean), error)))
    if -4 <= exponent < 7:
        return _fixed(mean, error)
    if abs(exponent) > 300:
        return f"{mean:g} ± {error:g}"
    return f"({_fixed(mean / 10.0**exponent, error / 10.0**exponent)})e{exponent:+03d}"


def _fixed(mean: float, error: float) -> str:
    decimals = 1 - math.floor(math.log10(error))
    digits = min(max(decimals, 0), 15)
    return f"{round(mean, decimals):.{digits}f} ± {round(error, decimals):.{digits}f}"


def estimate(values: Iterable[SupportsFloat]) -> Estimate:
    """The mean of independent values and its standard error.

    The error is s / sqrt(n), where s is the standard deviation of the n values with divisor n - 1: the experimental
    standard deviation of the mean, section 4.2.3 of the *Guide to the expression of uncertainty in measurement*,
    JCGM 100:2008. It says how far the mean may be off by chance, if the values are independent of each other.

    Args:
        values: the values; if one of them is not finite, mean and error need not be either.
    """
    listed = list(map(float, values))
    count = len(listed)
    if count == 0:
        return Estimate(math.nan, math.nan, 0)
    mean = _mean(listed)
    return Estimate(mean, _error(listed, mean) if count > 1 else math.nan, count)


def _mean(values: Sequence[float]) -> float:
    odd = [value for value in values if not math.isfinite(value)]
    if odd:
        return sum(odd)
    # Whether a sum overflows on its way depends on the order: so what could is made smaller, by a power of two.
    factor = 1.0 if max(map(abs, values)) < sys.float_info.max / len(values) else 2.0**-64
    mean = math.fsum(value * factor for value in values) / len(values) / factor
    return min(max(mean, min(values)), max(values))


def _error(values: Sequence[float], mean: float) -> float:
    """The standard error; deviations are scaled, so that their squares are neither too large nor too small."""
    deviations = [value - mean for value in values]
    scale = max(map(abs, deviations))
    if not all(map(math.isfinite, deviations)):
        return math.nan
    if scale == 0:
        return 0.0
    squares = math.fsum((deviation / scale) ** 2 for deviation in deviations)
    return scale * math.sqrt(squares / (len(values) - 1) / len(values))
