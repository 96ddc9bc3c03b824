"""A user pool's public documents: its openid-configuration and its JWKS.

The authenticator fetches the keys that verify a login's tokens; the settings' resolution asks for the pool's domain.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from .._util.aws_endpoints import service_endpoint
from ..errors import SettingError, UnavailableError, VerificationError
from ..settings import parsers
from .issuer import Issuer, parse_issuer

if TYPE_CHECKING:
    from .transport import JsonResponse, Transport


def endpoint_override() -> str | None:
    """Returns the URL that the environment sets as the cognito-idp endpoint, as for every AWS client; else None.

    It has no password, even if the variable's has.

    Raises:
        SettingError: It is neither https nor loopback, so an attacker on the network could supply other keys.
    """
    return _endpoint_in_environment("COGNITO_IDENTITY_PROVIDER")


def _endpoint_in_environment(service: str) -> str | None:
    """Returns the URL that the environment sets as a service's endpoint.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    for name in (f"AWS_ENDPOINT_URL_{service}", "AWS_ENDPOINT_URL"):
        if url := os.environ.get(name):
            return parsers.aws_endpoint(url, name)
    return None


def override_notice() -> str | None:
    """Returns the sentence about endpoint overrides, which the user must see before typing a password.

    Raises:
        SettingError: The override of cognito-idp or of cognito-identity is neither https nor loopback.
    """
    user_pools, identity_pools = endpoint_override(), _endpoint_in_environment("COGNITO_IDENTITY")
    if identity_pools is None or identity_pools == user_pools:
        return f"Test setup: Cognito is at {user_pools} (AWS_ENDPOINT_URL)." if user_pools else None
    moved = [f"Cognito is at {user_pools}"] if user_pools else []
    return f"Test setup: {', and '.join([*moved, f'its identity pools are at {identity_pools}'])} (AWS_ENDPOINT_URL)."


class JwksCache:
    """The public keys of user pools, each set fetched once (RFC 7517, section 5)."""

    def __init__(self) -> None:
        # By user pool and region: both forms of an issuer have the same keys, a replica may have its own.
        self._keys: dict[tuple[str, str], list[dict[str, object]]] = {}

    def get(self, issuer: Issuer, transport: Transport, *, refresh: bool = False) -> list[dict[str, object]]:
        """Returns an issuer's keys.

        Args:
            issuer: The user pool.
            transport: Fetches the keys.
            refresh: Whether to fetch them again: Cognito may have rotated them.

        Raises:
            UnavailableError: The keys could not be fetched.
            SettingError: There is no such pool, or the endpoint override is not secure.
        """
        pool = issuer.user_pool_id, issuer.region
        if refresh or pool not in self._keys:
            keys = _fetch_document("jwks.json", issuer, transport).get("keys")
            if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
                raise UnavailableError(
                    f"The keys of user pool {issuer.user_pool_id} are malformed.", "Try again in a minute."
                )
            self._keys[pool] = cast("list[dict[str, object]]", keys)
        return self._keys[pool]


def require_replica(issuer: Issuer, transport: Transport) -> None:
    """Checks that a user pool has a replica in an issuer's region: that the region's own documents say so.

    Args:
        issuer: An issuer in another region than the pool's id names.
        transport: Fetches the document.

    Raises:
        VerificationError: The documents are another issuer's.
        UnavailableError: The documents could not be fetched.
        SettingError: The region does not know the pool.
    """
    named = parse_issuer(fetch_openid_configuration(issuer, transport).get("issuer"))
    if named is None or (named.user_pool_id, named.region) != (issuer.user_pool_id, issuer.region):
        raise VerificationError(
            f"The tokens come from {issuer.region}, where user pool {issuer.user_pool_id} has no replica.",
            "The tokens were discarded; check domain and user_pool_id, then sign in again.",
        )


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

    return domain_in(fetch_openid_configuration(Issuer(user_pool_id, region), Transport()), user_pool_id)


def fetch_openid_configuration(issuer: Issuer, transport: Transport) -> dict[str, object]:
    """Returns a user pool's openid-configuration (OpenID Connect Discovery 1.0, section 4).

    Args:
        issuer: The user pool.
        transport: Fetches the document.

    Raises:
        UnavailableError: The document could not be fetched.
        SettingError: There is no such pool, or the endpoint override is not secure.
    """
    return _fetch_document("openid-configuration", issuer, transport)


def domain_in(configuration: Mapping[str, object], user_pool_id: str) -> str:
    """Returns the Cognito domain that an openid-configuration names, as `discover_domain` does.

    Args:
        configuration: The document.
        user_pool_id: The pool whose document it is.

    Raises:
        SettingError: The pool has no domain.
    """
    authorization_endpoint = configuration.get("authorization_endpoint")
    if not isinstance(authorization_endpoint, str) or not authorization_endpoint.endswith("/oauth2/authorize"):
        raise SettingError(
            f"User pool {user_pool_id} has no domain.", "Give the pool a domain in the Cognito console, or set domain."
        )
    return parsers.domain(authorization_endpoint.removesuffix("/oauth2/authorize"))


def _fetch_document(name: str, issuer: Issuer, transport: Transport) -> dict[str, object]:
    response = _get_document(name, issuer, transport)
    if response.status in {400, 404}:
        raise SettingError(
            f"There is no user pool {issuer.user_pool_id} in {issuer.region}.",
            "Check user_pool_id and region in the Cognito console.",
        )
    if response.status != HTTPStatus.OK:
        raise UnavailableError(
            f"The documents of user pool {issuer.user_pool_id} could not be fetched (HTTP {response.status}).",
            "Try again in a minute.",
        )
    return dict(response.payload)


def _get_document(name: str, issuer: Issuer, transport: Transport) -> JsonResponse:
    from .transport import ForbiddenError

    *preferred, last = _document_urls(issuer)
    for url in preferred:
        # The host of the other form answers 403 for a pool that has not been switched to it.
        with suppress(ForbiddenError):
            return transport.get_json(f"{url}/.well-known/{name}")
    return transport.get_json(f"{last}/.well-known/{name}")


def _document_urls(issuer: Issuer) -> list[str]:
    """Returns the URLs below which an issuer's documents may be, the likeliest first.

    The public endpoint of cognito-idp has those of each pool, as botocore resolves it, with FIPS and dual stack. The
    host of an UPDATED issuer has the same documents in several regions, and answers 403 for a pool of the other type.
    No FIPS endpoint of that host is known, so it is not used where the endpoint is another than the plain one.

    Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
    """
    override = endpoint_override()
    if override:
        return [f"{override}/{issuer.user_pool_id}"]
    regional = f"{service_endpoint('cognito-idp', issuer.region)}/{issuer.user_pool_id}"
    original, updated = (replace(issuer, type=each).url for each in ("ORIGINAL", "UPDATED"))
    if regional != original:
        return [regional]
    return [updated, original] if issuer.type == "UPDATED" else [original, updated]
