"""Redirect URIs and hosts, as far as a login has to tell loopback from the rest of the world."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ..errors import SettingError
from ..settings.parsers import LOOPBACK_NAMES as LOOPBACK_NAMES  # noqa: PLC0414 - the listener takes it from here


@dataclass(frozen=True)
class RedirectUri:
    """One registered redirect URI, taken apart once.

    Attributes:
        text: The URI to the character, as it is registered and sent.
        host: In lower case, an IPv6 address without its brackets.
        port: The explicit one, else the scheme's.
        path: Never empty: a browser asks for "/" where the URI has no path.
        loopback: Whether a plain HTTP listener on this machine can answer it (RFC 8252, section 7.3).
    """

    text: str
    host: str
    port: int
    path: str
    loopback: bool

    @classmethod
    def parse(cls, text: str) -> RedirectUri:
        """Raises SettingError for what no browser could be sent to."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise _not_a_redirect_uri(text) from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or parts.username is not None:
            raise _not_a_redirect_uri(text)
        return cls(
            text=text,
            host=parts.hostname,
            port=port or (443 if parts.scheme == "https" else 80),
            path=parts.path or "/",
            loopback=parts.scheme == "http" and parts.hostname in LOOPBACK_NAMES,
        )


def parse_redirect_uris(setting: str) -> tuple[RedirectUri, ...]:
    """The registered redirect URIs of a setting, in order.

    Args:
        setting: One or more URIs, separated by white space.

    Raises:
        SettingError: One of them is not a URI, or there is none.
    """
    uris = tuple(RedirectUri.parse(text) for text in setting.split())
    if not uris:
        raise SettingError(
            "The redirect URI is empty.", "Set redirect_uri to one that is registered, such as http://localhost:3000."
        )
    return uris


def parse_domain(domain: str) -> str:
    """The origin of a Cognito domain: `https://` and the host.

    Args:
        domain: "your-app.auth.us-east-1.amazoncognito.com", with or without https://; http:// for loopback alone.

    Raises:
        SettingError: It is not a domain, or plain http to another machine.
    """
    text = domain.strip().rstrip("/")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise _not_a_domain(domain) from None
    if not _is_bare_origin(parts):
        raise _not_a_domain(domain)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK_NAMES:
        raise SettingError(
            f"The Cognito domain {domain!r} is plain http, where anybody on the way could read the password.",
            "Use https; http is for a local Cognito on loopback alone.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback_url(url: str) -> bool:
    """Whether a URL leads to this machine by one of the loopback names."""
    try:
        return urlsplit(url).hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def parse_host_header(header: str) -> str | None:
    """The host that a Host header names, without its port (RFC 9110, section 7.2); None where it is malformed."""
    if "@" in header or "/" in header:
        return None
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return None
    return parts.hostname


def _is_bare_origin(parts: SplitResult) -> bool:
    plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    clean = parts.hostname is not None and not any(c.isspace() or not c.isprintable() for c in parts.netloc)
    return plain and clean and parts.scheme in {"http", "https"}


def _not_a_redirect_uri(text: str) -> SettingError:
    return SettingError(
        f"{text!r} is not a redirect URI.",
        "Write it as it is registered with the app client, such as http://localhost:3000 or https://hub.example/callback.",
    )


def _not_a_domain(domain: str) -> SettingError:
    return SettingError(
        f"{domain!r} is not a Cognito domain.",
        "Write the host alone, such as your-app.auth.us-east-1.amazoncognito.com.",
    )
