"""What parent and child agree on: names of files, of environment variables, and of reasons."""

from __future__ import annotations

import os

PARAMS_FILE = "params.json"
RESULTS_FILE = "results.json"
STDOUT_FILE = "stdout.log"
STDERR_FILE = "stderr.log"
RUN_FILES = (PARAMS_FILE, RESULTS_FILE, STDOUT_FILE, STDERR_FILE)
PICKLED_KEYS = "$pickled"
"""In a `results.json` that refers to a pickle: the top-level keys whose values are only there."""
EXTRACTED = "$extracted"
"""In a `results.json` that refers to a pickle: the tagged forms of what joins the unpickled map."""
PICKLE_PREFIX, PICKLE_SUFFIX = "results-", ".pkl"

JOURNAL_DIR, RUNS_DIR = "journal", "runs"
"""Folders that every sweep directory has from its beginning."""
ATTEMPTS_DIR = "attempts"
"""Folder of what earlier attempts left; made with the first of them."""

ENV_PREFIX = "MULTIRUN_"
ENV_RUN_DIR = "MULTIRUN_RUN_DIR"
ENV_PARAMS = "MULTIRUN_PARAMS"
ENV_RESULTS = "MULTIRUN_RESULTS"
ENV_ATTEMPT = "MULTIRUN_ATTEMPT"
ENV_INDEX = "MULTIRUN_INDEX"
ENV_COOKIE = "MULTIRUN_COOKIE"
"""Marks every process of a run: words `<sweep id>:<launcher id>`, one for each sweep around it."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

FIRST_FAILED = "first-failed"
"""Why a sweep was stopped: the first run had to succeed alone, and failed."""
TOO_MANY_FAILURES = "max-failures"
"""Why a sweep was stopped: as many runs failed as may."""
SAME_FAILURES = "same-failures"
"""Why a sweep was stopped: its first runs failed at once and alike."""

CANCELLED = "cancelled"
"""Why a sweep was stopped: somebody else asked for it."""

INLINE_RESULTS_BYTES = 4096
"""Results up to this size travel in the journal, so that tables open no run directory."""


def is_pickle_name(name: str) -> bool:
    """Whether `name` is one that `postRunResults` gives a pickle (never a path)."""
    digest = name[len(PICKLE_PREFIX) : -len(PICKLE_SUFFIX)]
    framed = name.startswith(PICKLE_PREFIX) and name.endswith(PICKLE_SUFFIX)
    return framed and len(digest) == 64 and set(digest) <= set("0123456789abcdef")


def is_system_text(text: str) -> bool:
    """Whether `text` can be part of a path, a command or an environment."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def is_reserved_name(name: str) -> bool:
    """Whether a resource must not take `name` at the top of a run directory."""
    own_pickle = name.startswith(PICKLE_PREFIX) and name.endswith(PICKLE_SUFFIX)
    return name in RUN_FILES or own_pickle or name.startswith(".multirun")
