"""Programs that leave what is hard to read, or dangerous: the sweep, every command and a resume live with it."""

import os
import sys
from pathlib import Path

import pytest
from tests.invariants import check_sweep

from multirun import ResultsDamagedError, SweepResult, multirun
from multirun.cli import main

WHOLE = (["status"], ["status", "--json"], ["results"], ["results", "--csv", "-"], ["results", "--json", "-"])
ONE = (["show"], ["show", "--json"], ["logs", "--stderr"], ["logs", "--failed", "--stderr"])
"""Commands about a sweep and about a run."""

EVIL = {
    "reads its input": ("cat; read x; test $? = 1", None),
    "reads a terminal": ("! cat < /dev/tty", None),
    "closes its streams": ("exec <&- >&- 2>&-; exit 0", None),
    "closes its streams and fails": ("exec <&- >&- 2>&-; exit 3", "exit:3"),
    "100 MB without a newline": ("head -c 100000000 /dev/zero | tr '\\0' x; exit 4", "exit:4"),
    "a million empty lines": ("head -c 1000000 /dev/zero | tr '\\0' '\\n' >&2; exit 4", "exit:4"),
    "invalid UTF-8": (r"printf '\377\376\300\200 Error: \355\240\200\n' >&2; printf '\377' ; exit 5", "exit:5"),
    "orders to a terminal": (r"printf '\033]0;title\007\033[2J\033[31mred\n\r\b\b' >&2; exit 6", "exit:6"),
    "names with newlines": (
        r"""mkdir "$(printf 'a\nb')" && : > "$(printf 'a\nb/c\n')" && ln -s x "$(printf '\nx\n')" """,
        None,
    ),
    "names that are no UTF-8": (r""": > "$(printf '\377\n')"; mkdir "$(printf '\300')" """, None),
    "results with newlines": (
        r"""printf '{"a\\nb": "c\\nd", "\\u001b[2J": "\\u2028", "": 1}' > "$MULTIRUN_RESULTS" """,
        None,
    ),
    "removes what it wrote": ("echo x; rm stdout.log stderr.log; exit 7", "exit:7"),
    "folders in place of files": ("rm stdout.log stderr.log; mkdir stdout.log stderr.log; exit 8", "exit:8"),
    "pipes in place of files": ("rm stdout.log stderr.log; mkfifo stdout.log stderr.log; exit 8", "exit:8"),
    "other parameters": ("chmod u+w params.json; echo '{\"words\": 1}' > params.json; exit 9", "exit:9"),
    "takes its rights away": ("chmod 0 . params.json; exit 10", "exit:10"),
    "links to itself": ("ln -s . again; ln -s ../.. up; ln -s /etc etc", None),
    "kills its group": ("kill -KILL 0", "signal:SIGKILL"),
    "stops itself": ("(sleep 0.2; kill -CONT $$) & kill -STOP $$; exit 11", "exit:11"),
}
"""What a program does, and the reason of its failure."""


def execute(root: Path, *, resume: bool = False) -> SweepResult:
    return multirun(
        runs=[{"what": what, "words": words} for what, (words, _) in EVIL.items()],
        cmd=["sh", "-c", "{words}"],
        output_path=root,
        timeout=60,
        display=False,
        resume=resume,
    )


def look(root: Path, count: int, capsysbinary: pytest.CaptureFixture[bytes]) -> bytes:
    """Give every command that only looks; return all that they said."""
    said = b""
    single = [[*words, str(root), str(number)] for words in ONE for number in range(count)]
    for words in [*([*words, str(root)] for words in WHOLE), *single]:
        with pytest.raises(SystemExit) as left:
            main(words)
        told = capsysbinary.readouterr()
        assert left.value.code in (0, 1), (words, told.err)
        said += told.out + told.err
    return said


def test_what_programs_leave(sweep_dir: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    result = execute(sweep_dir)
    reasons = {what: run.reason for what, run in zip(EVIL, result, strict=True)}
    assert reasons == {what: reason for what, (_, reason) in EVIL.items()}
    changed = result[list(EVIL).index("other parameters")]
    assert changed.params["what"] == "other parameters"
    check_sweep(sweep_dir, result=result)
    said = look(sweep_dir, len(EVIL), capsysbinary)
    assert len(said) < 3_000_000
    big = result[list(EVIL).index("100 MB without a newline")]
    big.stdout.unlink()
    again = execute(sweep_dir, resume=True)
    assert {run.reason for run in again} == {reason for _, reason in EVIL.values()}
    assert again.statistics.skipped_count == sum(reason is None for _, reason in EVIL.values())
    check_sweep(sweep_dir, result=again)
    for large in sweep_dir.glob("*/*/stdout.log"):
        if large.is_file() and large.stat().st_size > 1_000_000:
            large.unlink()


# -------------------------------------------------------------------------------------------------- pickles

POSTS = """\
import os, sys
from multirun import getRunParams, postRunResults

class Raises:
    def __reduce__(self):
        return divmod, (1, 0)

class Leaves:
    def __reduce__(self):
        return os._exit, (77,)

class Marks:
    def __reduce__(self):
        return os.mkdir, (getRunParams()["canary"],)

postRunResults({"energy": 2.5, "thing": {"raises": Raises, "leaves": Leaves, "marks": Marks}[getRunParams()["kind"]]()})
"""
KINDS = ("raises", "leaves", "marks")


def test_pickles_are_loaded_by_nothing_but_results(
    sweep_dir: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    canary = tmp_path / "canary"
    posts = tmp_path / "posts.py"
    posts.write_text(POSTS)

    def execute(**keywords: object) -> SweepResult:
        return multirun(
            runs=[{"kind": kind, "canary": str(canary)} for kind in KINDS],
            # Measuring coverage replaces os._exit by something that no pickle can hold.
            cmd=["env", *(f"-u{name}" for name in os.environ if name.startswith("COVERAGE_")), sys.executable, posts],
            output_path=sweep_dir,
            required_results=["energy", "thing"],
            display=False,
            on_result=lambda run: str(run.params),
            **keywords,  # type: ignore[arg-type]
        )

    result = execute()
    assert [(run.reason, run.message, run.stderr.read_text()[-300:]) for run in result if run.reason] == []
    check_sweep(sweep_dir, result=result)
    look(sweep_dir, len(KINDS), capsysbinary)
    again = execute(resume=True)
    assert again.statistics.skipped_count == len(KINDS)
    loaded = SweepResult.load(sweep_dir)
    assert [run.status for run in loaded] == ["success"] * len(KINDS)
    repr((again[0], loaded, loaded.statistics))
    check_sweep(sweep_dir, result=again)
    assert "2.5" in (sweep_dir / "results.csv").read_text()
    assert not os.path.lexists(canary), "a pickle was loaded although nobody asked for the results"
    with pytest.raises(ResultsDamagedError):
        _ = loaded[0].results
    assert loaded[2].results["energy"] == 2.5
    assert canary.exists()
