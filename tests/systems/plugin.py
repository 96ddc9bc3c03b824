"""A pytest plugin for a run on a simulated system: it marks the named exceptions, and counts what is not run."""

from __future__ import annotations

import json
import os
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.systems.exceptions import EXCEPTIONS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expects the named exceptions to fail, so that one that passes is found and leaves the list."""
    exceptions = EXCEPTIONS[os.environ["SIMULATED_SYSTEM"]]
    for item in items:
        for pattern, reason in exceptions.items():
            if fnmatch(item.nodeid, pattern.replace("[", "[[]")):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the counts, and writes them to the file that the environment names."""
    stats = terminalreporter.stats
    skipped = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in stats.get("skipped", []))
    exceptions = Counter(str(report.wasxfail) for report in stats.get("xfailed", []))
    counts = {
        "passed": len(stats.get("passed", [])),
        "failed": len(stats.get("failed", [])) + len(stats.get("error", [])),
        "exceptions": dict(exceptions),
        "skipped": dict(skipped),
    }
    for reason, number in sorted(skipped.items()):
        terminalreporter.write_line(f"{number:5} not run: {reason}")
    for reason, number in sorted(exceptions.items()):
        terminalreporter.write_line(f"{number:5} excepted: {reason}")
    path = os.environ.get("SIMULATED_COUNTS")
    if path:
        Path(path).write_text(json.dumps(counts), encoding="utf-8")
