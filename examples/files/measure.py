"""Writes the measurements of this example: a reaction watched at eight temperatures, with noise.

The concentration decays as exp(-rate * time), and the rate depends on the temperature as Arrhenius found:
rate = FACTOR * exp(-ENERGY / (R * temperature)). What is true is therefore known, and stands in truth.csv.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from pathlib import Path

R = 8.314462618  # J/(mol K)
ENERGY = 52_000.0  # J/mol
FACTOR = 4.0e6  # 1/s
START = 0.8  # mol/l
NOISE = 0.006  # mol/l, the standard deviation of one reading
POINTS = 60
TEMPERATURES = range(290, 370, 10)  # K


def rate_at(temperature: float) -> float:
    """The rate in 1/s at a temperature in kelvins."""
    return FACTOR * math.exp(-ENERGY / (R * temperature))


def measurement(temperature: float, noise: random.Random) -> list[tuple[str, str]]:
    """The readings at a temperature, over three times the mean life: time in seconds, concentration in mol/l."""
    rate = rate_at(temperature)
    times = [3 / rate * number / (POINTS - 1) for number in range(POINTS)]
    return [(f"{time:.3f}", f"{START * math.exp(-rate * time) + noise.gauss(0, NOISE):.5f}") for time in times]


def write(path: Path, rows: list[tuple[str, ...]]) -> None:
    """Write a CSV file whose first row names the columns."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main(folder: Path) -> None:
    """Write all measurements into a folder, and what is true about them next to it."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(1889)
    truth: list[tuple[str, ...]] = [("file", "temperature_K", "rate_per_s")]
    for temperature in TEMPERATURES:
        name = f"decay-{temperature}K.csv"
        write(folder / name, [("time_s", "concentration"), *measurement(temperature, noise)])
        truth.append((name, str(temperature), f"{rate_at(temperature):.6g}"))
    write(folder.parent / "truth.csv", truth)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("measurements"))
