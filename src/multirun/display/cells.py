"""How wide lines are on a terminal, and how they are cut."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from multirun.styled import Line, Piece


def cells(line: Line) -> int:
    """How many cells a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def cut_text(text: str, width: int, ellipsis: str) -> str:
    """A text that takes at most so many cells.

    Args:
        text: the text.
        width: the cells.
        ellipsis: what stands for the rest of it if it is cut, one cell wide.
    """
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - cell_len(ellipsis)).rstrip() + ellipsis if width > 0 else ""


def cut(line: Line, width: int, ellipsis: str) -> Line:
    """A line that takes at most so many cells; see `cut_text`."""
    if cells(line) <= width:
        return line
    kept: list[Piece] = []
    room = width
    for piece in line:
        taken = cell_len(piece.text)
        if taken >= room:
            # A last piece that fits exactly is cut too, for what follows it is left out.
            kept.append(Piece(cut_text(f"{piece.text}{ellipsis}", room, ellipsis), piece.role))
            break
        kept.append(piece)
        room -= taken
    return Line(kept)


def pad(text: str, width: int) -> str:
    """A text with spaces up to a number of cells."""
    return text + " " * (width - cell_len(text))
