"""Runs a sweep of its own inside its run directory: one run of each program that it is told."""

import sys

from multirun import ParallelLocalRunner, getRunParams, multirun

python, *programs = sys.argv[1:]
result = multirun(
    runs=[{"program": program, "outer": getRunParams()["x"]} for program in programs],
    cmd=[python, "-I", "-S", "{program}"],
    output_path="inner",
    runner=ParallelLocalRunner(max_parallel=len(programs)),
    display=False,
)
sys.exit(len(result.failed))
