"""`multirun results`: the table of a sweep, some of its rows, in any order, on the screen or in a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TextIO

from multirun.columns import FIRST, Columns, KeyPath, Table, leaves, unwrap, with_numbers
from multirun.commandline import paper
from multirun.commandline.byhand import finite
from multirun.commandline.exits import OK
from multirun.commandline.layout import lay_out
from multirun.replay import RecordedRun, Replay
from multirun.selection import Row, parse_condition, parse_order, sort_rows
from multirun.snapshot import locate
from multirun.table import open_csv
from multirun.table import write_csv as write_rows


def results(directory: str | None, conditions: Sequence[str], orders: Sequence[str], files: Mapping[str, str]) -> int:
    """Print or write the table of a sweep; returns the exit code.

    Args:
        directory: the sweep; None for the newest here.
        conditions: what the rows must satisfy, as `parse_condition` reads it.
        orders: columns to sort by, as `parse_order` reads them.
        files: where to write, `-` for standard output, by `csv`, `json` and `jsonl`; without any the table is printed.
    """
    replay = Replay(locate(directory))
    columns, rows, partial = read_table(replay)
    tests = [parse_condition(text, columns) for text in conditions]
    chosen = sort_rows([row for row in rows if all(test(row) for test in tests)], parse_order(orders, columns))
    for kind, path in files.items():
        _write(_WRITERS[kind], path, columns, chosen)
    if not files:
        _print(columns, chosen)
    _talk(replay, rows, chosen, partial)
    return OK


class _Facts(NamedTuple):
    """What the table needs of a run."""

    params: Mapping[KeyPath, object]
    posted: Mapping[KeyPath, object]
    first: Row
    last: Row


def read_table(replay: Replay) -> tuple[list[str], list[Row], int]:
    """Columns and rows of the table, and how many results the journals hold in part only."""
    columns = Columns()
    found = []
    partial = 0
    for run in replay.runs():
        record = run.record
        facts = _facts(run, record)
        columns.see(facts.params, facts.posted)
        found.append(facts)
        partial += record.get("results_complete") is False
    return columns.header(), [_row(facts, columns) for facts in found], partial


def _facts(run: RecordedRun, record: Row) -> _Facts:
    posted = leaves(unwrap(record["results"])) if "results_digest" in record else {}
    last = {"status": run.status, "reason": record.get("reason"), "duration_s": record.get("duration_s")}
    return _Facts(leaves(with_numbers(run.params_document)), posted, {"index": run.index}, last)


def _row(facts: _Facts, columns: Columns) -> Row:
    params = {columns.params[key]: value for key, value in facts.params.items()}
    posted = {columns.results[key]: value for key, value in facts.posted.items()}
    return {**facts.first, **params, **posted, **facts.last}


# ---------------------------------------------------------------------------------------------------- output


def _print(columns: list[str], rows: list[Row]) -> None:
    kept = [*FIRST, "status", *(["reason"] if any(row["reason"] for row in rows) else [])]
    table = lay_out(columns, rows, paper.width(), kept)
    paper.put(paper.paint(table.header, "strong"))
    for row, line in zip(rows, table.lines, strict=True):
        paper.put(paper.paint(line, "failed") if row["status"] == "failure" else line)
    if table.hidden:
        paper.talk(f"no room for {', '.join(table.hidden)}; --csv - prints everything")


def _talk(replay: Replay, rows: list[Row], chosen: list[Row], partial: int) -> None:
    if len(chosen) < len(rows):
        paper.talk(f"{len(chosen)} of {paper.plural(len(rows), 'run')}")
    if replay.alive:
        left = sum(row["status"] in ("pending", "running") for row in rows)
        paper.talk(f"the sweep is still going; {paper.plural(left, 'run')} not complete yet")
    if partial:
        paper.talk(f"{paper.plural(partial, 'result')} of more than 4 KiB: only part is here, all is in results.json")


def _write(
    write: Callable[[TextIO, list[str], list[Row]], None], path: str, columns: list[str], rows: list[Row]
) -> None:
    if path == "-":
        write(sys.stdout, columns, rows)
        return
    with open_csv(path) as file:
        write(file, columns, rows)
    paper.talk(f"{paper.plural(len(rows), 'row')} in {path}")


def write_csv(file: TextIO, columns: list[str], rows: list[Row]) -> None:
    """Write a table as `results.csv` has it."""
    write_rows(file, Table(columns, ([row.get(name) for name in columns] for row in rows)))


def write_json(file: TextIO, columns: list[str], rows: list[Row]) -> None:
    """Write a table as a JSON list of objects that all have the same keys."""
    file.write("[")
    for place, row in enumerate(rows):
        file.write(",\n " if place else "\n ")
        file.write(_object(columns, row))
    file.write("\n]\n" if rows else "]\n")


def write_jsonl(file: TextIO, columns: list[str], rows: list[Row]) -> None:
    """Write a table as JSON objects, one a line."""
    file.writelines(f"{_object(columns, row)}\n" for row in rows)


def _object(columns: list[str], row: Row) -> str:
    return json.dumps({name: finite(row.get(name)) for name in columns})


_WRITERS = {"csv": write_csv, "json": write_json, "jsonl": write_jsonl}
