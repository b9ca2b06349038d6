"""Signals to a script that calls `multirun`: the first ends its runs with grace, the second kills, the third leaves."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from tests.faults.scripts import EVIL, Script, evil, menagerie
from tests.invariants import check_sweep
from tests.patience import wait_until
from tests.survivors import carriers

from multirun.contract import ENV_RUN_DIR
from multirun.processes import children_of, descendants_of

Start = Callable[..., Script]
CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: -signal.SIGINT}
"""How a script ends that does nothing about it; Python passes Ctrl-C on to whoever waits for it."""
every_signal = pytest.mark.parametrize("signum", CODES, ids=lambda signum: signal.Signals(signum).name)


def start_animals(start_script: Start, grace_s: float, programs: int = len(EVIL)) -> Script:
    """A script with one run of each evil program."""
    script = start_script(
        runs=menagerie()[:programs],
        command=evil("{program}"),
        max_parallel=programs,
        options=f"grace={grace_s}",
    )
    script.wait_ready(programs)
    return script


def check_ended(script: Script, *, by: signal.Signals, between: tuple[float, float], since: float) -> None:
    """The script ended as it should and when it should; nothing was left at that moment."""
    code = script.end()
    took = monotonic() - since
    assert code == CODES[by], script.complaint()
    state = check_sweep(script.root, within_s=0)
    assert {record["reason"] for record in state.values()} == {"cancelled"}
    assert between[0] <= took <= between[1]


@every_signal
def test_once(start_script: Start, signum: signal.Signals) -> None:
    script = start_animals(start_script, grace_s=0.8)
    sent = monotonic()
    os.killpg(script.pid, signum)  # a terminal sends Ctrl-C to the whole group
    check_ended(script, by=signum, between=(0.8, 2.8), since=sent)
    if signum == signal.SIGINT:
        assert f"they are in {script.root}" in script.complaint()
        told = f"to go on, call it again with resume=True, or type: multirun resume {script.root}"
        assert told in script.complaint()


@every_signal
def test_twice(start_script: Start, signum: signal.Signals) -> None:
    script = start_animals(start_script, grace_s=60)
    script.signal(signum)
    script.wait_journal('"cancelled"')  # the sleeper has obeyed; others need to be killed
    sent = monotonic()
    script.signal(signum)
    check_ended(script, by=signum, between=(0, 2), since=sent)


@every_signal
def test_three_times(start_script: Start, signum: signal.Signals) -> None:
    """It leaves although its launcher does not answer; the launcher ends everything as soon as it can."""
    script = start_animals(start_script, grace_s=60)
    launcher = [script.keeper(), *script.lanes()]
    for pid in launcher:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: has_left(script, signum))
        assert script.end() == 128 + signum
    finally:
        for pid in launcher:
            with suppress(ProcessLookupError):  # the sentinel continues them too
                os.kill(pid, signal.SIGCONT)
    state = check_sweep(script.root, killed=True)
    assert {record["event"] for record in state.values()} == {"ended"}


def has_left(script: Script, signum: signal.Signals) -> bool:
    """Whether it has left; if not it gets a signal, of which those that come faster than Python looks count as one."""
    if script.ended():
        return True
    script.signal(signum)
    return False


def is_signalled(pid: int, signum: int) -> bool:
    """Whether a signal waits to be taken by a process."""
    with open(f"/proc/{pid}/status") as file:
        pending = next(line.split()[1] for line in file if line.startswith("ShdPnd"))
    return bool(int(pending, 16) >> (signum - 1) & 1)


def is_halted(pid: int) -> bool:
    """Whether every thread of a process is stopped: one of them could still take a signal."""
    states = [path.read_text().rpartition(") ")[2][0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


def test_signals_of_two_kinds_are_no_impatience(start_script: Start) -> None:
    """A closing terminal sends more than one; the grace holds until one of them is repeated."""
    script = start_animals(start_script, grace_s=60)
    script.signal(signal.SIGHUP)
    script.wait_journal('"cancelled"')
    script.signal(signal.SIGTERM)
    wait_until(lambda: not is_signalled(script.pid, signal.SIGTERM))
    stubborn = EVIL.index("stubborn")
    assert works_in(script.root / "runs" / f"{stubborn:06}")
    sent = monotonic()
    script.signal(signal.SIGTERM)
    check_ended(script, by=signal.SIGTERM, between=(0, 2), since=sent)


def works_in(run: Path) -> bool:
    """Whether a process of a run is alive."""
    return bool(carriers(str(run), ENV_RUN_DIR))


def test_ignored_signal_changes_nothing(start_script: Start) -> None:
    """As under nohup."""
    script = start_script(
        runs=[{}] * 2,
        command=evil("patient"),
        before="signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    )
    script.wait_ready(2)
    script.signal(signal.SIGHUP)
    (script.root / "runs" / "go").touch()
    assert script.end() == 0, script.complaint()
    state = check_sweep(script.root)
    assert {record["status"] for record in state.values()} == {"success"}


def test_launcher_and_runs_do_not_hear_the_terminal(start_script: Start) -> None:
    """Ctrl-C reaches every process of the terminal's group; of ours that is the script alone."""
    script = start_animals(start_script, grace_s=0.5, programs=1)
    groups = {os.getpgid(pid) for pid in [script.keeper(), *script.lanes(), *children_of(script.lanes()[0])]}
    assert script.pid not in groups
    for signum in (signal.SIGINT, signal.SIGHUP):
        for pid in [script.keeper(), *script.lanes()]:
            os.kill(pid, signum)
    sent = monotonic()
    script.signal(signal.SIGTERM)
    check_ended(script, by=signal.SIGTERM, between=(0, 2.5), since=sent)


@pytest.mark.parametrize("who", ["script", "launcher", "everything"])
def test_what_is_stopped_for_a_while_goes_on(start_script: Start, who: str) -> None:
    """Ctrl-Z, a debugger, a laptop that sleeps: nothing is lost, and nothing is taken for dead."""
    script = start_script(runs=[{}] * 4, command=evil("patient"), max_parallel=2)
    script.wait_ready(2)
    stopped = {
        "script": [script.pid],
        "launcher": [*descendants_of(script.pid)[:1], script.keeper(), *script.lanes()],
        "everything": [script.pid, *descendants_of(script.pid)],
    }[who]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    (script.root / "runs" / "go").touch()
    if who != "everything":  # then the programs end while nobody looks
        wait_until(lambda: not works_in(script.ready()[0]) and not works_in(script.ready()[1]))
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    assert script.end() == 0, script.complaint()
    state = check_sweep(script.root)
    assert [record["status"] for record in state.values()] == ["success"] * 4


def test_a_signal_to_a_script_that_is_stopped_waits_for_it(start_script: Start) -> None:
    script = start_animals(start_script, grace_s=0.5)
    script.signal(signal.SIGSTOP)
    wait_until(lambda: is_halted(script.pid), what="the script is stopped")
    script.signal(signal.SIGTERM)
    assert is_signalled(script.pid, signal.SIGTERM)
    sent = monotonic()
    script.signal(signal.SIGCONT)
    check_ended(script, by=signal.SIGTERM, between=(0.5, 2.5), since=sent)


def test_signal_before_anything_runs(start_script: Start) -> None:
    """The source of the parameters is still busy when the signal comes: the sweep ends all the same."""
    script = start_script(
        runs="slow()",
        command=evil("sleeper"),
        before="""
            import os
            def slow():
                open("asked", "w").close()
                os.kill(os.getpid(), signal.SIGTERM)
                for number in range(1000):
                    yield {}
        """,
    )
    assert script.end() == 143, script.complaint()
    check_sweep(script.root, within_s=0)
