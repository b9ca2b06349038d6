"""The program of one run: fits an exponential decay to one measurement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multirun import getRunParams, postRunResults

Numbers = NDArray[np.float64]


def fit_decay(time: Numbers, reading: Numbers) -> tuple[Numbers, Numbers]:
    """Least squares for `start * exp(-rate * time)`, by the method of Gauss and Newton.

    Args:
        time: when the readings were taken, of shape (n,).
        reading: what was read, of the same shape.

    Returns:
        Start and rate, and their standard errors, each of shape (2,).

    Raises:
        ValueError: there are too few readings.
        ArithmeticError: the steps do not become small.
    """
    if len(time) < 3:
        raise ValueError(f"2 values cannot be fitted to {len(time)} readings")
    start, rate = reading[0], 1 / np.mean(time)
    for _ in range(100):
        decay = np.exp(-rate * time)
        slopes = np.column_stack([decay, -start * time * decay])
        step, _, _, _ = np.linalg.lstsq(slopes, reading - start * decay, rcond=None)
        start, rate = start + step[0], rate + step[1]
        if abs(step[1]) < 1e-10 * abs(rate):
            break
    else:
        raise ArithmeticError("the fit does not converge; is this a decay?")
    variance = np.sum((reading - start * np.exp(-rate * time)) ** 2) / (len(time) - 2)
    errors = np.sqrt(variance * np.diag(np.linalg.inv(slopes.T @ slopes)))
    return np.array([start, rate]), errors


if __name__ == "__main__":
    path = Path("measurements") / getRunParams()["file"]
    time, reading = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True, ndmin=2)
    (start, rate), (start_error, rate_error) = fit_decay(time, reading)
    print(f"{path.name}: rate {rate:.4g} ± {rate_error:.2g} per second from {len(time)} readings")
    postRunResults(
        {
            "rate": float(rate),
            "rate_error": float(rate_error),
            "start": float(start),
            "start_error": float(start_error),
            "readings": len(time),
        }
    )
