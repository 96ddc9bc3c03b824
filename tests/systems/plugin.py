"""A pytest plugin for a run on a simulated system: it marks the named exceptions, and counts what is not run."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.systems.counts import FolderCounts
from tests.systems.exceptions import EXCEPTIONS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expects the named exceptions to fail, so that one that passes is found and leaves the list."""
    exceptions = EXCEPTIONS[os.environ["SIMULATED_SYSTEM"]]
    for item in items:
        for pattern, reason in exceptions.items():
            if fnmatch(item.nodeid, pattern.replace("[", "[[]")):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def folder_of(node_id: str) -> str:
    """Returns the folder in `tests` that a test is in; "." for one that is in none.

    Args:
        node_id: The test.
    """
    parts = Path(node_id.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 else "."


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the counts, and writes those of each folder to the file that the environment names."""
    stats = terminalreporter.stats
    counts: defaultdict[str, FolderCounts] = defaultdict(FolderCounts)
    for report in stats.get("passed", []):
        counts[folder_of(report.nodeid)].passed += 1
    for report in [*stats.get("failed", []), *stats.get("error", [])]:
        counts[folder_of(report.nodeid)].failed += 1
    for report in stats.get("skipped", []):
        counts[folder_of(report.nodeid)].skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
    for report in stats.get("xfailed", []):
        counts[folder_of(report.nodeid)].exceptions[str(report.wasxfail)] += 1
    for reason, number in sorted(sum((each.skipped for each in counts.values()), Counter[str]()).items()):
        terminalreporter.write_line(f"{number:5} not run: {reason}")
    for reason, number in sorted(sum((each.exceptions for each in counts.values()), Counter[str]()).items()):
        terminalreporter.write_line(f"{number:5} excepted: {reason}")
    path = os.environ.get("SIMULATED_COUNTS")
    if path:
        Path(path).write_text(json.dumps({name: each.to_json() for name, each in counts.items()}), encoding="utf-8")
