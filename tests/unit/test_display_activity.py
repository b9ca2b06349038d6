"""What a display learns from a ledger: the oldest runs, what others take, what varies, and lines about failures."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.display.activity import Variation, name_run, observe
from multirun.display.moment import SHOWN_RUNS
from multirun.display.news import failure_news, flood_news, latest_failure
from multirun.hints import next_command, root_of, shorten, users_directory
from multirun.locales import speaks_unicode
from multirun.run import Run, RunStatus
from multirun.runners.ledger import Ledger

ROOT = "/sweeps/study"
MOVES: tuple[RunStatus, ...] = ("running", "success")


class Home:
    """Where the runs of a test would be."""

    def __init__(self, root: str = ROOT) -> None:
        self._root = root

    def directory(self, index: int) -> str:
        return f"{self._root}/runs/{index:06}"

    def load_results(self, run: Run) -> Any:
        raise AssertionError("no display needs results")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of ledgers says, to be changed by the test."""
    now = [1000.0]
    monkeypatch.setattr("multirun.runners.ledger.monotonic", lambda: now[0])
    return now


def make_ledger(*params: dict[str, Any]) -> Ledger:
    ledger = Ledger()
    ledger.begin(ROOT)
    home = Home()
    for index, each in enumerate(params):
        ledger.enroll(Run(index, each, home))
    ledger.close_plan()
    return ledger


def move_all(ledger: Ledger, runs: list[Run]) -> None:
    for status in MOVES:
        for run in runs:
            ledger.move(run, status)


def succeed(ledger: Ledger, run: Run, duration_s: float) -> None:
    ledger.move(run, "running")
    run.duration_s = duration_s
    ledger.move(run, "success")


# ------------------------------------------------------------------------------------------- the ledger


def test_the_oldest_runs_are_those_that_started_first_and_still_run(now: list[float]) -> None:
    ledger = make_ledger(*[{"x": x} for x in range(6)])
    for run in reversed(ledger.runs):
        ledger.move(run, "running")
        now[0] += 1
    ledger.move(ledger.runs[4], "failure")
    assert [(run.index, since_s) for run, since_s in ledger.oldest(3)] == [(5, 1000.0), (3, 1002.0), (2, 1003.0)]
    for run in ledger.runs:
        if run.status == "running":
            ledger.move(run, "success")
    assert ledger.oldest(3) == []


def test_what_others_take_is_the_median_of_the_latest_successes() -> None:
    ledger = make_ledger(*[{"x": x} for x in range(300)])
    runs = iter(ledger.runs)
    for duration_s in (1.0, 1.0, 2.0, 50.0):
        succeed(ledger, next(runs), duration_s)
    failed = next(runs)
    ledger.move(failed, "running")
    failed.duration_s = 0.01
    ledger.move(failed, "failure")
    assert ledger.typical_s() is None
    succeed(ledger, next(runs), 3.0)
    assert ledger.typical_s() == 2.0
    for run in runs:
        succeed(ledger, run, 7.0)
    assert ledger.typical_s() == 7.0
    ledger.end(ROOT)
    ledger.begin("/sweeps/other")
    assert ledger.typical_s() is None


def test_the_oldest_runs_may_be_asked_for_while_another_thread_moves_them() -> None:
    ledger = make_ledger(*[{"x": x} for x in range(3000)])

    def ask() -> int:
        most = 0
        while ledger.runs[-1].status != "success":
            most = max(most, len(ledger.oldest(4)))
        return most

    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask)
        for first in range(0, 3000, 100):
            move_all(ledger, ledger.runs[first : first + 100])
        assert asked.result() <= 4


# ------------------------------------------------------------------------------------------ what varies


def test_only_what_varies_is_shown(now: list[float]) -> None:
    ledger = make_ledger(*[{"model": "bsim4", "vdd": x / 10, "n": 7} for x in range(10)])
    for run in ledger.runs[:6]:
        ledger.move(run, "running")
        now[0] += 1
    active = observe(ledger, Variation(), [ROOT], now[0])
    assert len(active) == SHOWN_RUNS
    assert [(each.name, each.params, each.elapsed_s) for each in active[:2]] == [
        ("run 0", "vdd=0.0", 6.0),
        ("run 1", "vdd=0.1", 5.0),
    ]


def test_young_runs_are_not_shown(now: list[float]) -> None:
    ledger = make_ledger({"x": 1}, {"x": 2})
    ledger.move(ledger.runs[0], "running")
    now[0] += 0.9
    assert observe(ledger, Variation(), [ROOT], now[0]) == ()
    assert len(observe(ledger, Variation(), [ROOT], now[0] + 0.2)) == 1


def test_a_run_that_takes_much_longer_is_compared_with_the_others(now: list[float]) -> None:
    ledger = make_ledger(*[{"x": x} for x in range(10)])
    ledger.move(ledger.runs[9], "running")
    for run in ledger.runs[:5]:
        succeed(ledger, run, 2.6)
    (active,) = observe(ledger, Variation(), [ROOT], now[0] + 7)
    assert active.others_s is None
    (active,) = observe(ledger, Variation(), [ROOT], now[0] + 8)
    assert active.others_s == 2.6


def test_all_parameters_are_shown_if_none_varies() -> None:
    variation = Variation()
    variation.sample(make_ledger({"x": 1, "y": 2}).runs)
    assert variation.select({"x": 1, "y": 2}) == {"x": 1, "y": 2}


@given(st.integers(41, 3000), st.integers(1, 40))
def test_a_parameter_that_changes_only_once_is_found(count: int, sampled_from_the_end: int) -> None:
    """An outer loop: the first of its values takes nearly all of the runs, or nearly none."""
    variation = Variation()
    turn = count - sampled_from_the_end * count // 41
    variation.sample([Run(index, {"outer": index >= turn, "same": 1}, Home()) for index in range(count)])
    assert variation.varied == {"outer"}


def test_values_that_only_look_alike_vary() -> None:
    variation = Variation()
    same = {"nan": float("nan"), "list": [1, 2], "text": "a"}
    for params in ({"x": 1, **same}, {"x": True, **same}, {"x": 1, "more": None, **same}):
        variation.note(params)
    assert variation.varied == {"x", "more"}


class Unequal:
    """A value that cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of this is ambiguous")

    __hash__ = None  # type: ignore[assignment]


def test_values_that_cannot_be_compared_vary() -> None:
    variation = Variation()
    variation.note({"x": Unequal()})
    variation.note({"x": Unequal()})
    assert variation.varied == {"x"}


def test_the_cost_does_not_depend_on_the_number_of_runs() -> None:
    class Counted(list[Run]):
        looks = 0

        def __getitem__(self, place: Any) -> Any:
            Counted.looks += 1
            return super().__getitem__(place)

        def __iter__(self) -> Any:
            raise AssertionError("somebody looks at all runs")

    ledger = make_ledger(*[{"x": x} for x in range(5000)])
    ledger.runs = Counted(ledger.runs)
    variation = Variation()
    for _ in range(10):
        observe(ledger, variation, [ROOT], 2000.0)
    assert Counted.looks <= 50


def test_runs_of_several_sweeps_are_told_apart() -> None:
    run = Run(7, {}, Home("/sweeps/second"))
    assert name_run(run, ["/sweeps/second"]) == "run 7"
    assert name_run(run, ["/sweeps/first", "/sweeps/second"]) == "run 7 of second"


# ---------------------------------------------------------------------------------------------- news


def make_failure(**params: Any) -> Run:
    run = Run(17, params, Home())
    run.reason, run.message = "exit:1", None
    return run


def test_news_of_a_failure_end_with_the_command_that_shows_more() -> None:
    line, more = failure_news(make_failure(vdd=0.4), {"vdd": 0.4}, [ROOT], "/sweeps")
    assert line.plain == "run 17 (vdd=0.4) failed: exit code 1"
    assert more is not None
    assert more.plain == "more: multirun show study 17"
    _, more = failure_news(make_failure(), {}, ["/elsewhere"], "/sweeps")
    assert more is not None
    assert more.plain == "see /sweeps/study/runs/000017/stderr.log"


def test_nothing_in_news_gives_orders_to_a_terminal() -> None:
    run = make_failure(**{"a\x1b[2J": "\n"})
    run.message = "x\x1b]0;y\x07"
    line, more = failure_news(run, run.params, ["/sweeps/study"], "")
    assert line.plain.isprintable()
    assert more is not None
    assert more.plain.isprintable()
    assert latest_failure(run, "run 17", run.params).isprintable()
    flood = flood_news(["/sweeps/my\x1b[2J own"], "")
    assert flood.more is not None
    assert flood.more.plain.isprintable()


# --------------------------------------------------------------------------------------------- hints


@pytest.mark.parametrize(
    ("path", "here", "shown"),
    [
        ("/home/u/study", "/home/u", "study"),
        ("/home/u/study", "/home/u/", "study"),
        ("/home/user/study", "/home/u", "/home/user/study"),
        ("/home/u", "/home/u", "/home/u"),
        ("/study", "/", "study"),
        ("/home/u/study", "", "/home/u/study"),
    ],
)
def test_paths_are_as_short_as_the_users_directory_allows(path: str, here: str, shown: str) -> None:
    assert shorten(path, here) == shown


def test_commands_can_be_pasted_into_a_shell() -> None:
    assert next_command("show", "/home/u/my study", "17", here="/home/u") == "multirun show 'my study' 17"
    assert next_command("status", "/home/u/study") == "multirun status /home/u/study"
    assert next_command("show", "/home/u/-x", "17", here="/home/u") == "multirun show ./-x 17"


def test_the_users_directory_is_that_of_the_shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert users_directory() == str(tmp_path / "real")
    monkeypatch.delenv("PWD")
    assert users_directory() == str(tmp_path)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert users_directory() == ""


def test_the_innermost_sweep_holds_a_path() -> None:
    assert root_of("/a/b/runs/1", ["/a", "/a/b", "/a/bb"]) == "/a/b"
    assert root_of("/c", ["/a"]) is None


# -------------------------------------------------------------------------------------------- locales


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "de_AT.UTF-8"}, True),
        ({"LANG": "POSIX", "LC_ALL": ""}, False),
        ({"LANG": "C", "PYTHONUTF8": "1"}, True),
        ({"LANG": "C", "PYTHONIOENCODING": "utf-8"}, True),
    ],
)
def test_the_users_locale_says_what_a_terminal_can_show(environment: dict[str, str], unicode: bool) -> None:
    assert speaks_unicode(environment) is unicode
