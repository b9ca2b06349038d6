"""The directory of a run in which rules look for results."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st

from multirun.extraction.evaluation import Findings, evaluate
from multirun.extraction.parsing import parse_results

FINITE = st.floats(allow_nan=False, allow_infinity=False)


class RunDir:
    """The directory of a run, and rules that look into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, data: str | bytes, name: str = "stdout.log") -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def find(self, params: dict[str, Any] | None = None, **rules: Any) -> Findings:
        return evaluate(parse_results(rules), str(self.path), params or {}, str)

    def value(self, rule: dict[str, Any]) -> Any:
        found = self.find(x=rule)
        assert found.reason is None, found
        return found.values["x"]

    def unmet(self, rule: dict[str, Any]) -> tuple[str | None, str]:
        found = self.find(x=rule)
        return found.reason, str(found.message)
