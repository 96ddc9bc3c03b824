"""Writes the figures, the chart and the import profiles into docs/benchmarks: `nox -s bench -- --write`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from . import imports
from .chart import write_chart
from .record import write_record
from .table import Figure, Group, number

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
FIGURES = "<!-- figures: nox -s bench -- --write -->\n", "<!-- end of figures -->\n"
IMPORTS = "<!-- imports: nox -s bench -- --write -->\n", "<!-- end of imports -->\n"
_HEAD = "| | here | floor | times the floor | reference | limit | |\n|---|---|---|---|---|---|---|\n"


def write_page(groups: Sequence[Group]) -> None:
    """Writes the record, the chart, the table of the figures and that of the imports.

    Args:
        groups: The figures of a whole run.
    """
    write_record(PAGE.with_suffix(".json"), groups)
    write_chart(PAGE.with_suffix(".svg"), groups)
    text = PAGE.read_text(encoding="utf-8")
    text = replace_between(text, FIGURES, figures_table(groups))
    PAGE.write_text(replace_between(text, IMPORTS, imports.table()), encoding="utf-8")


def replace_between(text: str, marks: tuple[str, str], content: str) -> str:
    """Returns a page with new content between two marks.

    Args:
        text: The page.
        marks: The lines before and after the content.
        content: The content.
    """
    begin, end = marks
    before, found, rest = text.partition(begin)
    if not found or end not in rest:
        raise ValueError(f"The page lacks {begin.strip()} or {end.strip()}.")
    return f"{before}{begin}{content}{end}{rest.partition(end)[2]}"


def figures_table(groups: Sequence[Group]) -> str:
    """Returns the figures as tables in Markdown, after a line that says where and when they were measured.

    Args:
        groups: The figures.
    """
    limited = [figure for group in groups for figure in group.figures if figure.reached is not None]
    reached = sum(figure.reached is True for figure in limited)
    system = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    count = f"{reached} of {len(limited)} limits are reached"
    head = f"Measured on {datetime.now(UTC):%Y-%m-%d}, {system}: {count}. Medians.\n"
    return head + "".join(f"\n**{group.title}**\n\n{_HEAD}{''.join(map(_row, group.figures))}" for group in groups)


def _row(figure: Figure) -> str:
    errors = f", {figure.errors[0]} errors" if figure.errors[0] else ""
    reference = figure.reference_median
    shown_reference = number(reference, figure.unit) if reference is not None else ""
    if figure.errors[1]:
        shown_reference += f", {figure.errors[1]} errors"
    verdict = {True: "reached", False: "**missed**", None: ""}[figure.reached]
    cells = (
        figure.name,
        number(figure.median, figure.unit) + errors,
        f"{figure.floor_name}: {number(figure.floor_median, figure.unit)}",
        f"{figure.ratio:.2f}",
        shown_reference,
        str(figure.reach or ""),
        verdict,
    )
    return f"| {' | '.join(cells)} |\n"
