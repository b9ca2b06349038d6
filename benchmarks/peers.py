#!/usr/bin/env python3
"""Measure multirun, the C floor and other tools in one run, on one sweep of `true`, and print a Markdown table.

    python -m benchmarks.peers [--rounds R] [-p P] [--scratch DIR] [--only PEER ...]

Installs what it compares into `benchmarks/build/peers` first; GNU parallel comes from the system's packages and is left
out, with a word, where it cannot be installed. Floor, multirun and peers take turns; each is divided by the mean of the
floors before and after it. Tools that need much more time get fewer runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.run import HERE, Bench, Case, Pair, compile_floor, describe, mean

ENVIRONMENT = HERE / "build" / "peers"
PACKAGES = ("hyperqueue>=0.27", "hydra-core>=1.3", "snakemake>=9", "submitit>=1.5")


class Peer(NamedTuple):
    """Another tool.

    Attributes:
        title: what people call it.
        n: how many runs it gets.
        aim: how many times less CPU multirun shall take.
    """

    title: str
    n: int
    aim: float


PEERS = {
    "hyperqueue": Peer("HyperQueue (its Python cluster)", 10_000, 2.3),
    "gnu-parallel": Peer("GNU parallel `--results`", 10_000, 5),
    "snakemake": Peer("Snakemake", 500, 10),
    "hydra": Peer("Hydra `--multirun`", 100, 90),
    "submitit": Peer("submitit, local", 20, 300),
}
OURS_N = 10_000
HEAD = (
    "| tool | n | CPU µs/run | ÷ floor | runs/s | ÷ floor | CPU ÷ multirun's | aim |\n|---|---|---|---|---|---|---|---|"
)


class PeerBench(Bench):
    """A bench that knows other tools too."""

    def peer(self, name: str, case: Case) -> dict[str, float]:
        """Measure another tool in its own environment."""
        python = str(ENVIRONMENT / "bin" / "python")
        words = [python, "-m", "benchmarks.peer_sweeps", name, str(self._root()), "-n", str(case.n), "-p", str(case.p)]
        return self._measure([*words, "--", *case.command])


def install() -> None:
    """Make the environment of the Python tools, once; GNU parallel if this user may install packages."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    if shutil.which("parallel") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "parallel"]
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL)


def measure_round(bench: PeerBench, names: Sequence[str], p: int) -> dict[str, Pair]:
    """One turn of everybody, floors in between."""

    def case(n: int) -> Case:
        return Case("`true`", ("true",), n, p)

    pairs = {}
    before = bench.floor(case(OURS_N))
    for name in ("multirun", *names):
        print(name, file=sys.stderr, flush=True)
        theirs = bench.ours(case(OURS_N)) if name == "multirun" else bench.peer(name, case(PEERS[name].n))
        after = bench.floor(case(OURS_N))
        pairs[name] = Pair(mean(before, after), theirs)
        before = after
    return pairs


def row(name: str, rounds: Sequence[dict[str, Pair]]) -> str:
    """A line of the table: medians over the rounds."""

    def median(value: str, *, ratio: bool = False) -> float:
        pairs = [pairs[name] for pairs in rounds]
        return statistics.median(pair.ratio(value) if ratio else pair.ours[value] for pair in pairs)

    against = statistics.median(
        pairs[name].ratio("cpu_us_per_run") / pairs["multirun"].ratio("cpu_us_per_run") for pairs in rounds
    )
    peer = PEERS.get(name, Peer("multirun", OURS_N, 1))
    cells = [peer.title, f"{peer.n}", f"{median('cpu_us_per_run'):.0f}", f"{median('cpu_us_per_run', ratio=True):.2f}"]
    cells += [f"{median('runs_per_s'):.0f}", f"{median('runs_per_s', ratio=True):.4f}"]
    cells += [f"**{against:.1f}**", "" if name == "multirun" else f"{peer.aim:g}"]
    return f"| {' | '.join(cells)} |"


def parse() -> argparse.Namespace:
    """Arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-p", type=int, default=2, help="runs at a time")
    parser.add_argument("--scratch", type=Path, help="where to work, e.g. /dev/shm (default: the temporary directory)")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    return parser.parse_args()


def main() -> int:
    """Install, measure and print."""
    args = parse()
    install()
    names = [name for name in args.only if name != "gnu-parallel" or shutil.which("parallel")]
    for name in set(args.only) - set(names):
        print(f"{PEERS[name].title} is left out: it is not installed and cannot be installed here.")
    scratch = Path(tempfile.mkdtemp(prefix="multirun-peers-", dir=args.scratch)).resolve()
    print(describe(scratch), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = PeerBench(scratch, compile_floor(Path(folder)))
        rounds = [measure_round(bench, names, args.p) for _ in range(args.rounds)]
    print(HEAD, *(row(name, rounds) for name in ("multirun", *names)), sep="\n")
    shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
