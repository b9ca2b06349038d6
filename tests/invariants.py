"""What must hold after every test that touches a sweep, whatever was done to it.

The files are read by code of our own where that is short, so that a mistake of the package is not repeated here.
"""

import csv
import hashlib
import json
import os
import random
import re
from binascii import crc32
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.journals import read_all, status_of
from tests.patience import wait_until
from tests.survivors import check_nothing_alive

from multirun.contract import PARAMS_FILE, RESULTS_FILE
from multirun.fold import fold
from multirun.journal import Record
from multirun.plan import read_plan
from multirun.processes import may_be_alive
from multirun.run import STATUSES, Run
from multirun.rundir import ORCHESTRATOR, SweepPaths, orchestrator_of
from multirun.snapshot import take_snapshot
from multirun.statistics import RunStatistics
from multirun.sweepresult import SweepResult
from multirun.verdict import REASONS

_PATTERNS = {"exit:N": r"exit:\d{1,3}", "signal:NAME": r"signal:(SIG[A-Z0-9+-]+|\d+)", "rule:NAME": r"rule:.+"}
_REASON = re.compile("|".join(_PATTERNS.get(reason, re.escape(reason)) for reason in REASONS))
_CRC_TAIL = re.compile(rb',"crc":"([0-9a-f]{8})"}\n\Z')


def check_sweep(
    path: str | os.PathLike[str],
    *,
    result: SweepResult | None = None,
    killed: bool = False,
    within_s: float = 2.0,
) -> dict[int, Record]:
    """Check a sweep that nobody executes any more.

    Args:
        path: the sweep directory.
        result: what the call returned, if it returned.
        killed: whether processes of ours were killed: then a journal may end in half a record, and if the orchestrator
            was among them the table may be missing and attempts may have no end.
        within_s: how long what is dying may still be there.

    Returns:
        The deciding record of each run that has one.
    """
    paths = SweepPaths(os.fspath(path))
    sweep_id: str = json.loads(Path(paths.sweep).read_bytes())["id"]
    check_nothing_alive(sweep_id, within_s)
    if killed:
        wait_until(lambda: not _is_written(paths), what=f"the end of the launcher of {paths.root}")
    journals = check_journals(paths, sweep_id, torn_allowed=killed)
    closed = _is_closed(journals)
    check_orders(journals)
    journals = check_seals(paths, journals)
    planned = check_plan(paths, whole=result is not None and result.statistics.total_known)
    check_events(journals, planned)
    check_lock(paths, killed=killed)
    state = check_fold(journals)
    if closed:
        check_ends(state, _of_last_session(journals))
    check_run_directories(paths, planned, state)
    check_attempts(paths, journals)
    statuses = [status_of(state.get(index), alive=False) for index in range(len(planned))]
    check_counts(statuses, take_snapshot(paths.root).statistics)
    if result is not None:
        check_result(result, statuses, state)
    if closed and (not killed or os.path.exists(paths.table)):
        check_table(paths, statuses, state)
    return state


# ----------------------------------------------------------------------------------------------------- lock


def check_lock(paths: SweepPaths, *, killed: bool) -> None:
    """Owners are numbered without a gap, nothing else is left of them, and the last one has left the sweep."""
    files = sorted(Path(paths.lock).iterdir()) if os.path.exists(paths.lock) else []
    if killed:
        files = [file for file in files if file.suffix != ".tmp"]
    first = int(files[0].stem) if files else 1  # a sweep that was made before there were locks has none for that
    assert first == 1 or os.path.exists(paths.journal(orchestrator_of(first - 1)))
    assert [file.name for file in files] == [f"{number:06}.json" for number in range(first, first + len(files))]
    owners = [json.loads(file.read_bytes()) for file in files]
    assert [owner["session"] for owner in owners] == list(range(first, first + len(files)))
    assert killed or not any(owner["held"] for owner in owners[-1:]), f"{files[-1]} is still held"


# ------------------------------------------------------------------------------------------------- journals


def check_journals(paths: SweepPaths, sweep_id: str, *, torn_allowed: bool) -> dict[str, list[Record]]:
    """Every journal is whole from its first record to its last, and the package reads from it what we read."""
    journals = {}
    for file in sorted(Path(paths.journals).iterdir()):
        assert file.suffix == ".jsonl", f"{file} is no journal"
        data = file.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        assert whole == data or torn_allowed, f"{file} ends in half a record"
        records = list(_parse(whole, file))
        if records:
            header = records[0]
            assert (header["event"], header["sweep"], header["writer"]) == ("journal", sweep_id, file.stem), file
        journals[file.stem] = records
    assert read_all(paths.journals) == journals
    return journals


def _parse(data: bytes, file: Path) -> Iterator[Record]:
    crc = 0
    for seq, line in enumerate(data.splitlines(keepends=True)):
        tail = _CRC_TAIL.search(line)
        assert tail, f"record {seq} of {file} has no checksum"
        crc = crc32(line[: tail.start()], crc)
        record = json.loads(line)
        assert (int(tail[1], 16), record["seq"]) == (crc, seq), f"record {seq} of {file} does not follow the one before"
        yield record


def _is_written(paths: SweepPaths) -> bool:
    """Whether somebody may still write: an orphaned lane records an end when nothing of the run is alive any more."""
    journals = read_all(paths.journals)
    return not _is_closed(journals) and any(may_be_alive(records[0]) for records in journals.values() if records)


def _orchestrators(journals: dict[str, list[Record]]) -> list[str]:
    """The orchestrators' journals in the order of their sessions."""
    found = [writer for writer in journals if writer.partition("-")[0] == ORCHESTRATOR]
    return sorted(found, key=lambda writer: int(writer.partition("-")[2] or 1))


def _is_closed(journals: dict[str, list[Record]]) -> bool:
    """Whether the last session came to its end."""
    records: list[Record] = []
    for writer in _orchestrators(journals):
        records = journals[writer]
        assert all(record["event"] != "closed" for record in records[:-1]), "something was recorded after the end"
    return bool(records) and records[-1]["event"] == "closed"


def session_of(records: list[Record]) -> int:
    """The session to which a journal belongs."""
    return int(records[0].get("session", 1)) if records else 0


def check_seals(paths: SweepPaths, journals: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """What counts of journals: of those of earlier sessions as much as the last session found."""
    sealed: dict[str, int] | None = None
    last = 1
    for writer in _orchestrators(journals):
        assert int(writer.partition("-")[2] or 1) == max(1, session_of(journals[writer])), writer
        opened = [record for record in journals[writer] if record["event"] == "opened"]
        assert opened == [record for record in journals[writer][1:2] if record["event"] == "opened"]
        if opened:
            last, sealed = opened[0]["session"], opened[0]["sealed"]
            assert last == session_of(journals[writer])
    if sealed is None:
        return journals
    counting = {}
    for writer, records in journals.items():
        limit = sealed.get(writer, 0) if session_of(records) < last else None
        counting[writer] = _up_to(paths.journal(writer), records, limit)
    return counting


def _up_to(path: str, records: list[Record], limit: int | None) -> list[Record]:
    if limit is None:
        return records
    data = Path(path).read_bytes()
    assert limit <= len(data), f"{path} lost bytes that were sealed"
    assert limit == 0 or data[limit - 1 : limit] == b"\n", f"{path} was sealed in the middle of a record"
    return records[: data[:limit].count(b"\n")]


def _of_last_session(journals: dict[str, list[Record]]) -> list[Record]:
    last = max(map(session_of, journals.values()), default=1)
    return [record for records in journals.values() if session_of(records) == last for record in records]


def check_events(journals: dict[str, list[Record]], planned: list[str]) -> None:
    """Each event happens once, to a run of the plan; each success is recorded once, and nothing is started after it."""
    floors = floors_of(journals)
    successes: Counter[int] = Counter()
    starts: Counter[tuple[int, int]] = Counter()
    verdicts: Counter[tuple[int, int]] = Counter()
    for record in _life(journals):
        run, number = attempt = (record["run"], record["attempt"])
        assert 0 <= run < len(planned), f"{record} is about no run of the plan"
        assert number >= 1 or _never_started(record), record
        starts[attempt] += record["event"] == "started"
        if record["event"] == "ended":
            check_reason(record)
            successes[run] += record["status"] == "success" and number > floors.get(run, -1)
            verdicts[attempt] += record["reason"] != "lost"
    for counts, what in ((successes, "success"), (starts, "start"), (verdicts, "verdict")):
        twice = {key: count for key, count in counts.items() if count > 1}
        assert not twice, f"recorded more than once: {what} of {twice}"
    check_final(journals, floors)


def floors_of(journals: dict[str, list[Record]]) -> dict[int, int]:
    """Up to which attempt runs were reset."""
    floors: dict[int, int] = {}
    for records in journals.values():
        for record in records:
            if record["event"] == "reset":
                assert record["reason"] in ("retry", "input-changed"), record
                floors[record["run"]] = max(record["attempt"], floors.get(record["run"], -1))
    return floors


def check_final(journals: dict[str, list[Record]], floors: dict[int, int]) -> None:
    """After a success nothing is started, unless it was reset."""
    won = {
        record["run"]: record["attempt"]
        for record in _life(journals)
        if record["event"] == "ended" and record["status"] == "success"
    }
    for record in _life(journals):
        run = record["run"]
        if record["event"] == "started" and run in won and record["attempt"] > won[run]:
            assert won[run] <= floors.get(run, -1), f"{record} was started after attempt {won[run]} succeeded"


def _life(journals: dict[str, list[Record]]) -> Iterator[Record]:
    for records in journals.values():
        for record in records:
            if record["event"] in ("started", "ended", "skipped"):
                yield record


def _never_started(record: Record) -> bool:
    """Whether this is the end of a run of which no attempt was made."""
    end = (record["event"], record["attempt"], record.get("status"))
    return end in (("ended", 0, "failure"), ("skipped", 0, None))


def check_orders(journals: dict[str, list[Record]]) -> None:
    """A lane has one run at a time: its records are start and end in turn."""
    for writer, records in journals.items():
        if writer.partition("-")[0] == ORCHESTRATOR:
            continue
        open_attempt = None
        for record in records[1:]:
            attempt = (record["run"], record["attempt"])
            expected = ("started", None) if open_attempt is None else ("ended", attempt)
            assert (record["event"], open_attempt) == expected, f"{writer}: {record} after {open_attempt}"
            open_attempt = attempt if record["event"] == "started" else None


def check_reason(record: Record) -> None:
    """A success has no reason, a failure one of the closed list."""
    if record["status"] == "success":
        assert record["reason"] is None, record
    else:
        assert record["status"] == "failure", record
        assert _REASON.fullmatch(record["reason"]), record


def check_fold(journals: dict[str, list[Record]]) -> dict[int, Record]:
    """The state that the journals tell, which no order of files or records changes."""
    records = [record for each in journals.values() for record in each]
    state = fold(records)
    shuffled = random.Random(len(records))
    for _ in range(5):
        shuffled.shuffle(records)
        assert fold(records) == state, "the order of the records changes the state"
    return state


def check_ends(state: dict[int, Record], last_session: list[Record]) -> None:
    """A session that was closed left no attempt without its end."""
    endless = [i for i, record in state.items() if record["event"] == "started" and record in last_session]
    assert not endless, f"the sweep is closed, but these runs were started and never ended: {endless}"


# ---------------------------------------------------------------------------------------------- other files


def check_plan(paths: SweepPaths, *, whole: bool) -> list[str]:
    """The plan lists runs 0 to n - 1; returns their parameters as text."""
    lines = Path(paths.plan).read_bytes().splitlines()
    planned = [entry for entry in read_plan(paths.plan) if entry is not None]
    assert [entry.run for entry in planned] == list(range(len(planned)))
    if whole:
        assert json.loads(lines[-1]) == {"end": True, "count": len(planned)}
    return [entry.params_text for entry in planned]


def check_run_directories(paths: SweepPaths, planned: list[str], state: dict[int, Record]) -> None:
    """Each success has its directory with the parameters it was given and the results that were recorded."""
    for index, record in state.items():
        if record["event"] != "ended" or record["status"] != "success":
            continue
        directory = Path(paths.run(index))
        assert (directory / PARAMS_FILE).read_text().rstrip("\n") == planned[index]
        if "results_digest" in record:
            digest = hashlib.sha256((directory / RESULTS_FILE).read_bytes()).hexdigest()
            assert digest == record["results_digest"], f"the results of run {index} are not those that were judged"


def check_attempts(paths: SweepPaths, journals: dict[str, list[Record]]) -> None:
    """What is kept of earlier attempts is of attempts before the latest one, or makes room for the one after it."""
    latest: Counter[int] = Counter()
    for record in _life(journals):
        latest[record["run"]] = max(record["attempt"], latest[record["run"]])
    for folder in Path(paths.root, "attempts").glob("**/[0-9]*-[0-9]*"):
        run, number = map(int, folder.name.partition(".")[0].split("-"))
        assert folder == Path(paths.attempt(run, number)) or "." in folder.name, folder
        begun = os.path.lexists(paths.run(run))
        assert number < latest[run] + (not begun), f"{folder} is not of an earlier attempt than {latest[run]}"


def check_counts(statuses: Sequence[str], statistics: RunStatistics) -> None:
    """The counts are those of the statuses, and they add up."""
    counts = Counter(statuses)
    shown = {status: getattr(statistics, f"{status}_count") for status in STATUSES}
    assert shown == {status: counts[status] for status in STATUSES}
    assert statistics.total_count == sum(shown.values()) == len(statuses)
    assert statistics.complete_count == shown["skipped"] + shown["success"] + shown["failure"]


def check_result(result: SweepResult, statuses: Sequence[str], state: dict[int, Record]) -> None:
    """What the caller got is what the journals say; a success of an earlier call is skipped in this one."""
    numbers = [run.index for run in result]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(len(statuses)))
    if not any(run.status == "skipped" for run in result) and len(numbers) == len(statuses):
        assert sorted(numbers) == list(range(len(statuses)))
    for run in result:
        told, recorded = run.status, statuses[run.index]
        assert told == recorded or (told, recorded) == ("skipped", "success"), f"{run}, but recorded is {recorded}"
    check_counts([run.status for run in result], result.statistics)
    stopped = take_snapshot(str(result.path)).stopped is not None
    assert stopped or result.statistics.complete_count == len(result), "runs of a result are not complete"
    assert [run.index for run in result.failed] == [run.index for run in result if run.status == "failure"]
    for run in result:
        check_run(run, state.get(run.index, {"attempt": 0}))


def check_run(run: Run, record: Record) -> None:
    """A run tells what its deciding record says."""
    if run.status == "pending":
        assert record.get("event") in (None, "started"), run
        return
    told = (run.reason, run.exit_code, run.attempts, run.duration_s, run.message)
    fields = ("reason", "exit_code", "attempt", "duration_s", "message")
    assert told == tuple(record.get(field) for field in fields), run
    assert run.evidence == record.get("evidence", {}).get("line"), run
    assert bool(run.posted) == ("results_digest" in record), run


def check_table(paths: SweepPaths, statuses: Sequence[str], state: dict[int, Record]) -> None:
    """The table has one row for each run, in order, with its status and reason."""
    with open(paths.table, newline="", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    told = [(row["index"], row["status"], row["reason"]) for row in rows]
    assert told == [(str(i), status, state.get(i, {}).get("reason") or "") for i, status in enumerate(statuses)]
