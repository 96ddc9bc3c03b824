"""The versions of what a sign-in is made of: a report is often read on another computer."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from .report import Check, note, ok

TOPIC = "versions"
_REQUIRED = ("cognito_jupyter", "boto3", "botocore", "requests", "PyJWT", "ipython")
_FRONT_END = ("ipykernel", "ipywidgets", "anywidget", "jupyterlab", "notebook", "jupyterhub", "voila")


def check_versions() -> Iterator[Check]:
    """Yields the versions of this environment's packages; a server in another environment has its own."""
    yield ok(TOPIC, f"Python {platform.python_version()} on {platform.platform(terse=True)}; {_versions(_REQUIRED)}.")
    yield note(TOPIC, f"In this environment: {_versions(_FRONT_END)}.")


def _versions(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"
