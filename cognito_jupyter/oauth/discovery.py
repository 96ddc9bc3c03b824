"""A user pool's public documents: its openid-configuration and its JWKS.

The authenticator fetches the keys that verify a login's tokens; the settings' resolution asks for the pool's domain.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import os
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from ..errors import SettingError, UnavailableError
from ..settings import parsers

if TYPE_CHECKING:
    from .transport import Transport


def issuer(user_pool_id: str, region: str) -> str:
    """Returns the `iss` claim of a pool's tokens, which no endpoint override changes.

    Args:
        user_pool_id: The pool.
        region: The pool's region.
    """
    return f"https://cognito-idp.{region}.amazonaws.com/{user_pool_id}"


def pool_id_from_issuer(claimed_issuer: object, region: str) -> str | None:
    """Returns the user pool id in an `iss` claim; None unless it names a pool of this region.

    Args:
        claimed_issuer: The claim, not verified.
        region: The region that the pool must be in.
    """
    prefix = issuer("", region)
    if isinstance(claimed_issuer, str) and claimed_issuer.startswith(prefix):
        pool_id = claimed_issuer.removeprefix(prefix)
        with suppress(SettingError):
            # The parser strips white space, which an issuer may not have.
            if parsers.user_pool_id(pool_id) == pool_id and parsers.pool_region(pool_id) == region:
                return pool_id
    return None


def endpoint_override() -> str | None:
    """Returns the URL that the environment sets as the cognito-idp endpoint, as for every AWS client; else None.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html

    Raises:
        SettingError: It is neither https nor loopback, so an attacker on the network could supply other keys.
    """
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    for name in ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL"):
        if url := os.environ.get(name):
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in parsers.LOOPBACK_NAMES:
                raise SettingError(f"{name} is plain http to another machine.", "Use https, or unset it.")
            return url.rstrip("/")
    return None


def override_notice() -> str | None:
    """Returns the sentence about an endpoint override, which the user must see before typing a password.

    Raises:
        SettingError: The override is neither https nor loopback.
    """
    override = endpoint_override()
    return f"Test setup: Cognito is at {override} (AWS_ENDPOINT_URL)." if override else None


class JwksCache:
    """The public keys of a region's user pools, each set fetched once (RFC 7517, section 5).

    Args:
        region: The pools' region.
        transport: Fetches the keys.
    """

    def __init__(self, region: str, transport: Transport) -> None:
        self._region = region
        self._transport = transport
        self._keys: dict[str, list[dict[str, object]]] = {}

    def get(self, user_pool_id: str, *, refresh: bool = False) -> list[dict[str, object]]:
        """Returns a pool's keys.

        Args:
            user_pool_id: The pool.
            refresh: Whether to fetch them again: Cognito may have rotated them.

        Raises:
            UnavailableError: The keys could not be fetched.
            SettingError: There is no such pool, or the endpoint override is not secure.
        """
        if refresh or user_pool_id not in self._keys:
            keys = _fetch_document("jwks.json", user_pool_id, self._region, self._transport).get("keys")
            if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
                raise UnavailableError(f"The keys of user pool {user_pool_id} are malformed.", "Try again in a minute.")
            self._keys[user_pool_id] = cast("list[dict[str, object]]", keys)
        return self._keys[user_pool_id]


def discover_domain(user_pool_id: str, region: str) -> str:
    """Returns the Cognito domain that a pool's openid-configuration names.

    Args:
        user_pool_id: The pool.
        region: The pool's region.

    Returns:
        The host, such as "your-app.auth.us-east-1.amazoncognito.com"; with http:// and its port for loopback.

    Raises:
        UnavailableError: The document could not be fetched.
        SettingError: There is no such pool, or it has no domain.
    """
    from .transport import Transport

    configuration = _fetch_document("openid-configuration", user_pool_id, region, Transport())
    authorization_endpoint = configuration.get("authorization_endpoint")
    if not isinstance(authorization_endpoint, str) or not authorization_endpoint.endswith("/oauth2/authorize"):
        raise SettingError(
            f"User pool {user_pool_id} has no domain.", "Give the pool a domain in the Cognito console, or set domain."
        )
    return parsers.domain(authorization_endpoint.removesuffix("/oauth2/authorize"))


def _fetch_document(name: str, user_pool_id: str, region: str, transport: Transport) -> dict[str, object]:
    override = endpoint_override()
    pool_url = f"{override}/{user_pool_id}" if override else issuer(user_pool_id, region)
    response = transport.get_json(f"{pool_url}/.well-known/{name}")
    if response.status in {400, 404}:
        raise SettingError(
            f"There is no user pool {user_pool_id} in {region}.",
            "Check user_pool_id and region in the Cognito console.",
        )
    if response.status != HTTPStatus.OK:
        raise UnavailableError(
            f"The documents of user pool {user_pool_id} could not be fetched (HTTP {response.status}).",
            "Try again in a minute.",
        )
    return dict(response.payload)
