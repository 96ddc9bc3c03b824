"""The table of docs/security.md: `python -m tests.hostile --write` makes it from a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .kinds import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attempts: nox -s hostile -- --write -->\n", "<!-- end of attempts -->\n"
_HEAD = "| kind | what is attempted | what has to hold | holds |\n|---|---|---|---|\n"


def table(tried: Mapping[str, int]) -> str:
    """Returns the table of a run in which all attempts hold, with a line per kind and one for all.

    Args:
        tried: The number of attempts, by the name of their kind.
    """
    lines = [
        f"| {kind.name} | {kind.attempt} | {kind.verdict} | {tried[kind.name]:,} of {tried[kind.name]:,} |\n"
        for kind in KINDS
    ]
    return _HEAD + "".join(lines) + f"| all | | | {sum(tried.values()):,} of {sum(tried.values()):,} |\n"


def figures() -> dict[str, int]:
    """Returns the attempts that the page shows, by the name of their kind; all of them hold."""
    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    lines = re.findall(r"^\| ([\w ]+) \|.*\| ([\d,]+) of \2 \|$", written, re.MULTILINE)
    return {name: int(number.replace(",", "")) for name, number in lines if name != "all"}


def write(text: str) -> None:
    """Writes the table into the page.

    Args:
        text: The table.
    """
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
