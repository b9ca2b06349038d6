"""Makes the samples of the formats in tests/contracts/samples: small sweeps without trace of machine or time.

    python tests/contracts/make_sample.py v1 tests/contracts/samples/v1

`v1` is the first that there was, `v1-programs` has what came for programs that know nothing of multirun (templates, a
shell, standard input, rules for results, evidence, limits), `v1-stopped` ended with its first run, `v1-continued` went
on twice, once with another input. A sample is made once, by the code that introduced what is in it, and then never
changes.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from multirun import FileResource, ParallelLocalRunner, Run, SweepResult, Template, multirun
from multirun.definition import read_definition, write_definition
from multirun.journal import JournalTail, Record, frame
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


PROGRAM = """\
import collections
import os
import sys

from multirun import postRunResults

kind = sys.argv[1]
deck = dict(line.split(" = ") for line in sys.stdin.read().splitlines())
posts = {"typed": {"pair": (1, 2)}, "pickled": {"size": 3, "words": collections.Counter("aab")}}
if kind in posts:
    postRunResults(posts[kind])
if kind == "fails":
    sys.exit("reading the deck\\nERROR: no convergence at step 12\\ngiving up")
if kind == "floods":
    os.write(1, b"step 1\\n" * 1000)
    os._exit(10)  # whoever stays to be seen may be killed, too
delays = {"bad": "****", "beyond": "11.5"}
if kind != "nothing":
    print("delay =", delays.get(kind, "1.25D+00"))
if kind == "good":
    print("note: a", "note: b", sep="\\n", file=sys.stderr)
    with open("out-" + deck["x"] + ".json", "w") as file:
        file.write('{"final": {"energy": [-1, -2.5]}}')
    with open("log.csv", "w") as file:
        file.write("# t p\\n0 1.5\\n1 3\\n2 2\\n")
sys.exit(10 if kind == "other" else 0)
"""

PROGRAM_RULES: dict[str, dict[str, Any]] = {
    "delay": {"stdout": r"delay = (\S+)", "type": "float", "min": 0, "max": 10, "finite": True},
    "notes": {"stderr": "note: (.*)", "take": "all", "optional": True},
    "energy": {"json": "out-{x}.json", "key": "final.energy.-1", "optional": True},
    "peak": {"csv": "log.csv", "column": "p", "take": "max", "delimiter": " ", "optional": True},
}

PROGRAM_RUNS: list[dict[str, Any]] = [
    {"x": x, "kind": kind, "load case": "it's {{ x }}"}
    for x, kind in enumerate(
        ["good", "other", "typed", "pickled", "nothing", "bad", "beyond", "fails", "floods"], start=1
    )
]

DECK = "x = {{ x }}\ncase = {{ params['load case'] }}\n{% if kind == 'good' %}half = {x/2} ${x}\n{% endif %}"


def make_sample(target: Path) -> None:
    """The first sample.

    Args:
        target: its directory, which must not exist.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, data = write(folder, "job", JOB), write(folder, "data.txt", "data\n")
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
    anonymise(target, list(result))


def make_programs_sample(target: Path) -> None:
    """The sample of what is for programs that know nothing of multirun."""
    with tempfile.TemporaryDirectory() as folder:
        job, deck = write(folder, "job", PROGRAM), write(folder, "deck.txt", DECK)
        result = multirun(
            runs=PROGRAM_RUNS,
            cmd="exec python job {kind}",
            shell=True,
            output_path=target,
            input_files=[job],
            stdin=Template(deck, rename="decks/in.txt"),
            runner=ParallelLocalRunner(max_parallel=1),
            grace="1s",
            success_codes=(0, 10),
            required_results=["delay"],
            required_files=["job"],
            results=PROGRAM_RULES,
            threads_per_run=2,
            max_output="2kB",
            nice=1,
            name="programs",
            first_alone=True,
            display=False,
        )
    anonymise(target, list(result))


def make_stopped_sample(target: Path) -> None:
    """The sample of a sweep whose first run had to succeed alone, and failed."""
    runs = [{"x": x} for x in range(3)]
    runner = ParallelLocalRunner(max_parallel=1)
    result = multirun(
        runs=runs, cmd=["false"], output_path=target, runner=runner, first_alone=True, name="stopped", display=False
    )
    anonymise(target, list(result))


CONTINUED = [
    "sh",
    "-c",
    """cat data.txt; echo '{"y": {x}}' > $MULTIRUN_RESULTS; test {x} -ne 1 || test $MULTIRUN_ATTEMPT -gt 1""",
]


def make_continued_sample(target: Path) -> None:
    """The sample of a sweep that went on: reordered and extended, then with another input and less runs."""
    with tempfile.TemporaryDirectory() as folder:
        for content, points in (("old", [0, 1, 2]), ("old", [2, 1, 5, 2]), ("new", [1, 5])):
            data = write(folder, "data.txt", content)
            multirun(
                runs=[{"x": x} for x in points], cmd=CONTINUED, output_path=target, name="continued", display=False,
                input_files=[FileResource(data, "copy")], runner=ParallelLocalRunner(max_parallel=1), resume=True,
                accept_changes=True,
            )  # fmt: skip
        anonymise(target, list(SweepResult.load(target)))


MAKERS: dict[str, Callable[[Path], None]] = {
    "v1": make_sample,
    "v1-programs": make_programs_sample,
    "v1-stopped": make_stopped_sample,
    "v1-continued": make_continued_sample,
}


def write(folder: str, name: str, text: str) -> Path:
    path = Path(folder, name)
    path.write_text(text)
    return path


def anonymise(target: Path, runs: list[Run]) -> None:
    """Take out of a sweep what tells when and where it was made."""
    paths = SweepPaths(str(target))
    _anonymise_definition(paths)
    _anonymise_journals(paths)
    _write_table_again(paths, runs)


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
    journals = {file.stem: JournalTail(str(file)).read() for file in sorted(Path(paths.journals).glob("*.jsonl"))}
    for writer in journals:
        os.unlink(paths.journal(writer))
    lengths: dict[str, int] = {}
    for number, writer in enumerate(sorted(journals, key=lambda writer: _position(writer, journals[writer]))):
        name = writer if writer.startswith("orchestrator") else _lane(number, journals[writer])
        lines, crc = [], 0
        for seq, record in enumerate(journals[writer]):
            line, crc = frame(_anonymise_record(record, name, lengths), seq, crc)
            lines.append(line)
        Path(paths.journal(name)).write_bytes(b"".join(lines))
        lengths[name] = len(b"".join(lines))


def _position(writer: str, records: list[Record]) -> tuple[int, bool, str]:
    """Lanes before orchestrators, earlier sessions first: each orchestrator seals what is before it."""
    return records[0].get("session", 1), writer.startswith("orchestrator"), writer


def _lane(number: int, records: list[Record]) -> str:
    session = records[0].get("session", 1)
    return f"{LAUNCHER}-{number}" if session == 1 else f"{LAUNCHER}-0-{session}"


def _anonymise_record(record: Record, writer: str, lengths: dict[str, int]) -> Record:
    fields = {key: value for key, value in record.items() if key not in ("seq", "crc")}
    steady = {
        "sweep": SWEEP, "writer": writer, "host": "host", "boot": "boot", "pid": 1, "pid_start": 1,
        "time": 1767323045.0, "duration_s": 0.25, "cpu_s": 0.125, "max_rss_bytes": 1 << 20,
        "sealed": sealed_before(record.get("session", 1), lengths),
    }  # fmt: skip
    return {key: steady.get(key, value) for key, value in fields.items()}


def sealed_before(session: int, lengths: dict[str, int]) -> dict[str, int]:
    """The lengths of the journals of earlier sessions."""
    return {name: length for name, length in lengths.items() if not name.endswith(f"-0-{session}")}


def _write_table_again(paths: SweepPaths, runs: list[Run]) -> None:
    for run in runs:
        run.duration_s = 0.25 if run.attempts else None
    write_table(paths, runs)


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    MAKERS[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps(sorted(os.listdir(sys.argv[2]))))
