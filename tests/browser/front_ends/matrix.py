"""The matrix: which cell is run in which front end with which kernel, and what came of it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from .catalogue import FRONT_ENDS, MATRIX_KERNELS

WHOLE_MATRIX = os.environ.get("FRONT_ENDS_TABLE")
"""The page that gets the table; if it is set, the whole matrix is run, which takes longer."""
OUTCOME = "outcome"
"""The name of the property of a test's report that holds its outcome."""
WAYS = {
    "login": "`%cognito_login`",
    "panel": "`%cognito_panel`",
    "widget": "`LoginPanel()`",
    "captured": "`%%capture`, `%cognito_login`",
}
FLOORS = {"login": "text", "panel": "text", "widget": "button"}
"""By way, what else is timed in the same front end and kernel: a cell that only displays a link, or ipywidgets' button.

It tells how much of the time is the front end's own.
"""
FLOOR_LINK = "http://127.0.0.1:1/oauth2/authorize?client_id=none"
"""The link that a cell without this package displays; it leads nowhere."""
ALL_KERNELS = ("lab",)
"""The front ends that are run with each kernel even if not all of the matrix is."""


@dataclass(frozen=True)
class Outcome:
    """What came of one cell.

    Attributes:
        front_end: The key of the front end.
        kernel: The kernel.
        way: The key of what was run: one of `WAYS`, or one of the values of `FLOORS`.
        seconds: From the start of the cell, or from the press of its button, to a visible link.
        idle_seconds: From the start of the cell to a button.
        says: What the cell said where it showed no link, in a few words.
        ended: Whether the login ended and S3 could be read.
    """

    front_end: str
    kernel: str
    way: str
    seconds: float | None = None
    idle_seconds: float | None = None
    says: str = ""
    ended: bool = False

    def as_text(self) -> str:
        """Returns it for the report of a test."""
        return json.dumps(asdict(self))


def outcome_from_text(text: str) -> Outcome:
    """Returns the outcome that `as_text` wrote."""
    return Outcome(**json.loads(text))


def kernels_for(front_end: str) -> tuple[str, ...]:
    """Returns the kernels with which a front end is run."""
    if WHOLE_MATRIX or front_end in ALL_KERNELS:
        return MATRIX_KERNELS
    # What differs between kernels is how widgets' messages arrive while a cell waits, which one front end shows.
    return ("newest",)


def write_table(page: Path, outcomes: list[Outcome]) -> None:
    """Writes the table into a page, between its two marks; what was not run stays as it was.

    Args:
        page: The page.
        outcomes: What the tests have reported; a failed test reports nothing.
    """
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    old, _, after = rest.partition(_END)
    floors = {(each.front_end, each.way, each.kernel): each for each in outcomes if each.way in FLOORS.values()}
    cells = _read_cells(old)
    for each in outcomes:
        if each.way in WAYS:
            floor = floors.get((each.front_end, FLOORS.get(each.way, ""), each.kernel))
            cells[each.front_end, each.way, each.kernel] = _cell(each, floor)
    page.write_text(f"{before}{_BEGIN}{_table(cells)}{_END}{after}", encoding="utf-8")


Cells = dict[tuple[str, str, str], str]
"""The text of each cell of the table, by front end, way and kernel."""


def _read_cells(table: str) -> Cells:
    front_ends = {front_end.title: key for key, front_end in FRONT_ENDS.items()}
    ways = {cell: way for way, cell in WAYS.items()}
    cells: Cells = {}
    for line in table.splitlines():
        title, _, row = line.removeprefix("| ").removesuffix(" |").partition(" | ")
        cell, *texts = row.split(" | ")
        if title in front_ends and cell in ways and len(texts) == len(MATRIX_KERNELS):
            cells |= {
                (front_ends[title], ways[cell], kernel): text
                for kernel, text in zip(MATRIX_KERNELS, texts, strict=True)
                if text != _NOT_RUN
            }
    return cells


def _table(cells: Cells) -> str:
    """Returns the table, with a line for each front end and way."""
    head = f"| front end | cell | {' | '.join(f'ipykernel {kernel}' for kernel in MATRIX_KERNELS)} |\n"
    lines = [head, f"|---|---|{'---|' * len(MATRIX_KERNELS)}\n"]
    for key, front_end in FRONT_ENDS.items():
        for way, cell in WAYS.items():
            row = [cells.get((key, way, kernel), _NOT_RUN) for kernel in MATRIX_KERNELS]
            if set(row) != {_NOT_RUN}:
                lines.append(f"| {front_end.title} | {cell} | {' | '.join(row)} |\n")
    return "".join(lines)


def _cell(outcome: Outcome, floor: Outcome | None) -> str:
    if outcome.seconds is None:
        return outcome.says
    idle = f"{outcome.idle_seconds:.1f} + " if outcome.idle_seconds is not None else ""
    own = f" ({floor.seconds:.1f})" if floor is not None and floor.seconds is not None else ""
    signed_in = "" if outcome.ended else ", **not signed in**"
    return f"{idle}{outcome.seconds:.1f} s{own}{signed_in}"


_NOT_RUN = "-"
_BEGIN = "<!-- front ends: FRONT_ENDS_TABLE=docs/notebook.md nox -s fronts -->\n"
_END = "<!-- end of front ends -->\n"
