"""Runs every benchmark and prints a table: `python -m tests.benchmarks`."""

from __future__ import annotations

from .loading import measure_loading
from .table import print_table


def main() -> None:
    """One row for each figure."""
    print_table("What loading costs a running IPython", measure_loading())


if __name__ == "__main__":
    main()
