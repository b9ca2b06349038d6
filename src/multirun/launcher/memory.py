"""Whether the system ended processes because memory ran out: a counter of the control group we are in."""

from __future__ import annotations

from collections.abc import Iterator

_ROOT = "/sys/fs/cgroup"


class MemoryWatch:
    """Knows how often the system had to end a process of our control group when it was last asked."""

    def __init__(self, groups: str = "/proc/self/cgroup", root: str = _ROOT) -> None:
        """Begin to count.

        Args:
            groups: the file that names the control groups of this process.
            root: where control groups are mounted.
        """
        self._files = list(counter_files(_read(groups), root))
        self._count = self._look()

    def has_run_out(self) -> bool:
        """Whether memory ran out since this was last asked; False where nothing counts that."""
        before, self._count = self._count, self._look()
        return before is not None and self._count is not None and self._count > before

    def _look(self) -> int | None:
        counts = (parse_count(_read(path)) for path in self._files)
        return next((count for count in counts if count is not None), None)


def counter_files(groups: str, root: str = _ROOT) -> Iterator[str]:
    """Files that may hold the counter, the likeliest first.

    Inside a container the path of a group may be that of the host, while its files are at the root.

    Args:
        groups: content of `/proc/self/cgroup`.
        root: where control groups are mounted.
    """
    for line in groups.splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0":
            places, name = (f"{root}{path}", root), "memory.events"
        elif "memory" in controllers.split(","):
            places, name = (f"{root}/memory{path}", f"{root}/memory"), "memory.oom_control"
        else:
            continue
        yield from (f"{place.rstrip('/')}/{name}" for place in places)


def parse_count(text: str) -> int | None:
    """The number behind `oom_kill`, None if there is none."""
    for line in text.splitlines():
        word, _, number = line.partition(" ")
        if word == "oom_kill" and number.strip().isdecimal():
            return int(number)
    return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
