"""`multirun fsck` finds every changed byte and repairs what can be proven; `clean` removes what nobody needs."""

import json
import random
import shutil
from pathlib import Path

import pytest
from tests.faults.forge import EXPECTED, standard
from tests.faults.test_damage import SEED, changes, journals, told
from tests.invariants import check_sweep

from multirun import SweepResult, multirun
from multirun.cli import main
from multirun.commandline.exits import LOCKED, OK, STORAGE, USAGE
from multirun.damage import Examination
from multirun.leftovers import surplus
from multirun.ownership import acquire
from multirun.repair import repair
from multirun.rundir import SweepPaths
from multirun.salvage import rewrite, salvage_journal

STEP = 23
"""Every so many bytes are changed and repaired."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of three successes, each with a pickle beside its results."""
    folder = tmp_path_factory.mktemp("fsck")
    multirun(**standard(folder))
    return folder / "sweep"


@pytest.fixture
def sweep(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "copy", symlinks=True))


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the output of `multirun`."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    return int(caught.value.code or 0), capsys.readouterr().out


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


# ---------------------------------------------------------------------------------------------- what is found


def test_sound_sweep(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, output = command(capsys, "fsck", str(sweep))
    assert (code, output.startswith(f"{sweep}: no damage: ")) == (OK, True)
    assert Examination(str(sweep)).findings == []


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("sweep.json", 10),
        ("plan.jsonl", 100),
        ("journal/orchestrator.jsonl", 100),
        ("runs/000001/results.json", 3),
        ("runs/000001/results-*.pkl", 3),
        ("runs/000001/params.json", 3),
        ("inputs/copied.txt", 3),
        ("shared/shared.txt", 3),
    ],
)
def test_each_kind_of_damage_is_told_with_its_file(
    sweep: Path, pattern: str, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = sweep.glob(pattern)
    flip(path, place)
    code, output = command(capsys, "fsck", str(sweep))
    assert code == STORAGE
    assert str(path.relative_to(sweep)) in output
    assert "multirun fsck" in output
    assert "--repair" in output


def test_missing_results_and_directories_are_damage(sweep: Path) -> None:
    (sweep / "runs" / "000000" / "results.json").unlink()
    shutil.rmtree(sweep / "runs" / "000002")
    found = {finding.path: finding.run for finding in Examination(str(sweep)).damage}
    assert found == {"runs/000000/results.json": 0, "runs/000002": 2}


def test_torn_ends_are_harmless(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in [*journals(sweep), sweep / "plan.jsonl"]:
        path.write_bytes(path.read_bytes()[:-5])
    (sweep / "results.csv.123.tmp").touch()
    code, output = command(capsys, "fsck", str(sweep))
    assert code == OK
    assert output.count("(harmless)") == len(journals(sweep)) + 2


# ------------------------------------------------------------------------------------------ what is repaired


def test_journals_changed_anywhere_keep_all_that_can_be_proven(sweep: Path) -> None:
    """A changed byte costs one record, and one more if it is in the checksum or the line break."""
    chance = random.Random(SEED)
    for path in journals(sweep):
        whole = path.read_bytes()
        count = whole.count(b"\n")
        last = whole.rfind(b"\n", 0, -1)
        for position in range(0, last, STEP):
            changed = next(changes(position, whole[position], chance))
            path.write_bytes(b"%b%c%b" % (whole[:position], changed, whole[position + 1 :]))
            found = Examination(str(sweep))
            assert found.damage, position
            repair(found)
            assert not Examination(str(sweep)).damage, position
            said = told(sweep)
            assert said is not None, position
            for values, expected in zip(said, EXPECTED, strict=True):
                assert values in (None, expected), position
            assert path.read_bytes().count(b"\n") >= count - 3, position
        path.write_bytes(whole)
    assert len(list((sweep / "journal" / "damaged").iterdir())) > 5


def test_plan_changed_anywhere_is_proven_by_the_directories(sweep: Path) -> None:
    chance = random.Random(SEED)
    path = sweep / "plan.jsonl"
    whole = path.read_bytes()
    begin, end = whole.index(b"\n") + 1, whole.rfind(b"\n", 0, -1)
    for position in range(begin, end, 3):
        if whole[position] == ord("\n"):
            continue  # two lines in one: who knows which runs they were
        changed = next(changes(position, whole[position], chance))
        path.write_bytes(b"%b%c%b" % (whole[:position], changed, whole[position + 1 :]))
        if changed == ord("\n"):
            continue
        found = Examination(str(sweep))
        assert found.damage, position
        repair(found)
        assert path.read_bytes() == whole, position
    assert told(sweep) == EXPECTED


def test_a_plan_whose_end_is_lost_is_damage(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody can go on with such a sweep, so it must not be called sound."""
    path = sweep / "plan.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    for words in (["fsck"], ["fsck", "--repair"]):
        code, output = command(capsys, *words, str(sweep))
        assert code == STORAGE
        assert "plan.jsonl: its end is lost: it lists 2 runs, but the journals tell of run 2" in output


def test_results_are_restored_from_the_journal(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sweep / "runs" / "000001" / "results.json").write_text("{}")
    code, output = command(capsys, "fsck", "--repair", str(sweep))
    assert code == OK, output
    assert "written anew from the journal" in output
    check_sweep(sweep, result=SweepResult.load(sweep))


def test_what_cannot_be_repaired_is_told(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pickle,) = (sweep / "runs" / "000001").glob("*.pkl")
    pickle.unlink()
    code, output = command(capsys, "fsck", "--repair", str(sweep))
    assert code == STORAGE
    assert "1 place is damaged and cannot be repaired" in output
    assert "it is about run 1" in output


def test_runs_whose_end_is_lost_are_told(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in journals(sweep) if path.read_bytes().count(b'"event":"ended"') > 1)
    place = path.read_bytes().index(b'"event":"ended"')
    run = json.loads(path.read_bytes()[path.read_bytes().rfind(b"\n", 0, place) + 1 :].split(b"\n")[0])["run"]
    flip(path, place + 3)
    before = path.read_bytes()
    code, output = command(capsys, "fsck", "--repair", str(sweep))
    assert code == OK
    assert f"run {run} will be executed again" in output
    assert (sweep / "journal" / "damaged" / path.name).read_bytes() == before
    said = told(sweep)
    assert said is not None
    assert said[run] is None


def test_every_record_but_the_hit_one_is_kept() -> None:
    texts = [f'"event":"started","run":{run},"attempt":1,"time":1.0' for run in range(10)]
    lines = rewrite(texts).splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"run":4', b'"run":5')
    found = salvage_journal(b"".join(lines))
    assert found.texts == texts[:4] + texts[5:]
    assert [(fault.line, fault.offset) for fault in found.faults] == [(4, sum(map(len, lines[:4])))]
    lines[4] = lines[4][:-4] + b"x" + lines[4][-3:]  # in the checksum: the next one cannot be proven either
    assert salvage_journal(b"".join(lines)).texts == texts[:4] + texts[6:]
    del lines[4]
    assert salvage_journal(b"".join(lines)).texts == texts[:4] + texts[6:]


def test_nothing_is_repaired_of_a_sweep_that_somebody_executes(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sweep / "runs" / "000001" / "results.json").write_text("{}")
    owner = acquire(SweepPaths(str(sweep)))
    try:
        with pytest.raises(SystemExit) as caught:
            main(["fsck", "--repair", str(sweep)])
    finally:
        owner.release()
    assert caught.value.code == LOCKED
    assert "has been executed by this process" in capsys.readouterr().err
    assert (sweep / "runs" / "000001" / "results.json").read_text() == "{}"
    assert command(capsys, "fsck", "--repair", str(sweep))[0] == OK


# -------------------------------------------------------------------------------------------- what is removed


@pytest.mark.parametrize(("keep", "left"), [(None, ["000000-1", "000000-2"]), (1, ["000000-2"]), (0, [])])
def test_only_so_many_attempts_are_kept(sweep_dir: Path, keep: int | None, left: list[str]) -> None:
    def attempt() -> SweepResult:
        return multirun(runs=[{}], cmd=["false"], output_path=sweep_dir, resume=True, keep_attempts=keep, display=False)

    *_, result = [attempt() for _ in range(3)]
    assert result[0].attempts == 3
    assert sorted(path.name for path in sweep_dir.glob("attempts/*")) == left
    check_sweep(sweep_dir, result=result)


def test_surplus_attempts_are_the_oldest() -> None:
    attempts = ["a/000001-1", "a/000001-2", "a/000001-10", "a/000002-1", "a/other"]
    assert surplus(attempts, 1) == ["a/000001-1", "a/000001-2"]
    assert surplus(attempts, 0) == ["a/000001-1", "a/000001-2", "a/000001-10", "a/000002-1"]
    assert surplus(attempts, 5) == []


def test_clean_removes_only_what_nobody_needs(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (
        "attempts/000001-1/big",
        "attempts/000001-2/big",
        "attempts/12/012000-1/big",
        "journal/damaged/x.jsonl",
    ):
        (sweep / name).parent.mkdir(parents=True, exist_ok=True)
        (sweep / name).write_bytes(b"x" * 100_000)
    (sweep / "plan.jsonl.torn-2").write_text("x")
    code, output = command(capsys, "clean", str(sweep))
    assert (code, "nothing was removed" in output) == (OK, True), "without a terminal nobody can agree"
    assert output.startswith(f"{sweep} holds what is not needed"), "it says of which sweep, for DIR may be left out"
    code, output = command(capsys, "clean", "--yes", "--keep-attempts", "1", str(sweep))
    assert code == OK
    assert "directories of earlier attempts: 1," in output
    assert (sweep / "attempts" / "000001-2").exists()
    assert not (sweep / "attempts" / "000001-1").exists()
    command(capsys, "clean", "-y", str(sweep))
    assert not list((sweep / "attempts").rglob("big"))
    assert command(capsys, "clean", str(sweep))[1].startswith("nothing to remove")
    shutil.rmtree(sweep / "attempts")
    check_sweep(sweep, result=SweepResult.load(sweep))


def test_clean_leaves_a_sweep_alone_that_is_being_executed(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sweep / "journal" / "orchestrator.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[-1])["event"] == "closed"
    path.write_bytes(b"".join(lines[:-1]))  # this process began it, and lives
    with pytest.raises(SystemExit) as caught:
        main(["clean", "--yes", str(sweep)])
    assert caught.value.code == LOCKED
    assert "is being executed" in capsys.readouterr().err


def test_clean_keeps_no_fewer_than_none(sweep: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["clean", "--yes", "--keep-attempts", "-1", str(sweep)])
    assert caught.value.code == USAGE
