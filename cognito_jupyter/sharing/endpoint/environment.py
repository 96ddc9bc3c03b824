"""Environment variables that point AWS SDKs to the endpoint, set for a while and restored exactly.

`Share` uses it in this process, and the Dask plugin in each worker. It imports the standard library only, because it is
shipped to workers that do not have this package. It never starts or asks the endpoint.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping

FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105 - a variable's name
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
    "AWS_CREDENTIAL_FILE",
)
"""What SDKs, some of them under older names, look at before the container endpoint."""

_LOOPBACK = ("127.0.0.1", "localhost")
_NO_PROXY = ("NO_PROXY", "no_proxy")
_PROXY_URL, _PROXY_EXCLUDES = "AWS_PROXY_URL", "AWS_PROXY_EXCLUDES"


class EnvironmentOverlay:
    """Sets and removes variables, and restores them later.

    Where several overlays change the same environment, restore the last one first.

    Args:
        environ: The environment, usually os.environ.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        # For each variable the value to restore, and the value that was set last; None: it is not set.
        self._changes: dict[str, tuple[str | None, str | None]] = {}

    def __repr__(self) -> str:
        return f"<EnvironmentOverlay: {len(self._changes)} variables>"

    def set(self, name: str, value: str | None) -> None:
        """Sets a variable.

        Args:
            name: The variable.
            value: Its value; None removes it.
        """
        current = self._environ.get(name)
        if current == value:
            return
        original, last_set = self._changes.get(name, (current, current))
        self._write(name, value)
        # A value that the user has set since the last change is the one to restore.
        self._changes[name] = (original if last_set == current else current, value)

    def point_to_endpoint(self, variables: Mapping[str, str]) -> None:
        """Sets the variables of an endpoint and removes those that SDKs would prefer to it."""
        for name, value in endpoint_changes(variables).items():
            self.set(name, value)

    def replace(self, changes: Mapping[str, str | None]) -> None:
        """Restores all variables but some, and sets these.

        Args:
            changes: For each variable its value; None removes it.
        """
        for name in [name for name in self._changes if name not in changes]:
            self._restore(name)
        for name, value in changes.items():
            self.set(name, value)

    def restore(self) -> None:
        """Restores all variables, except those that were changed by other code since."""
        for name in list(self._changes):
            self._restore(name)

    def is_changed_by_others(self, name: str) -> bool:
        """Whether other code has changed a variable since it was set here."""
        return name in self._changes and self._environ.get(name) != self._changes[name][1]

    def original(self) -> dict[str, str]:
        """Returns the environment as it would be after `restore`."""
        environ = dict(self._environ)
        for name, (original, last_set) in self._changes.items():
            if environ.get(name) == last_set:
                environ.pop(name, None)
                if original is not None:
                    environ[name] = original
        return environ

    def _restore(self, name: str) -> None:
        original, last_set = self._changes.pop(name)
        if self._environ.get(name) == last_set:
            self._write(name, original)

    def _write(self, name: str, value: str | None) -> None:
        if value is None:
            self._environ.pop(name, None)
        else:
            self._environ[name] = value


def endpoint_changes(variables: Mapping[str, str]) -> dict[str, str | None]:
    """Returns all changes that make SDKs use an endpoint; None stands for a variable that is removed.

    Args:
        variables: The endpoint's variables.
    """
    return dict.fromkeys(OVERRIDING_VARIABLES, None) | dict(variables)


def region_variables(environ: Mapping[str, str], region: str) -> dict[str, str]:
    """Returns both variables of the region, because some SDKs read only the first of them and some only the second.

    Args:
        environ: The current environment.
        region: The region where the environment names none.
    """
    configured = next((environ[name] for name in REGIONS if environ.get(name)), region)
    return {name: environ.get(name) or configured for name in REGIONS}


def no_proxy_variables(environ: Mapping[str, str], platform: str = sys.platform) -> dict[str, str]:
    """Returns the variables that exempt loopback from every proxy, because a proxy would see the bearer token.

    Args:
        environ: The current environment.
        platform: The platform, as in sys.platform.

    Returns:
        The variables to set. No NO_PROXY on macOS and Windows while the environment names no proxy: there Python takes
        a lone NO_PROXY for the whole configuration and ignores the proxies of the system settings.
    """
    # The only proxy variable of object_store's own, for which it reads no other exemptions.
    excludes = {_PROXY_EXCLUDES: _with_loopback(environ.get(_PROXY_EXCLUDES, ""))} if environ.get(_PROXY_URL) else {}
    if platform in {"darwin", "win32"} and not any(map(_names_a_proxy, environ)):
        return excludes
    # Some programs read only the first of the two and some only the second, so each needs the complete list.
    if _no_proxies_are_wanted(environ):
        # Rust's reqwest exempts no address by "*", only names, so it would send the bearer token for 127.0.0.1 to the
        # proxy. No program may use these proxies, so none misses them.
        disabled = dict.fromkeys(filter(_names_a_proxy, environ), "")
        return excludes | disabled | dict.fromkeys(_NO_PROXY, "*")
    configured = next((environ[name] for name in _NO_PROXY if environ.get(name)), "")
    return excludes | {name: _with_loopback(environ.get(name) or configured) for name in _NO_PROXY}


def _no_proxies_are_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the variables exempt every host; curl and Python read "*" so only where nothing else stands beside it."""
    return {environ[name] for name in _NO_PROXY if environ.get(name)} == {"*"}


def _names_a_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy") and name.lower() != "no_proxy"


def _with_loopback(hosts: str) -> str:
    """Adds the loopback names to a comma-separated list of hosts."""
    listed = {host.strip() for host in hosts.split(",")}
    return ",".join([*([hosts] if hosts else []), *(host for host in _LOOPBACK if host not in listed)])
