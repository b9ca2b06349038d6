"""The plan: every run is found by the offset of its line, also while the plan grows, and however long the line is."""

import errno
import json
import os
import resource
from itertools import cycle
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.errors import FormatError
from multirun.plan import PlannedRun, PlanSurvey, PlanWriter, params_of_line, plan_line, read_line, read_plan

SAME, OTHER = f"{2**127:032x}", f"{3:032x}"
DIGESTS = [SAME, f"{2**126:032x}", SAME, OTHER]
HEADER = b'{"format":"multirun-plan","version":1}\n'


class Plan:
    """A plan file with a few runs in it."""

    def __init__(self, path: Path, texts: list[str]) -> None:
        self.path = path
        self.texts = texts
        self.writer = PlanWriter(str(path))
        self.offsets = [self.writer.append(digest, text) for digest, text in zip(cycle(DIGESTS), texts, strict=False)]
        self.writer.flush()

    def read(self) -> list[PlannedRun | None]:
        return list(read_plan(str(self.path)))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path / "plan.jsonl", ['{"x": 1}', '{"params":", \\"params\\":"}', '{"x": 1}', "{}", '{"x": 1}'])


def read_lines(path: Path, offsets: list[int]) -> list[bytes]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return [read_line(descriptor, offset) for offset in offsets]
    finally:
        os.close(descriptor)


def test_what_was_planned_is_read_in_order_and_the_end_last(plan: Plan) -> None:
    plan.writer.finish()
    plan.writer.flush()
    plan.writer.close()
    assert plan.read() == [
        PlannedRun(0, DIGESTS[0], 0, plan.texts[0]),
        PlannedRun(1, DIGESTS[1], 0, plan.texts[1]),
        PlannedRun(2, DIGESTS[0], 1, plan.texts[2]),
        PlannedRun(3, OTHER, 0, plan.texts[3]),
        PlannedRun(4, DIGESTS[0], 2, plan.texts[4]),
        None,
    ]
    assert plan.path.read_bytes().splitlines()[-1] == b'{"end":true,"count":5}'
    assert plan.writer.count == 5


def test_a_plan_that_grows_has_no_end_yet(plan: Plan) -> None:
    assert None not in plan.read()
    plan.writer.append(DIGESTS[0], '{"x": 9}')
    plan.writer.flush()
    assert [planned.run for planned in plan.read() if planned] == [0, 1, 2, 3, 4, 5]
    plan.writer.close()


def test_a_plan_that_goes_on_after_its_end_is_open_until_it_ends_again(plan: Plan) -> None:
    plan.writer.finish()
    plan.writer.flush()
    assert plan.read()[5:] == [None]
    plan.writer.append(OTHER, "{}")
    plan.writer.flush()
    assert plan.read()[5:] == [PlannedRun(5, OTHER, 1, "{}")]
    plan.writer.finish()
    plan.writer.flush()
    assert plan.read()[5:] == [PlannedRun(5, OTHER, 1, "{}"), None]
    before = os.listdir("/proc/self/fd")
    plan.writer.close()
    assert len(os.listdir("/proc/self/fd")) == len(before) - 1


def test_each_run_is_found_by_its_offset(plan: Plan) -> None:
    plan.writer.finish()
    plan.writer.flush()
    plan.writer.close()
    lines = read_lines(plan.path, plan.offsets)
    assert [params_of_line(line).decode() for line in lines] == plan.texts
    assert [json.loads(line)["run"] for line in lines] == [0, 1, 2, 3, 4]


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4), st.integers(0, 10**9))
def test_parameters_are_found_on_any_line(params: dict[str, object], run: int) -> None:
    text = json.dumps(params)
    line = plan_line(PlannedRun(run, DIGESTS[1], 3, text))
    assert params_of_line(line).decode() == text
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"run": run, "digest": DIGESTS[1], "repetition": 3, "params": params}


@pytest.mark.parametrize("length", [0, 1, 3_900, 4_000, 4_095, 4_096, 4_097, 8_192, 100_000, 3_000_001])
def test_lines_of_any_length_are_read_whole(tmp_path: Path, length: int) -> None:
    texts = ["{}", f'{{"x": "{"y" * length}"}}', "{}"]
    plan = Plan(tmp_path / "plan.jsonl", texts)
    plan.writer.close()
    assert [params_of_line(line).decode() for line in read_lines(plan.path, plan.offsets)] == texts


def test_every_line_that_ends_at_a_chunk_is_read_whole(tmp_path: Path) -> None:
    texts = [f'{{"x": "{"y" * (4_096 - extra)}"}}' for extra in range(80, 100)]
    plan = Plan(tmp_path / "plan.jsonl", texts)
    plan.writer.close()
    lines = read_lines(plan.path, plan.offsets)
    assert 4_096 in map(len, lines)
    assert [params_of_line(line).decode() for line in lines] == texts


def test_no_line_begins_where_there_is_none(plan: Plan) -> None:
    size = plan.path.stat().st_size
    os.truncate(plan.path, size - 1)
    for offset in (plan.offsets[-1], size - 1, size + 5_000):
        with pytest.raises(EOFError, match=f"no whole line at byte {offset}"):
            read_lines(plan.path, [offset])
    plan.writer.close()


def test_cut_anywhere_the_whole_lines_before_are_read(plan: Plan) -> None:
    plan.writer.finish()
    plan.writer.flush()
    plan.writer.close()
    data, runs = plan.path.read_bytes(), plan.read()
    for length in range(len(data)):
        plan.path.write_bytes(data[:length])
        whole = data[:length].count(b"\n")
        assert plan.read() == runs[: max(whole - 1, 0)]


def test_a_failed_write_leaves_no_half_line(plan: Plan) -> None:
    before = plan.path.read_bytes()
    offset = plan.writer.append(DIGESTS[0], '{"x": 7}')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 1, 30):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, limits[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                plan.writer.flush()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert plan.path.read_bytes() == before
    plan.writer.flush()
    plan.writer.close()
    assert offset == len(before)
    assert [planned.run for planned in plan.read() if planned] == [0, 1, 2, 3, 4, 5]


def test_a_plan_is_never_written_over(plan: Plan) -> None:
    plan.writer.close()
    with pytest.raises(FileExistsError):
        PlanWriter(str(plan.path))


@pytest.mark.parametrize(
    "header",
    [b"\n", b"{}\n", b'{"format":"multirun-plan","version":2}\n', b'{"format":"other","version":1}\n', b"\xff", b"x"],
)
def test_another_format_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_bytes(header)
    with pytest.raises(FormatError, match="is no plan of format 1; use the version"):
        list(read_plan(str(path)))


@pytest.mark.parametrize(
    "line", [b"{", b"null", b"[]", b"5", b'{"run":0}', b'"\xff"', b'{"run":0,"digest":"","repetition":0}']
)
def test_damage_is_reported_with_its_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "plan.jsonl"
    good = plan_line(PlannedRun(0, DIGESTS[0], 0, "{}"))
    path.write_bytes(HEADER + good + line + b"\n")
    found = read_plan(str(path))
    assert next(found) == PlannedRun(0, DIGESTS[0], 0, "{}")
    with pytest.raises(FormatError, match="is damaged in line 3: "):
        next(found)


# --------------------------------------------------------------------------------- a sweep that goes on


def survey_of(path: Path) -> PlanSurvey:
    survey = PlanSurvey(str(path))
    survey.mend(str(path), f"{path}.torn")
    return survey


def digest_of(value: int) -> str:
    return f"{value:016x}{value:016x}"


def write_plan(path: Path, values: list[int], *, finish: bool = True, survey: PlanSurvey | None = None) -> PlanWriter:
    writer = PlanWriter(str(path), survey)
    for value in values:
        writer.append(digest_of(value), json.dumps({"x": value}))
    if finish:
        writer.finish()
    writer.flush()
    writer.close()
    return writer


def test_a_plan_that_goes_on_keeps_its_numbers_and_repetitions(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, [5, 6, 5])
    before = path.read_bytes()
    survey = survey_of(path)
    assert (len(survey.offsets), survey.closed, survey.torn) == (3, True, 0)
    assert [survey.number(digest_of(5), n) for n in range(3)] == [0, 2, None]
    assert survey.number(digest_of(7), 0) is None
    with open(path, "rb") as file:
        lines = [params_of_line(read_line(file.fileno(), offset)) for offset in survey.offsets]
    assert [json.loads(line)["x"] for line in lines] == [5, 6, 5]
    write_plan(path, [5, 8], survey=survey)
    assert path.read_bytes().startswith(before)
    *planned, end = read_plan(str(path))
    assert end is None
    assert [(each.run, each.repetition) for each in planned if each] == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 0)]
    assert json.loads(path.read_bytes().splitlines()[-1]) == {"end": True, "count": 5}


def test_a_plan_to_which_nothing_is_added_does_not_change(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, [1])
    before = path.read_bytes()
    write_plan(path, [], survey=survey_of(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("finish", [True, False])
def test_a_plan_cut_off_anywhere_is_mended(tmp_path: Path, finish: bool) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, [1, 2], finish=finish)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        survey = survey_of(path)
        kept = len(survey.offsets)
        assert kept == sum(
            b'"digest"' in line for line in whole[:length].splitlines(keepends=True) if line[-1:] == b"\n"
        )
        write_plan(path, [9], survey=survey)
        *planned, end = read_plan(str(path))
        assert [each.digest for each in planned if each] == [digest_of(value) for value in [*[1, 2][:kept], 9]]
        assert end is None


def test_what_was_torn_off_a_plan_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, [1], finish=False)
    with path.open("ab") as file:
        file.write(b'{"run":1,')
    assert PlanSurvey(str(path)).torn == 9
    survey_of(path)
    assert (tmp_path / "plan.jsonl.torn").read_bytes() == b'{"run":1,'


def test_a_plan_that_does_not_count_on_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    write_plan(path, [1, 2])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(FormatError, match="run 1 where 0 was expected"):
        PlanSurvey(str(path))


def test_a_plan_on_a_disk_that_failed_is_never_written_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the file nobody knows; that a second try succeeds would prove nothing."""
    plan.writer.append(SAME, "{}")
    before = plan.path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "failed")

    with monkeypatch.context() as patch:
        patch.setattr("multirun.plan.write_at", fail)
        with pytest.raises(OSError, match="failed"):
            plan.writer.flush()
    with pytest.raises(OSError, match="failed"):
        plan.writer.flush()
    assert plan.path.read_bytes() == before
