"""Planted bugs: `python -m tests.mutants` breaks copies of the package, one bug each, and expects tests to fail.

A bug is a few words of a module and what stands there instead. The tests that are named with it must find it. Without
arguments all bugs are tried; arguments choose those whose names contain one of them. The exit status is the number
of bugs that were not found.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from multirun.processes import kill_carriers

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "multirun"
_CAUGHT = 1
"""What pytest returns if tests failed; other codes mean that they could not be executed."""


class Mutant(NamedTuple):
    """A planted bug.

    Attributes:
        name: what is wrong.
        module: the module that is changed.
        old: what stands there once.
        new: what takes its place.
        tests: what must fail.
    """

    name: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]


RESUMING = "tests/faults/test_resuming.py"
STORIES = "tests/faults/test_stories.py"
KILLS = "tests/faults/test_random_kills.py"
JOURNAL = "tests/unit/test_journal.py"
CHILD = "tests/unit/test_child_results.py"
CANCELLING = "tests/faults/test_cancelling.py"

MUTANTS = (
    Mutant(
        "journals are not sealed",
        "sessions.py",
        "        if self.session == 1:\n            return None\n",
        "        if self.session >= 1:\n            return None\n",
        (RESUMING,),
    ),
    Mutant(
        "torn bytes are sealed as if they counted",
        "replay.py",
        "return {writer: tail.offset for",
        "return {writer: os.stat(tail.path).st_size for",
        (STORIES,),
    ),
    Mutant(
        "a start without an end is taken for done",
        "resume.py",
        'return Ruling(True, f"interrupted',
        'return Ruling(False, f"interrupted',
        (RESUMING,),
    ),
    Mutant(
        "a directory with results is taken for a success",
        "resume.py",
        "    if record is None:\n        return Ruling(True,",
        "    if record is None:\n        return Ruling(False,",
        (RESUMING,),
    ),
    Mutant(
        "successes are executed again",
        "resume.py",
        'return Ruling(False, "already succeeded")',
        'return Ruling(True, "already succeeded")',
        (RESUMING,),
    ),
    Mutant(
        "lost runs are left alone",
        "resume.py",
        'return Ruling(True, f"not finished',
        'return Ruling(False, f"not finished',
        (KILLS,),
    ),
    Mutant(
        "changed inputs reset nothing",
        "continuation.py",
        "            _reset_all(journal, found.past, changed)\n",
        "            pass\n",
        (RESUMING,),
    ),
    Mutant(
        "the definition is published before the runs are reset",
        "continuation.py",
        "        if changed:\n"
        "            _reset_all(journal, found.past, changed)\n"
        "            journal.sync()  # the new definition will be on the disk at once\n",
        "        if changed:\n"
        "            write_definition(paths, _renew(paths, request, found, changed=True))\n"
        "            _reset_all(journal, found.past, changed)\n",
        (RESUMING,),
    ),
    Mutant(
        "whoever wakes up does not look whose the sweep is before the definition is published",
        "continuation.py",
        "        ownership.confirm()\n",
        "",
        ("tests/faults/test_late_owners.py",),
    ),
    Mutant(
        "a changed definition is accepted",
        "continuation.py",
        "if differences and not request.accept_changes:",
        "if False:",
        (RESUMING,),
    ),
    Mutant(
        "what is left alive is not ended",
        "continuation.py",
        "    kill_carriers(_cookies(paths, sweep_id), ENV_COOKIE)\n",
        "",
        (RESUMING,),
    ),
    Mutant(
        "programs of a copy of the sweep are ended",
        "continuation.py",
        '    return " ".join(f"{sweep_id}:{launcher}" for launcher in launchers)\n',
        '    return f"{sweep_id}:"\n',
        (RESUMING,),
    ),
    Mutant(
        "numbers of attempts are used again",
        "resume.py",
        "return max(self.replay.attempts(index), self._beyond.get(index, 0))",
        "return 0",
        (RESUMING,),
    ),
    Mutant(
        "attempts in sealed bytes are forgotten",
        "resume.py",
        "self._beyond = replay.attempts_beyond()",
        "self._beyond = {}",
        (RESUMING,),
    ),
    Mutant(
        "the directory of an earlier attempt is used again",
        "attempts.py",
        "    if left == [] or not os.path.lexists(here):\n",
        "    return\n    if left == []:\n",
        (RESUMING,),
    ),
    Mutant(
        "an earlier attempt is removed",
        "attempts.py",
        "        os.rename(here, there)\n",
        "        import shutil; shutil.rmtree(here)\n",
        (RESUMING,),
    ),
    Mutant(
        "a torn plan is appended to",
        "plan.py",
        "        if not self.torn:\n            return\n",
        "        if self.torn:\n            self.length += self.torn\n        return\n",
        (STORIES, "tests/unit/test_plan.py"),
    ),
    Mutant(
        "repetitions are not told apart",
        "plan.py",
        "        self._numbers[(whole, planned.repetition) if planned.repetition else whole] = planned.run\n",
        "        self._numbers[whole] = planned.run\n",
        ("tests/unit/test_plan.py", "tests/sweeps/test_resume.py"),
    ),
    Mutant(
        "a later failure hides a success",
        "fold.py",
        'return success, record["attempt"]',
        'return False, record["attempt"]',
        ("tests/unit/test_fold.py",),
    ),
    Mutant(
        "each checksum stands alone", "journal.py", "crc = crc32(body, previous_crc)", "crc = crc32(body)", (JOURNAL,)
    ),
    Mutant(
        "half a record stays when the disk is full",
        "files.py",
        "        os.ftruncate(descriptor, offset)\n        raise\n",
        "        raise\n",
        (JOURNAL, "tests/unit/test_files.py"),
    ),
    Mutant(
        "results are posted without fsync",
        "child.py",
        "        os.fsync(self.file.fileno())\n",
        "",
        (CHILD,),
    ),
    Mutant(
        "the name of results is not made durable",
        "child.py",
        "        folder.sync()\n        folder.remove(earlier",
        "        folder.remove(earlier",
        (CHILD,),
    ),
    Mutant(
        "results are written in place",
        "child.py",
        '        self.path = f"{self.folder}/.multirun-{os.getpid()}-{os.urandom(8).hex()}.tmp"\n'
        '        self.file = open(self.path, "xb")',
        '        self.path = f"{self.folder}/{self.name}"\n        self.file = open(self.path, "wb")',
        (CHILD, "tests/unit/test_child_kills.py"),
    ),
    Mutant(
        "the end is recorded while descendants live",
        "launcher/tree.py",
        "                self.exit_status = os.waitstatus_to_exitcode(status)\n",
        "                self.exit_status = os.waitstatus_to_exitcode(status)\n                return True\n",
        (CANCELLING,),
    ),
    Mutant(
        "the end is recorded before the results are read",
        "launcher/attempt.py",
        "        outcome = judge(*ending, posted, missing, rules,",
        "        posted = NOTHING\n        outcome = judge(*ending, posted, missing, rules,",
        (KILLS, "tests/faults/test_results.py"),
    ),
    Mutant(
        "the launcher loads pickles",
        "posted.py",
        '    return None if os.path.isfile(f"{run_dir}/{name}")',
        '    __import__("pickle").load(open(f"{run_dir}/{name}", "rb"))\n'
        '    return None if os.path.isfile(f"{run_dir}/{name}")',
        ("tests/faults/test_evil_output.py",),
    ),
    Mutant(
        "lanes outlive their orchestrator",
        "launcher/lane.py",
        'return "lost" if self._leaving else',
        "return",
        ("tests/faults/test_kills.py",),
    ),
    Mutant(
        "a lock is taken without asking who has it",
        "lock.py",
        "        os.link(private, file_of(paths, session))\n",
        "        os.replace(private, file_of(paths, session))\n",
        ("tests/faults/test_lock.py", STORIES),
    ),
    Mutant(
        "an owner is dead as soon as it is looked at",
        "lock.py",
        '        return "alive" if tick == who.get("pid_start") else "dead"\n',
        '        return "dead"\n',
        (STORIES,),
    ),
)


def plant(mutant: Mutant, folder: Path) -> Path:
    """Copy the package into a folder and put the bug into the copy; return the folder to be imported from.

    Raises:
        ValueError: the words do not stand there exactly once.
    """
    copy = folder / "multirun"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    module = copy / mutant.module
    module.write_text(mutate(mutant, module.read_text()))
    return folder


def mutate(mutant: Mutant, text: str) -> str:
    """The text of a module with the bug.

    Raises:
        ValueError: the words do not stand there exactly once.
    """
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: {mutant.module} has {text.count(mutant.old)} times: {mutant.old}")
    return text.replace(mutant.old, mutant.new)


def find(mutant: Mutant) -> str | None:
    """Execute the tests with the bug; return the name of the first that fails, None if none does."""
    with tempfile.TemporaryDirectory(prefix="multirun-mutant-") as folder:
        env = os.environ | {"PYTHONPATH": str(plant(mutant, Path(folder))), "MULTIRUN_TEST_KILLS": "30"}
        told = subprocess.run(
            [sys.executable, "-c", "import multirun; print(multirun.__file__)"],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert told.startswith(folder), told
        words = ["-x", "-q", "-p", "no:cacheprovider", "--timeout=60", *mutant.tests]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        kill_carriers(folder, "PYTHONPATH")  # a bug may leave anything alive
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode != _CAUGHT:
        return None
    return failed[0].split(" - ")[0] if failed else "a test took too long"


def main(wanted: list[str]) -> int:
    """Try the bugs and tell."""
    missed = 0
    for mutant in MUTANTS:
        if wanted and not any(word in mutant.name for word in wanted):
            continue
        began = monotonic()
        found = find(mutant)
        missed += found is None
        print(f"{mutant.name}: {found or 'NOT FOUND'} ({monotonic() - began:.0f} s)", flush=True)
    print(f"{missed} bugs were not found" if missed else "every bug was found")
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
