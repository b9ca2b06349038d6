"""The samples with what is for programs that know nothing of multirun, read by the code of today."""

import collections
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.make_sample import DECK, PROGRAM, PROGRAM_RULES, PROGRAM_RUNS, SWEEP
from tests.invariants import check_sweep

from multirun import SweepResult, cli
from multirun.definition import Definition, Input, Options, Rules, read_definition
from multirun.extraction.parsing import parse_results
from multirun.rundir import SweepPaths
from multirun.snapshot import take_snapshot

SAMPLES = Path(__file__).parent / "samples"
PROGRAMS, STOPPED = SAMPLES / "v1-programs", SAMPLES / "v1-stopped"
NOTHING_ELSE: dict[str, Any] = {"notes": None, "energy": None, "peak": None}

RESULTS: list[Any] = [
    {"delay": 1.25, "notes": ["a", "b"], "energy": -2.5, "peak": 3},
    {"delay": 1.25, **NOTHING_ELSE},
    {"pair": (1, 2), "delay": 1.25, **NOTHING_ELSE},
    {"size": 3, "words": collections.Counter("aab"), "delay": 1.25, **NOTHING_ELSE},
    NOTHING_ELSE,
    NOTHING_ELSE,
    {"delay": 11.5, **NOTHING_ELSE},
    None,
    None,
]

WHY = [
    *[(None, None, None)] * 4,
    ("no-result", "'delay' was not found: stdout.log is empty", None),
    ("bad-result", "'delay' cannot be used: stdout.log holds '****', which is no number", None),
    ("rule:delay", "'delay' from stdout.log: 11.5 is not at most 10, its max", None),
    ("exit:1", None, "ERROR: no convergence at step 12"),
    ("output-limit", "it wrote 7 kB to its standard output and error; max_output is 2 kB", "step 1"),
]


def test_the_definition() -> None:
    found = read_definition(SweepPaths(str(PROGRAMS)))
    job, deck = found.inputs
    assert found == Definition(
        id=SWEEP,
        name="programs",
        command=("/bin/sh", "-c", "exec python job {kind}"),
        env={},
        inputs=(
            Input("job", "shared", "/home/ada/job", "file", job.digest, len(PROGRAM)),
            Input("decks/in.txt", "template", "/home/ada/decks/in.txt", "file", deck.digest, len(DECK)),
        ),
        rules=Rules((0, 10), True, ("delay",), ("job",), parse_results(PROGRAM_RULES)),
        options=Options(grace_s=1.0, threads_per_run=2, max_output_bytes=2000, nice=1),
        provenance=found.provenance,
        shell=True,
        stdin="decks/in.txt",
    )


def test_the_runs() -> None:
    found = SweepResult.load(PROGRAMS)
    assert [run.params for run in found] == PROGRAM_RUNS
    assert found.results == RESULTS
    assert [(run.reason, run.message, run.evidence) for run in found] == WHY
    assert [run.exit_code for run in found] == [0, 10, 0, 0, 0, 0, 0, 1, 10]


def test_templates_are_kept_and_filled_in() -> None:
    assert (PROGRAMS / "inputs" / "decks" / "in.txt").read_text() == DECK
    deck = PROGRAMS / "runs" / "000000" / "decks" / "in.txt"
    assert deck.read_text() == "x = 1\ncase = it's {{ x }}\nhalf = {x/2} ${x}\n"


def test_the_commands_tell_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status", str(PROGRAMS)], ["show", str(PROGRAMS), "7"]):
        with pytest.raises(SystemExit):
            cli.main(words)
        assert "ERROR: no convergence at step 12" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["show", str(PROGRAMS), "0"])
    assert "sh -c 'exec python job good' <decks/in.txt" in capsys.readouterr().out


@pytest.mark.parametrize("sample", [PROGRAMS, STOPPED], ids=lambda sample: sample.name)
def test_the_invariants_hold(sample: Path, tmp_path: Path) -> None:
    check_sweep(shutil.copytree(sample, tmp_path / "copy", symlinks=True))


def test_a_sweep_that_its_first_run_stopped() -> None:
    snapshot = take_snapshot(str(STOPPED))
    counts = snapshot.statistics
    assert (counts.failure_count, counts.pending_count, counts.total_known) == (1, 2, True)
    assert (snapshot.alive, snapshot.stopped) == (False, "first-failed")
    assert [run.status for run in SweepResult.load(STOPPED)] == ["failure", "pending", "pending"]
