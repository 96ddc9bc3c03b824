"""A figure: what was measured and what it is compared with; and the table that shows figures."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Samples = tuple[float, ...]

_HEAD = ("", "here", "floor", "x floor", "reference", "reach", "")


@dataclass(frozen=True)
class Reach:
    """The limit that a figure must not exceed.

    Attributes:
        limit: The largest value.
        of: Whether the limit is for the figure itself, in its unit, or for its ratio to the floor.
    """

    limit: float
    of: Literal["figure", "ratio"] = "figure"

    def __str__(self) -> str:
        return f"<= {self.limit:g}" if self.of == "figure" else f"<= {self.limit:g} x"


@dataclass(frozen=True)
class Figure:
    """One measured figure with a sample for each round.

    Attributes:
        name: What was measured.
        unit: The unit of the samples.
        samples: The samples of this package.
        floor: The samples of the least that is possible, or of what the figure is compared with.
        floor_name: What the floor is.
        reference: The samples of the reference; None if it is not installed; empty if it has no such feature.
        reach: The limit; None if there is none.
        errors: How many calls failed in all rounds, here and in the reference.
    """

    name: str
    unit: str
    samples: Samples
    floor: Samples
    floor_name: str
    reference: Samples | None = ()
    reach: Reach | None = None
    errors: tuple[int, int] = (0, 0)

    @property
    def median(self) -> float:
        """This package's median."""
        return statistics.median(self.samples)

    @property
    def floor_median(self) -> float:
        """The floor's median."""
        return statistics.median(self.floor)

    @property
    def reference_median(self) -> float | None:
        """The reference's median; None if there is none."""
        return statistics.median(self.reference) if self.reference else None

    @property
    def ratio(self) -> float:
        """This package's median divided by the floor's."""
        return self.median / self.floor_median if self.floor_median else float("inf")

    @property
    def reached(self) -> bool | None:
        """Whether it is within its limit, without an error; None if it has no limit."""
        if self.reach is None:
            return None
        measured = self.median if self.reach.of == "figure" else self.ratio
        return measured <= self.reach.limit and not self.errors[0]


@dataclass(frozen=True)
class Group:
    """Figures that belong together.

    Attributes:
        title: The heading.
        figures: The figures.
    """

    title: str
    figures: tuple[Figure, ...]


def print_group(group: Group) -> None:
    """Prints figures in their units, with the ratio to their floor."""
    print(f"\n{group.title}\n")
    for line in lines_of(group.figures):
        print(line)


def lines_of(figures: Sequence[Figure]) -> list[str]:
    """Returns the lines of the table, with columns as wide as their longest cell."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = []
    for row in rows:
        name, *numbers, last = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([row[0].ljust(len(name)), *numbers, row[-1] or last.strip()]).rstrip())
    return lines


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        _with_errors(number(figure.median, figure.unit), figure.errors[0]),
        number(figure.floor_median, figure.unit),
        f"{figure.ratio:.2f}",
        _with_errors(_reference(figure), figure.errors[1]),
        str(figure.reach or ""),
        {True: "reached", False: "MISSED", None: ""}[figure.reached] + f"  (floor: {figure.floor_name})",
    )


def _reference(figure: Figure) -> str:
    if figure.reference is None:
        return "not installed"
    median = figure.reference_median
    return number(median, figure.unit) if median is not None else "-"


def _with_errors(text: str, errors: int) -> str:
    return f"{text}, {errors} errors" if errors else text


def number(value: float, unit: str) -> str:
    """Formats a value with its significant digits.

    Args:
        value: The value.
        unit: Its unit.
    """
    digits = 0 if value == int(value) else 3 if value < 1 else 2 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"
