"""What a sweep that goes on does with each run, and why: decisions about records, without any file of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from multirun.differences import compare_inputs
from multirun.encoding import decode_map
from multirun.errors import ConfigurationError
from multirun.params import check_params
from multirun.plan import PlanSurvey
from multirun.replay import Replay
from multirun.resources import FileResource
from multirun.staging import survey
from multirun.verdict import in_words

if TYPE_CHECKING:
    from multirun.definition import Definition, Input
    from multirun.journal import Record
    from multirun.replay import RecordedRun

Resume = bool | Literal["unfinished"]
RESUMES: tuple[Resume, ...] = (False, True, "unfinished")
RETRY, INPUT_CHANGED = "retry", "input-changed"
"""Why the attempts of a run were reset."""
_UNFINISHED = frozenset({"lost", "cancelled", "never-started", "node-failure", "preempted"})
"""Reasons of ends that say nothing about the program: such a run was not finished."""


class Decision(NamedTuple):
    """What becomes of a run when its sweep goes on.

    Attributes:
        run: its number; for a new one the number that it would get.
        params: its parameters.
        action: `"execute"`, or `"keep"` if what is recorded of it stays.
        why: a sentence.
    """

    run: int
    params: dict[str, Any]
    action: Literal["execute", "keep"]
    why: str


class Ruling(NamedTuple):
    """What becomes of a run of which this is recorded.

    Attributes:
        execute: whether it is executed.
        why: a sentence.
    """

    execute: bool
    why: str


def decide(record: Record | None, reset: Record | None, *, unfinished: bool = False, by_script: bool = True) -> Ruling:
    """What becomes of a run.

    Args:
        record: the record that decides about it, None if there is none.
        reset: the record by which earlier attempts were reset, None if there is none.
        unfinished: whether recorded failures stay.
        by_script: whether the script of the sweep goes on with it, which can ask again what to skip.
    """
    if record is None:
        return Ruling(True, "never started" if reset is None else _why_reset(reset))
    if record["event"] == "started":
        return Ruling(True, f"interrupted: attempt {record['attempt']} was started and has no recorded end")
    if record["event"] == "skipped":
        again = "this is asked again" if by_script else "only the script of the sweep can ask again"
        return Ruling(by_script, f"skipped before: {record['reason']}; {again}")
    if record["status"] == "success":
        return Ruling(False, "already succeeded")
    return _decide_failure(record, unfinished=unfinished)


def _decide_failure(record: Record, *, unfinished: bool) -> Ruling:
    reason, message = record["reason"], record.get("message")
    why = f"{in_words(reason)}, {message}" if message else in_words(reason)
    why += "" if reason in why else f" ({reason})"
    if reason in _UNFINISHED:
        return Ruling(True, f"not finished: {why}")
    if unfinished:
        return Ruling(False, f"failed before, and only unfinished runs are wanted: {why}")
    return Ruling(True, f"failed before: {why}")


def _why_reset(reset: Record) -> str:
    if reset["reason"] == INPUT_CHANGED:
        return f"input changed: {', '.join(reset.get('inputs', ()))}"
    return "asked for again"


class Past:
    """The runs on disk of a sweep that goes on, and which of them a call has named so far.

    Attributes:
        replay: what is recorded of them.
        survey: their plan.
    """

    def __init__(
        self, replay: Replay, plan: PlanSurvey, *, unfinished: bool = False, numbers: Iterable[int] | None = None
    ) -> None:
        """Take over what is on disk.

        Args:
            replay: what is recorded.
            plan: the plan.
            unfinished: whether recorded failures stay.
            numbers: of the runs that the call names one after another, if it goes by numbers: it has no script.
        """
        self.replay = replay
        self.survey = plan
        self._unfinished = unfinished
        self._numbers = None if numbers is None else iter(numbers)
        self._beyond = replay.attempts_beyond()
        self._taken: dict[str, int] = {}
        self._named = bytearray(len(plan.offsets))

    @property
    def any_success(self) -> bool:
        """Whether the success of any run is recorded."""
        return self.replay.any_success

    def find(self, digest: str) -> int | None:
        """The number of the next run with these parameters that the call has not named yet; None if it is new.

        Args:
            digest: of its parameters.
        """
        number = self._next(digest) if self._numbers is None else next(self._numbers)
        if number is not None:
            self._named[number] = True
        return number

    def _next(self, digest: str) -> int | None:
        repetition = self._taken.get(digest, 0)
        self._taken[digest] = repetition + 1
        return self.survey.number(digest, repetition)

    def ruling(self, index: int) -> Ruling:
        """What becomes of a run."""
        return self.recall(index)[0]

    def recall(self, index: int) -> tuple[Ruling, Record | None]:
        """What becomes of a run, and the record that decides about it."""
        record, reset = self.replay.record(index), self.replay.reset_of(index)
        return decide(record, reset, unfinished=self._unfinished, by_script=self._numbers is None), record

    def attempts(self, index: int) -> int:
        """The number of the latest attempt of a run, whether its record counts or not."""
        return max(self.replay.attempts(index), self._beyond.get(index, 0))

    def touched_runs(self) -> list[int]:
        """The runs of which there may be anything, also if no record of it counts any more."""
        return sorted({*self.replay.recorded_runs, *self.replay.reset_runs, *self._beyond})

    def is_stale(self, index: int) -> bool:
        """Whether what the latest attempt of a run left belongs to other inputs."""
        reset = self.replay.reset_of(index)
        return reset is not None and reset["reason"] == INPUT_CHANGED and reset["attempt"] >= self.attempts(index)

    def former_end(self, index: int) -> Record | None:
        """How a run ended before, None if it did not."""
        record = self.replay.record(index)
        return None if record is None or record["event"] == "started" else record

    def unnamed(self) -> Iterator[RecordedRun]:
        """The runs on disk that the call has not named, in order."""
        if all(self._named):
            return iter(())
        return (run for run in self.replay.runs() if run.index < len(self._named) and not self._named[run.index])


def explain_resume(
    path: str | os.PathLike[str],
    runs: Iterable[Mapping[str, Any]] | None = None,
    *,
    resume: Resume = True,
) -> list[Decision]:
    """Say what would become of each run if a sweep went on, and why; nothing is changed.

    Args:
        path: the directory of the sweep.
        runs: the parameter maps of the call; without it, the runs on disk.
        resume: as for `multirun`.

    Returns:
        The decisions in the order of `runs`, or of the numbers of the runs.

    Raises:
        NotASweepError: there is no sweep.
        FormatError: a file of it cannot be read by this version, or is damaged.
        JournalDamagedError: a journal is damaged.
        ParamsError: a parameter map of `runs` cannot be stored.
        ConfigurationError: `resume` is neither True nor `"unfinished"`.
    """
    if resume is not True and resume != "unfinished":
        raise ConfigurationError([f"resume: {resume!r} is neither True nor 'unfinished'"])
    replay = Replay(os.fspath(path))
    past = Past(replay, PlanSurvey(replay.paths.plan), unfinished=resume == "unfinished")
    changed = changed_inputs(replay.definition)
    if runs is None:
        return [_about(past, run.index, decode_map(run.params_document), changed) for run in replay.runs()]
    return list(_match(past, runs, changed))


def _match(past: Past, runs: Iterable[Mapping[str, Any]], changed: list[str]) -> Iterator[Decision]:
    novelty: Novelty | None = None
    count = len(past.survey.offsets)
    for position, candidate in enumerate(runs):
        checked = check_params(position, candidate)
        index = past.find(checked.digest)
        if index is not None:
            yield _about(past, index, checked.params, changed)
            continue
        novelty = novelty or Novelty(decode_map(run.params_document) for run in past.replay.runs())
        again = past.survey.number(checked.digest, 0) is not None
        why = "new: once more with the same parameters" if again else novelty.tell(checked.params)
        yield Decision(count, checked.params, "execute", why)
        count += 1


def _about(past: Past, index: int, params: dict[str, Any], changed: list[str]) -> Decision:
    execute, why = past.ruling(index)
    if changed and not execute:
        return Decision(index, params, "execute", f"input changed: {', '.join(changed)}")
    return Decision(index, params, "execute" if execute else "keep", why)


def changed_inputs(definition: Definition) -> list[str]:
    """The names of the inputs of a sweep whose originals are not what they were."""
    return [entry.name for entry in definition.inputs if _has_changed(entry)]


def _has_changed(entry: Input) -> bool:
    try:
        now = survey([FileResource(entry.source, entry.linkage, entry.name)])  # type: ignore[arg-type]
    except (OSError, ValueError):
        return True
    return bool(compare_inputs((entry,), now))


class Novelty:
    """Tells what is new about parameters."""

    def __init__(self, known: Iterable[Mapping[str, Any]]) -> None:
        """Take in what there is.

        Args:
            known: the parameters of all runs.
        """
        self._values: dict[str, set[str]] = {}
        for params in known:
            for name, value in params.items():
                self._values.setdefault(name, set()).add(repr(value))

    def tell(self, params: Mapping[str, Any]) -> str:
        """Why a run with these parameters is new."""
        for name, value in params.items():
            if name not in self._values:
                return f"new: no run has a parameter {name!r}"
            if repr(value) not in self._values[name]:
                return f"new: no run has {name}={_brief(value)}"
        return "new: no run has these parameters together"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
