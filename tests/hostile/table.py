"""The table of docs/security.md: `python -m tests.hostile --write` makes it from a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .kinds import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attempts: nox -s hostile -- --write -->\n", "<!-- end of attempts -->\n"
_HEAD = "| kind | what is attempted | what has to hold | holds |\n|---|---|---|---|\n"


def table(tried: Mapping[str, int], held: Mapping[str, int]) -> str:
    """Returns the table, with a line per kind and one for all.

    Args:
        tried: The number of attempts, by the name of their kind.
        held: The number of those that hold.
    """
    lines = [
        f"| {kind.name} | {kind.attempt} | {kind.verdict} | {held[kind.name]:,} of {tried[kind.name]:,} |\n"
        for kind in KINDS
    ]
    return _HEAD + "".join(lines) + f"| all | | | {sum(held.values()):,} of {sum(tried.values()):,} |\n"


def write(text: str) -> None:
    """Writes the table into the page.

    Args:
        text: The table.
    """
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
