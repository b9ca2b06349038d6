"""A CMOS inverter in ngspice, over supply voltage and width of its PMOS transistor, against the square law.

The deck, inverter.sp, is a template: `{{ vdd }}` and `{{ wp }}` in it become the parameters of each run. Braces of
ngspice, such as `{vdd/2}`, stay as they are. What ngspice measures is read from its output by a rule.

Where the supply is not above the threshold of the transistors, the inverter does not switch. ngspice then prints
`delay = failed` and ends with exit code 0, as if all were well. The rule wants a number, so these runs fail with the
reason `no-result`.

Elsewhere the delay is known. Each edge charges or discharges the load through one transistor with a square law: first
with its constant saturation current, then, below the overdrive, in its linear region (the integral is in every textbook
on CMOS circuits, for example A. Sedra and K. Smith, "Microelectronic Circuits", in the chapter on logic circuits).

Exit status: 0 if ngspice agrees with that to 1 % and has no result exactly where there is none, 1 if not, 2 if ngspice
is not installed.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from itertools import product
from pathlib import Path

from multirun import ParamMap, Run, Template, multirun

DECK = Path(__file__).resolve().with_name("inverter.sp")

RUNS: list[ParamMap] = [
    {"vdd": vdd, "wp": wp} for vdd, wp in product((0.3, 0.4, 0.5, 0.6, 0.8, 1.2, 1.8), (1.0, 2.5, 5.0))
]

# As in the deck; NMOS: width 1 um.
THRESHOLD_V = 0.4
LENGTH_UM = 0.2
LOAD_F = 50e-15
NMOS_A_PER_V2 = 200e-6
PMOS_A_PER_V2 = 80e-6


def time_to_half(vdd: float, transconductance: float, width_um: float) -> float:
    """Seconds until a transistor has brought the load from the full supply to half of it.

    Args:
        vdd: supply in volts, above the threshold.
        transconductance: of the process, in A/V²: what SPICE calls KP.
        width_um: of the transistor, in micrometres.
    """
    beta = transconductance * width_um / LENGTH_UM
    overdrive = vdd - THRESHOLD_V
    left = max(overdrive, vdd / 2)  # the voltage at which saturation, or what interests us of it, ends
    saturated = LOAD_F * (vdd - left) / (beta / 2 * overdrive**2)
    linear = LOAD_F / (beta * overdrive) * math.log((2 * overdrive - vdd / 2) / (vdd / 2)) if left > vdd / 2 else 0.0
    return saturated + linear


def delay_in_theory(vdd: float, wp: float) -> float | None:
    """The propagation delay in seconds; None if the inverter does not switch."""
    if vdd <= THRESHOLD_V:
        return None
    return (time_to_half(vdd, NMOS_A_PER_V2, 1.0) + time_to_half(vdd, PMOS_A_PER_V2, wp)) / 2


def judge(run: Run) -> bool:
    """Print a line about a run; whether it is as theory says."""
    theory = delay_in_theory(**run.params)
    found = run.results["delay"] if run.status == "success" else None
    measured = run.reason if found is None else f"{found * 1e12:.2f}"
    expected = "does not switch" if theory is None else f"{theory * 1e12:.2f}"
    print(f"{run.params['vdd']:7} {run.params['wp']:7} {measured:>10} {expected:>15}")
    if theory is None or found is None:
        return theory is None and run.reason == "no-result"
    return bool(abs(found - theory) < 0.01 * theory)


def main() -> int:
    """Sweep, print a table, judge; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, help="new directory for the sweep (default: one named after the time)")
    output = parser.parse_args().output
    if shutil.which("ngspice") is None:
        print("This example needs ngspice. On Debian and Ubuntu: apt-get install ngspice", file=sys.stderr)
        return 2
    sweep = multirun(
        runs=RUNS,
        cmd=["ngspice", "-b", DECK.name],
        input_files=[Template(DECK)],
        results={"delay": {"stdout": r"^delay\s+=\s+([-+.\deE]+)", "min": 0}},
        timeout="1m",
        output_path=output,
    )
    print(f"{'vdd (V)':>7} {'wp (um)':>7} {'delay (ps)':>10} {'theory (ps)':>15}")
    verdicts = [judge(run) for run in sweep]
    print(f"\n{sum(verdicts)} of {len(verdicts)} runs are as the square law says.")
    print(f"Numbers: {sweep.path / 'results.csv'}")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
