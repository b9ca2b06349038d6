"""Prints the table and the diagram of a run's states for docs/design.md, made from the table the program obeys."""

from collections.abc import Iterator

from multirun.run import TRANSITIONS

BEGIN, END = "<!-- states: begin -->", "<!-- states: end -->"


def state_table() -> str:
    """The Markdown that stands in docs/design.md between two comments, these included."""
    return "\n".join([BEGIN, *_table(), "", *_diagram(), END]) + "\n"


def _table() -> Iterator[str]:
    yield from ("| from | to | because |", "|---|---|---|")
    for before, changes in TRANSITIONS.items():
        for after, cause in changes.items():
            yield f"| {before} | {after} | {cause} |"


def _diagram() -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2")
    yield f"    [*] --> {next(iter(TRANSITIONS))}"
    for before, changes in TRANSITIONS.items():
        yield from (f"    {before} --> {after}" for after in changes)
    yield from (f"    {status} --> [*]" for status, changes in TRANSITIONS.items() if not changes)
    yield "```"


if __name__ == "__main__":
    print(state_table(), end="")
