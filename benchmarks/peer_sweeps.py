#!/usr/bin/env python3
"""One sweep by another tool, as a JSON line with the keys of the floor's.

    python -m benchmarks.peer_sweeps PEER ROOT [-n N] [-p P] [-- COMMAND [ARG...]]

Start it with the interpreter of an environment that has the peer. Every run gets a directory with `params.json` and its
two outputs, as far as the tool can do that; each function says where the work differs. ROOT is an empty directory.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.meter import measure

PAUSE_S = 0.002


class Sweep(NamedTuple):
    """What a peer has to do."""

    root: Path
    n: int
    p: int
    command: list[str]

    def make_run(self, index: int) -> Path:
        """A run directory with its parameters, for peers that make none."""
        folder = self.root / f"run_{index}"
        folder.mkdir()
        (folder / "params.json").write_text(params_text(index))
        return folder


def params_text(index: int) -> str:
    """The parameters of a run, those of the floor."""
    return json.dumps({"x": index, "y": 0.5, "name": "run"})


def gnu_parallel(sweep: Sweep) -> int:
    """GNU parallel --results --joblog: a directory with stdout, stderr and seq per run; no parameter file."""
    words = ["parallel", "-j", str(sweep.p), "--results", "results", "--joblog", "joblog"]
    numbers = "".join(f"{index}\n" for index in range(sweep.n)).encode()
    line = f"{shlex.join(sweep.command)} # {{}}"
    done = subprocess.run([*words, line], input=numbers, cwd=sweep.root, stdout=subprocess.DEVNULL, check=False)
    return done.returncode


def hyperqueue(sweep: Sweep) -> int:
    """HyperQueue: server and one worker in this process; directories and parameters are written by the client first."""
    hq: Any = __import__("hyperqueue")
    config: Any = __import__("hyperqueue.cluster", fromlist=["WorkerConfig"])
    with hq.LocalCluster(worker_config=config.WorkerConfig(cores=sweep.p)) as cluster:
        client = cluster.client()
        job = hq.Job(max_fails=None)
        for index in range(sweep.n):
            folder = str(sweep.make_run(index))
            job.program(sweep.command, cwd=folder, stdout=f"{folder}/stdout", stderr=f"{folder}/stderr")
        client.wait_for_jobs([client.submit(job)])
    return sweep.n - sum((sweep.root / f"run_{index}/stdout").exists() for index in range(sweep.n))


SNAKEFILE = """
rule all:
    input: expand("run_{{i}}/stdout", i=range({n}))
rule one:
    output: "run_{{i}}/stdout", "run_{{i}}/params.json"
    shell: "echo {{wildcards.i}} > {{output[1]}}; {command} > {{output[0]}} 2> run_{{wildcards.i}}/stderr"
"""


def snakemake(sweep: Sweep) -> int:
    """Snakemake: one rule, one wildcard per run; its shell writes the parameters."""
    (sweep.root / "Snakefile").write_text(SNAKEFILE.format(n=sweep.n, command=shlex.join(sweep.command)))
    program = Path(sys.executable).with_name("snakemake")
    words = [str(program), "-j", str(sweep.p), "--quiet", "all"]
    return subprocess.run(words, cwd=sweep.root, stdout=subprocess.DEVNULL, check=False).returncode


HYDRA_APP = """
import subprocess
import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(version_base=None, config_path=None, config_name=None)
def app(cfg):
    folder = HydraConfig.get().runtime.output_dir
    with open(folder + "/stdout", "wb") as out, open(folder + "/stderr", "wb") as err:
        subprocess.run({command!r}, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=True)

app()
"""


def hydra(sweep: Sweep) -> int:
    """Hydra --multirun, basic launcher: one run at a time; a function starts the command; YAML files per run."""
    app = sweep.root / "app.py"
    app.write_text(HYDRA_APP.format(command=sweep.command))
    words = [sys.executable, str(app), "-m", f"+x=range({sweep.n})", "hydra.sweep.dir=sweep"]
    return subprocess.run(words, cwd=sweep.root, stdout=subprocess.DEVNULL, check=False).returncode


def submitit(sweep: Sweep) -> int:
    """submitit LocalExecutor with CommandFunction: it has no limit of its own, so this loop keeps one."""
    module: Any = __import__("submitit")
    helpers: Any = __import__("submitit.helpers", fromlist=["CommandFunction"])
    logging.disable(logging.CRITICAL)
    executor = module.LocalExecutor(folder=str(sweep.root / "log"))
    executor.update_parameters(timeout_min=10)
    waiting = list(range(sweep.n))
    alive: list[Any] = []
    while waiting or alive:
        while waiting and len(alive) < sweep.p:
            folder = sweep.make_run(waiting.pop())
            alive.append(executor.submit(helpers.CommandFunction(sweep.command, verbose=False, cwd=str(folder))))
        for job in [job for job in alive if job.done(force_check=True)]:
            job.result()
            alive.remove(job)
        time.sleep(PAUSE_S)
    return 0


PEERS: dict[str, Callable[[Sweep], int]] = {
    "hyperqueue": hyperqueue,
    "gnu-parallel": gnu_parallel,
    "snakemake": snakemake,
    "hydra": hydra,
    "submitit": submitit,
}


def parse(argv: list[str]) -> tuple[str, Sweep]:
    """Arguments."""
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("root", type=Path)
    parser.add_argument("-n", type=int, default=200, help="number of runs")
    parser.add_argument("-p", type=int, default=2, help="runs at a time")
    args = parser.parse_args(argv[:cut])
    words = argv[cut + 1 :] or ["true"]
    command = [shutil.which(words[0]) or words[0], *words[1:]]
    return args.peer, Sweep(args.root.resolve(), args.n, args.p, command)


def main() -> int:
    """Measure and print."""
    peer, sweep = parse(sys.argv[1:])
    record = measure(peer, sweep.n, sweep.p, partial(PEERS[peer], sweep))
    print(json.dumps(record), flush=True)
    return 1 if record["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
