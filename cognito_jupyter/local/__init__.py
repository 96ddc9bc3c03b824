"""A Cognito on this machine: a strict stand-in for tests and demonstrations, and a server of its own.

It imports nothing of the rest of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Fault as Fault, Knobs as Knobs
    from .server import LocalCognito as LocalCognito

__all__ = ["Fault", "Knobs", "LocalCognito"]


def __getattr__(name: str) -> object:
    """Loads a public name at its first use: the pytest plugin is imported where nobody asks for a Cognito."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import model, server

    return getattr(server if name == "LocalCognito" else model, name)
