"""Redirect URIs and Host headers, split into what a login needs of them.

The settings package validates redirect URIs; this module splits what it has accepted. It accepts what a
caller of the API passes, even if no user pool would register it: the login then goes on with a pasted URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..settings import parsers

RELAY_PATH = "/cognito-jupyter/callback"
"""Where a Jupyter server's relay receives redirects, below its base URL; each redirect URI of a relay ends with it."""


@dataclass(frozen=True)
class RedirectUri:
    """One registered redirect URI.

    Attributes:
        text: The URI exactly as it is registered and sent.
        host: The host in lower case, an IPv6 address without its brackets.
        port: The explicit port, else the scheme's default.
        path: The path; never empty, because a browser requests "/" if the URI has no path.
        loopback: Whether a plain HTTP server on this machine can receive the redirect (RFC 8252, section 7.3).
        relay: Whether it is the address of a Jupyter server's relay, on whatever machine; it is then not loopback.
    """

    text: str
    host: str
    port: int
    path: str
    loopback: bool
    relay: bool = False


def parse_redirect_uris(setting: str) -> tuple[RedirectUri, ...]:
    """Parses the setting `redirect_uri`.

    Args:
        setting: One or more URIs, separated by white space.

    Returns:
        The redirect URIs, in order.

    Raises:
        SettingError: One of them is not a redirect URI, or there is none.
    """
    uris = []
    for text in parsers.redirect_uris(setting, registrable=False).split():
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        relay = parts.path.endswith(RELAY_PATH)
        # Nothing listens at the relay's own address: the Jupyter server does, or nothing ever receives the redirect.
        loopback = parts.scheme == "http" and host in parsers.LOOPBACK_NAMES and not relay
        uris.append(RedirectUri(text, host, port, parts.path or "/", loopback, relay))
    return tuple(uris)


def parse_host_header(header: str) -> str | None:
    """Returns the host of a Host header without its port (RFC 9110, section 7.2); None if it is malformed."""
    if "@" in header or "/" in header:
        return None
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018 - reading it raises ValueError if the port is malformed
    except ValueError:
        return None
    return parts.hostname
