"""What a file of the store holds: which sign-in it is, its tokens, and each role's current credentials.

`Store` reads and writes these files. Nothing here touches the disk, and nothing that is parsed reaches an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from typing import cast

from ..._util.closing import NotPicklable
from ..._util.redaction import redacted
from ...errors import RefusedError
from ...oauth.tokens import CognitoTokens, claims_of, decode_jwt_payload
from ...settings import CognitoConfiguration, RoleSelection, Settings, parsers
from ..roles import default_role
from . import format as file_format
from .files import UntrustedFileError

ENDPOINT_VARIABLES = (
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY",
    "AWS_ENDPOINT_URL",
)
"""The environment variables that move the services which a sign-in calls."""

_KEY_FIELDS = ("domain", "client_id", "user_pool_id", "identity_pool_id")
_TOKEN_FIELDS = tuple(CognitoTokens.__annotations__)
_ENDED = ["ended", "yes"]
_BY_IDENTITY_POOL = ["role_selection", "identity_pool"]


@dataclass(frozen=True)
class StoreKey:
    """Which sign-in a file holds; none of it is secret.

    Attributes:
        domain: The user pool's domain.
        client_id: The app client.
        user_pool_id: The user pool.
        identity_pool_id: The identity pool.
        endpoints: Where the services are called instead of at AWS, as the environment says it ("NAME=URL"): a sign-in
            at a test server is not one at AWS.
    """

    domain: str
    client_id: str
    user_pool_id: str
    identity_pool_id: str
    endpoints: tuple[str, ...] = field(default=(), repr=False)  # a URL may hold a password

    @classmethod
    def from_configuration(cls, pools: CognitoConfiguration, environment: Mapping[str, str] = os.environ) -> StoreKey:
        """Returns the key of a configuration's sign-in.

        Args:
            pools: Where the user signs in.
            environment: May move AWS's endpoints.
        """
        domain, endpoints = parsers.origin(pools.domain), endpoint_overrides(environment)
        return cls(domain, pools.client_id, pools.user_pool_id, pools.identity_pool_id, endpoints)

    def to_settings(self) -> Settings:
        """Returns the settings with which to refresh the sign-in or to log out."""
        from ...settings.layers import client_secret_of

        region = parsers.pool_region(self.user_pool_id)
        # The redirect URI is not stored: a refresh and a logout do not need it.
        pools = CognitoConfiguration(
            self.domain, self.client_id, "http://localhost:3000", region, self.user_pool_id, self.identity_pool_id
        )
        return Settings(pools, client_secret=client_secret_of(self.client_id), remember=True)


@dataclass(frozen=True, repr=False)
class StoredCredentials(NotPicklable):
    """One role's credentials and their times, in seconds since the epoch.

    The fields stand in the order in which the file has them.

    Attributes:
        access_key_id: As AWS returned it.
        secret_access_key: As AWS returned it.
        session_token: As AWS returned it.
        expiration: When they expire by AWS's clock.
        expires_at: When they expire by this computer's clock.
        advisory_refresh_at: From then on the first process that needs them refreshes them.
        mandatory_refresh_at: From then on no process uses them.
        lifetime: Seconds from their issue to their expiry.
    """

    pickle_error = "Credentials are not pickled or copied: they would leave this process."

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float
    expires_at: float
    advisory_refresh_at: float
    mandatory_refresh_at: float
    lifetime: float


@dataclass(frozen=True, repr=False)
class StoredSignIn(NotPicklable):
    """One user's sign-in.

    Attributes:
        tokens: The user pool's.
        identity_id: The user's id in the identity pool; None before the first exchange.
        credentials: Credentials by role ARN; by "" those of the identity pool's default role.
        ended: Whether the user pool has refused the refresh token, so that no kernel sends it again.
        role_selection: Who chooses the role of a process that names none, "token" or "identity_pool".
    """

    pickle_error = "A sign-in is not pickled or copied: its tokens would leave this process."

    tokens: CognitoTokens
    identity_id: str | None
    credentials: Mapping[str, StoredCredentials]
    ended: bool = False
    role_selection: RoleSelection = "token"

    def __post_init__(self) -> None:
        # A redacting copy of whatever dict was passed. The class is frozen, so there is no other way to set it.
        object.__setattr__(self, "tokens", redacted(self.tokens))


def endpoint_overrides(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Returns the endpoints that an environment moves, as `StoreKey.endpoints` has them."""
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ()
    return tuple(f"{name}={environment[name]}" for name in ENDPOINT_VARIABLES if environment.get(name))


def serialize(key: StoreKey, sign_in: StoredSignIn) -> bytes:
    """Returns the content of a sign-in's file.

    Args:
        key: Which sign-in.
        sign_in: Its tokens and credentials.

    Raises:
        ValueError: A token or a credential is not printable ASCII.
    """
    tokens = cast("Mapping[str, object]", sign_in.tokens)
    records = [[name, str(getattr(key, name))] for name in _KEY_FIELDS]
    records += [["endpoint", endpoint] for endpoint in key.endpoints]
    records += [[name, str(tokens[name])] for name in _TOKEN_FIELDS if name in tokens]
    if sign_in.identity_id is not None:
        records.append(["identity_id", sign_in.identity_id])
    if sign_in.ended:
        records.append(_ENDED)
    first_role = None
    if sign_in.role_selection == "identity_pool":
        records.append(_BY_IDENTITY_POOL)
    else:
        with suppress(ValueError):
            first_role = default_role(decode_jwt_payload(sign_in.tokens["id_token"]))
    # For the credential process, which could not decode the id token without importing more.
    records.append([file_format.FIRST_ROLE, first_role or ""])
    records += [[file_format.ROLE, arn, *map(str, astuple(each))] for arn, each in sign_in.credentials.items()]
    return file_format.serialize_records(records)


def parse(key: StoreKey, content: bytes) -> StoredSignIn:
    """Returns the sign-in that a file contains.

    Args:
        key: Which sign-in it must be.
        content: The file's content.

    Raises:
        UntrustedFileError: It is damaged, of another version or another sign-in; the message shows nothing of it.
    """
    records = file_format.parse_records(content)
    if key_in(records) != key:
        raise UntrustedFileError("is not what its name says")
    values = file_format.single_values(records, required=CognitoTokens.__required_keys__)
    if not _names_a_user(values["id_token"]):
        raise file_format.damaged()
    tokens: dict[str, object] = {name: values[name] for name in _TOKEN_FIELDS if name in values}
    if "expires_in" in tokens:
        tokens["expires_in"] = int(file_format.parse_number(values["expires_in"]))
    credentials = {}
    for record in records:
        if record[0] == file_format.ROLE:
            role_arn, access_key_id, secret_access_key, session_token, times = file_format.parse_role(record)
            credentials[role_arn] = StoredCredentials(access_key_id, secret_access_key, session_token, *times)
    selection: RoleSelection = "identity_pool" if _BY_IDENTITY_POOL in records else "token"
    identity_id, ended = values.get("identity_id"), _ENDED in records
    return StoredSignIn(cast("CognitoTokens", tokens), identity_id, credentials, ended, selection)


def _names_a_user(id_token: str) -> bool:
    """Returns whether everything that reads a stored sign-in can read its id token, so that none of it stops there."""
    try:
        claims = claims_of(id_token)
    except RefusedError:
        return False
    return "iss" in claims and "sub" in claims


def key_in(records: list[list[str]]) -> StoreKey:
    """Returns which sign-in the records of a file belong to.

    Raises:
        UntrustedFileError: They do not say so.
    """
    values = file_format.single_values(records, required=_KEY_FIELDS)
    endpoints = tuple(record[1] for record in records if len(record) == 2 and record[0] == "endpoint")
    domain, client_id, user_pool_id, identity_pool_id = (values[name] for name in _KEY_FIELDS)
    return StoreKey(domain, client_id, user_pool_id, identity_pool_id, endpoints)
