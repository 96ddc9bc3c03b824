"""What the environment says of the simulation."""

from __future__ import annotations

import os
import sys

SYSTEM = os.environ.get("SIMULATED_SYSTEM", "")
"""windows, macos, or empty."""
PLATFORMS = {"windows": "win32", "macos": "darwin"}
PACKAGES = ("cognito_jupyter", "tests")
"""The packages whose modules see the simulated system."""
NOT_SIMULATED = ("tests.systems",)
"""These see Linux."""


def is_on(effect: str) -> bool:
    """Returns whether an effect is not left out."""
    return effect not in os.environ.get("SIMULATED_WITHOUT", "").split(",")


def log(line: str) -> None:
    """Adds a line to the log, with the module and the line that did it.

    Args:
        line: What was done.
    """
    path = os.environ.get("SIMULATED_LOG")
    if not path:
        return
    frame = sys._getframe(1)
    between = ("tests.systems.shim", "subprocess")
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(between):
        frame = frame.f_back
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{line} | {frame.f_globals.get('__name__')}:{frame.f_lineno}\n")
