"""The one tree of errors. Every message says what happened, to which run, why, and what to do next."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from multirun.sweepresult import SweepResult


class MultirunError(Exception):
    """Base of every error multirun raises on purpose."""


class MultirunWarning(UserWarning):
    """Something looks like a mistake, but the sweep goes on."""


class ConfigurationError(MultirunError, ValueError):
    """The sweep as written cannot run; nothing was created or started.

    Attributes:
        mistakes: one sentence for each mistake found.
    """

    SHOWN = 20

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self._describe())

    def _describe(self) -> str:
        if len(self.mistakes) == 1:
            return f"{self.mistakes[0]}\nNothing was created or started."
        shown = [f"  - {mistake}" for mistake in self.mistakes[: self.SHOWN]]
        hidden = len(self.mistakes) - len(shown)
        if hidden > 0:
            shown.append(f"  … and {hidden} more")
        head = f"{len(self.mistakes)} mistakes; nothing was created or started:"
        return "\n".join([head, *shown])

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.mistakes,)


class OutputExistsError(MultirunError, FileExistsError):
    """The output path is already there; nothing in it was touched."""


class DefinitionChangedError(MultirunError, ValueError):
    """The sweep on disk was started with another definition; nothing was executed."""


class StorageError(MultirunError, OSError):
    """The disk refused what the sweep needs."""


class LockedError(MultirunError, RuntimeError):
    """Somebody else executes the sweep; nothing in it was touched."""


class LockLostError(MultirunError, RuntimeError):
    """Somebody else took the sweep over, because nothing was heard of this process for minutes."""


class NotASweepError(MultirunError, FileNotFoundError):
    """The directory holds no sweep."""


class SelectionError(MultirunError, ValueError):
    """Words that should say which runs are meant cannot be understood."""


class FormatError(MultirunError, ValueError):
    """A file of the sweep was written by a version this one cannot read."""


class JournalDamagedError(MultirunError, ValueError):
    """A journal has damage that is not a torn last record."""


class NotInRunError(MultirunError, RuntimeError):
    """`getRunParams` or `postRunResults` was called outside a run."""


class ParamsError(MultirunError, ValueError):
    """A parameter map cannot be stored exactly, or cannot be read back."""


class ResultsError(MultirunError, TypeError):
    """The object given to `postRunResults` cannot be stored."""


class ResultsDamagedError(MultirunError, ValueError):
    """The results of one run cannot be read back."""


class UnknownNameError(MultirunError, LookupError):
    """A sweep has no run, parameter or column of this name."""


class MissingExtraError(MultirunError, ImportError):
    """A library is not installed that only some functions need."""


class RunningLoopError(MultirunError, RuntimeError):
    """`multirun` was called inside a running event loop."""


class LauncherError(MultirunError, RuntimeError):
    """The launcher of a runner cannot start or keeps dying."""


class RunsFailedError(MultirunError, RuntimeError):
    """At least one run failed and `check=True` was given.

    Attributes:
        result: the whole `SweepResult`, failed runs included.
    """

    def __init__(self, message: str, result: SweepResult) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.result)
