"""multirun: a command, many sets of parameters, one directory for each.

Names are loaded when they are first used, so that a program inside a run pays only for what it needs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multirun.api import multirun, multirunAsync
    from multirun.averages import Averages, Group
    from multirun.child import getRunParams, postRunResults
    from multirun.display import displayStatus
    from multirun.errors import (
        ConfigurationError,
        DefinitionChangedError,
        FormatError,
        JournalDamagedError,
        LauncherError,
        LockedError,
        LockLostError,
        MissingExtraError,
        MultirunError,
        MultirunWarning,
        NotASweepError,
        NotInRunError,
        OutputExistsError,
        ParamsError,
        ResultsDamagedError,
        ResultsError,
        RunningLoopError,
        RunsFailedError,
        SelectionError,
        StorageError,
        UnknownNameError,
    )
    from multirun.estimates import Estimate
    from multirun.params import ParamMap, ParamValue
    from multirun.resources import FileLinkage, FileResource, Template
    from multirun.resume import Decision, explain_resume
    from multirun.run import Run, RunStatus
    from multirun.runners.abstract import AbstractRunner
    from multirun.runners.local import ParallelLocalRunner
    from multirun.statistics import RunStatistics
    from multirun.sweepresult import SweepResult

_HOMES = {
    "api": ("multirun", "multirunAsync"),
    "averages": ("Averages", "Group"),
    "child": ("getRunParams", "postRunResults"),
    "display": ("displayStatus",),
    "errors": (
        "ConfigurationError",
        "DefinitionChangedError",
        "FormatError",
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
        "ParamsError",
        "ResultsDamagedError",
        "ResultsError",
        "RunningLoopError",
        "RunsFailedError",
        "SelectionError",
        "StorageError",
        "UnknownNameError",
    ),
    "estimates": ("Estimate",),
    "params": ("ParamMap", "ParamValue"),
    "resources": ("FileLinkage", "FileResource", "Template"),
    "resume": ("Decision", "explain_resume"),
    "run": ("Run", "RunStatus"),
    "runners.abstract": ("AbstractRunner",),
    "runners.local": ("ParallelLocalRunner",),
    "statistics": ("RunStatistics",),
    "sweepresult": ("SweepResult",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
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


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(_no_such_name(name))
    value = getattr(__import__(f"multirun.{home}", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _no_such_name(name: str) -> str:
    message = f"module 'multirun' has no attribute {name!r}"
    if name.startswith("_"):
        return message
    from difflib import get_close_matches

    close = get_close_matches(name, __all__, n=1)
    return f"{message}; did you mean {close[0]!r}?" if close else message
