"""An object for pytest that counts how many attempts of each kind hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from .attempts import HELD, TRIED
from .kinds import Kind, kind_of


class CountAttempts:
    """Counts the tests of each kind. A test that makes many attempts says how many; any other one is an attempt.

    Attributes:
        tried: The attempts by the name of their kind.
        held: Those that hold.
        skipped: The tests that this machine cannot run.
    """

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._skipped: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a test at its end; pytest calls it for each of its three phases."""
        kind = kind_of(report.nodeid)
        if kind is None:
            return
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.skipped:
            self._skipped.add(report.nodeid)
            self.skipped[kind.name] += 1
        if report.when == "teardown" and report.nodeid not in self._skipped:
            self._count(kind, report)

    def _count(self, kind: Kind, report: pytest.TestReport) -> None:
        properties: dict[str, Any] = dict(report.user_properties)
        tried = int(properties.get(TRIED, 1))
        held = int(properties.get(HELD, tried))
        if report.nodeid in self._failed and held == tried:
            held -= 1
        self.tried[kind.name] += tried
        self.held[kind.name] += held
