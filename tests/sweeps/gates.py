"""Programs that a test holds and lets go one by one, so that nothing depends on how fast anything is."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from multirun.processes import start_tick

_PROGRAM = """
mkdir "$0/living/$1" || exit 99
ls "$0/living" | wc -l > overlap
echo $$ > "$0/waiting/$1"
read -r word < "$0/$1"
echo "{\\"gate\\": \\"$1\\", \\"word\\": \\"$word\\"}" > "$MULTIRUN_RESULTS"
rm "$0/waiting/$1"
rmdir "$0/living/$1"
"""


class Gates:
    """Named gates, all closed at first; each program waits at its own."""

    def __init__(self, folder: Path, names: Iterable[object]) -> None:
        (folder / "living").mkdir(parents=True)
        (folder / "waiting").mkdir()
        self._folder = folder
        self._ends: dict[str, int] = {}
        for name in map(str, names):
            os.mkfifo(folder / name)
            # Open for both: so neither we nor the program wait for the other to come.
            self._ends[name] = os.open(folder / name, os.O_RDWR | os.O_CLOEXEC)

    def command(self, name: str = "{gate}") -> list[str]:
        """Write into the file `overlap` how many programs live, wait at the gate, post name and word, and end."""
        return ["sh", "-c", _PROGRAM, str(self._folder), name]

    def waiting(self) -> set[str]:
        """The names of the programs that wait at their gates now."""
        return {path.name for path in (self._folder / "waiting").iterdir() if _is_alive(path)}

    def open(self, *names: object, word: str = "go") -> None:
        """Let programs go, also those that come later."""
        for name in map(str, names):
            os.write(self._ends[name], f"{word}\n".encode())

    def open_all(self) -> None:
        """Let every program go."""
        self.open(*self._ends)

    def close(self) -> None:
        """Give the descriptors back."""
        for end in self._ends.values():
            os.close(end)
        self._ends.clear()


def _is_alive(file: Path) -> bool:
    """Whether the process lives that wrote its number into a file; it may be writing, or removing the file, now."""
    with suppress(FileNotFoundError):
        number = file.read_text().strip()
        return bool(number) and start_tick(int(number)) is not None
    return False
