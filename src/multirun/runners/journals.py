"""The journals of a launcher's lanes, as far as they were read, and the short names of the sweeps they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multirun.journal import JournalTail

if TYPE_CHECKING:
    from multirun.rundir import SweepPaths


class LaneJournals:
    """What a launcher and the orchestrator call their sweeps, and where the reader of each journal stands."""

    def __init__(self, launcher_id: str) -> None:
        """Know no sweep yet.

        Args:
            launcher_id: text that tells the launcher apart from others.
        """
        self._launcher_id = launcher_id
        self._next_key = 0
        self._keys: dict[str, int] = {}
        self._paths: dict[int, SweepPaths] = {}
        self._tails: dict[int, dict[int, JournalTail]] = {}

    def __contains__(self, key: int) -> bool:
        """Whether a sweep is known by this number."""
        return key in self._paths

    def key(self, paths: SweepPaths) -> int:
        """The number of a sweep; a new one if it has none."""
        if paths.root not in self._keys:
            self._keys[paths.root] = self._next_key
            self._paths[self._next_key] = paths
            self._tails[self._next_key] = {}
            self._next_key += 1
        return self._keys[paths.root]

    def root(self, key: int) -> str:
        """The directory of a sweep."""
        return self._paths[key].root

    def tail(self, key: int, lane: int) -> JournalTail:
        """The reader of the journal that a lane keeps in a sweep."""
        tails = self._tails[key]
        if lane not in tails:
            paths = self._paths[key]
            tails[lane] = JournalTail(paths.journal(paths.lane(self._launcher_id, lane)))
        return tails[lane]

    def forget(self, root: str) -> int | None:
        """Let go of a sweep; return the number that it had."""
        key = self._keys.pop(root, None)
        if key is not None:
            del self._paths[key], self._tails[key]
        return key
