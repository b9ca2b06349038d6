"""The verdict: what is looked at, in which order."""

import signal
from typing import Any

import pytest

from multirun.definition import Rules
from multirun.posted import NOTHING, Posted
from multirun.verdict import (
    OUT_OF_MEMORY,
    REASONS,
    SUCCESS,
    Outcome,
    failure,
    in_words,
    is_accepted,
    judge,
    reason_of_exit,
    signal_name,
    was_killed,
)

GOOD = Posted(found=True, document={"energy": 1, "final": {"step": 3}}, size=30, digest="d")
BAD = Posted(found=True, size=3, digest="d", problem="results.json is no valid JSON: x")
NEEDED = Rules(results_required=True)
KEYED = Rules(results_required=True, required_keys=("energy", "final.step", "missing", "final.x"))
UNMET = failure("rule:energy", "'energy' from stdout.log: nan is not finite")
NO_RESULTS = "the program ended well but posted no results"

CASES: list[tuple[str, dict[str, Any], Outcome]] = [
    ("exit 0", {}, SUCCESS),
    ("exit 0 with results", {"posted": GOOD}, SUCCESS),
    ("results where they are required", {"posted": GOOD, "rules": NEEDED}, SUCCESS),
    ("null counts as results", {"posted": Posted(found=True, size=4), "rules": NEEDED}, SUCCESS),
    ("an accepted exit code", {"exit_status": 10, "rules": Rules((0, 10))}, SUCCESS),
    ("exit 1", {"exit_status": 1}, failure("exit:1")),
    ("exit 0 where it is not accepted", {"rules": Rules((10, 20))}, failure("exit:0")),
    ("a program's own 127", {"exit_status": 127}, failure("exit:127")),
    ("a signal", {"exit_status": -11}, failure("signal:SIGSEGV")),
    ("a signal is never an accepted code", {"exit_status": -1, "rules": Rules((1, 0))}, failure("signal:SIGHUP")),
    ("time was up", {"exit_status": -15, "stopped": "timeout"}, failure("timeout")),
    ("cancelled, though it left well", {"stopped": "cancelled", "posted": GOOD}, failure("cancelled")),
    ("its launcher had to leave", {"exit_status": -9, "stopped": "lost"}, failure("lost")),
    ("no results where they are required", {"rules": NEEDED}, failure("no-result", NO_RESULTS)),
    ("no results where keys are required", {"rules": Rules(required_keys=("x",))}, failure("no-result", NO_RESULTS)),
    (
        "keys are missing",
        {"posted": GOOD, "rules": KEYED},
        failure("no-result", "the results lack 'missing', 'final.x'"),
    ),
    ("damaged results", {"posted": BAD}, failure("bad-result", BAD.problem)),
    ("damage is not missing", {"posted": BAD, "rules": KEYED}, failure("bad-result", BAD.problem)),
    ("files are missing", {"missing": ["a", "b/c"]}, failure("no-result", "missing or empty: 'a', 'b/c'")),
    ("the exit code before damage", {"exit_status": 2, "posted": BAD}, failure("exit:2")),
    ("the exit code before missing results", {"exit_status": 2, "rules": NEEDED}, failure("exit:2")),
    ("the stop before the exit code", {"exit_status": 3, "stopped": "timeout", "posted": BAD}, failure("timeout")),
    ("damage before missing files", {"posted": BAD, "missing": ["a"]}, failure("bad-result", BAD.problem)),
    ("a rule is not met", {"posted": GOOD, "extracted": UNMET}, UNMET),
    ("the exit code before rules", {"exit_status": 2, "extracted": UNMET}, failure("exit:2")),
    ("damage before rules", {"posted": BAD, "extracted": UNMET}, failure("bad-result", BAD.problem)),
    ("rules before results", {"rules": NEEDED, "extracted": UNMET}, UNMET),
    ("the stop before rules", {"stopped": "timeout", "extracted": UNMET}, failure("timeout")),
    ("memory ran out", {"exit_status": -9, "out_of_memory": True}, failure("out-of-memory", OUT_OF_MEMORY)),
    (
        "memory ran out below a shell",
        {"exit_status": 137, "out_of_memory": True},
        failure("out-of-memory", OUT_OF_MEMORY),
    ),
    ("killed by somebody", {"exit_status": -9}, failure("signal:SIGKILL")),
    (
        "time was up when memory ran out",
        {"exit_status": -9, "stopped": "timeout", "out_of_memory": True},
        failure("timeout"),
    ),
    ("results before files", {"rules": NEEDED, "missing": ["a"]}, failure("no-result", NO_RESULTS)),
]


@pytest.mark.parametrize(("given", "outcome"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_verdict(given: dict[str, Any], outcome: Outcome) -> None:
    asked = {"exit_status": 0, "stopped": None, "posted": NOTHING, "missing": [], "rules": Rules()} | given
    more = {name: asked[name] for name in ("extracted", "out_of_memory") if name in asked}
    found = judge(asked["exit_status"], asked["stopped"], asked["posted"], asked["missing"], asked["rules"], **more)
    assert found == outcome
    assert found.success is (found.reason is None)


@pytest.mark.parametrize("status", [0, 1, 126, 127, 255])
def test_exit_codes_are_reasons(status: int) -> None:
    assert reason_of_exit(status) == f"exit:{status}"


@pytest.mark.parametrize(
    ("signum", "name"),
    [(signal.SIGKILL, "SIGKILL"), (signal.SIGABRT, "SIGABRT"), (34, "SIGRTMIN"), (40, "40"), (33, "33"), (200, "200")],
)
def test_signals_are_named_where_they_have_a_name(signum: int, name: str) -> None:
    assert signal_name(signum) == name
    assert reason_of_exit(-signum) == f"signal:{name}"


def test_the_list_of_reasons_is_closed() -> None:
    def kind(reason: str) -> str:
        head, colon, _ = reason.partition(":")
        return head + colon

    assert {kind(outcome.reason) for _, _, outcome in CASES if outcome.reason} <= {kind(reason) for reason in REASONS}
    assert len(set(REASONS)) == len(REASONS)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("exit:1", "exit code 1"),
        ("exit:126", "exit code 126 (as shells say: a command could not be executed)"),
        ("exit:127", "exit code 127 (as shells say: a command was not found)"),
        ("exit:128", "exit code 128"),
        ("exit:137", "exit code 137 (as shells say: stopped by SIGKILL; killed by hand, or because memory ran out)"),
        ("exit:139", "exit code 139 (as shells say: stopped by SIGSEGV; access to memory that is not its own)"),
        (
            "exit:134",
            "exit code 134 (as shells say: stopped by SIGABRT; it gave up by itself: a failed assertion or check)",
        ),
        ("exit:143", "exit code 143 (as shells say: stopped by SIGTERM; asked to end)"),
        ("exit:156", "exit code 156 (as shells say: stopped by SIGWINCH)"),
        ("exit:161", "exit code 161"),
        ("exit:192", "exit code 192"),
        ("exit:255", "exit code 255"),
        ("signal:SIGFPE", "stopped by SIGFPE (floating-point error)"),
        ("signal:SIGKILL", "stopped by SIGKILL (killed by hand, or because memory ran out)"),
        ("signal:SIGWINCH", "stopped by SIGWINCH"),
        ("signal:40", "stopped by signal 40"),
        ("rule:final.energy: a", "its result 'final.energy: a' is not within its limits"),
        ("out-of-memory", "ended by the system because memory ran out"),
        ("output-limit-of-tomorrow", "output-limit-of-tomorrow"),
    ],
)
def test_reasons_in_words(reason: str, sentence: str) -> None:
    assert in_words(reason) == sentence


def test_every_reason_has_words() -> None:
    for reason in REASONS:
        example = reason.replace("N", "3", 1) if reason == "exit:N" else reason.replace("NAME", "SIGSEGV")
        assert in_words(example) != example or reason == "cancelled"
        assert " " in in_words(example) or in_words(example) == "cancelled", example


@pytest.mark.parametrize(
    ("status", "killed"), [(-9, True), (137, True), (0, False), (9, False), (-15, False), (1, False)]
)
def test_who_was_killed(status: int, killed: bool) -> None:
    assert was_killed(status, None) is killed
    assert not was_killed(status, "cancelled")


def test_which_ends_are_accepted() -> None:
    assert [is_accepted(status, None, Rules((0, 10))) for status in (0, 10, 1, -10)] == [True, True, False, False]
    assert not is_accepted(0, "timeout", Rules())
