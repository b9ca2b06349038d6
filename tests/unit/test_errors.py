"""The tree of errors."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from multirun import errors
from multirun.errors import ConfigurationError, MultirunError, RunsFailedError
from multirun.statistics import Tally
from multirun.sweepresult import SweepResult

NATURAL = {
    "ConfigurationError": ValueError,
    "DefinitionChangedError": ValueError,
    "FormatError": ValueError,
    "JournalDamagedError": ValueError,
    "LauncherError": RuntimeError,
    "LockLostError": RuntimeError,
    "LockedError": RuntimeError,
    "MissingExtraError": ImportError,
    "NotASweepError": FileNotFoundError,
    "NotInRunError": RuntimeError,
    "OutputExistsError": FileExistsError,
    "ParamsError": ValueError,
    "ResultsDamagedError": ValueError,
    "ResultsError": TypeError,
    "RunningLoopError": RuntimeError,
    "RunsFailedError": RuntimeError,
    "SelectionError": ValueError,
    "StorageError": OSError,
    "UnknownNameError": LookupError,
}


def tree() -> Iterator[type[MultirunError]]:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, MultirunError) and value is not MultirunError:
            yield value


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_each_error_is_also_the_natural_builtin(error: type[MultirunError]) -> None:
    assert issubclass(error, NATURAL[error.__name__])
    assert issubclass(error, MultirunError)
    assert error.__doc__


def test_the_list_above_is_whole() -> None:
    assert {error.__name__ for error in tree()} == set(NATURAL)


def test_a_warning_is_no_error() -> None:
    assert issubclass(errors.MultirunWarning, UserWarning)
    assert not issubclass(errors.MultirunWarning, MultirunError)


def test_one_mistake_is_one_sentence() -> None:
    error = ConfigurationError(["timeout: -1 is no duration"])
    assert str(error) == "timeout: -1 is no duration\nNothing was created or started."
    assert error.mistakes == ("timeout: -1 is no duration",)


def test_several_mistakes_are_a_list() -> None:
    assert str(ConfigurationError(["a", "b"])) == "2 mistakes; nothing was created or started:\n  - a\n  - b"


@pytest.mark.parametrize(("count", "hidden"), [(20, 0), (21, 1), (1_000_000, 999_980)])
def test_a_long_list_is_cut_and_says_so(count: int, hidden: int) -> None:
    error = ConfigurationError([f"mistake {number}" for number in range(count)])
    lines = str(error).splitlines()
    assert lines[0] == f"{count} mistakes; nothing was created or started:"
    assert lines[1:21] == [f"  - mistake {number}" for number in range(20)]
    assert lines[21:] == ([f"  … and {hidden} more"] if hidden else [])
    assert len(error.mistakes) == count


def test_mistakes_survive_the_way_to_another_process() -> None:
    error = ConfigurationError(["a", "b"])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ConfigurationError
    assert (copy.mistakes, str(copy)) == (error.mistakes, str(error))


@pytest.mark.parametrize(
    "error",
    [error for error in tree() if "__init__" not in vars(error)],
    ids=lambda error: error.__name__,
)
def test_errors_with_a_message_survive_it_too(error: type[MultirunError]) -> None:
    copy = pickle.loads(pickle.dumps(error("what happened")))
    assert type(copy) is error
    assert str(copy) == "what happened"


def test_failed_runs_come_with_the_whole_result() -> None:
    result = SweepResult(Path("/sweep"), [], Tally().statistics(total_known=True))
    error = RunsFailedError("1 of 2 runs failed", result)
    assert error.result is result
    assert str(error) == "1 of 2 runs failed"
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.result.path, list(copy.result)) == (str(error), result.path, [])
