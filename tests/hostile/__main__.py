"""Tries everything hostile, and prints how much of it holds: `python -m tests.hostile`, from the repository's root.

With `--write` it also writes the table into docs/security.md, if all attempts hold. `--only KIND` tries one kind, and
leaves the figures of the others as they are. Other arguments go to pytest. The exit code is pytest's.
"""

from __future__ import annotations

import argparse
import sys

import pytest

from .counts import CountAttempts
from .kinds import KINDS
from .table import figures, table, write


def main() -> int:
    """Runs the tests of all kinds, prints a line for each kind, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/security.md")
    names = [kind.name for kind in KINDS]
    parser.add_argument("--only", action="append", choices=names, help="a kind to try, may be repeated; default: all")
    arguments, others = parser.parse_known_args()
    kinds = [kind for kind in KINDS if kind.name in (arguments.only or names)]
    files = sorted({prefix.partition("::")[0] for kind in kinds for prefix in kind.tests})
    counts = CountAttempts()
    code = pytest.main(["-q", "-p", f"{__package__}.selection", *others, *files], plugins=[counts])
    for kind in kinds:
        skipped = f", {counts.skipped[kind.name]} not on this machine" if counts.skipped[kind.name] else ""
        print(f"hostile: {kind.name}: {counts.held[kind.name]:,} of {counts.tried[kind.name]:,} hold{skipped}")
    print(f"hostile: all: {sum(counts.held.values()):,} of {sum(counts.tried.values()):,} hold", flush=True)
    if arguments.write and code == 0:
        write(table(figures() | {kind.name: counts.tried[kind.name] for kind in kinds}))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
