"""Results that are wrong, dangerous or not there: the run they belong to fails with words, the sweep goes on."""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.scripts import EVIL, PROGRAMS, Script, launcher_of
from tests.invariants import check_sweep
from tests.patience import wait_until
from tests.survivors import carriers, name_of

from multirun import ResultsDamagedError, multirun
from multirun.contract import ENV_COOKIE
from multirun.processes import children_of
from multirun.run import Run

Start = Callable[..., Script]

# ------------------------------------------------------------------------------------------- what was posted


def test_objects_that_json_cannot_hold(sweep_dir: Path, tmp_path: Path) -> None:
    kinds = ["lock", "canary", "lambda", "damaged", "dangling", "plain"]
    result = multirun(
        runs=[{"kind": kind, "canary": str(tmp_path / "canary")} for kind in kinds],
        cmd=[sys.executable, PROGRAMS / "posts.py"],
        output_path=sweep_dir,
        display=False,
    )
    check_sweep(sweep_dir, result=result)
    runs = dict(zip(kinds, result, strict=True))
    reasons = {kind: run.reason for kind, run in runs.items()}
    assert reasons == {"lock": "exit:1", "dangling": "bad-result", **dict.fromkeys(kinds[1:4]), "plain": None}
    assert "cannot be posted" in runs["lock"].stderr.read_text()
    assert runs["lock"].results == {"before": 1}
    assert "missing" in (runs["dangling"].message or "")
    assert not (tmp_path / "canary").exists(), "a pickle was loaded although nobody asked for the results"
    assert runs["lambda"].results["double"](4) == 8
    assert runs["canary"].results["energy"] == 2.5
    assert (tmp_path / "canary").exists()
    with pytest.raises(ResultsDamagedError):
        _ = runs["damaged"].results
    assert runs["plain"].results == {"energy": 3.5}


BAD = {
    "invalid JSON": ("echo '{' > results.json", "no valid JSON"),
    "empty": (": > results.json", "empty"),
    "no UTF-8": (r"printf '{\"x\": \"\377\"}' > results.json", "no valid JSON"),
    "too deep": ("head -c 200000 /dev/zero | tr '\\0' '[' > results.json", "nested deeper"),
    "a folder": ("mkdir results.json", "results.json"),
    "a pipe": ("mkfifo results.json", "results.json"),
    "a link to itself": ("ln -s results.json results.json", "results.json"),
    "no such pickle": (f"""echo '{{"$pickle": "results-{"0" * 64}.pkl"}}' > results.json""", "missing"),
    "a pickle elsewhere": ("""echo '{"$pickle": "../../sweep.json"}' > results.json""", "never does"),
    "no name of a pickle": ("""echo '{"$pickle": 7}' > results.json""", "never does"),
}


def test_results_that_are_none(sweep_dir: Path) -> None:
    result = multirun(
        runs=[{"words": words} for words, _ in BAD.values()],
        cmd=["sh", "-c", "{words}"],
        output_path=sweep_dir,
        timeout=20,
        display=False,
    )
    for run, (words, told) in zip(result, BAD.values(), strict=True):
        assert run.reason == "bad-result", (words, run)
        assert told in (run.message or ""), (words, run.message)
        assert run.results is None
    check_sweep(sweep_dir, result=result)


# ------------------------------------------------------------------------------------------------- output


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever had."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def test_output_goes_to_files_and_through_nobody_s_memory(sweep_dir: Path) -> None:
    size = 120_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peaks: list[int] = []

    def look(run: Run) -> None:
        peaks.extend(map(peak_bytes, launcher_of(os.getpid())))

    result = multirun(
        runs=[{}],
        cmd=["sh", "-c", f"head -c {size} /dev/zero; echo last words >&2; head -c {size} /dev/zero >&2; echo end"],
        output_path=sweep_dir,
        on_result=look,
        display=False,
    )
    assert result[0].stdout.stat().st_size == size + 4
    assert result[0].stderr.stat().st_size == size + 11
    assert len(peaks) == 2
    assert max(peaks) < 60_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < 30_000_000
    check_sweep(sweep_dir, result=result)
    for stream in (result[0].stdout, result[0].stderr):
        stream.unlink()


# -------------------------------------------------------------------------------------------------- nested


def nested(*programs: str) -> list[str]:
    """The command of a run that runs a sweep of some programs."""
    paths = [str(PROGRAMS / f"{program}.py") for program in programs]
    return [sys.executable, str(PROGRAMS / "nested.py"), sys.executable, *paths]


def test_sweep_inside_a_run(sweep_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "quick.py").touch()
    result = multirun(
        runs=[{"x": x} for x in range(2)],
        cmd=[*nested(), str(tmp_path / "quick.py"), str(tmp_path / "quick.py")],
        output_path=sweep_dir,
        display=False,
    )
    assert result.statistics.success_count == 2, result[0].stderr.read_text()
    check_sweep(sweep_dir, result=result)
    for run in result:
        inner = check_sweep(run.path / "inner")
        assert [record["status"] for record in inner.values()] == ["success"] * 2


@pytest.mark.parametrize("orderly", [True, False], ids=["SIGTERM", "SIGKILL"])
def test_end_of_the_outer_sweep_ends_the_inner(start_script: Start, orderly: bool) -> None:
    script = start_script(runs=[{"x": 1}], command=nested(*EVIL), options="grace=1")
    inner = script.root / "runs" / "000000" / "inner"
    wait_until(lambda: len(list(inner.glob("runs/*/ready"))) == len(EVIL))
    if orderly:
        script.signal(signal.SIGTERM)
        assert script.end() == 143
    else:
        script.kill()
    check_sweep(script.root, killed=not orderly, within_s=0 if orderly else 2)
    check_sweep(inner, killed=True, within_s=0)


def test_death_of_the_inner_orchestrator_ends_its_runs_before_the_outer_run_is_over(start_script: Start) -> None:
    script = start_script(runs=[{"x": 1}], command=nested(*EVIL), after="print(result[0].reason)")
    inner = script.root / "runs" / "000000" / "inner"
    wait_until(lambda: len(list(inner.glob("runs/*/ready"))) == len(EVIL))
    (orchestrator,) = (pid for pid in children_of(script.lanes()[0]) if not name_of(pid).startswith("multirun-"))
    os.kill(orchestrator, signal.SIGKILL)
    assert script.end() == 0, script.complaint()
    assert script.output.split() == ["signal:SIGKILL"]
    check_sweep(script.root, within_s=0)
    check_sweep(inner, killed=True, within_s=0)


def test_programs_carry_the_words_of_every_sweep_around_them(start_script: Start) -> None:
    script = start_script(runs=[{"x": 1}], command=nested("sleeper"))
    inner = script.root / "runs" / "000000" / "inner"
    wait_until((inner / "runs/000000/ready").exists)
    words = [path.read_text().split('"id": "')[1][:16] for path in (script.root / "sweep.json", inner / "sweep.json")]
    outer_carriers, inner_carriers = (set(carriers(f"{word}:", ENV_COOKIE)) for word in words)
    assert len(inner_carriers) == 1
    assert inner_carriers < outer_carriers
    script.signal(signal.SIGTERM)
    assert script.end() == 143
    check_sweep(script.root, within_s=0)
