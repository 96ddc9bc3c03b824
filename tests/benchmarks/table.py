"""A figure, what it is compared with, and how they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        seconds: Its median.
        floor: The median of what nothing can be faster than, or what it is compared with.
        floor_name: What that is.
    """

    name: str
    seconds: float
    floor: float
    floor_name: str


def print_table(title: str, figures: Sequence[Figure]) -> None:
    """Prints figures in milliseconds, with the ratio to their floor."""
    print(f"\n{title}\n")
    print(f"{'':44} {'ms':>9} {'floor, ms':>10} {'ratio':>7}  floor")
    for figure in figures:
        ratio = figure.seconds / figure.floor if figure.floor else float("inf")
        print(
            f"{figure.name:44} {figure.seconds * 1e3:9.2f} {figure.floor * 1e3:10.2f} {ratio:7.2f}  {figure.floor_name}"
        )
