"""Taking results from what a program left, in a process of its own: no expression and no file can hold up a lane."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

from multirun.extraction import Extraction, UnusableError
from multirun.extraction.evaluation import evaluate
from multirun.extraction.merging import merge_results
from multirun.extraction.sources import compile_pattern
from multirun.failpoints import become, reach
from multirun.files import LACKING
from multirun.posted import read_posted
from multirun.processes import prctl, set_name
from multirun.verdict import SUCCESS, Outcome, failure, in_words, reason_of_exit

LIMIT_S = 60.0
"""How long all rules of one run may take."""
_PR_SET_PDEATHSIG = 1
_LAST_DESCRIPTOR = 1 << 20


def prepare(rules: Iterable[Extraction]) -> None:
    """Compile the expressions once, for every process that is forked from this one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown where the rules were written
        for rule in rules:
            if rule.kind == "regex":
                compile_pattern(str(rule.target))


def take_results(
    rules: Iterable[Extraction],
    run_dir: str,
    params: Mapping[str, object],
    begin: Callable[[str], object],
) -> Outcome:
    """Apply the rules to what a program left, and add what they find to what it posted.

    Args:
        rules: the rules.
        run_dir: the directory of the run.
        params: its parameters.
        begin: called with the name of each result before it is looked for.

    Returns:
        Whether all rules are met, and what was posted can be read: whoever judges may be luckier, but then lacks what
        rules would have found.

    Raises:
        OSError: the machine lacks something (see `files.LACKING`).
    """
    posted = read_posted(run_dir)
    if posted.problem is not None:
        return failure("bad-result", posted.problem)
    findings = evaluate(rules, run_dir, params, begin)
    try:
        merge_results(run_dir, posted, findings.values)
        reach("extract.merged")
    except UnusableError as error:
        return failure("bad-result", str(error))
    except OSError as error:
        if error.errno in LACKING:
            raise
        return failure("bad-result", f"the results of rules cannot be written: {error.strerror}")
    return failure(findings.reason, findings.message) if findings.reason else SUCCESS


class Extractor:
    """A process that takes the results of one run.

    Attributes:
        descriptor: becomes readable when there is something to `read`.
    """

    def __init__(self, rules: tuple[Extraction, ...], run_dir: str, params: Mapping[str, object]) -> None:
        """Start it.

        Raises:
            OSError: the machine lacks descriptors, processes or memory.
        """
        self.descriptor, writing = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self.descriptor)
            os.close(writing)
            raise
        if self._pid == 0:
            _work(writing, rules, run_dir, params)
        os.close(writing)
        os.set_blocking(self.descriptor, False)
        self._until = monotonic() + LIMIT_S
        self._said = b""

    def read(self) -> bool:
        """Take in what it said; False once that is all."""
        try:
            while said := os.read(self.descriptor, 1 << 16):
                self._said += said
        except BlockingIOError:
            return True
        return False

    def patience_s(self) -> float:
        """Seconds that are left to it, not more than none."""
        return self._until - monotonic()

    def close(self) -> int:
        """End it, and return its exit status."""
        os.kill(self._pid, signal.SIGKILL)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def overdue(self) -> Outcome:
        """The outcome if it did not come to an end."""
        return failure(
            "bad-result",
            f"the rule for {self._last()!r} took longer than {LIMIT_S:g} s; its file is too large, or its regular "
            "expression tries too many ways to match: make it more exact",
        )

    def outcome(self, exit_status: int) -> Outcome:
        """The outcome it found.

        Args:
            exit_status: what `close` returned.

        Raises:
            OSError: the machine lacks something.
        """
        *_, last = self._said.splitlines() or [b"null"]
        found = json.loads(last) if self._said.endswith(b"\n") else None
        if isinstance(found, int):
            raise OSError(found, os.strerror(found))
        if isinstance(found, list):
            return Outcome(*found)
        why = in_words(reason_of_exit(exit_status))
        return failure("bad-result", f"the rule for {self._last()!r} could not be evaluated: {why}")

    def _last(self) -> str:
        """The result that it looked for last."""
        names = [found for line in self._said.splitlines() if isinstance(found := json.loads(line), str)]
        return names[-1] if names else ""


def _work(writing: int, rules: tuple[Extraction, ...], run_dir: str, params: Mapping[str, object]) -> None:
    """Be the process: say the name of each result before it is looked for, and at last the outcome or an errno."""
    status = 1
    try:
        _stand_alone(writing)
        _say(writing, _outcome(writing, rules, run_dir, params))
        status = 0
    finally:
        os._exit(status)


def _stand_alone(writing: int) -> None:
    """Hold nothing open for which others wait, and outlive neither the lane nor the limit."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    set_name("multirun-rules")
    become("extractor")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(LIMIT_S) + 5)
    os.closerange(3, writing)
    os.closerange(writing + 1, _LAST_DESCRIPTOR)
    warnings.simplefilter("ignore")


def _outcome(writing: int, rules: tuple[Extraction, ...], run_dir: str, params: Mapping[str, object]) -> object:
    try:
        return list(take_results(rules, run_dir, params, lambda name: _say(writing, name)))
    except OSError as error:
        if error.errno in LACKING:
            return error.errno
        return list(failure("bad-result", f"the rules could not be evaluated: {error}"))
    except Exception as error:
        return list(failure("bad-result", f"the rules could not be evaluated: {type(error).__name__}: {error}"))


def _say(writing: int, what: object) -> None:
    data = json.dumps(what).encode("ascii") + b"\n"
    while data:
        data = data[os.write(writing, data) :]
