"""Input decks that are filled in for each run, from the public call to the files that programs read."""

import os
import re
import signal
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.scripts import launcher_of, unmeasured
from tests.invariants import check_sweep
from tests.patience import wait_until
from tests.sweeps.sweeping import files_below, run_sweep

from multirun import (
    ConfigurationError,
    FileResource,
    MultirunWarning,
    ParallelLocalRunner,
    ParamsError,
    Run,
    Template,
    multirun,
)


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def mistakes_of(tmp_path: Path, inputs: list[Any], runs: Any, **keywords: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        multirun(runs=runs, cmd=["true"], input_files=inputs, output_path=tmp_path / "sweep", **keywords)
    assert not (tmp_path / "sweep").exists()
    return list(refused.value.mistakes)


# --------------------------------------------------------------------------------------------- filled in


def test_each_run_has_its_own(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck.sp", "* ${x} {expr} $x\r\n.param vdd={{ vdd }}\r\n{% if fast %}.fast\r\n{% endif %}")
    for inputs in ([Template(deck)], [FileResource(deck, "template")]):
        result = run_sweep(
            sweep_dir / str(len(files_below(sweep_dir))),
            [{"vdd": 1.2, "fast": True}, {"vdd": 0.9, "fast": False}],
            ["cat", "deck.sp"],
            input_files=inputs,
        )
        head = b"* ${x} {expr} $x\r\n.param vdd="
        assert result[0].stdout.read_bytes() == head + b"1.2\r\n.fast\r\n"
        assert result[1].stdout.read_bytes() == head + b"0.9\r\n"
        assert not (result[0].path / "deck.sp").is_symlink()


def test_it_can_be_the_standard_input(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "sum.bc", "{% for v in values %}{{ v }} + {% endfor %}0\n")
    result = run_sweep(
        sweep_dir, [{"values": [1, 2]}, {"values": []}], ["python3", "-c", "print(eval(input()))"], stdin=Template(deck)
    )
    assert [run.stdout.read_text() for run in result] == ["3\n", "0\n"]


def test_a_folder_of_templates(tmp_path: Path, sweep_dir: Path) -> None:
    tool = write(tmp_path / "case" / "bin" / "run.sh", "#!/bin/sh\ncat ../system/control\necho {{ n }}\n")
    tool.chmod(0o770)
    write(tmp_path / "case" / "system" / "control", "steps {{ n }};")
    write(tmp_path / "case" / "system" / "mesh", "plain {n}\r\n")
    write(tmp_path / "case" / "empty", "")
    write(tmp_path / "elsewhere", "linked {{ n }}")
    (tmp_path / "case" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "case" / "none").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (run,) = run_sweep(
            sweep_dir,
            [{"n": 7}],
            ["sh", "-c", "cd in/bin && ./run.sh"],
            input_files=[Template(tmp_path / "case", "in")],
        )
    assert run.stdout.read_text() == "steps 7;7\n"
    assert (run.path / "in" / "link").read_text() == "linked 7"
    assert (run.path / "in" / "system" / "mesh").read_bytes() == b"plain {n}\r\n"
    assert (run.path / "in" / "empty").read_bytes() == b""
    assert (run.path / "in" / "none").is_dir()
    assert stat.S_IMODE((run.path / "in" / "bin" / "run.sh").stat().st_mode) == 0o770


def test_a_script_is_filled_in_and_executed(tmp_path: Path, sweep_dir: Path) -> None:
    write(tmp_path / "job", "#!/bin/sh\necho {{ word }}\n").chmod(0o555)
    result = run_sweep(sweep_dir, [{"word": n} for n in range(8)], ["./job"], input_files=[Template(tmp_path / "job")])
    assert [run.stdout.read_text() for run in result] == [f"{n}\n" for n in range(8)]


def test_bytes_that_are_no_utf8_come_through(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck", b"na\xefv {{ x }}")
    (run,) = run_sweep(sweep_dir, [{"x": 1}], ["true"], input_files=[Template(deck)])
    assert (run.path / "deck").read_bytes() == b"na\xefv 1"


def test_names_that_a_template_cannot_write(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck", "{{ params['load case'] }} {{ params['1'] }} {{ params['a.b'].c }}")
    (run,) = run_sweep(
        sweep_dir, [{"load case": "wind", "1": "one", "a.b": {"c": 3}}], ["cat", "deck"], input_files=[Template(deck)]
    )
    assert run.stdout.read_text() == "wind one 3"


def test_values_are_those_of_python(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck", "{{ p.name }} {{ t[1] }} {{ '%.2f' | format(z.imag) }}")
    params = {"p": Path("/a/b"), "t": (1, 2), "z": 1 + 2j}
    (run,) = run_sweep(sweep_dir, [params], ["cat", "deck"], input_files=[Template(deck)])
    assert run.stdout.read_text() == "b 2 2.00"


def test_what_is_edited_later_does_not_mix(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck", "old {{ x }}")

    def edit(run: object) -> None:
        write(deck, "new {{ x }}")

    result = run_sweep(
        sweep_dir,
        [{"x": 1}, {"x": 2}],
        ["cat", "deck"],
        input_files=[Template(deck)],
        on_result=edit,
        runner=ParallelLocalRunner(max_parallel=1),
    )
    assert [run.stdout.read_text() for run in result] == ["old 1", "old 2"]
    assert (sweep_dir / "inputs" / "deck").read_text() == "old {{ x }}"


def test_what_is_found_only_in_a_run_fails_it_with_file_and_line(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck.sp", "title\nratio {{ 1 / x }}\n")
    result = run_sweep(sweep_dir, [{"x": 0}, {"x": 2}], ["true"], input_files=[Template(deck, "in/deck.sp")])
    assert [run.reason for run in result] == ["staging-failed", None]
    assert result[0].message == "in/deck.sp, line 2: ZeroDivisionError: division by zero"


@pytest.fixture
def launchers_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers of signals and what measures coverage may wait for each other for ever."""
    for name in os.environ.keys() - unmeasured().keys():
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("launchers_unmeasured")
@pytest.mark.parametrize("body", ["{{ '' }}", "", "{{ i }}" * 20])
def test_filling_in_for_ever_can_be_cancelled(tmp_path: Path, sweep_dir: Path, body: str) -> None:
    deck = write(tmp_path / "deck", f"{{% for i in range(10 ** 15 if x else 0) %}}{body}{{% endfor %}}")
    runner = ParallelLocalRunner(max_parallel=2)

    def cancel_the_other(run: Run) -> None:
        for each in runner.runs:
            if each.task is not None and each is not run:
                each.task.cancel()

    result = run_sweep(
        sweep_dir,
        [{"x": 1}, {"x": 0}],
        ["true"],
        input_files=[Template(deck)],
        runner=runner,
        on_result=cancel_the_other,
    )
    assert [run.reason for run in result] == ["cancelled", None]


@pytest.mark.usefixtures("launchers_unmeasured")
def test_alarms_that_come_while_one_is_answered_do_no_harm(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck", "{% for i in range(10 ** 15 if x else 0) %}{% endfor %}")
    runner = ParallelLocalRunner(max_parallel=2)

    def cancel_after_alarms(run: Run) -> None:
        if run.params["x"]:
            return
        lanes = launcher_of(os.getpid())[1:]
        wait_until(lambda: all(map(_awaits_alarms, lanes)))
        for lane in lanes * 10_000:
            os.kill(lane, signal.SIGALRM)
        (task,) = [each.task for each in runner.runs if each.task is not None and each is not run]
        task.cancel()

    result = run_sweep(
        sweep_dir,
        [{"x": 1}, {"x": 0}],
        ["true"],
        input_files=[Template(deck)],
        runner=runner,
        on_result=cancel_after_alarms,
        infrastructure_retries=0,
    )
    assert [(run.reason, run.message) for run in result] == [
        ("cancelled", "it was stopped before its program was started"),
        (None, None),
    ]


def _awaits_alarms(pid: int) -> bool:
    (caught,) = re.findall(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) >> (signal.SIGALRM - 1) & 1)


# ----------------------------------------------------------------------------------------------- mistakes


def test_a_typo_is_told_with_file_and_line_and_nearest_name(tmp_path: Path) -> None:
    deck = write(tmp_path / "deck.sp", "title\n\n{% if fast %}\n{{ vddd }}\n{% endif %}")
    mistakes = mistakes_of(tmp_path, [Template(deck)], [{"vdd": 1.0, "fast": False}] * 50)
    assert mistakes == [
        f"run 0 (vdd=1.0, fast=False): template '{deck}', line 4: no parameter is called 'vddd'; did you mean 'vdd'?"
    ]


def test_the_run_that_lacks_a_parameter_is_told(tmp_path: Path) -> None:
    deck = write(tmp_path / "deck.sp", "{{ a }} {{ b }}")
    runs = [{"a": 1, "b": 2}, {"a": 1}, {"b": 1}, {"a": 2}]
    first, second = mistakes_of(tmp_path, [Template(deck)], runs)
    assert first.startswith("run 1 (a=1): ")
    assert "'b'" in first
    assert second.startswith("run 2 (b=1): ")


def test_every_mistake_in_every_template_is_told(tmp_path: Path) -> None:
    inputs = [
        Template(write(tmp_path / "one", "\n{% if x %}")),
        Template(write(tmp_path / "two", "{{ x | rond }}")),
        Template(write(tmp_path / "three", b"\0\1\2")),
        Template(write(tmp_path / "folder" / "four", "{{ x").parent),
        FileResource(write(tmp_path / "five", ""), "templates"),  # type: ignore[arg-type]
        Template(tmp_path / "six"),
    ]
    mistakes = mistakes_of(tmp_path, inputs, [{"x": 1}], timeout="soon")
    for words in (
        "timeout: ",
        f"template '{tmp_path}/one', line 2: Unexpected end of template",
        f"template '{tmp_path}/two', line 1: there is no filter 'rond'; did you mean 'round'?",
        f"template '{tmp_path}/three': it holds a NUL byte, so it is no text",
        f"template '{tmp_path}/folder/four', line 1: unexpected end of template",
        "unknown linkage 'templates'; did you mean 'template'?",
        "does not exist",
    ):
        assert [mistake for mistake in mistakes if words in mistake], (words, mistakes)
    assert len(mistakes) == 7


def test_a_generator_is_checked_as_it_goes(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck.sp", "{{ x }}")

    def runs() -> Iterator[dict[str, int]]:
        yield {"x": 1}
        yield {"y": 1}

    with pytest.raises(ParamsError, match=r"run 1 \(y=1\): template '.*deck\.sp', line 1: no parameter is called 'x'"):
        multirun(runs=runs(), cmd=["true"], input_files=[Template(deck)], output_path=sweep_dir, display=False)
    check_sweep(sweep_dir)


def test_a_template_without_anything_to_fill_in_is_a_warning(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck.sp", ".param vdd={vdd}")
    with pytest.warns(MultirunWarning, match=r"deck\.sp' holds no \{\{ … \}\} and no \{% … %\}, so all runs") as warned:
        run_sweep(sweep_dir, [{"vdd": 1}], ["true"], input_files=[Template(deck)])
    assert warned[0].filename == run_sweep.__code__.co_filename


def test_a_dry_run_checks_templates_too(tmp_path: Path) -> None:
    deck = write(tmp_path / "deck.sp", "{{ vddd }}")
    assert len(mistakes_of(tmp_path, [Template(deck)], ({"vdd": n} for n in range(3)), dry_run=True)) == 1


def test_nothing_is_written_outside_even_if_a_template_says_so(tmp_path: Path, sweep_dir: Path) -> None:
    deck = write(tmp_path / "deck.sp", "{{ x }}")
    (mistake,) = mistakes_of(tmp_path, [Template(deck, "../deck.sp")], [{"x": 1}])
    assert '".."' in mistake


def test_templates_are_resources() -> None:
    template = Template("a/b.sp")
    assert isinstance(template, FileResource)
    assert (template.linkage, template.name, repr(template)) == ("template", "b.sp", "Template('a/b.sp')")
    assert repr(Template(Path("b"), rename="c")) == f"Template({Path('b')!r}, rename='c')"
    assert template == Template("a/b.sp") != Template("a/c.sp")
    assert hash(template) == hash(Template("a/b.sp"))
    assert os.path.isabs(template.source)
