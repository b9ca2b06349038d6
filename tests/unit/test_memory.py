"""Whether memory ran out: what control groups say about it."""

from pathlib import Path

import pytest

from multirun.launcher.memory import MemoryWatch, counter_files, parse_count

EVENTS = "low 0\nhigh 0\nmax 17\noom 2\noom_kill {}\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (EVENTS.format(3), 3), (CONTROL.format(0), 0), ("oom_kill_disable 0\nunder_oom 0\n", None), ("", None),
        ("oom_kill x\n", None), ("oom_kill\n", None),
    ],
)  # fmt: skip
def test_the_counter_is_found(text: str, count: int | None) -> None:
    assert parse_count(text) == count


def test_the_files_of_both_kinds_of_groups() -> None:
    new = "/cg/user.slice/a b/memory.events", "/cg/memory.events"
    old = "/cg/memory/docker/12:3/memory.oom_control", "/cg/memory/memory.oom_control"
    assert tuple(counter_files("0::/user.slice/a b\n", "/cg")) == new
    assert tuple(counter_files("4:cpu,memory:/docker/12:3\n3:cpuset:/x\n1:name=systemd:/y\n", "/cg")) == old
    assert tuple(counter_files("4:memory:/docker/12:3\n0::/user.slice/a b\n", "/cg")) == old + new
    assert tuple(counter_files("0::/\n", "/cg")) == ("/cg/memory.events", "/cg/memory.events")
    assert tuple(counter_files("odd\n", "/cg")) == ()


def watch(root: Path, groups: str) -> MemoryWatch:
    file = root / "groups"
    file.write_text(groups)
    return MemoryWatch(str(file), str(root))


def test_only_a_rise_since_the_last_question_counts(tmp_path: Path) -> None:
    events = tmp_path / "a" / "memory.events"
    events.parent.mkdir()
    events.write_text(EVENTS.format(2))
    memory = watch(tmp_path, "0::/a\n")
    assert not memory.has_run_out()
    events.write_text(EVENTS.format(3))
    assert memory.has_run_out()
    assert not memory.has_run_out()


def test_inside_a_container_the_files_are_at_the_root(tmp_path: Path) -> None:
    events = tmp_path / "memory" / "memory.oom_control"
    events.parent.mkdir()
    events.write_text(CONTROL.format(0))
    memory = watch(tmp_path, "4:memory:/path/of/the/host\n0::/\n")
    events.write_text(CONTROL.format(1))
    assert memory.has_run_out()


def test_where_nothing_counts_nothing_is_claimed(tmp_path: Path) -> None:
    memory = watch(tmp_path, "0::/a\n")
    assert not memory.has_run_out()
    events = tmp_path / "a" / "memory.events"
    events.parent.mkdir()
    events.write_text(EVENTS.format(9))
    assert not memory.has_run_out()  # how many there were before is not known
    assert not MemoryWatch(str(tmp_path / "none"), str(tmp_path)).has_run_out()
