"""Programs that are not Python: a shell, standard input, how much they write, how nice they are."""

import os
from pathlib import Path

import pytest
from tests.survivors import check_dead
from tests.sweeps.sweeping import SCRIPTED, run_sweep

from multirun import FileResource, ParallelLocalRunner, multirun

# ---------------------------------------------------------------------------------------------- a shell


def test_a_shell_reads_a_text(sweep_dir: Path) -> None:
    values = ["a b", "$(touch oops)", "it's", '"', "`touch oops`", "; touch oops", "a\nb"]
    cmd = "printf '%s' {x} | cat > plain && printf %s \"{x}\" > double; printf %s '{x}' > single"
    result = run_sweep(sweep_dir, [{"x": value} for value in values], cmd, shell=True)
    assert not result.failed
    for run, value in zip(result, values, strict=True):
        assert [(run.path / name).read_text() for name in ("plain", "double", "single")] == [value] * 3
        assert not (run.path / "oops").exists()


def test_only_the_text_of_a_shell_is_read_by_one(sweep_dir: Path) -> None:
    (run,) = run_sweep(sweep_dir, [{"x": "$HOME"}], ["echo", "{x}", "|", "*"])
    assert run.stdout.read_text() == "$HOME | *\n"


def test_a_shell_gives_its_own_exit_code(sweep_dir: Path) -> None:
    result = run_sweep(sweep_dir, [{"code": 3}, {"code": 0}], "exit {code}", shell=True)
    assert [run.reason for run in result] == ["exit:3", None]


def test_everything_behind_a_pipe_is_ended(sweep_dir: Path) -> None:
    (run,) = run_sweep(
        sweep_dir, [{"n": 60}], "sleep {n} | cat | cat", shell=True, timeout=0.2, grace=0.1, on_result=check_dead
    )
    assert run.reason == "timeout"


# -------------------------------------------------------------------------------------- standard input


def test_a_file_is_read(tmp_path: Path, sweep_dir: Path) -> None:
    (tmp_path / "numbers.txt").write_text("1\n2\n3\n")
    cmd = ["awk", "{ s += $1 * {factor} } END { print s }"]
    result = run_sweep(sweep_dir, [{"factor": n} for n in (1, 2)], cmd, stdin=tmp_path / "numbers.txt")
    assert [run.stdout.read_text() for run in result] == ["6\n", "12\n"]
    assert (result[0].path / "numbers.txt").read_text() == "1\n2\n3\n"


def test_without_a_file_there_is_nothing_to_read(sweep_dir: Path) -> None:
    (run,) = run_sweep(sweep_dir, [{}], ["sh", "-c", "cat; readlink /proc/self/fd/0"])
    assert run.stdout.read_text() == "/dev/null\n"


@pytest.mark.parametrize("linkage", ["shared", "copy", "link"])
def test_every_kind_of_input_can_be_read(tmp_path: Path, sweep_dir: Path, linkage: str) -> None:
    (tmp_path / "deck").write_bytes(b"\0\xff")
    given = FileResource(tmp_path / "deck", linkage, "in/deck.sp")  # type: ignore[arg-type]
    result = run_sweep(sweep_dir, [{}, {}], ["cat"], input_files=[given], stdin=given)
    assert [run.stdout.read_bytes() for run in result] == [b"\0\xff"] * 2


def test_it_may_be_left_unread_large_or_empty(tmp_path: Path, sweep_dir: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 5_000_000)
    (tmp_path / "empty").touch()
    run_sweep(sweep_dir / "a", [{}], ["true"], stdin=tmp_path / "large")
    (run,) = run_sweep(sweep_dir / "b", [{}], ["sh", "-c", "head -c 3; exec wc -c"], stdin=tmp_path / "large")
    assert run.stdout.read_text().startswith("xxx")
    (run,) = run_sweep(sweep_dir / "c", [{}], ["wc", "-c"], stdin=tmp_path / "empty")
    assert run.stdout.read_text().strip() == "0"


def test_a_linked_input_that_vanished_is_told(tmp_path: Path, sweep_dir: Path) -> None:
    (tmp_path / "deck").write_text("1")
    result = run_sweep(
        sweep_dir,
        [{"n": 0}, {"n": 1}],
        ["cat"],
        stdin=FileResource(tmp_path / "deck", "link"),
        on_result=lambda run: (tmp_path / "deck").unlink(missing_ok=True),
        runner=ParallelLocalRunner(max_parallel=1),
    )
    assert [run.reason for run in result] == [None, "staging-failed"]


# --------------------------------------------------------------------------------------- how much it writes


def test_a_flood_is_ended(sweep_dir: Path) -> None:
    result = run_sweep(
        sweep_dir,
        [{"script": "exec yes"}, {"script": "echo small"}, {"script": "exec yes >&2"}],
        SCRIPTED,
        max_output="1MB",
        grace=60,
        on_result=check_dead,
    )
    assert [run.reason for run in result] == ["output-limit", None, "output-limit"]
    assert str(result[0].message).endswith("to its standard output and error; max_output is 1 MB")


def test_a_run_that_wrote_too_much_and_ended_by_itself(sweep_dir: Path) -> None:
    scripts = [
        "head -c 600 /dev/zero; head -c 401 /dev/zero >&2",
        "head -c 1000 /dev/zero",
        "head -c 2000 /dev/zero; exit 3",
    ]
    result = run_sweep(sweep_dir, [{"script": script} for script in scripts], SCRIPTED, max_output=1000)
    assert [(run.reason, run.exit_code) for run in result] == [("output-limit", 0), (None, 0), ("output-limit", 3)]
    assert result[0].message == "it wrote 1 kB to its standard output and error; max_output is 1 kB"


def test_a_flood_of_what_the_program_left_behind(sweep_dir: Path) -> None:
    script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; exec yes' & exit 0"
    (run,) = run_sweep(sweep_dir, [{"script": script}], SCRIPTED, max_output=1000, grace=60, on_result=check_dead)
    assert run.reason == "output-limit"


def test_a_time_limit_that_came_first_stays_the_reason(sweep_dir: Path) -> None:
    script = "trap 'head -c 5000 /dev/zero; exit' TERM; touch ready; sleep 60 & wait"
    (run,) = run_sweep(
        sweep_dir, [{"script": script}], SCRIPTED, max_output="1kB", timeout=0.5, grace=20, on_result=check_dead
    )
    assert run.reason == "timeout"
    assert run.stdout.stat().st_size == 5000


# ----------------------------------------------------------------------------------------- how nice it is


def test_runs_are_nice(sweep_dir: Path) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    script = "until [ $(ps -o ni= -p $$) -ge 7 ]; do :; done; ps -o ni= -p $$"
    (run,) = run_sweep(sweep_dir, [{"script": script}], SCRIPTED, nice=7, timeout=60)
    assert int(run.stdout.read_text()) == max(7, before)
    (run,) = run_sweep(sweep_dir.with_name("again"), [{"script": "ps -o ni= -p $$"}], SCRIPTED)
    assert int(run.stdout.read_text()) == before


def test_what_a_dry_run_says_of_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    multirun(runs=[{"x": "a b"}], cmd="echo {x} | cat", shell=True, dry_run=True, output_path=tmp_path / "s")
    assert capsys.readouterr().err.endswith("the first: echo 'a b' | cat\n")
