"""What is kept of a sign-in, and its file's content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, NoReturn, cast

from ..._util.redaction import redacted
from ...oauth.redirect_uri import parse_domain
from ...oauth.tokens import CognitoTokens, decode_jwt_payload
from ..roles import roles_in
from . import lines as store_lines
from .lines import DamagedError, OtherVersionError, is_printable_field, parse_number
from .private_file import UntrustedFileError

if TYPE_CHECKING:
    from ...settings import CognitoConfiguration


@dataclass(frozen=True, repr=False)
class StoreKey:
    """Which sign-in a file holds; none of it is secret.

    Attributes:
        domain: The user pool's domain.
        client_id: The app client.
        user_pool_id: The user pool.
        identity_pool_id: The identity pool.
        endpoints: Where the services are asked instead of at AWS, as the environment has it ("NAME=URL"): a sign-in at
            a stand-in is not one at AWS.
    """

    domain: str
    client_id: str
    user_pool_id: str
    identity_pool_id: str
    endpoints: tuple[str, ...] = ()

    @classmethod
    def from_configuration(
        cls, configuration: CognitoConfiguration, environment: Mapping[str, str] = os.environ
    ) -> StoreKey:
        """The key of a configuration's sign-in, in an environment that may move AWS's endpoints."""
        return cls(
            parse_domain(configuration.domain),
            configuration.client_id,
            configuration.user_pool_id,
            configuration.identity_pool_id,
            endpoint_overrides(environment),
        )

    def __repr__(self) -> str:
        return f"<StoreKey: client {self.client_id} at {self.domain}>"


@dataclass(frozen=True, repr=False)
class StoredCredentials:
    """One role's keys, and for how long they serve; the times are seconds since the epoch.

    Attributes:
        access_key_id: As AWS gave it.
        secret_access_key: As AWS gave it.
        session_token: As AWS gave it.
        expiration: Their end by AWS's clock.
        expires_at: Their end by this machine's clock.
        advisory_refresh_at: From then on the first who comes renews them.
        mandatory_refresh_at: From then on nobody uses them.
        lifetime: Seconds that they live in all.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float
    expires_at: float
    advisory_refresh_at: float
    mandatory_refresh_at: float
    lifetime: float

    def __repr__(self) -> str:
        return "<StoredCredentials>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled or copied: they would leave this process.")


@dataclass(frozen=True, repr=False)
class StoredSignIn:
    """One person's sign-in.

    Attributes:
        tokens: The user pool's.
        identity_id: The person's in the identity pool; None before the first exchange.
        credentials: Keys by role ARN; by "" those of the identity pool's default role.
        ended: Whether the user pool has refused these tokens: nobody need ask it again.
    """

    tokens: CognitoTokens
    identity_id: str | None
    credentials: Mapping[str, StoredCredentials]
    ended: bool = False

    def __post_init__(self) -> None:
        # A copy that does not show itself either, whatever dict they came in; frozen: there is no other way to set it.
        object.__setattr__(self, "tokens", redacted(self.tokens))

    def __repr__(self) -> str:
        return f"<StoredSignIn: keys of {len(self.credentials)} roles>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A sign-in is not pickled or copied: its tokens would leave this process.")


ENDPOINT_VARIABLES = (
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY",
    "AWS_ENDPOINT_URL",
)
"""By which an environment moves what a sign-in asks."""


def endpoint_overrides(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What an environment moves, in the shape of a key."""
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ()
    return tuple(f"{name}={environment[name]}" for name in ENDPOINT_VARIABLES if environment.get(name))


_KEY_FIELDS = ("domain", "client_id", "user_pool_id", "identity_pool_id")
_ENDPOINT = "endpoint"
_TOKEN_FIELDS = ("id_token", "access_token", "refresh_token")
_OPTIONAL_TOKEN_FIELDS = ("expires_in", "token_type", "scope")
_IDENTITY_ID = "identity_id"
_ENDED = ["ended", "yes"]
_ROLE_FIELD_COUNT = 10


def serialize(key: StoreKey, sign_in: StoredSignIn) -> bytes:
    """A sign-in as a file's content.

    Raises:
        ValueError: Something of it cannot be written.
    """
    tokens = cast("Mapping[str, object]", sign_in.tokens)
    lines = [[name, str(getattr(key, name))] for name in _KEY_FIELDS]
    lines += [[_ENDPOINT, endpoint] for endpoint in key.endpoints]
    lines += [[name, str(tokens[name])] for name in (*_TOKEN_FIELDS, *_OPTIONAL_TOKEN_FIELDS) if name in tokens]
    if sign_in.identity_id is not None:
        lines.append([_IDENTITY_ID, sign_in.identity_id])
    if sign_in.ended:
        lines.append(_ENDED)
    lines.append([store_lines.FIRST_ROLE, _first_role(sign_in.tokens["id_token"])])
    lines += [[store_lines.ROLE, arn, *map(str, astuple(keys))] for arn, keys in sign_in.credentials.items()]
    if not all(is_printable_field(word) for words in lines for word in words):
        raise ValueError("A word of this sign-in is not printable ASCII.")
    return store_lines.serialize_lines(lines)


def _first_role(id_token: str) -> str:
    """The role that a sign-in without a role suffix means; empty where the identity pool's default decides."""
    try:
        roles = roles_in(decode_jwt_payload(id_token))
    except ValueError:
        return ""
    return roles[0] if roles else ""


def parse(key: StoreKey, content: bytes) -> StoredSignIn:
    """A file's content as a sign-in.

    Raises:
        BadFileError: It is damaged, of another version, or another sign-in's; the message shows nothing of it.
    """
    lines = _parse_lines(content)
    if _key_from_lines(lines) != key:
        raise UntrustedFileError("is not what its name says")
    return _sign_in_from_lines(lines)


def parse_key(content: bytes) -> StoreKey:
    """Which sign-in a file's content is.

    Raises:
        BadFileError: It is damaged, or of another version; the message shows nothing of it.
    """
    return _key_from_lines(_parse_lines(content))


def _parse_lines(content: bytes) -> list[list[str]]:
    try:
        lines = store_lines.parse_lines(content)
    except OtherVersionError:
        raise UntrustedFileError("was written by another version of this package") from None
    except DamagedError:
        raise _damaged_error() from None
    if not all(is_printable_field(word) for words in lines for word in words):
        raise _damaged_error()
    return lines


def _key_from_lines(lines: list[list[str]]) -> StoreKey:
    single = {words[0]: words[1] for words in lines if len(words) == 2}
    if not single.keys() >= set(_KEY_FIELDS):
        raise _damaged_error()
    endpoints = tuple(words[1] for words in lines if len(words) == 2 and words[0] == _ENDPOINT)
    domain, client_id, user_pool_id, identity_pool_id = (single[name] for name in _KEY_FIELDS)
    return StoreKey(domain, client_id, user_pool_id, identity_pool_id, endpoints)


def _sign_in_from_lines(lines: list[list[str]]) -> StoredSignIn:
    single = {words[0]: words[1] for words in lines if len(words) == 2}
    if not single.keys() >= set(_TOKEN_FIELDS):
        raise _damaged_error()
    tokens: dict[str, object] = {
        name: single[name] for name in (*_TOKEN_FIELDS, *_OPTIONAL_TOKEN_FIELDS) if name in single
    }
    try:
        if "expires_in" in tokens:
            tokens["expires_in"] = int(parse_number(single["expires_in"]))
        credentials = {words[1]: _credentials_from_fields(words) for words in lines if words[0] == store_lines.ROLE}
    except DamagedError:
        raise _damaged_error() from None
    return StoredSignIn(cast("CognitoTokens", tokens), single.get(_IDENTITY_ID), credentials, _ENDED in lines)


def _credentials_from_fields(words: list[str]) -> StoredCredentials:
    if len(words) != _ROLE_FIELD_COUNT:
        raise DamagedError
    access_key_id, secret_access_key, session_token = words[2:5]
    return StoredCredentials(access_key_id, secret_access_key, session_token, *map(parse_number, words[5:]))


def _damaged_error() -> UntrustedFileError:
    return UntrustedFileError("is damaged")
