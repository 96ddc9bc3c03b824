"""A user pool's public documents: its openid-configuration and its JWKS.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from ..errors import SettingError, UnavailableError
from .redirect_uri import is_loopback_url, parse_domain

if TYPE_CHECKING:
    from .transport import Transport

_POOL_ID = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+_[A-Za-z0-9]+")


def issuer(user_pool_id: str, region: str) -> str:
    """The `iss` claim of a pool's tokens, which no endpoint override changes."""
    return f"https://cognito-idp.{region}.amazonaws.com/{user_pool_id}"


def pool_id_from_issuer(claimed_issuer: object, region: str) -> str | None:
    """The user pool id that an `iss` claim names, if it is a pool of this region."""
    prefix = issuer("", region)
    if not isinstance(claimed_issuer, str) or not claimed_issuer.startswith(prefix):
        return None
    pool_id = claimed_issuer.removeprefix(prefix)
    return pool_id if _POOL_ID.fullmatch(pool_id) and pool_id.startswith(f"{region}_") else None


def endpoint_override() -> str | None:
    """Where this machine's settings move the region's cognito-idp endpoint to, as for every AWS client.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html

    Raises:
        SettingError: It is neither https nor loopback, so anybody on the way could hand us keys of their own.
    """
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    for name in ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "AWS_ENDPOINT_URL"):
        if url := os.environ.get(name):
            if urlsplit(url).scheme != "https" and not is_loopback_url(url):
                raise SettingError(f"{name} is plain http to another machine.", "Use https, or unset it.")
            return url.rstrip("/")
    return None


def override_notice() -> str | None:
    """Returns a sentence about an overridden endpoint, which a user must see before trusting it with a password."""
    override = endpoint_override()
    return f"Test setup: Cognito is at {override} (AWS_ENDPOINT_URL)." if override else None


class JwksCache:
    """The public keys of a region's user pools, each fetched once (RFC 7517, section 5).

    Args:
        region: The pools' region.
        transport: Fetches them.
    """

    def __init__(self, region: str, transport: Transport) -> None:
        self._region = region
        self._transport = transport
        self._keys: dict[str, list[dict[str, object]]] = {}

    def get(self, user_pool_id: str, *, refresh: bool = False) -> list[dict[str, object]]:
        """The pool's keys.

        Args:
            user_pool_id: Whose.
            refresh: Whether to fetch them again: Cognito may have changed them.

        Raises:
            UnavailableError: They could not be fetched.
            SettingError: There is no such pool, or the endpoint is overridden with something insecure.
        """
        if refresh or user_pool_id not in self._keys:
            self._keys[user_pool_id] = self._fetch_jwks(user_pool_id)
        return self._keys[user_pool_id]

    def _fetch_jwks(self, user_pool_id: str) -> list[dict[str, object]]:
        url = f"{_pool_url(user_pool_id, self._region)}/.well-known/jwks.json"
        keys = _fetch_document(url, user_pool_id, self._region, self._transport).get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise UnavailableError(
                f"The keys of user pool {user_pool_id} came back malformed.", "Try again in a minute."
            )
        return cast("list[dict[str, object]]", keys)


def discover_domain(user_pool_id: str, region: str) -> str:
    """The Cognito domain that a pool's openid-configuration names.

    Returns:
        The host, such as "your-app.auth.us-east-1.amazoncognito.com"; with http:// and its port for loopback.

    Raises:
        UnavailableError: The document could not be fetched.
        SettingError: There is no such pool, or it has no domain.
    """
    from .transport import Transport

    url = f"{_pool_url(user_pool_id, region)}/.well-known/openid-configuration"
    authorization_endpoint = _fetch_document(url, user_pool_id, region, Transport()).get("authorization_endpoint")
    if not isinstance(authorization_endpoint, str) or not authorization_endpoint.endswith("/oauth2/authorize"):
        raise SettingError(
            f"User pool {user_pool_id} has no domain.", "Give the pool a domain in the Cognito console, or set domain."
        )
    return parse_domain(authorization_endpoint.removesuffix("/oauth2/authorize")).removeprefix("https://")


def _pool_url(user_pool_id: str, region: str) -> str:
    override = endpoint_override()
    return f"{override}/{user_pool_id}" if override else issuer(user_pool_id, region)


def _fetch_document(url: str, user_pool_id: str, region: str, transport: Transport) -> dict[str, object]:
    response = transport.get_json(url)
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
