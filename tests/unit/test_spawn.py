"""Starting programs, and telling apart why one cannot be started."""

import errno
import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from multirun.launcher.spawn import CannotExecuteError, explain, find_program, read_interpreter, spawn

ENV = {b"PATH": b"/usr/bin:/bin", b"COLOUR": b"r\xffd"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def run(*argv: str) -> int:
    """Start a program in the current directory and wait for its end."""
    pid = spawn(list(argv), ENV, "out", "err")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# ------------------------------------------------------------------------------------------------ start


def test_a_program_writes_to_its_files_and_reads_nothing(here: Path) -> None:
    assert run("sh", "-c", 'cat; echo "$COLOUR"; pwd >&2; exit 3') == 3
    assert (here / "out").read_bytes() == b"r\xffd\n"
    assert (here / "err").read_text() == f"{here}\n"


def test_what_an_earlier_start_wrote_is_gone_and_the_rest_is_appended(here: Path) -> None:
    (here / "out").write_text("earlier")
    assert run("sh", "-c", "echo one; (echo two); : > out; echo three") == 0
    assert (here / "out").read_text() == "three\n"


def test_a_program_leads_a_session_of_its_own(here: Path) -> None:
    assert run("sh", "-c", 'cut -d" " -f5,6 /proc/$$/stat; echo $$') == 0
    ids, pid = (here / "out").read_text().splitlines()
    assert ids == f"{pid} {pid}"
    assert int(pid) != os.getsid(0)


@pytest.fixture
def _deaf() -> Iterator[None]:
    """Ignore signals as a launcher does, and block one more."""
    before = {
        signum: signal.signal(signum, signal.SIG_IGN) for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1)
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.usefixtures("_deaf")
def test_no_signal_is_ignored_or_blocked_in_a_program(here: Path) -> None:
    assert run("grep", "-E", "Sig(Ign|Blk)", "/proc/self/status") == 0
    lines = (here / "out").read_text().split()
    assert [name for name in lines if name.startswith("Sig")] == ["SigBlk:", "SigIgn:"]
    own_signals_of_libc = 0b11 << 31
    assert {int(mask, 16) & ~own_signals_of_libc for mask in lines if not mask.startswith("Sig")} == {0}


def test_a_program_gets_three_descriptors_and_none_of_ours(here: Path) -> None:
    ours = {os.open("/dev/null", os.O_RDONLY) for _ in range(20)}
    assert run("ls", "-l", "/proc/self/fd") == 0
    for descriptor in ours:
        os.close(descriptor)
    rows = [line.split() for line in (here / "out").read_text().splitlines()[1:]]
    targets = {int(row[-3]): row[-1] for row in rows}
    assert [targets[number] for number in range(3)] == ["/dev/null", str(here / "out"), str(here / "err")]
    assert len(ours & set(targets)) <= 1  # the folder that ls reads may have got one of the numbers


def test_words_arrive_as_they_are(here: Path) -> None:
    words = ["", " ", "*", "a'b\"", "$HOME", "ü", "raw-\udcff", "-n", "\n"]
    assert run("sh", "-c", 'for w in "$@"; do printf "%s;" "$w"; done', "sh", *words) == 0
    assert (here / "out").read_bytes() == b"".join(os.fsencode(word) + b";" for word in words)


def test_a_programs_own_126_and_127_are_exit_codes(here: Path) -> None:
    assert [run("sh", "-c", f"exit {code}") for code in (126, 127)] == [126, 127]


def test_no_descriptor_is_left_behind(here: Path) -> None:
    before = os.listdir("/proc/self/fd")
    run("true")
    with pytest.raises(CannotExecuteError):
        run("./none")
    assert os.listdir("/proc/self/fd") == before


# ------------------------------------------------------------------------------------- what cannot start


def make_missing_interpreter(here: Path) -> str:
    return str(script(here / "job", "#!/none/python3 -u\nprint()\n"))


def make_no_program(here: Path) -> str:
    return str(script(here / "job", "echo hello\n"))


def make_closed_interpreter(here: Path) -> str:
    inner = script(here / "interpreter", "#!/bin/sh\n", 0o644)
    return str(script(here / "job", f"#! {inner} -x\n"))


def make_not_executable(here: Path) -> str:
    return str(script(here / "job", "#!/bin/sh\n", 0o640))


def make_folder(here: Path) -> str:
    (here / "job").mkdir()
    return str(here / "job")


def make_below_a_file(here: Path) -> str:
    script(here / "job", "")
    return str(here / "job" / "x")


def make_link_loop(here: Path) -> str:
    (here / "job").symlink_to("job")
    return str(here / "job")


def make_broken_link(here: Path) -> str:
    (here / "job").symlink_to("none")
    return str(here / "job")


CANNOT: list[tuple[Callable[[Path], str], str]] = [
    (
        lambda here: "no-such-program",
        "command not found: 'no-such-program' is in no folder of PATH",
    ),
    (lambda here: "/none/job", "command not found: there is no '/none/job'"),
    (
        lambda here: "./job",
        "command not found: there is no './job' in the run directory; give its full path or add it to input_files",
    ),
    (lambda here: "", "command not found: '' is in no folder of PATH"),
    (make_broken_link, "command not found: there is no '{here}/job'"),
    (make_missing_interpreter, "'{here}/job' cannot be executed: its interpreter '/none/python3' does not exist"),
    (
        make_closed_interpreter,
        "'{here}/job' cannot be executed: its interpreter '{here}/interpreter' is not executable",
    ),
    (make_not_executable, "'{here}/job' is not executable (-rw-r-----); make it so with chmod +x"),
    (make_folder, "'{here}/job' is a folder, not a program"),
    (
        make_no_program,
        "'{here}/job' is no program this machine can execute; a script needs a first line such as #!/bin/sh",
    ),
    (make_below_a_file, "'{here}/job/x' cannot be executed: Not a directory"),
    (make_link_loop, "'{here}/job' cannot be executed: Too many levels of symbolic links"),
]


@pytest.mark.parametrize(("make", "why"), CANNOT, ids=[why[:40] for _, why in CANNOT])
def test_what_cannot_be_executed_is_told_apart(here: Path, make: Callable[[Path], str], why: str) -> None:
    with pytest.raises(CannotExecuteError) as caught:
        run(make(here))
    assert str(caught.value).startswith(why.format(here=here))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ["x" * 200_000],
            "the command and environment for '/bin/echo' are too long for this machine; pass large values in",
        ),
        (["a\0b"], "the command cannot be passed to a program: embedded null byte"),
        (["\ud800"], "the command cannot be passed to a program: "),
    ],
    ids=["too long", "nul", "surrogate"],
)
def test_what_cannot_be_passed_is_told_apart(here: Path, words: list[str], why: str) -> None:
    with pytest.raises(CannotExecuteError) as caught:
        run("/bin/echo", *words)
    assert str(caught.value).startswith(why)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.ELOOP, "'/bin/sh' cannot be executed: Too many levels of symbolic links"),
        (errno.ENOENT, "'/bin/sh' cannot be executed: the loader it was linked for does not exist"),
        (errno.EPERM, "'/bin/sh' cannot be executed: Operation not permitted"),
    ],
)
def test_other_refusals_are_passed_on_in_words(number: int, why: str) -> None:
    assert explain("/bin/sh", OSError(number, os.strerror(number))) == why


def test_a_file_that_is_out_of_reach_is_not_executable() -> None:
    refusal = OSError(errno.EACCES, "Permission denied")
    assert explain("/none/x", refusal) == "'/none/x' is not executable (out of reach); make it so with chmod +x"


def test_a_program_that_is_being_written_is_tried_again(here: Path) -> None:
    (here / "job").write_bytes(Path("/bin/true").read_bytes())
    (here / "job").chmod(0o755)
    with (here / "job").open("ab"), pytest.raises(OSError, match="Text file busy") as caught:
        run("./job")
    assert caught.value.errno == errno.ETXTBSY
    assert run("./job") == 0


def test_what_the_machine_lacks_is_no_fault_of_the_program(here: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            spawn(["true"], ENV, "out", "err")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert run("true") == 0


# ------------------------------------------------------------------------------------------ find programs


def test_a_path_is_taken_as_it_is() -> None:
    assert [find_program(word, "/bin") for word in ("./x", "/none/x", "a/b")] == ["./x", "/none/x", "a/b"]


def test_the_first_executable_file_on_the_path_counts(here: Path) -> None:
    (here / "1" / "job").mkdir(parents=True)
    script(here / "2" / "job", "", 0o644)
    script(here / "3" / "job", "")
    script(here / "4" / "job", "")
    search = ":".join(str(here / str(number)) for number in range(5))
    assert find_program("job", search) == f"{here}/3/job"
    (here / "3" / "job").unlink()
    assert find_program("job", search) == f"{here}/4/job"


def test_only_files_that_are_not_executable_get_a_hint(here: Path) -> None:
    script(here / "bin" / "job", "", 0o644)
    with pytest.raises(CannotExecuteError, match=re.escape(f"'{here}/bin/job' is not executable; make it so with")):
        find_program("job", f"/none:{here}/bin")


@pytest.mark.parametrize("search", ["", ":/bin", "/none::"])
def test_an_empty_part_of_the_path_is_the_current_directory(here: Path, search: str) -> None:
    script(here / "job", "")
    assert find_program("job", search) == "./job"


@pytest.mark.parametrize(
    ("first", "interpreter"),
    [
        (b"#!/bin/sh\n", "/bin/sh"),
        (b"#! /usr/bin/env python3 -u\nrest", "/usr/bin/env"),
        (b"#!/bin/sh", "/bin/sh"),
        (b"#!\n", None),
        (b"#!", None),
        (b"", None),
        (b"\x7fELF", None),
        (b" #!/bin/sh\n", None),
        (b"#!/raw-\xff\n", "/raw-\udcff"),
    ],
)
def test_the_interpreter_of_a_script(tmp_path: Path, first: bytes, interpreter: str | None) -> None:
    (tmp_path / "job").write_bytes(first)
    assert read_interpreter(str(tmp_path / "job")) == interpreter


def test_no_interpreter_without_a_file(tmp_path: Path) -> None:
    assert read_interpreter(str(tmp_path / "none")) is None
    assert read_interpreter(str(tmp_path)) is None
