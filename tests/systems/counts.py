"""What became of the ordinary tests on the simulated systems: counts by folder, and the tables of docs/systems.md.

`counts.json` holds those of the last run of each folder; `python -m tests.systems --write` replaces those that it ran.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("counts.json")
PAGE = Path(__file__).parents[2] / "docs" / "systems.md"
_TABLES = re.compile(r"(<!-- counts -->\n).*?(<!-- end of counts -->)", re.DOTALL)


@dataclass
class FolderCounts:
    """What became of the tests of a folder on one system.

    Attributes:
        passed: How many passed.
        failed: How many failed.
        exceptions: How many make sense there and cannot pass in the simulation, by reason.
        skipped: How many make no sense there, by reason.
    """

    passed: int = 0
    failed: int = 0
    exceptions: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> FolderCounts:
        """Returns the counts that `to_json` has made a dict of."""
        exceptions, skipped = Counter(found["exceptions"]), Counter(found["skipped"])
        return cls(found["passed"], found["failed"], exceptions, skipped)

    def to_json(self) -> dict[str, Any]:
        """Returns the counts as JSON has them."""
        numbers = {"passed": self.passed, "failed": self.failed}
        return {**numbers, "exceptions": dict(self.exceptions), "skipped": dict(self.skipped)}

    def __add__(self, other: FolderCounts) -> FolderCounts:
        return FolderCounts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.exceptions + other.exceptions,
            self.skipped + other.skipped,
        )

    @property
    def passing_share(self) -> float:
        """Which part of the tests that make sense on the system has passed there."""
        sensible = self.passed + self.failed + self.exceptions.total()
        return self.passed / sensible if sensible else 1.0


BySystem = dict[str, dict[str, FolderCounts]]
"""For each system the counts of its folders."""


def read_counts(path: Path = RECORD) -> BySystem:
    """Returns what a file holds.

    Args:
        path: The file; by default that of the last runs.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    return {
        system: {name: FolderCounts.from_json(counts) for name, counts in folders.items()}
        for system, folders in found.items()
    }


def total(folders: Mapping[str, FolderCounts]) -> FolderCounts:
    """Returns the sum of the counts of folders."""
    return sum(folders.values(), FolderCounts())


def tables(results: BySystem) -> str:
    """Returns the counts as tables of Markdown: by system, by folder, and why tests were not run.

    Args:
        results: The counts.
    """
    lines = ["| system | passed | failed | excepted | not run | passed of those that make sense |"]
    lines.append("|---|---|---|---|---|---|")
    for system, folders in results.items():
        all_ = total(folders)
        numbers = f"{all_.passed} | {all_.failed} | {all_.exceptions.total()} | {all_.skipped.total()}"
        lines.append(f"| {system} | {numbers} | {all_.passing_share:.1%} |")
    lines += ["", f"| folder of tests | {' | '.join(f'passed on {system}, excepted, not run' for system in results)} |"]
    lines.append("|---|" + "---|" * len(results))
    for name in sorted({name for folders in results.values() for name in folders}):
        cells = [_cell(folders.get(name)) for folders in results.values()]
        lines.append(f"| `{f'tests/{name}' if name != '.' else 'tests/*.py'}` | {' | '.join(cells)} |")
    for system, folders in results.items():
        all_ = total(folders)
        for title, reasons in (
            (f"Not run on {system}, where they make no sense", all_.skipped),
            (f"Excepted on {system}: the simulation cannot show it", all_.exceptions),
        ):
            if reasons:
                lines += ["", f"{title}:", "", "| reason | tests |", "|---|---|"]
                lines += [f"| {reason} | {number} |" for reason, number in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def _cell(counts: FolderCounts | None) -> str:
    if counts is None:
        return "not run yet"
    return f"{counts.passed}, {counts.exceptions.total()}, {counts.skipped.total()}"


def write_counts(results: BySystem) -> None:
    """Puts the counts of a run into the record, and what the record holds into the page.

    Args:
        results: The counts of the folders that ran.
    """
    record = read_counts() if RECORD.exists() else {}
    for system, folders in results.items():
        record[system] = {**record.get(system, {}), **folders}
    plain = {system: {name: counts.to_json() for name, counts in folders.items()} for system, folders in record.items()}
    RECORD.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), record), encoding="utf-8")


def with_tables(text: str, record: BySystem) -> str:
    """Returns a page with the tables of a record in the place of those that it has.

    Args:
        text: The page.
        record: The counts.
    """
    systems = {system: record[system] for system in sorted(record, reverse=True)}
    return _TABLES.sub(lambda found: f"{found[1]}{tables(systems)}{found[2]}", text)
