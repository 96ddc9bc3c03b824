"""The tests that make sense on a system, and that the simulation of it cannot run: each with its reason."""

from __future__ import annotations

EXCEPTIONS: dict[str, dict[str, str]] = {"windows": {}, "macos": {}}
"""For each system the ids of tests, in which * stands for anything, and why they fail there."""
