"""Tries everything hostile, and prints how much of it holds: `python -m tests.hostile`, from the repository's root.

With `--write` it also writes the table into docs/security.md. Other arguments go to pytest. The exit code is pytest's.
"""

from __future__ import annotations

import sys

import pytest

from .counts import CountAttempts
from .kinds import KINDS
from .table import table, write


def main() -> int:
    """Runs the tests of all kinds, prints a line for each kind, and returns the exit code."""
    arguments = sys.argv[1:]
    files = sorted({prefix.partition("::")[0] for kind in KINDS for prefix in kind.tests})
    counts = CountAttempts()
    options = ["-q", "-p", f"{__package__}.selection", *(each for each in arguments if each != "--write")]
    code = pytest.main([*options, *files], plugins=[counts])
    for kind in KINDS:
        skipped = f", {counts.skipped[kind.name]} not on this machine" if counts.skipped[kind.name] else ""
        print(f"hostile: {kind.name}: {counts.held[kind.name]:,} of {counts.tried[kind.name]:,} hold{skipped}")
    print(f"hostile: all: {sum(counts.held.values()):,} of {sum(counts.tried.values()):,} hold", flush=True)
    if "--write" in arguments and set(counts.tried) == {kind.name for kind in KINDS}:
        write(table(counts.tried, counts.held))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
