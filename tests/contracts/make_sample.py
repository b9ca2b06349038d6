"""Makes the sample of the formats that tests/contracts/samples holds: a small sweep without trace of machine or time.

    python tests/contracts/make_sample.py tests/contracts/samples/v1

The samples of a version are made once, by the code that introduced it, and then never change.
"""

import json
import os
import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from multirun import FileResource, ParallelLocalRunner, Run, multirun
from multirun.definition import read_definition, write_definition
from multirun.journal import Record, frame, read_all
from multirun.rundir import SweepPaths
from multirun.table import write_table

SWEEP, LAUNCHER = "0123456789abcdef", "00000000"

JOB = """\
import collections
import os
import signal

from multirun import getRunParams, postRunResults

params = getRunParams()
print("run", os.environ["MULTIRUN_INDEX"])
posts = {
    "plain": {"square": params["x"] ** 2, "deep": {"er": 0.5}, "ok": True},
    "typed": {"pair": (1, 2.5), 3: {4}},
    "pickled": {"size": 3, "words": collections.Counter("aab")},
    "large": {"size": 1000, "list": list(range(1000, 2000))},
}
if params["kind"] in posts:
    postRunResults(posts[params["kind"]])
elif params["kind"] == "fails":
    raise SystemExit(3)
elif params["kind"] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""

RUNS: list[dict[str, Any]] = [
    {"x": 1, "kind": "plain"},
    {"x": 2.5, "kind": "fails", "when": date(2024, 2, 29), "nan": float("nan"), "tags": ("a", b"b")},
    {"x": 3, "kind": "typed"},
    {"x": 4, "kind": "pickled"},
    {"x": 5, "kind": "large", "deep": {"er": [1, None, "ü"]}},
    {"x": 6, "kind": "silent"},
    {"x": 7, "kind": "killed"},
    {"x": 1, "kind": "plain"},
]


def make_sample(target: Path) -> None:
    """Make the sample.

    Args:
        target: its directory, which must not exist.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        job, data = Path(folder, "job"), Path(folder, "data.txt")
        job.write_text(JOB)
        data.write_text("data\n")
        result = multirun(
            runs=RUNS,
            cmd=["python", "job"],
            output_path=target,
            input_files=[FileResource(job, "copy"), FileResource(data, "shared", "deep/data.txt")],
            env={"LEVEL": "{x}"},
            runner=ParallelLocalRunner(max_parallel=1),
            timeout="10m",
            name="sample",
            display=False,
        )
    paths = SweepPaths(str(target))
    _anonymise_definition(paths)
    _anonymise_journals(paths)
    _write_table_again(paths, list(result))


def _anonymise_definition(paths: SweepPaths) -> None:
    found = read_definition(paths)
    write_definition(
        paths,
        replace(
            found,
            id=SWEEP,
            inputs=tuple(replace(each, source=f"/home/ada/{each.name}") for each in found.inputs),
            provenance={
                **found.provenance, "time": "2026-01-02T03:04:05+00:00", "host": "host", "user": "ada",
                "directory": "/home/ada", "argv": ["sweep.py"], "python": "3.11.7",
                "platform": "Linux", "git": None,
            },
        ),
    )  # fmt: skip


def _anonymise_journals(paths: SweepPaths) -> None:
    for number, (writer, records) in enumerate(read_all(paths.journals).items()):
        name = writer if writer == "orchestrator" else f"{LAUNCHER}-{number}"
        lines, crc = [], 0
        for seq, record in enumerate(records):
            line, crc = frame(_anonymise_record(record, name), seq, crc)
            lines.append(line)
        os.unlink(paths.journal(writer))
        Path(paths.journal(name)).write_bytes(b"".join(lines))


def _anonymise_record(record: Record, writer: str) -> Record:
    fields = {key: value for key, value in record.items() if key not in ("seq", "crc")}
    steady = {
        "sweep": SWEEP, "writer": writer, "host": "host", "boot": "boot", "pid": 1, "pid_start": 1,
        "time": 1767323045.0, "duration_s": 0.25, "cpu_s": 0.125, "max_rss_bytes": 1 << 20,
    }  # fmt: skip
    return {key: steady.get(key, value) for key, value in fields.items()}


def _write_table_again(paths: SweepPaths, runs: list[Run]) -> None:
    for run in runs:
        run.duration_s = 0.25
    write_table(paths, runs)


if __name__ == "__main__":
    make_sample(Path(sys.argv[1]))
    print(json.dumps(sorted(os.listdir(sys.argv[1]))))
