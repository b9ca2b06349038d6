"""The states of a run as the design page shows them are those the program obeys."""

import subprocess
import sys
from pathlib import Path

from tests.contracts import state_table

DESIGN = Path(__file__).resolve().parents[2] / "docs" / "design.md"


def test_the_design_page_shows_the_states() -> None:
    text = DESIGN.read_text()
    begin, end = text.index(state_table.BEGIN), text.index(state_table.END) + len(state_table.END) + 1
    assert text[begin:end] == state_table.state_table(), "paste what python tests/contracts/state_table.py prints"


def test_the_script_prints_what_belongs_there() -> None:
    script = [sys.executable, str(Path(state_table.__file__))]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout == state_table.state_table()
