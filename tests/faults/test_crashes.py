"""The loss of power at every moment of the steps that commit something, and bugs planted to see that it is noticed.

Every state that the disk may be in afterwards is made and read (see `crashes`). What was promised must be there, and
what was not must be missing as a whole, or be reported as damaged.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.faults.crashes import Recorder, build, recorded

from multirun import child, posted
from multirun.definition import Definition, read_definition, write_definition
from multirun.errors import JournalDamagedError, NotASweepError, ResultsDamagedError
from multirun.files import sync_folder
from multirun.journal import Journal, JournalTail
from multirun.plan import PlanWriter, read_plan
from multirun.posted import keep_results, read_posted
from multirun.records import ended, started
from multirun.results import load_results
from multirun.rundir import SweepPaths
from multirun.verdict import SUCCESS

Scene = Callable[[Path, Recorder], None]
Check = Callable[[Path, list[object]], None]
Bug = Callable[[pytest.MonkeyPatch], None]
RESULTS: list[object] = [{"x": 1}, {"x": 2, "function": partial(int, 2)}, {"x": 3}]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder whose files keep their numbers to themselves: where memory is the disk, none is given twice."""
    shared = Path(f"/dev/shm/multirun-test-{os.getpid()}")
    folder = shared if os.access("/dev/shm", os.W_OK) else tmp_path / "real"
    yield build({}, folder)
    build({}, folder).rmdir()


def violations(scene: Scene, check: Check, here: Path, aside: Path, bug: Bug | None = None) -> tuple[int, list[str]]:
    """How many states there are, and what is wrong in some of them."""
    with recorded(here) as recorder, pytest.MonkeyPatch.context() as patch:
        if bug is not None:
            bug(patch)
        scene(here, recorder)
    wrong = []
    for tree, promised in recorder.states.values():
        build(tree, aside)
        try:
            check(aside, promised)
        except AssertionError as error:
            wrong.append(f"{error}: {tree} after {promised}")
    return len(recorder.states), wrong


# ------------------------------------------------------------------------------------------------ the scenes


def post(root: Path, recorder: Recorder) -> None:
    """A program posts three times."""
    for number, results in enumerate(RESULTS):
        child.postRunResults(results)
        recorder.promise(number)


def check_posted(root: Path, promised: list[object]) -> None:
    found = read_posted(str(root))
    assert found.problem is None, found.problem
    if not found.found:
        assert not promised, "what was posted is gone"
        return
    number = found.document["x"] - 1
    assert number >= len(promised) - 1, "what was posted later is gone"
    try:
        loaded = load_results(str(root))
    except ResultsDamagedError as error:
        raise AssertionError(str(error)) from None
    assert repr(loaded) == repr(RESULTS[number])


DEFINITION = Definition("0123456789abcdef", "study", ("true",), {})


def define(root: Path, recorder: Recorder) -> None:
    """A directory becomes a sweep."""
    write_definition(SweepPaths(str(root)), DEFINITION)
    recorder.promise("sweep")


def check_defined(root: Path, promised: list[object]) -> None:
    try:
        assert read_definition(SweepPaths(str(root))) == DEFINITION
    except NotASweepError:
        assert not promised, "the sweep is gone"
    except ValueError as error:
        raise AssertionError(f"half a definition: {error}") from None


def journal(root: Path, recorder: Recorder, *, synced: bool = True) -> None:
    """A lane records."""
    lane = Journal(f"{root}/lane.jsonl", DEFINITION.id, "lane", 1.0, synced=synced)
    for number in range(3):
        lane.append(started(number, 1))
        if synced:
            recorder.promise(number)
    lane.close()


def check_journal(root: Path, promised: list[object]) -> None:
    try:
        records = JournalTail(f"{root}/lane.jsonl").read()
    except JournalDamagedError as error:
        raise AssertionError(str(error)) from None
    runs = [record["run"] for record in records if record["event"] == "started"]
    assert runs == list(range(len(runs)))
    assert len(runs) >= len(promised), "a record is gone"


def plan(root: Path, recorder: Recorder) -> None:
    """The orchestrator plans."""
    writer = PlanWriter(f"{root}/plan.jsonl", synced=True)
    for number in range(3):
        writer.append("0" * 32, f'{{"x": {number}}}')
        writer.flush()
        recorder.promise(number)
    writer.close()


def check_plan(root: Path, promised: list[object]) -> None:
    if not (root / "plan.jsonl").exists():
        assert not promised, "the plan is gone"
        return
    runs = [planned.run for planned in read_plan(f"{root}/plan.jsonl") if planned is not None]
    assert runs == list(range(len(runs)))
    assert len(runs) >= len(promised), "a planned run is gone"


def commit(root: Path, recorder: Recorder) -> None:
    """A program in another language writes results, and its lane records the success, so that both survive."""
    lane = Journal(f"{root}/lane.jsonl", DEFINITION.id, "lane", 1.0, synced=True)
    os.mkdir(root / "runs")
    os.mkdir(root / "runs" / "000000")
    sync_folder(str(root))
    (root / "runs" / "000000" / "results.json").write_text('{"x": 1}')
    recorder.step()
    found = read_posted(f"{root}/runs/000000")
    keep_results(f"{root}/runs/000000", found)
    lane.append(ended(0, 1, SUCCESS, exit_status=0, duration_s=1.0, posted=found))
    recorder.promise("success")
    lane.close()


def check_commit(root: Path, promised: list[object]) -> None:
    records = [record for record in JournalTail(f"{root}/lane.jsonl").read() if record["event"] == "ended"]
    assert records or not promised, "the success is gone"
    for record in records:
        try:
            assert load_results(f"{root}/runs/000000", record["results_digest"]) == {"x": 1}, "a wrong result"
        except ResultsDamagedError as error:
            raise AssertionError(f"a success without its results: {error}") from None


SCENES: dict[str, tuple[Scene, Check]] = {
    "post": (post, check_posted),
    "definition": (define, check_defined),
    "journal": (journal, check_journal),
    "plan": (plan, check_plan),
    "commit": (commit, check_commit),
}


@pytest.mark.parametrize("name", SCENES)
def test_loss_of_power_at_every_moment(name: str, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIRUN_RESULTS", f"{here}/results.json")
    count, wrong = violations(*SCENES[name], here, tmp_path / "state")
    assert not wrong, wrong[0]
    assert count >= 5


def test_what_is_not_promised_is_never_a_lie(here: Path, tmp_path: Path) -> None:
    """With `durability="process"` records may be lost, but those that are left are a prefix."""
    count, wrong = violations(partial(journal, synced=False), check_journal, here, tmp_path / "state")
    assert not wrong, wrong[0]
    assert count >= 5


# ------------------------------------------------------------------------------------------------- the bugs


def no_sync(_: object) -> None:
    """Forget to sync."""


def sync_files_only(descriptor: int, genuine: Callable[[int], None]) -> None:
    """Forget to sync folders."""
    if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
        genuine(descriptor)


def write_in_place(path: str, document: object) -> None:
    """Write over what was posted before."""
    with open(path, "w") as file:
        file.write(json.dumps(document))
        file.flush()
        os.fsync(file.fileno())


def publish_in_place(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_after_naming(draft: "child._Draft") -> None:
    """Give the name first."""
    os.rename(draft.path, f"{draft.folder}/{draft.name}")
    draft.path = ""
    descriptor = os.open(f"{draft.folder}/{draft.name}", os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def bug_no_fsync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "fsync", no_sync)


def bug_no_fdatasync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "fdatasync", no_sync)


def bug_folders_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    genuine = os.fsync
    patch.setattr(os, "fsync", lambda descriptor: sync_files_only(descriptor, genuine))


def bug_post_in_place(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(child, "_post", write_in_place)


def bug_name_before_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(child._Draft, "close", lambda draft: draft.file.close())
    patch.setattr(child._Draft, "take_name", sync_after_naming)


def bug_publish_in_place(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("multirun.definition.publish", publish_in_place)


def bug_commit_before_result(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(posted, "sync_file", no_sync)
    patch.setattr(posted, "sync_folder", no_sync)


BUGS: list[tuple[str, Bug]] = [
    ("post", bug_no_fsync),
    ("post", bug_folders_are_not_synced),
    ("post", bug_post_in_place),
    ("post", bug_name_before_sync),
    ("definition", bug_no_fsync),
    ("definition", bug_publish_in_place),
    ("definition", bug_folders_are_not_synced),
    ("journal", bug_no_fdatasync),
    ("journal", bug_folders_are_not_synced),
    ("plan", bug_no_fdatasync),
    ("commit", bug_no_fdatasync),
    ("commit", bug_commit_before_result),
    ("commit", bug_folders_are_not_synced),
]


@pytest.mark.parametrize(("name", "bug"), BUGS, ids=[f"{name}-{bug.__name__}" for name, bug in BUGS])
def test_planted_bugs_are_caught(
    name: str,
    bug: Bug,
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MULTIRUN_RESULTS", f"{here}/results.json")
    assert violations(*SCENES[name], here, tmp_path / "state", bug)[1]
