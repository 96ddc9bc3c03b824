"""The environment of this process, changed for a while and put back exactly."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105 - likewise
CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

OVERRIDING_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
"""What SDKs, some of them by older names, look at before the container endpoint."""

_LOOPBACK = ("127.0.0.1", "localhost")
_NO_PROXY = ("NO_PROXY", "no_proxy")


@dataclass(frozen=True, repr=False)
class _Change:
    """One variable: before, and as set by us; None: not there."""

    original: str | None
    value: str | None


class EnvironmentOverlay:
    """Variables set and taken away, until they are put back.

    Where several change the same environment, the last one is to be put back first.

    Args:
        environ: Usually os.environ.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._changes: dict[str, _Change] = {}

    def __repr__(self) -> str:
        return f"<ChangedEnvironment: {len(self._changes)} variables>"

    def set(self, name: str, value: str | None) -> None:
        """Sets a variable; None takes it away."""
        current = self._environ.get(name)
        if current == value:
            return
        known = self._changes.get(name)
        # What a person has set since our last change is what will be put back.
        before = known.original if known is not None and known.value == current else current
        self._write(name, value)
        self._changes[name] = _Change(before, value)

    def restore(self) -> None:
        """Puts everything back; what somebody else has changed meanwhile stays as it is."""
        changes, self._changes = self._changes, {}
        for name, change in changes.items():
            if self._environ.get(name) == change.value:
                self._write(name, change.original)

    def _write(self, name: str, value: str | None) -> None:
        if value is None:
            self._environ.pop(name, None)
        else:
            self._environ[name] = value


def endpoint_variables(
    url: str, token: str, token_file: str, region: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """The variables that lead the AWS SDKs to an endpoint.

    Args:
        url: Of the endpoint, the path with it.
        token: What it wants to be shown.
        token_file: A file with the same: some SDKs know only the one, and some only the other.
        region: For an environment that names none.
        environ: The environment as it is.
    """
    variables = {FULL_URI: url, TOKEN: token, TOKEN_FILE: token_file}
    if not any(environ.get(name) for name in REGIONS):
        variables |= dict.fromkeys(REGIONS, region)
    return variables | no_proxy_variables(environ)


def no_proxy_variables(environ: Mapping[str, str], platform: str = sys.platform) -> dict[str, str]:
    """The variables that keep requests to this machine away from any proxy, which would see the bearer token.

    Args:
        environ: The environment as it is.
        platform: As sys.platform.

    Returns:
        What to set; nothing on macOS and Windows while no proxy is set in the environment: there Python takes a lone
        NO_PROXY for all there is, and forgets the proxies of the system's settings.
    """
    proxies = any(name.lower().endswith("_proxy") and name.lower() != "no_proxy" for name in environ)
    if platform in {"darwin", "win32"} and not proxies:
        return {}
    # Some read the one first and some the other, so that each must say all of it.
    configured = next((environ[name] for name in _NO_PROXY if environ.get(name)), "")
    return {name: _with_loopback(environ.get(name) or configured) for name in _NO_PROXY}


def _with_loopback(hosts: str) -> str:
    listed = {host.strip() for host in hosts.split(",")}
    if "*" in listed:
        return hosts
    return ",".join([*([hosts] if hosts else []), *(host for host in _LOOPBACK if host not in listed)])
