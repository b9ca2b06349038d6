"""Whether a program can be executed is known before anything starts; where it is not certain, nothing is claimed."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from multirun.preflight import Program, check_program
from multirun.resources import FileResource, Template


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with programs of all kinds."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "fine": ("#!/bin/sh\n", 0o755),
        "plain": ("#!/bin/sh\n", 0o644),
        "lost": ("#!/no/such/interpreter -x\n", 0o755),
        "refused": (f"#!{tmp_path}/plain\n", 0o755),
        "windows": ("#!/bin/sh\r\ntrue\r\n", 0o755),
        "env": ("#!/usr/bin/env sh\n", 0o755),
        "env-lost": ("#!/usr/bin/env no-such-thing\n", 0o755),
        "env-flag": ("#!/usr/bin/env -S no-such-thing -x\n", 0o755),
        "template": ("#!{{ interpreter }}\n", 0o755),
    }
    for name, (text, mode) in texts.items():
        (tmp_path / name).write_bytes(text.encode())
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner").symlink_to(tmp_path / "fine")
    (tmp_path / "broken").symlink_to(tmp_path / "none")
    return tmp_path


def mistakes(*words: str, inputs: tuple[Any, ...] = (), **env: str) -> list[str]:
    resources = [item if isinstance(item, FileResource) else FileResource(item) for item in inputs]
    return list(check_program(Program(words, env, resources)))


def mistake(*words: str, inputs: tuple[Any, ...] = (), **env: str) -> str:
    (found,) = mistakes(*words, inputs=inputs, **env)
    return found


# ------------------------------------------------------------------------------------------------- PATH


def test_what_is_on_the_path_is_found() -> None:
    assert mistakes("sh", "-c", "true") == []


def test_the_path_of_the_runs_counts(folder: Path) -> None:
    assert mistakes("fine", PATH=str(folder)) == []
    assert mistake("sh", PATH=str(folder)) == ("command not found: 'sh' is in no folder of PATH; give its full path")
    assert "chmod +x" in mistake("plain", PATH=str(folder))
    assert "command not found" in mistake("sh", PATH="")


def test_an_input_is_not_on_the_path(folder: Path) -> None:
    assert mistake("fine", inputs=("fine",)) == (
        "command not found: 'fine' is in no folder of PATH; for the input of that name write the text './fine'"
    )


@pytest.mark.parametrize("path", [".", "", "/bin:", "bin:/usr/bin"])
def test_folders_of_the_path_that_are_relative_to_the_run(folder: Path, path: str) -> None:
    name = "bin/fine-one" if path.startswith("bin") else "fine-one"
    assert mistakes("fine-one", inputs=(FileResource("fine", rename=name),), PATH=path) == []
    assert "command not found" in mistake("fine", PATH=path)


def test_what_depends_on_parameters_is_left_to_the_run(folder: Path) -> None:
    assert mistakes("{program}") == []
    assert mistakes("./sim-{n}") == []
    assert mistakes("no-such-thing", PATH="/opt/{version}/bin") == []


# ------------------------------------------------------------------------------------------------- paths


def test_absolute_paths(folder: Path) -> None:
    assert mistakes(str(folder / "fine")) == []
    assert mistake(str(folder / "none")) == f"command not found: there is no '{folder}/none'"
    assert mistake(str(folder / "broken")) == f"command not found: there is no '{folder}/broken'"
    assert mistake(str(folder / "plain")) == (
        f"'{folder}/plain' is not executable (-rw-r--r--); make it so with chmod +x"
    )
    assert mistake(str(folder / "folder")) == f"'{folder}/folder' is a folder, not a program"


def test_a_relative_path_means_an_input(folder: Path) -> None:
    assert mistakes("./fine", inputs=("fine",)) == []
    assert mistakes("folder/../fine", inputs=("fine", "folder")) == []
    assert mistakes("./folder/inner", inputs=("folder",)) == []
    assert mistakes("./sim", inputs=(FileResource("fine", "copy", "sim"),)) == []
    assert mistake("./fine") == (
        "command not found: there is no './fine' in the run directory; "
        f"add it to input_files, or give its full path, {folder}/fine"
    )
    assert mistake("./plain", inputs=(FileResource("plain", "copy"),)) == (
        f"'{folder}/plain' is not executable (-rw-r--r--); make it so with chmod +x"
    )
    assert mistake("./folder", inputs=("folder",)) == f"'{folder}/folder' is a folder, not a program"
    assert mistake("./folder/none", inputs=("folder",)) == f"command not found: there is no '{folder}/folder/none'"
    assert mistake("./fine2", inputs=("fine",)).startswith("command not found")


def test_the_script_of_a_python_is_an_input_too(folder: Path) -> None:
    (folder / "job.py").touch()
    told = f"there is no 'job.py' in the run directory; add it to input_files, or give its full path, {folder}/job.py"
    for flags in ((), ("-u",), ("-X", "dev", "-W", "error", "-u")):
        assert mistake(sys.executable, *flags, "job.py", "a.py") == told
        assert mistakes(sys.executable, *flags, "job.py", "a.py", inputs=("job.py",)) == []
    assert mistake("python3", "src/none.py") == (
        "there is no 'src/none.py' in the run directory; add it to input_files, or give its full path"
    )
    for words in (("-c", "job.py"), ("-m", "job.py"), ("{script}.py",), ("../job.py",), ("job",), (), ("-u",)):
        assert mistakes(sys.executable, *words) == []
    assert mistakes("sh", "job.py") == []


def test_where_nothing_is_certain_nothing_is_claimed(folder: Path) -> None:
    assert mistakes("../../shared/fine") == []
    assert mistakes("./none", inputs=("none",)) == [], "the inputs say so already"


# --------------------------------------------------------------------------------------- interpreters


def test_interpreters(folder: Path) -> None:
    assert mistakes("./env", inputs=("env",)) == []
    assert mistakes("./env-flag", inputs=("env-flag",)) == []
    assert mistake("./lost", inputs=("lost",)) == (
        f"'{folder}/lost' cannot be executed: its interpreter '/no/such/interpreter' does not exist"
    )
    assert mistake(str(folder / "refused")) == (
        f"'{folder}/refused' cannot be executed: its interpreter '{folder}/plain' is not executable"
    )
    assert mistake("./env-lost", inputs=("env-lost",)) == (
        f"'{folder}/env-lost' cannot be executed: its interpreter 'no-such-thing' is in no folder of PATH"
    )
    assert mistake("./windows", inputs=("windows",)).endswith(
        r"its lines end as on Windows; correct that with sed -i 's/\r$//'"
    )


def test_the_interpreter_of_a_template_is_known_in_the_run(folder: Path) -> None:
    assert mistakes("./template", inputs=(Template("template"),)) == []


# ---------------------------------------------------------------------------------------- other Pythons


@pytest.fixture
def python(folder: Path) -> str:
    """A Python that says of itself what it is told in the file `answer`."""
    path = folder / "python3"
    path.write_text('#!/bin/sh\ntouch "$0.asked"\ncat "$(dirname "$0")/answer"\n')
    path.chmod(0o755)
    (folder / "answer").write_text("3.12\npip\n")
    return str(path)


IMPORTS = [
    "import multirun\n",
    "x = 1\nfrom multirun import getRunParams\n",
    "def f():\n    from multirun import postRunResults\n",
    "import os, multirun\n",
    "import os as o, sys, multirun as m\n",
    "import os; import multirun",
    "from  multirun.child import getRunParams",
]
NO_IMPORTS = [
    "",
    "import os\n",
    "# import multirun\n",
    "import multirunner\n",
    "from my.multirun import x\n",
    "print('import multirun')\n",
    "try:\n    import multirun\nexcept ImportError:\n    multirun = None\n",
    "import multirun\n\0",
]


@pytest.mark.parametrize("source", IMPORTS)
def test_a_python_without_multirun(folder: Path, python: str, source: str) -> None:
    (folder / "job.py").write_text(source)
    found = mistake(python, "-u", "job.py", inputs=("job.py",))
    assert found.startswith(
        f"job.py imports multirun, which {python} does not have; install it there: {python} -m pip install "
    )


@pytest.mark.parametrize("source", NO_IMPORTS)
def test_scripts_that_do_without(folder: Path, python: str, source: str) -> None:
    (folder / "job.py").write_text(source)
    assert mistakes(python, "job.py", inputs=("job.py",)) == []
    assert not (folder / "python3.asked").exists()


def test_where_scripts_are_looked_for(folder: Path, python: str) -> None:
    (folder / "job.py").write_text("import multirun")
    (folder / "other.py").write_text("import os")
    absolute = str(folder / "job.py")
    assert mistake(python, "-c", "import multirun").startswith("the text after -c imports multirun")
    assert mistake(python, "-m", "job", inputs=("job.py",)).startswith("job.py imports")
    assert mistake(python, absolute).startswith("job.py imports")
    assert mistake(python, "other.py", inputs=("other.py", "job.py")).startswith("job.py imports")
    assert mistake(python, "src/job.py", inputs=(FileResource(folder, rename="src"),)).startswith("job.py imports")
    assert mistakes(python, "other.py", inputs=(FileResource(folder, rename="src"), "other.py")) == []
    (folder / "script").write_text(f"#!{python} -u\nimport multirun\n")
    (folder / "script").chmod(0o755)
    assert mistake("./script", inputs=("script",)).startswith("script imports multirun")
    (folder / "script").write_text("#!/usr/bin/env python3\nimport multirun\n")
    assert mistake("./script", inputs=("script",), PATH=f"{folder}:/usr/bin:/bin").startswith("script imports")


def test_what_a_python_says(folder: Path, python: str) -> None:
    code = (python, "-c", "import multirun")
    (folder / "answer").write_text("fine\n")
    assert mistakes(*code) == []
    (folder / "answer").write_text("3.9\npip\n")
    assert mistake(*code) == (
        f"the text after -c imports multirun, but {python} is Python 3.9 and multirun needs 3.11 or newer; "
        f"use a newer one, such as {sys.executable}"
    )
    (folder / "answer").write_text("3.13\nno pip\n")
    assert f"{shlex.quote(sys.executable)} -m pip --python {python} install " in mistake(*code)
    (folder / "answer").write_text("")
    assert mistakes(*code) == []
    (folder / "answer").unlink()
    assert mistakes(*code) == []


def test_when_no_python_is_asked(folder: Path, python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = ("-c", "import multirun")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", python)
        assert mistakes(python, *code) == []
    assert mistakes(python, *code, PYTHONPATH="/opt/{version}") == []
    (folder / "multirun").mkdir()
    assert mistakes(python, *code, inputs=("multirun",)) == []
    os.symlink(python, folder / "pythonic")
    assert mistakes(str(folder / "pythonic"), *code) == []
    assert not (folder / "python3.asked").exists()
