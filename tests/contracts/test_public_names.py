"""The names that users may rely on, held literally: whoever changes one has to change this page too."""

import ast
import asyncio
import builtins
import importlib
import inspect
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.sweeps.sweeping import files_below

import multirun

PACKAGE = Path(multirun.__file__).parent

NAMES = [
    "AbstractRunner",
    "Averages",
    "ConfigurationError",
    "Decision",
    "DefinitionChangedError",
    "Estimate",
    "FileLinkage",
    "FileResource",
    "FormatError",
    "Group",
    "JournalDamagedError",
    "LauncherError",
    "LockLostError",
    "LockedError",
    "MissingExtraError",
    "MultirunError",
    "MultirunWarning",
    "NotASweepError",
    "NotInRunError",
    "OutputExistsError",
    "ParallelLocalRunner",
    "ParamMap",
    "ParamValue",
    "ParamsError",
    "ResultsDamagedError",
    "ResultsError",
    "Run",
    "RunStatistics",
    "RunStatus",
    "RunningLoopError",
    "RunsFailedError",
    "SelectionError",
    "StorageError",
    "SweepResult",
    "Template",
    "UnknownNameError",
    "displayStatus",
    "explain_resume",
    "getRunParams",
    "multirun",
    "multirunAsync",
    "postRunResults",
]

KEYWORDS = {
    "runs": inspect.Parameter.empty,
    "cmd": inspect.Parameter.empty,
    "output_path": None,
    "input_files": None,
    "runner": None,
    "env": None,
    "stdin": None,
    "shell": False,
    "timeout": None,
    "grace": 5.0,
    "success_codes": (0,),
    "required_results": False,
    "required_files": (),
    "results": None,
    "threads_per_run": None,
    "max_output": None,
    "nice": None,
    "name": None,
    "on_result": None,
    "first_alone": False,
    "resume": False,
    "accept_changes": False,
    "keep_directory": False,
    "retries": 0,
    "retry_if": None,
    "retry_delay": 1.0,
    "infrastructure_retries": 3,
    "max_failures": None,
    "max_same_failures": 20,
    "skip_if": None,
    "durability": "process",
    "keep_attempts": None,
    "check": False,
    "display": None,
    "dry_run": False,
}

LATER = ["seed", "max_parallel"]

ERRORS = {
    "ConfigurationError": "ValueError",
    "DefinitionChangedError": "ValueError",
    "FormatError": "ValueError",
    "JournalDamagedError": "ValueError",
    "LauncherError": "RuntimeError",
    "LockLostError": "RuntimeError",
    "LockedError": "RuntimeError",
    "MissingExtraError": "ImportError",
    "NotASweepError": "FileNotFoundError",
    "NotInRunError": "RuntimeError",
    "OutputExistsError": "FileExistsError",
    "ParamsError": "ValueError",
    "ResultsDamagedError": "ValueError",
    "ResultsError": "TypeError",
    "RunningLoopError": "RuntimeError",
    "RunsFailedError": "RuntimeError",
    "SelectionError": "ValueError",
    "StorageError": "OSError",
    "UnknownNameError": "LookupError",
}

both = pytest.mark.parametrize("function", [multirun.multirun, multirun.multirunAsync], ids=lambda each: each.__name__)


# -------------------------------------------------------------------------------------------- names


def test_all_is_what_it_was() -> None:
    assert sorted(multirun.__all__) == sorted(NAMES)
    assert len(multirun.__all__) == len(set(multirun.__all__))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_can_be_imported_and_is_listed(name: str) -> None:
    value = getattr(multirun, name)
    assert getattr(multirun, name) is value
    assert name in dir(multirun)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__name__ == name
        assert inspect.getdoc(value)


def definitions() -> Iterator[str]:
    """What is defined at the top of any module of the package."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.Assign):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id


def test_each_name_is_defined_once() -> None:
    counts = Counter(definitions())
    assert {name: counts[name] for name in NAMES} == dict.fromkeys(NAMES, 1)


def test_a_fresh_interpreter_imports_everything() -> None:
    code = "from multirun import *; import multirun; print(all(name in globals() for name in multirun.__all__))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean 'multirunAsync'"):
        _ = multirun.multirun_async
    with pytest.raises(AttributeError, match=r"no attribute '_private'$"):
        _ = multirun._private
    with pytest.raises(ImportError):
        exec("from multirun import SlurmRunner")


def test_users_have_types() -> None:
    assert (PACKAGE / "py.typed").is_file()
    spelled = ast.parse((PACKAGE / "__init__.py").read_text())
    typed = {alias.name for node in ast.walk(spelled) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(NAMES) <= typed


# ---------------------------------------------------------------------------------------- keywords


@both
def test_keywords_and_their_defaults(function: Callable[..., Any]) -> None:
    parameters = inspect.signature(function).parameters
    assert {name: each.default for name, each in parameters.items()} == KEYWORDS
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_both_functions_have_the_same_keywords() -> None:
    sync, asynchronous = (inspect.signature(each) for each in (multirun.multirun, multirun.multirunAsync))
    assert list(sync.parameters.values()) == list(asynchronous.parameters.values())
    assert sync.return_annotation == asynchronous.return_annotation == "SweepResult"
    assert inspect.iscoroutinefunction(multirun.multirunAsync)


@both
def test_every_keyword_is_documented(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    arguments = text[text.index("Args:") : text.index("Returns:")]
    assert re.findall(r"^    (\w+): ", arguments, re.MULTILINE) == list(KEYWORDS)


@both
@pytest.mark.parametrize("keyword", LATER)
def test_what_does_not_exist_yet_cannot_be_passed(function: Callable[..., Any], keyword: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{keyword}'"):
        function(runs=[{}], cmd=["true"], output_path=tmp_path / "sweep", **{keyword: 1})
    assert files_below(tmp_path) == []


@both
def test_nothing_is_positional(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="positional"):
        function([{}], ["true"])


def test_signatures_of_the_other_functions() -> None:
    assert list(inspect.signature(multirun.getRunParams).parameters) == []
    assert list(inspect.signature(multirun.postRunResults).parameters) == ["results"]
    assert list(inspect.signature(multirun.displayStatus).parameters) == ["runner"]
    assert inspect.iscoroutinefunction(multirun.displayStatus)


# ----------------------------------------------------------------------------------------- classes


def test_the_local_runner() -> None:
    (limit,) = inspect.signature(multirun.ParallelLocalRunner).parameters.values()
    assert (limit.name, limit.kind, limit.default) == ("max_parallel", inspect.Parameter.KEYWORD_ONLY, 4)
    runner = multirun.ParallelLocalRunner()
    assert isinstance(runner, multirun.AbstractRunner)
    assert isinstance(runner.semaphore, asyncio.Semaphore)
    assert list(runner.runs) == []
    assert isinstance(runner.computeStatistics(), multirun.RunStatistics)


def test_statistics_are_frozen_and_have_their_fields() -> None:
    assert [field.name for field in fields(multirun.RunStatistics)] == [
        "skipped_count", "pending_count", "running_count", "success_count", "failure_count", "complete_count",
        "total_count", "total_known",
    ]  # fmt: skip
    statistics = multirun.RunStatistics(0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(FrozenInstanceError):
        statistics.total_count = 1  # type: ignore[misc]


def test_a_file_resource() -> None:
    parameters = inspect.signature(multirun.FileResource).parameters
    assert {name: each.default for name, each in parameters.items()} == {
        "path": inspect.Parameter.empty, "linkage": "shared", "rename": None,
    }  # fmt: skip
    assert multirun.FileResource("a/b.txt").name == "b.txt"
    assert multirun.FileResource(Path("a/b.txt"), rename="c/d").name == "c/d"
    assert multirun.FileResource("a/b.txt") == multirun.FileResource("a/b.txt", "shared", None)


def test_a_template_is_a_file_resource() -> None:
    assert list(inspect.signature(multirun.Template).parameters) == ["path", "rename"]
    template = multirun.Template("a/b.txt", rename="c")
    assert isinstance(template, multirun.FileResource)
    assert (template.name, template.linkage) == ("c", "template")


def test_words_of_the_types() -> None:
    assert set(get_args(multirun.FileLinkage)) == {"copy", "shared", "link", "template"}
    assert set(get_args(multirun.RunStatus)) == {"skipped", "pending", "running", "success", "failure"}


def test_what_a_run_and_a_result_have() -> None:
    run = {"index", "params", "status", "reason", "message", "evidence", "exit_code", "attempts", "duration_s",
           "results", "path", "stdout", "stderr", "task"}  # fmt: skip
    assert run <= set(dir(multirun.Run))
    tables = {"to_csv", "to_pandas", "to_polars", "to_arrow", "_repr_html_"}
    result = {"results", "failed", "load", "run", "where", "mean_by", *tables}
    assert result <= set(dir(multirun.SweepResult))
    assert tables <= set(dir(multirun.Averages))
    assert {"params", "runs", "estimates", "__getitem__"} <= set(dir(multirun.Group))
    assert [each.name for each in fields(multirun.Estimate)] == ["mean", "error", "count"]
    assert {"runs", "computeStatistics"} <= set(dir(multirun.AbstractRunner))


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(("name", "builtin"), ERRORS.items())
def test_each_error_is_also_a_builtin_one(name: str, builtin: str) -> None:
    error = getattr(multirun, name)
    assert issubclass(error, multirun.MultirunError)
    assert issubclass(error, getattr(builtins, builtin))


def test_every_error_is_listed() -> None:
    errors = importlib.import_module("multirun.errors")
    found = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert found == {*ERRORS, "MultirunError", "MultirunWarning"} <= set(NAMES)
    assert issubclass(multirun.MultirunWarning, UserWarning)
