"""A strict stand-in for Amazon Cognito on this machine, for tests and demonstrations.

It is a server of its own and imports nothing of the rest of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Fault as Fault, Knobs as Knobs
    from .server import LocalCognito as LocalCognito

__all__ = ["Fault", "Knobs", "LocalCognito"]


def __getattr__(name: str) -> object:
    """Loads a public name at its first use, since pytest imports the plugin in this package in every project."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import model, server

    return getattr(server if name == "LocalCognito" else model, name)
