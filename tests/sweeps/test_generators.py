"""Generators that go wrong: pulling stops, what was started ends, and then the caller hears of it."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.sweeps.gates import Gates

from multirun import MultirunError, ParallelLocalRunner, ParamsError, multirun, multirunAsync
from multirun.snapshot import take_snapshot


class BrokenError(Exception):
    pass


async def conduct_until_it_breaks(
    sweep_dir: Path, gates: Gates, maps: Iterator[Any], error: type[Exception]
) -> BaseException:
    """Run a sweep that breaks after two maps; its error must come only after both runs ended."""
    sweep = asyncio.create_task(
        multirunAsync(runs=maps, cmd=gates.command(), output_path=sweep_dir, runner=ParallelLocalRunner(max_parallel=3))
    )
    await wait_until_async(lambda: gates.waiting() == {"0", "1"})
    gates.open(0)
    await wait_until_async(lambda: gates.waiting() == {"1"})
    assert not sweep.done()
    gates.open(1, word="last")
    with pytest.raises(error) as raised:
        await sweep
    assert "last" in (sweep_dir / "runs" / "000001" / "results.json").read_text()
    assert any(str(sweep_dir) in note for note in raised.value.__notes__)
    check_sweep(sweep_dir)
    counts = take_snapshot(str(sweep_dir)).statistics
    assert (counts.success_count, counts.total_count, counts.total_known) == (2, 2, False)
    return raised.value


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"gate": 2, "x": {"y": [object()]}}, r"run 2: parameter x\.y\[0\] is an object"),
        (["gate", 2], r"run 2 is a list"),
        ({1: 2}, r"run 2: parameter \[1\]"),
        ({"gate": "a\0b"}, r"run 2 \(gate='a\\x00b'\): .*NUL"),
    ],
    ids=["value", "list", "name", "template"],
)
async def test_a_bad_map_stops_the_pulling(sweep_dir: Path, gates: Gates, bad: object, words: str) -> None:
    pulled: list[int] = []

    def maps() -> Iterator[object]:
        for number, each in enumerate([{"gate": 0}, {"gate": 1}, bad, {"gate": 3}]):
            pulled.append(number)
            yield each

    error = await conduct_until_it_breaks(sweep_dir, gates, maps(), ParamsError)
    assert pulled == [0, 1, 2]
    assert isinstance(error, MultirunError)
    assert re.search(words, str(error)), error


async def test_an_exception_of_the_generator_reaches_the_caller(sweep_dir: Path, gates: Gates) -> None:
    broken = BrokenError("no more")

    def maps() -> Iterator[dict[str, int]]:
        yield {"gate": 0}
        yield {"gate": 1}
        raise broken

    assert await conduct_until_it_breaks(sweep_dir, gates, maps(), BrokenError) is broken


def test_a_generator_that_breaks_before_its_first_map(sweep_dir: Path) -> None:
    maps = ({"x": 1 // zero} for zero in [0])
    with pytest.raises(ZeroDivisionError):
        multirun(runs=maps, cmd=["true"], output_path=sweep_dir, display=False)
    check_sweep(sweep_dir)


LEAVES = """
import sys
from multirun import multirun

def maps():
    yield {"x": 1}
    {in_generator}

multirun(runs=maps(), cmd=["true"], output_path="sweep", display=False, on_result=lambda run: {in_on_result})
"""


@pytest.mark.parametrize(("in_generator", "in_on_result"), [("sys.exit(7)", "None"), ("pass", "sys.exit(7)")])
def test_code_of_the_caller_may_leave_the_program(tmp_path: Path, in_generator: str, in_on_result: str) -> None:
    code = LEAVES.replace("{in_generator}", in_generator).replace("{in_on_result}", in_on_result)
    script = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
    )
    assert (script.returncode, script.stdout, script.stderr) == (7, "", "")
    check_sweep(tmp_path / "sweep")
    assert take_snapshot(str(tmp_path / "sweep")).statistics.success_count == 1


async def test_the_runner_works_on_after_a_generator_broke(tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    for number in range(3):
        maps: Any = iter([{"x": 1}, {"x": open}])
        with pytest.raises(ParamsError):
            await multirunAsync(
                runs=maps,
                cmd=["true"],
                output_path=tmp_path / str(number),
                runner=runner,
            )
    result = await multirunAsync(runs=[{}] * 4, cmd=["true"], output_path=tmp_path / "good", runner=runner)
    assert result.statistics.success_count == 4
    assert runner.computeStatistics().total_known
    assert runner.computeStatistics().complete_count == 3 + 4
