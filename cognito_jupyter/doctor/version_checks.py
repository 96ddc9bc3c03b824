"""The versions of what a sign-in is made of: a report is often read on another computer."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from ..oauth.relay.listener import Relay
from .report import Check, note, ok

TOPIC = "versions"
_REQUIRED = ("cognito_jupyter", "boto3", "botocore", "requests", "PyJWT", "ipython")
_STARTED_BY_SERVER = "JPY_SESSION_NAME"
"""A variable that a Jupyter server sets for its kernels."""
_FRONT_END = ("ipykernel", "ipywidgets", "anywidget", "jupyterlab", "notebook", "jupyterhub", "voila")


def check_versions() -> Iterator[Check]:
    """Yields the versions of this environment's packages, and of the Jupyter server's, which may be another one."""
    yield ok(TOPIC, f"Python {platform.python_version()} on {platform.platform(terse=True)}; {_versions(_REQUIRED)}.")
    yield note(TOPIC, f"In this environment: {_versions(_FRONT_END)}.")
    relay = Relay.find()
    if relay is not None and relay.versions:
        found = ", ".join(f"{name} {number}" for name, number in relay.versions.items())
        yield note(TOPIC, f"In the environment of the Jupyter server: {found}.")
    elif _STARTED_BY_SERVER in os.environ:
        yield note(
            TOPIC,
            "The versions in the environment of the Jupyter server are not known, as it does not tell them.",
            "With cognito_jupyter beside the server they are shown here: pip install --no-deps cognito_jupyter.",
        )


def _versions(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"
