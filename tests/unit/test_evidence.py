"""The line that says why a run failed, found in what programs of many kinds really write."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirun.evidence import (
    LONGEST_LINE,
    TAIL_BYTES,
    Evidence,
    evidence_of,
    find_evidence,
    read_evidence,
    read_lines,
    read_tail,
    shorten,
    weigh,
)

# Each begins with its name and the line that is to be found.
_SAMPLE = re.compile(r"== (.+)\n=> (.+)\n((?:(?!== ).*\n)*)")
_COMPLAINTS = (Path(__file__).parent / "complaints.txt").read_text()
SAMPLES = {name: (text, line) for name, line, text in _SAMPLE.findall(_COMPLAINTS)}
SAMPLES |= {
    "matlab": (
        "{\bError using inv\nMatrix must be square.\n\nError in foo (line 3)\n    x = inv(a);\n}\b\n",
        "Error using inv: Matrix must be square.",
    ),
    "colours": ("\x1b[1;31mERROR\x1b[0m: no mesh\n\x1b]0;title\x07bye\n", "ERROR: no mesh"),
    "a progress bar": ("0%\r 50%\rValueError: x\r\n 10%\r 20%", "ValueError: x"),
    "what was drawn over": ("ValueError: gone\r 20%   \r\n", "20%"),
    "a spinner": ("|\b/\b-\b\\\b\nend\b\bnd of it\n", "end of it"),
    "Latin-1": ("calcul interrompu, d\udce9bit nul\n", "calcul interrompu, d\\xe9bit nul"),
}


@pytest.mark.parametrize(("text", "line"), SAMPLES.values(), ids=SAMPLES)
def test_what_programs_write(text: str, line: str) -> None:
    written = text.encode("utf-8", "surrogateescape")
    assert find_evidence(written, b"") == Evidence("stderr", line)
    assert find_evidence(b"", written) == Evidence("stdout", line)


@pytest.mark.parametrize(
    ("stderr", "stdout", "found"),
    [
        (b"", b"", None),
        (b"\n \r\n\n", b" \n", None),
        (b"one\n", b"two\n", Evidence("stderr", "one")),
        (b"one\n", b"could not open\n", Evidence("stdout", "could not open")),
        (b"could not\n", b"ValueError: x\n", Evidence("stdout", "ValueError: x")),
        (b"ValueError: x\n", b"ValueError: y\n", Evidence("stderr", "ValueError: x")),
        (b"Aborted\n", b"cannot go on\n", Evidence("stdout", "cannot go on")),
        (bytes(range(128, 256)) * 10, b"", None),
        (bytes(range(128, 256)) * 10, b"text\n", Evidence("stdout", "text")),
        (b"\0\1\2\3" * 100, b"", None),
    ],
)
def test_both_streams(stderr: bytes, stdout: bytes, found: Evidence | None) -> None:
    assert find_evidence(stderr, stdout) == found


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_whatever_is_written_evidence_is_one_short_printable_line(stderr: bytes, stdout: bytes) -> None:
    found = find_evidence(stderr, stdout)
    if found is not None:
        assert found.line.isprintable()
        assert 0 < len(found.line) <= LONGEST_LINE


@given(st.lists(st.sampled_from(["done", "a: error: b", "could not c", "Aborted", "", "20%\r30%"]), max_size=12))
def test_no_line_weighs_more_than_the_one_that_is_found(lines: list[str]) -> None:
    found = find_evidence("\n".join(lines).encode(), b"")
    weights = [weigh(line) for line in read_lines("\n".join(lines).encode())]
    assert (weigh(found.line) if found else None) == max(weights, default=None)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", [b"[", b"a ", b"Ea:", b"error", b"at ", b"\x1b[", b"x\b", b"\r", b"\xff", b"(A", b"-1"]
)
def test_no_output_takes_long(piece: bytes) -> None:
    tail = (piece * TAIL_BYTES)[:TAIL_BYTES]
    for text in (tail, tail.replace(piece * 20, piece * 19 + b"\n")):
        find_evidence(text, text)


def test_a_line_that_is_cut_says_so() -> None:
    assert shorten("x" * 300) == "x" * 300
    assert shorten("x" * 301) == "x" * 299 + "…"
    assert shorten("\x1b" * 300) == ("\\x1b" * 75)[:299] + "…"
    assert shorten("a\tb\u2028", 10) == "a b\\u2028"


def test_a_first_line_without_its_beginning_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"e: error: half a line\n" + b"x\n" * 10)
    assert read_tail(str(path), 30).startswith(b"x\nx\n")
    assert read_tail(str(path), 43).startswith(b"e: error: half a line\nx\n")
    path.write_bytes(b"y" * 2 * TAIL_BYTES + b"\n\n")
    assert read_tail(str(path)).strip() == b"y" * (TAIL_BYTES - 2)  # better than nothing


def test_the_directory_of_a_run_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "stderr.log").write_text(f'  File "{tmp_path}/a.py", line 3\nOSError: {tmp_path}/b.dat: gone\n')
    assert read_evidence(str(tmp_path), "exit:1") == Evidence("stderr", "OSError: b.dat: gone")


def test_the_end_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with open(path, "wb") as file:
        file.truncate(10 * 2**30)  # 10 GiB, none of which is read
        file.seek(0, os.SEEK_END)
        file.write(b"the end\n")
    assert read_tail(str(path))[-9:] == b"\0the end\n"
    assert len(read_tail(str(path))) == TAIL_BYTES
    assert read_tail(str(path), 4) == b"end\n"


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    for name in ("fifo", "link", "folder", "missing"):
        assert read_tail(str(tmp_path / name)) == b""


@pytest.mark.parametrize("reason", ["exit:1", "signal:SIGSEGV", "timeout", "output-limit"])
def test_a_failure_has_evidence(tmp_path: Path, reason: str) -> None:
    (tmp_path / "stdout.log").write_text("said\n")
    assert read_evidence(str(tmp_path), reason) == Evidence("stdout", "said")


@pytest.mark.parametrize("reason", ["no-result", "bad-result", "rule:gain"])
def test_a_reason_that_says_all_is_joined_only_by_an_error(tmp_path: Path, reason: str) -> None:
    (tmp_path / "stdout.log").write_text("gain = 5\n")
    assert read_evidence(str(tmp_path), reason) is None
    (tmp_path / "stdout.log").write_text("Error: no convergence\ngain = 5\n")
    assert read_evidence(str(tmp_path), reason) == Evidence("stdout", "Error: no convergence")


@pytest.mark.parametrize("reason", [None, "cancelled", "lost", "exec-failed", "staging-failed", "never-started"])
def test_what_has_no_cause_in_its_output_has_no_evidence(tmp_path: Path, reason: str | None) -> None:
    (tmp_path / "stdout.log").write_text("said\n")
    assert read_evidence(str(tmp_path), reason) is None


def test_equal_lines_are_kept_once() -> None:
    words = ["bad", "input"]
    records = [{"evidence": {"stream": "stderr", "line": " ".join(words)}} for _ in range(2)]
    first, second = map(evidence_of, records)
    assert first == "bad input"
    assert first is second
    assert evidence_of({"reason": "lost"}) is None
