"""Counts attempts: a test that makes thousands of them goes on after one that does not hold."""

from __future__ import annotations

from collections.abc import Callable

TRIED, HELD = "attempts tried", "attempts that hold"
"""The names under which a test's report has the two numbers."""


class Attempts:
    """The attempts of one test.

    Attributes:
        tried: How many there were.
        failed: Those that did not hold.
    """

    def __init__(self) -> None:
        self.tried = 0
        self.failed: list[object] = []

    def check(self, what: object, holds: bool) -> None:
        """Counts one attempt.

        Args:
            what: What was tried, for the report.
            holds: Whether it holds.
        """
        self.tried += 1
        if not holds:
            self.failed.append(what)

    def refused(self, what: object, call: Callable[[], object], error: type[Exception]) -> Exception | None:
        """Counts a call that has to be refused; returns its error.

        Args:
            what: What was tried, for the report.
            call: The call.
            error: What it has to raise; anything else, a result too, does not hold.
        """
        raised: Exception | None = None
        try:
            call()
        except Exception as each:  # noqa: BLE001 - any other one is what is searched for
            raised = each
        self.check(what, isinstance(raised, error))
        return raised

    def report(self, properties: list[tuple[str, object]]) -> None:
        """Adds both numbers to the properties of a test's report.

        Raises:
            AssertionError: There was no attempt, or one that does not hold.
        """
        properties += [(TRIED, self.tried), (HELD, self.tried - len(self.failed))]
        assert self.tried, "Nothing was tried."
        assert not self.failed, f"{len(self.failed)} of {self.tried} do not hold: {self.failed[:10]!r}"
