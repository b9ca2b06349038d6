"""Programs that a test holds and lets go one by one, so that nothing depends on how fast anything is."""

import os
from collections.abc import Iterable
from pathlib import Path

_PROGRAM = """
mkdir "$0/living/$1" || exit 99
ls "$0/living" | wc -l > overlap
read -r word < "$0/$1"
echo "{\\"gate\\": \\"$1\\", \\"word\\": \\"$word\\"}" > "$MULTIRUN_RESULTS"
rmdir "$0/living/$1"
"""


class Gates:
    """Named gates, all closed at first; each program waits at its own."""

    def __init__(self, folder: Path, names: Iterable[object]) -> None:
        (folder / "living").mkdir(parents=True)
        self._folder = folder
        self._ends: dict[str, int] = {}
        for name in map(str, names):
            os.mkfifo(folder / name)
            # Open for both: so neither we nor the program wait for the other to come.
            self._ends[name] = os.open(folder / name, os.O_RDWR | os.O_CLOEXEC)

    def command(self, name: str = "{gate}") -> list[str]:
        """Write into the file `overlap` how many programs live, wait at the gate, post name and word, and end."""
        return ["sh", "-c", _PROGRAM, str(self._folder), name]

    def living(self) -> set[str]:
        """The names of the programs that live now."""
        return set(os.listdir(self._folder / "living"))

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
