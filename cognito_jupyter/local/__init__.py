"""A strict stand-in for Amazon Cognito on this machine, for tests and demonstrations.

It is a server of its own and imports nothing of the rest of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import AppClient as AppClient, Fault as Fault, Group as Group, Knobs as Knobs, User as User
    from .server import LocalCognito as LocalCognito

__all__ = ["AppClient", "Fault", "Group", "Knobs", "LocalCognito", "User"]
_MISSING = 'LocalCognito needs the package {}, which is not installed. Run: pip install "cognito_jupyter[local]"'


def __getattr__(name: str) -> object:
    """Loads a public name at its first use, since pytest imports the plugin in this package in every project."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import model

    if name != "LocalCognito":
        return getattr(model, name)
    try:
        from . import server
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(_MISSING.format(missing.name), name=missing.name) from None
    return server.LocalCognito
