"""What the doctor found: one `Check` a line, and all of them as text or as JSON.

A report holds nothing secret and names no user, so that an issue can hold it.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._printable import printable

SIGN_IN = "roles"
"""The topic of what only a sign-in tells."""
_INDENT = "      "


class Verdict(enum.Enum):
    """What a check found; the value is the word in the report."""

    OK = "ok"
    NOTE = "note"
    FAIL = "FAIL"
    UNKNOWN = "?"


@dataclass(frozen=True)
class Check:
    """One line of a report.

    Attributes:
        topic: What was looked at, such as "redirect URI".
        verdict: What was found. UNKNOWN: only a sign-in tells.
        what: One sentence that says what was found.
        remedy: One sentence that says what to do; empty where nothing has to be done.
    """

    topic: str
    verdict: Verdict
    what: str
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of a set-up.

    Attributes:
        checks: The checks, in the order in which they were made.
        requests: How many requests were sent for them.
    """

    checks: tuple[Check, ...]
    requests: int = 0

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(check.verdict is Verdict.FAIL for check in self.checks)

    def to_text(self) -> str:
        """Returns the report for a terminal: a heading for each topic, a line for each check, and a conclusion."""
        lines: list[str] = []
        topic = None
        for check in self.checks:
            if check.topic != topic:
                topic = check.topic
                lines += ([""] if lines else []) + [topic]
            lines.append(f"{check.verdict.value:>4}  {printable(without_home(check.what))}")
            if check.remedy:
                lines.append(f"{_INDENT}{printable(without_home(check.remedy))}")
        return "\n".join((*lines, "", self.conclusion))

    @property
    def conclusion(self) -> str:
        """One sentence about the whole set-up."""
        failures = sum(check.verdict is Verdict.FAIL for check in self.checks)
        if failures:
            return f"{failures} of {len(self.checks)} checks failed."
        signed_in = any(check.topic == SIGN_IN for check in self.checks)
        if not signed_in and any(check.verdict is Verdict.UNKNOWN for check in self.checks):
            return "No check failed. Lines with ? are what only a sign-in tells: --sign-in makes one."
        return "No check failed."

    def to_json(self) -> dict[str, Any]:
        """Returns the report for programs: `failed`, `requests`, and each check by its attributes."""
        checks = [
            {
                "topic": check.topic,
                "verdict": check.verdict.name.lower(),
                "what": printable(without_home(check.what)),
                "remedy": printable(without_home(check.remedy)),
            }
            for check in self.checks
        ]
        return {"failed": self.failed, "requests": self.requests, "checks": checks}


def ok(topic: str, what: str) -> Check:
    """Returns a check that found everything as it should be.

    Args:
        topic: What was looked at.
        what: What was found.
    """
    return Check(topic, Verdict.OK, what)


def note(topic: str, what: str, remedy: str = "") -> Check:
    """Returns a check that found something worth knowing, which does not stand in the way of a sign-in.

    Args:
        topic: What was looked at.
        what: What was found.
        remedy: What could be done.
    """
    return Check(topic, Verdict.NOTE, what, remedy)


def fail(topic: str, what: str, remedy: str) -> Check:
    """Returns a check that found why a sign-in fails.

    Args:
        topic: What was looked at.
        what: What was found.
        remedy: What to do.
    """
    return Check(topic, Verdict.FAIL, what, remedy)


def unknown(topic: str, what: str, remedy: str = "") -> Check:
    """Returns a check whose outcome only a sign-in tells.

    Args:
        topic: What was looked at.
        what: What is not known.
        remedy: What could be done.
    """
    return Check(topic, Verdict.UNKNOWN, what, remedy)


def without_home(text: str) -> str:
    """Returns a text with the user's home folder as ~, because its path mostly holds the user's name."""
    try:
        home = str(Path.home())
    except RuntimeError:  # this user has no home
        return text
    return text.replace(home + os.sep, f"~{os.sep}") if len(home) > 1 else text
