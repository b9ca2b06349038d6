"""A folder of measurements, one run for each file: fit.py fits a decay to it, and the table goes against the truth.

The measurements are of a reaction at eight temperatures. measure.py made them, so what is true is known (truth.csv).
From all rates together follows the activation energy: Arrhenius's law is a straight line in ln(rate) over 1/T.

Exit status: 0 if all fits are within four of their standard errors from the truth, and so is the energy; else 1.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from multirun import Run, multirun

HERE = Path(__file__).resolve().parent
MEASUREMENTS = HERE / "measurements"

R = 8.314462618  # J/(mol K)
ENERGY = 52.0  # kJ/mol, as in measure.py


def read_truth() -> dict[str, tuple[float, float]]:
    """Temperature (K) and true rate (1/s) for each file of measurements."""
    with (HERE / "truth.csv").open(newline="") as file:
        return {row["file"]: (float(row["temperature_K"]), float(row["rate_per_s"])) for row in csv.DictReader(file)}


def judge(run: Run, temperature: float, truth: float) -> bool:
    """Print a line about a run; whether its fit is as good as its standard error says."""
    rate, error = run.results["rate"], run.results["rate_error"]
    away = (rate - truth) / error
    print(f"{run.params['file']:<15} {temperature:6.0f} {rate:11.4e} ± {error:.1e} {truth:11.4e} {away:+6.1f}")
    return bool(abs(away) < 4)


def activation_energy(temperature: list[float], rate: list[float], error: list[float]) -> tuple[float, float]:
    """The activation energy in kJ/mol and its standard error, from a weighted straight line."""
    weight = np.array(rate) / np.array(error)  # an error of ln(rate) is error / rate
    lines = np.column_stack([np.ones(len(rate)), -1000 / (R * np.array(temperature))])
    scaled = lines * weight[:, None]
    solution, _, _, _ = np.linalg.lstsq(scaled, np.log(rate) * weight, rcond=None)
    return float(solution[1]), float(np.sqrt(np.linalg.inv(scaled.T @ scaled)[1, 1]))


def main() -> int:
    """Sweep, print a table, judge; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, help="new directory for the sweep (default: one named after the time)")
    sweep = multirun(
        runs=[{"file": path.name} for path in sorted(MEASUREMENTS.glob("*.csv"))],
        cmd=[sys.executable, "fit.py"],
        input_files=[HERE / "fit.py", MEASUREMENTS],
        required_results=["rate", "rate_error"],
        output_path=parser.parse_args().output,
    )
    if sweep.failed:
        print(f"{len(sweep.failed)} runs failed; to see why: multirun status {sweep.path}")
        return 1
    truth = read_truth()
    print(f"{'file':<15} {'T (K)':>6} {'rate (1/s)':>11} {'':9} {'truth':>11} {'errors away':>6}")
    verdicts = [judge(run, *truth[run.params["file"]]) for run in sweep]
    energy, error = activation_energy(
        [truth[run.params["file"]][0] for run in sweep],
        [results["rate"] for results in sweep.results],
        [results["rate_error"] for results in sweep.results],
    )
    print(f"\n{sum(verdicts)} of {len(verdicts)} fits are within four standard errors of the truth.")
    print(f"Activation energy: {energy:.2f} ± {error:.2f} kJ/mol; true is {ENERGY:.2f}.")
    print(f"Numbers: {sweep.path / 'results.csv'}")
    return 0 if all(verdicts) and abs(energy - ENERGY) < 4 * error else 1


if __name__ == "__main__":
    sys.exit(main())
