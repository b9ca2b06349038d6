"""`multirun show`, `logs` and `results`, as a user types them: after a sweep and while it runs."""

import asyncio
import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.invariants import check_sweep
from tests.patience import wait_until, wait_until_async
from tests.sweeps.commands import PROGRAM, command
from tests.sweeps.gates import Gates
from tests.sweeps.sweeping import SCRIPTED, files_below, run_sweep
from tests.terminals import Pty, widest

from multirun import ParallelLocalRunner, SweepResult, multirunAsync

pytestmark = pytest.mark.xdist_group("looking")  # so that the sweeps run once for all of them

PROGRAM_OF_RUNS = r"""
printf 'x is %s\n' "$1"
printf '10%%\r20%%\rlast words' >&2
[ "$1" = 3 ] && { printf '\nError: diverged\n' >&2; exit 4; }
printf '{"y": %s.5, "final": {"energy": -%s}, "note": "a note for %s"}' "$1" "$1" "$1" > "$MULTIRUN_RESULTS"
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    """Six runs, of which number 3 failed."""
    runs: list[dict[str, Any]] = [{"x": x, "mode": "even" if x % 2 == 0 else "odd", "w": x / 10} for x in range(6)]
    folder = tmp_path_factory.mktemp("looking") / "study"
    cmd = ["sh", "-c", PROGRAM_OF_RUNS, "sh", "{x}"]
    return run_sweep(folder, runs, cmd, env={"MESH": "mesh {x}"}, threads_per_run=2)


@pytest.fixture
def here(study: SweepResult) -> Path:
    """The directory in which somebody looks at it."""
    return study.path.parent


def said(finished: subprocess.CompletedProcess[str]) -> str:
    """What a command that is refused says, after its exit code was checked."""
    assert (finished.returncode, finished.stdout) == (2, ""), finished
    assert finished.stderr.startswith("multirun: ")
    return finished.stderr


# ---------------------------------------------------------------------------------------------------- show


def test_show_tells_all_about_a_failure(study: SweepResult, here: Path) -> None:
    before = files_below(study.path)
    finished = command("show", "study", "3", cwd=here)
    assert (finished.returncode, finished.stderr) == (0, "")
    lines = finished.stdout.splitlines()
    assert lines[0] == "run 3 in study: failed"
    assert lines[1:3] == ["  why         exit code 4", "  reason      exit:4"]
    for expected in ("parameters  x    = 3", "            mode = odd", "            w    = 0.3", "results     none"):
        assert f"  {expected}" in lines
    assert "  exit code   4" in lines
    assert "  directory   study/runs/000003" in lines
    assert re.search(
        r"^  time        started \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, took \d+\.\d+ s$", finished.stdout, re.MULTILINE
    )
    after = finished.stdout.partition("stdout.log:\n")[2]
    assert after.startswith("  x is 3\n\nstderr.log:\n  last words\n  Error: diverged\n\nrepeat it by hand:\n  cd ")
    assert files_below(study.path) == before


def test_show_tells_all_about_a_success(here: Path) -> None:
    finished = command("show", "study", "w=0.2", cwd=here)
    assert finished.stdout.startswith("run 2 in study: ok\n")
    for expected in ("y            = 2.5", "final.energy = -2", "note         = a note for 2"):
        assert expected in finished.stdout


def test_the_line_that_repeats_a_run_repeats_it(study: SweepResult, here: Path) -> None:
    for index, code in ((3, 4), (2, 0)):
        line = command("show", "study", str(index), cwd=here).stdout.partition("repeat it by hand:\n")[2]
        done = subprocess.run(["sh", "-c", line], cwd=here, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (code, f"x is {index}\n"), done
    again = study[2].path / "by-hand" / "results.json"
    assert json.loads(again.read_text()) == study[2].results
    check_sweep(study.path, result=study)


def test_the_line_has_every_variable_and_the_parameters(sweep_dir: Path) -> None:
    script = 'env | grep -E "^(MULTIRUN_|OMP_NUM|MESH|PWD)" | grep -v COOKIE | sort; cat "$MULTIRUN_PARAMS"; cat'
    run_sweep(
        sweep_dir,
        [{"tricky": "it's\n$HOME `x` {y}\t\\"}],
        ["sh", "-c", f'printf "%s|" "$@"; {script}', "sh", "{tricky}", ""],
        env={"MESH": "a b"},
        threads_per_run=3,
    )
    (by_hand,) = [json.loads(command("show", "--json", sweep_dir, "0").stdout)["by_hand"]]
    done = subprocess.run(["bash", "-c", by_hand], capture_output=True, text=True, check=True)
    recorded = (sweep_dir / "runs" / "000000" / "stdout.log").read_text()
    assert done.stdout.replace("by-hand/results.json", "results.json") == recorded
    assert "OMP_NUM_THREADS=3" in recorded
    assert "MULTIRUN_ATTEMPT=1" in recorded


def test_show_as_json_is_one_object_a_line(study: SweepResult, here: Path) -> None:
    finished = command("show", "--json", "study", "2-3", cwd=here)
    assert (finished.returncode, finished.stderr) == (0, "")
    good, bad = map(json.loads, finished.stdout.splitlines())
    assert list(good) == list(bad)
    assert (good["index"], good["status"], good["reason"], good["exit_code"]) == (2, "success", None, 0)
    assert (good["results"], good["results_complete"]) == (study[2].results, True)
    assert (bad["index"], bad["status"], bad["reason"], bad["exit_code"]) == (3, "failure", "exit:4", 4)
    assert (good["why"], bad["why"]) == (None, "exit code 4")
    assert (bad["params"], bad["results"], bad["attempts"]) == ({"x": 3, "mode": "odd", "w": 0.3}, None, 1)
    assert (bad["path"], bad["stderr"]) == (str(study[3].path), str(study[3].stderr))
    assert bad["command"] == ["sh", "-c", PROGRAM_OF_RUNS, "sh", "3"]
    assert bad["ended"] - bad["started"] == pytest.approx(bad["duration_s"], abs=0.002)


def test_which_run_has_to_be_said(here: Path) -> None:
    assert "say which of the 6 runs, for example: multirun show study 3\n" in said(command("show", "study", cwd=here))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["17"], "there is no run 17; the runs are 0 to 5"),
        (["2", "17-20"], "there is no run 17"),
        (["9-3"], "the range 9-3 is empty; write 3-9"),
        (["mod=odd"], "no parameter is called 'mod'; did you mean 'mode'?"),
        (["w=0.31"], "no run has w=0.31; the nearest are 0.3, 0.4, 0.2"),
        (["mode=od"], "no run has mode=od; the nearest is odd"),
        (["mode=odd", "x=2"], "no run has all of mode=odd, x=2"),
        (["study", "three"], "'three' is no run; write a number (17), a range (3-9) or a parameter (x=0.3)"),
        (["studies", "3"], "studies is no sweep: it does not exist; did you mean "),
    ],
)
@pytest.mark.parametrize("name", ["show", "logs"])
def test_runs_that_are_not_there(here: Path, name: str, words: list[str], complaint: str) -> None:
    assert complaint in said(command(name, *words, cwd=here))


def test_a_file_that_cannot_be_written_is_named_in_words(here: Path) -> None:
    finished = command("results", "study", "--csv", "none/table.csv", cwd=here)
    assert (finished.returncode, finished.stderr) == (74, "multirun: none/table.csv: No such file or directory\n")


@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_streams_are_borne_in_silence(here: Path, closed: str) -> None:
    for words, code in (["status", "study"], 1), (["status", "none"], 2):
        line = ["sh", "-c", f'exec {closed}>&-; exec "$@"', "sh", str(PROGRAM), *words]
        finished = subprocess.run(line, cwd=here, capture_output=True, text=True, timeout=30, check=False)
        assert finished.returncode == code
        assert "Traceback" not in finished.stderr
        assert "internal error" not in finished.stderr


def test_a_program_that_was_never_started_and_one_that_was_killed(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"name": "no-such-program"}, {"name": "sh"}], ["{name}", "-c", "kill -FPE $$"])
    never, killed = (command("show", sweep_dir, index).stdout for index in "01")
    assert "exit code   none, it was not started" in never
    assert "exit code   none, SIGFPE ended it" in killed
    assert "  why         stopped by SIGFPE (floating-point error)\n  reason      signal:SIGFPE\n" in killed


# ---------------------------------------------------------------------------------------------------- logs


def test_logs_are_printed_byte_for_byte(study: SweepResult, here: Path) -> None:
    for stream in ("stdout", "stderr"):
        finished = command("logs", f"--{stream}", "study", "3", cwd=here)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert finished.stdout == getattr(study[3], stream).read_text()


def test_logs_of_several_runs_have_headings(here: Path) -> None:
    finished = command("logs", "study", "2-3", cwd=here)
    assert finished.stdout == (
        "==> run 2 stdout <==\nx is 2\n==> run 2 stderr <==\n10%\n20%\nlast words\n"
        "==> run 3 stdout <==\nx is 3\n==> run 3 stderr <==\n10%\n20%\nlast words\nError: diverged\n"
    )
    failed = command("logs", "--failed", "study", cwd=here)
    assert failed.stdout == finished.stdout[finished.stdout.index("==> run 3") :]
    assert command("logs", "--failed", "study", "0-2", cwd=here).stderr == "multirun: no run failed\n"
    assert command("logs", "study", cwd=here).stdout.count("==>") == 12


def test_silence_is_told_beside_the_data(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{}, {}], ["true"])
    assert command("logs", sweep_dir, "1").stderr == "multirun: run 1 wrote nothing\n"
    finished = command("logs", sweep_dir)
    assert (finished.stdout, finished.stderr) == ("", "multirun: 2 of 2 runs wrote nothing\n")


# ------------------------------------------------------------------------------------------------- results


def rows_of(*words: str, cwd: Path) -> list[dict[str, Any]]:
    """The rows that `results --jsonl -` writes with some more words."""
    finished = command("results", *words, "--jsonl", "-", cwd=cwd)
    assert finished.returncode == 0, finished
    return [json.loads(line) for line in finished.stdout.splitlines()]


def test_results_as_a_table(here: Path) -> None:
    finished = command("results", "study", cwd=here)
    assert (finished.returncode, finished.stderr) == (0, "")
    header, *lines = finished.stdout.splitlines()
    assert header.split() == ["index", "x", "mode", "w", "y", "final.energy", "note", "status", "reason", "duration_s"]
    assert lines[3].split()[:7] == ["3", "3", "odd", "0.3", "-", "-", "-"]
    assert lines[3].split()[7:9] == ["failure", "exit:4"]
    assert "2.5            -2  a note for 2  success" in lines[2]


def test_results_as_csv_are_the_table_of_the_sweep(study: SweepResult, here: Path, tmp_path: Path) -> None:
    table = (study.path / "results.csv").read_text()
    assert command("results", "study", "--csv", "-", cwd=here).stdout == table
    finished = command("results", "study", "--csv", str(tmp_path / "a.csv"), cwd=here)
    assert (finished.stdout, finished.stderr) == ("", f"multirun: 6 rows in {tmp_path / 'a.csv'}\n")
    assert (tmp_path / "a.csv").read_text() == table
    (row,) = csv.DictReader(io.StringIO(command("results", "study", "--csv", "-", "--where", "x==2", cwd=here).stdout))
    assert (row["y"], row["final.energy"]) == ("2.5", "-2")


def test_json_and_jsonl_hold_the_same_rows_with_all_keys(here: Path, tmp_path: Path) -> None:
    finished = command("results", "study", "--json", "-", "--jsonl", str(tmp_path / "a.jsonl"), cwd=here)
    rows = json.loads(finished.stdout)
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == rows
    assert len({tuple(row) for row in rows}) == 1
    assert rows[3]["y"] is None
    assert rows[2] == {**rows[2], "index": 2, "x": 2, "w": 0.2, "y": 2.5, "final.energy": -2, "status": "success"}
    assert json.loads(command("results", "study", "--json", "-", "--where", "x > 99", cwd=here).stdout) == []


def test_numbers_that_are_not_finite(sweep_dir: Path) -> None:
    limits = [2.5, float("inf"), float("nan")]
    post = "import multirun; multirun.postRunResults({'y': -multirun.getRunParams()['limit']})"
    run_sweep(sweep_dir, [{"limit": limit} for limit in limits], [sys.executable, "-c", post])
    assert command("results", sweep_dir, "--csv", "-").stdout == (sweep_dir / "results.csv").read_text()
    finished = command("results", sweep_dir, "--json", "-", "--sort", "-limit")
    rows = json.loads(finished.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert [(row["limit"], row["y"]) for row in rows] == [("inf", "-inf"), (2.5, -2.5), ("nan", "nan")]
    for condition, indexes in (("limit > 1e300", [1]), ("y < 0", [0, 1]), ("limit == 'nan'", [2]), ("y == y", [0, 1])):
        found = command("results", sweep_dir, "--jsonl", "-", "--where", condition).stdout.splitlines()
        assert [json.loads(line)["index"] for line in found] == indexes, condition
    shown = [json.loads(line) for line in command("show", "--json", sweep_dir, "0-2").stdout.splitlines()]
    assert [run["results"]["y"] for run in shown] == [-2.5, "-inf", "nan"]
    assert json.loads(command("show", "--json", sweep_dir, "limit=inf").stdout)["index"] == 1
    assert json.loads(command("show", "--json", sweep_dir, "limit=nan").stdout)["index"] == 2


def test_rows_are_chosen_and_sorted(here: Path) -> None:
    def chosen(*words: str) -> list[int]:
        return [row["index"] for row in rows_of("study", *words, cwd=here)]

    assert chosen("--where", "y > 1 and mode == 'odd'") == [1, 5]
    assert chosen("--where", "y > 1", "--where", "mode == 'even'") == [2, 4]
    assert chosen("--where", "status == 'failure'") == [3]
    assert chosen("--where", "final.energy <= -4") == [4, 5]
    assert chosen("--sort", "-y") == [5, 4, 2, 1, 0, 3]
    assert chosen("--sort", "mode,-x") == [4, 2, 0, 5, 3, 1]
    finished = command("results", "study", "--where", "y > 1", cwd=here)
    assert finished.stderr == "multirun: 4 of 6 runs\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--where", "yy > 1"], "no column is called 'yy'; did you mean 'y'?"),
        (["--where", "mode == odd"], 'it needs quotes: "odd"'),
        (["--where", "y = 1"], "write == for equal"),
        (["--sort", "-energy"], "cannot sort by 'energy': no column is called so; did you mean 'final.energy'?"),
    ],
)
def test_columns_that_are_not_there(here: Path, words: list[str], complaint: str) -> None:
    assert complaint in said(command("results", "study", *words, cwd=here))


def test_a_file_that_cannot_be_written(here: Path, tmp_path: Path) -> None:
    finished = command("results", "study", "--csv", str(tmp_path / "none" / "a.csv"), cwd=here)
    assert (finished.returncode, finished.stdout) == (74, "")
    assert "No such file or directory" in finished.stderr
    line = f"{shlex.quote(str(PROGRAM))} results study >/dev/full"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    full = subprocess.run(["sh", "-c", line], cwd=here, env=env, capture_output=True, check=False)
    assert full.returncode == 74
    assert b"No space left on device" in full.stderr
    assert full.stderr.count(b"\n") == 1


def test_large_results_are_told_to_be_there_in_part(sweep_dir: Path) -> None:
    script = """printf '{"y": 1, "pad": "%05000d"}' 0 >$MULTIRUN_RESULTS"""
    run_sweep(sweep_dir, [{"script": script}], SCRIPTED)
    finished = command("results", sweep_dir, "--csv", "-")
    assert finished.stderr == "multirun: 1 result of more than 4 KiB: only part is here, all is in results.json\n"
    assert json.loads(command("show", "--json", sweep_dir, "0").stdout)["results_complete"] is False
    assert "the rest is in results.json" in command("show", sweep_dir, "0").stdout


def test_a_sweep_without_runs(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [], ["true"])
    assert command("results", sweep_dir).stdout == "index  status  reason  duration_s\n"
    assert "has no runs yet" in said(command("logs", sweep_dir))
    assert "there is no run 0; there are none" in said(command("show", sweep_dir, "0"))


# --------------------------------------------------------------------------------------- pipes and terminals


@pytest.mark.parametrize("words", ["status", "show 0-5", "logs", "results", "results --csv -", "results --json -"])
def test_a_reader_that_leaves_early(study: SweepResult, here: Path, words: str) -> None:
    line = f"{shlex.quote(str(PROGRAM))} {words} | head -c 1 | wc -c; echo $? ${{PIPESTATUS[0]}}"
    finished = subprocess.run(["bash", "-c", line], cwd=here, capture_output=True, text=True, timeout=60, check=True)
    assert finished.stdout.startswith("1\n")
    assert finished.stderr == ""


def test_much_output_and_a_reader_that_leaves(tmp_path: Path) -> None:
    run_sweep(tmp_path / "sweep", [{}], ["sh", "-c", "yes | head -c 3000000"])
    line = f"set -o pipefail; {shlex.quote(str(PROGRAM))} logs sweep 0 | head -n 1"
    finished = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (finished.returncode, finished.stderr) == (128 + signal.SIGPIPE, "")
    assert finished.stdout == "==> run 0 stdout <==\n"


@contextmanager
def on_terminal(
    columns: int, words: list[str], cwd: Path, **variables: str
) -> Iterator[tuple[Pty, subprocess.Popen[str]]]:
    """A command whose output and errors are a terminal."""
    pty = Pty(columns)
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm", **variables}
    try:
        with subprocess.Popen(
            [PROGRAM, *words], cwd=cwd, env=env, stdout=pty.stream, stderr=pty.stream, text=True
        ) as process:
            yield pty, process
    finally:
        pty.close()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_fits_its_terminal(here: Path, columns: int) -> None:
    with on_terminal(columns, ["results", "study"], here) as (pty, process):
        process.wait(30)
        text = pty.read()
    table = [line for line in text.splitlines() if not line.startswith("multirun:")]
    assert len(table) == 7
    assert widest("\n".join(table)) <= columns
    assert "\x1b[1;31m" in pty.raw
    assert ("no room for" in text) == (columns < 120)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_colours_can_be_refused(here: Path, variables: dict[str, str]) -> None:
    for words in (["results", "study"], ["show", "study", "3"], ["status", "study"], ["logs", "study", "3"]):
        with on_terminal(80, words, here, **variables) as (pty, process):
            process.wait(30)
            pty.read()
        assert "\x1b" not in pty.raw


def test_on_a_terminal_without_unicode_all_that_is_ours_is_ascii(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"x": x, "text": "t" * 99} for x in range(12)], ["test", "{x}", "-lt", "6"])
    for words in (["status", str(sweep_dir)], ["show", str(sweep_dir), "7"]):
        with on_terminal(80, words, sweep_dir, LC_ALL="C", PYTHONUTF8="", PYTHONIOENCODING="") as (pty, process):
            process.wait(30)
            assert pty.read().isascii(), pty.read()


def test_what_a_terminal_cannot_show_is_written_as_an_escape(sweep_dir: Path) -> None:
    run_sweep(sweep_dir, [{"name": "Zürich \x1b[2J"}], ["false"])
    for words in (["status"], ["show"], ["results"]):
        more = ["0"] if words == ["show"] else []
        finished = command(*words, str(sweep_dir), *more, PYTHONIOENCODING="ascii")
        assert finished.returncode in (0, 1)
        assert r"Z\xfcrich" in finished.stdout
        assert "\x1b" not in finished.stdout


# ------------------------------------------------------------------------------------------- while it runs

TALKER = """
mkdir -p "$0/said"
echo "first of $1"; echo "complaint of $1" >&2
: > "$0/said/$1"
read -r word < "$0/$1"
echo "then $word"; printf 'no line break'
[ "$word" != bad ]
"""


def _target(link: Path) -> str:
    with suppress(OSError):
        return os.readlink(link)
    return ""


class Following:
    """`multirun logs -f` in a process of its own."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "logs", "-f", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=0
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def read(self) -> str:
        assert self.process.stdout is not None
        with suppress(BlockingIOError):
            while data := os.read(self.process.stdout.fileno(), 1 << 16):
                self.text += data.decode()
        return self.text

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.read(), what=f"{text!r} in the logs")

    def wait_until_it_watches(self) -> None:
        """Wait until it is told of changes."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        wait_until(lambda: "anon_inode:inotify" in {_target(entry) for entry in folder.iterdir()})

    def end(self) -> tuple[int, str]:
        """The exit code and what it said beside the data."""
        assert self.process.stderr is not None
        code = self.process.wait(30)
        self.read()
        errors = self.process.stderr.read()
        self.process.stderr.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code, errors


async def test_everything_works_while_a_sweep_runs(sweep_dir: Path, gates: Gates, tmp_path: Path) -> None:
    runner = ParallelLocalRunner(max_parallel=2)
    cmd = ["sh", "-c", TALKER, str(tmp_path / "gates"), "{gate}"]
    runs = [{"gate": number} for number in range(3)]
    sweep = asyncio.create_task(multirunAsync(runs=runs, cmd=cmd, output_path=sweep_dir, runner=runner))
    said_by = tmp_path / "gates" / "said"
    await wait_until_async(lambda: (said_by / "0").exists() and (said_by / "1").exists())

    def look() -> None:
        assert command("show", sweep_dir, "0").stdout.splitlines()[0].endswith(": running")
        assert re.search(r"started .*, running for \d+\.\d s", command("show", sweep_dir, "0").stdout)
        assert "not started yet" in command("show", sweep_dir, "2").stdout
        assert "first of 0" in command("show", sweep_dir, "0").stdout
        assert command("show", sweep_dir, "0").stdout.endswith(f"follow it: multirun logs -f {sweep_dir} 0\n")
        assert json.loads(command("show", "--json", sweep_dir, "0").stdout)["by_hand"] is None
        table = command("results", sweep_dir)
        assert [line.split()[2] for line in table.stdout.splitlines()[1:]] == ["running", "running", "pending"]
        assert table.stderr == "multirun: the sweep is still going; 3 runs not complete yet\n"
        assert command("logs", sweep_dir, "2").stderr == "multirun: run 2 has not started\n"
        one, waiting, every = Following(sweep_dir, "0"), Following("--stdout", sweep_dir, "2"), Following(sweep_dir)
        for follower in (one, every):
            follower.wait_for("first of 0")
            follower.wait_for("complaint of 0")
        waiting.wait_until_it_watches()
        gates.open(0, word="bad")
        assert one.end() == (1, "multirun: run 0 failed\n")
        assert one.text.endswith("then bad\nno line break")
        waiting.wait_for("first of 2")
        gates.open(1, 2)
        assert waiting.end() == (0, "multirun: run 2 waits for a free place\n")
        assert waiting.text == "first of 2\nthen go\nno line break"
        assert every.end() == (1, "multirun: 1 of 3 runs failed\n")
        assert sorted(every.text.splitlines()) == sorted(
            line
            for run, word in (("run 0", "bad"), ("run 1", "go"), ("run 2", "go"))
            for line in (
                f"{run} | first of {run[-1]}",
                f"{run} stderr | complaint of {run[-1]}",
                f"{run} | then {word}",
                f"{run} | no line break",
            )
        )

    await asyncio.to_thread(look)
    check_sweep(sweep_dir, result=await sweep)


ORCHESTRATE = """
import sys
from multirun import multirun
output, *cmd = sys.argv[1:]
multirun(runs=[{"gate": number} for number in range(2)], cmd=cmd, output_path=output, display=False)
"""


def test_following_ends_when_the_sweep_is_killed_and_at_ctrl_c(sweep_dir: Path, gates: Gates) -> None:
    arguments = [sys.executable, "-c", ORCHESTRATE, str(sweep_dir), *gates.command()]
    with subprocess.Popen(arguments) as orchestrator:
        wait_until(lambda: gates.waiting() == {"0", "1"})
        interrupted, following = Following(sweep_dir, "0"), Following(sweep_dir, "1")
        interrupted.wait_until_it_watches()
        following.wait_until_it_watches()
        interrupted.process.send_signal(signal.SIGINT)
        code, errors = interrupted.end()
        assert code == 130
        assert errors.strip() == ""
        orchestrator.send_signal(signal.SIGKILL)
        orchestrator.wait(30)
    code, errors = following.end()
    assert (code, errors.splitlines()[-1:]) in [
        (3, ["multirun: nobody executes this sweep any more; it was stopped before it was complete"]),
        (1, ["multirun: run 1 failed"]),  # its lane was faster
    ]
    check_sweep(sweep_dir, killed=True)


def test_following_a_sweep_that_is_over(study: SweepResult) -> None:
    following = Following(study.path)
    assert following.end() == (0, "multirun: nothing is running\n")
    following = Following("--stderr", study.path, "3")
    assert following.end() == (1, "multirun: run 3 failed\n")
    assert following.text.endswith("Error: diverged\n")
    assert "use either" in said(command("logs", "-f", "--failed", study.path))


# ------------------------------------------------------------------------------------------- many runs


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 10,000 finished runs, of which nothing but plan and journals is there."""
    from tests.sweeps.manufacture import make_sweep

    return make_sweep(tmp_path_factory.mktemp("many") / "sweep", 10_000)


def cpu_s_of(words: list[str | Path]) -> float:
    """Processor time of a command, which does not depend on how many others use the machine; the least of three."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_"))}
    times = []
    for _ in range(3):
        before = os.times()
        finished = subprocess.run([PROGRAM, *words], env=env, capture_output=True, check=False)
        after = os.times()
        assert finished.returncode in (0, 1), finished
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(times)


@pytest.mark.parametrize(("words", "limit_s"), [("status", 1.0), ("results", 3.0), ("results --csv -", 3.0)])
def test_many_runs_are_looked_at_quickly(many: Path, words: str, limit_s: float) -> None:
    assert command(*words.split(), many).stdout
    assert cpu_s_of([*words.split(), many]) < limit_s


def test_the_status_of_a_few_runs_comes_at_once(study: SweepResult) -> None:
    assert cpu_s_of(["status", study.path]) < 0.15
