"""The shapes of tokens and of token responses, and the claims of an id token.

Everything that handles tokens imports them from here. Nothing here verifies a token; `verification` does.
"""

# Not `from __future__ import annotations`: TypedDict would not see NotRequired in them at runtime.
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict, cast

from .._util.redaction import SecretText
from ..errors import VerificationError
from .issuer import parse_issuer

JwtPayload = TypedDict(
    "JwtPayload",
    {
        "sub": str,
        "aud": str,
        "iss": str,
        "token_use": str,
        "auth_time": int,
        "iat": int,
        "exp": int,
        "email": str,
        "email_verified": bool,
        "cognito:username": str,
        "cognito:groups": list[str],
        "cognito:roles": list[str],
        "cognito:preferred_role": str,
    },
    total=False,
)
"""The claims of a Cognito token; keys with a colon need the functional syntax.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
"""

_TIMES = ("exp", "iat", "auth_time")
_TEXTS = ("sub", "iss", "aud", "token_use")
_REQUIRED_CLAIMS = ("sub", "iss", "token_use", "exp", "iat")
_END_OF_TIME = 1e11
"""Seconds since the epoch: the year 5138, beyond which no date of Python's is far."""
_MAX_TEXT = 2048
"""Characters of a text claim that this package relies on; those of `sub` are 255 (OpenID Connect Core, section 2)."""


class MalformedTokenError(VerificationError):
    """A token cannot be read, or one of its claims is not what Cognito makes it."""


class CognitoTokens(TypedDict):
    """The response to a code exchange (RFC 6749, section 5.1); `expires_in` is in seconds."""

    id_token: str
    access_token: str
    refresh_token: str
    expires_in: NotRequired[int]
    token_type: NotRequired[str]
    scope: NotRequired[str]


class CognitoTokenRefreshResponse(TypedDict, total=False):
    """The response to a refresh (RFC 6749, section 6); it holds a refresh token only if the client rotates them."""

    id_token: str
    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str
    scope: str


@dataclass(frozen=True)
class Subject:
    """A user of a user pool.

    It is the same user whichever form of issuer, and whichever replica of the pool, a token comes from.

    Attributes:
        user_pool_id: The pool, by the `iss` claim; the whole claim if it is not one of Cognito's.
        sub: The `sub` claim, which names the user within the pool.
    """

    user_pool_id: str
    sub: str


def decode_jwt_payload(jwt_token: str) -> JwtPayload:
    """Decodes the claims of a Cognito JWT without verifying anything (RFC 7519, section 7.2).

    Args:
        jwt_token: Three base64url parts joined by dots.

    Returns:
        The claims.

    Raises:
        ValueError: It is not a JWT; the message shows no part of it.
    """
    jwt_token = SecretText(jwt_token)
    parts = jwt_token.split(".")
    if len(parts) != 3 or not all(parts):
        raise ValueError("This is not a JWT: a JWT has three parts joined by dots.")
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        claims = ValueError("This is not a JWT: its payload is not base64url-encoded JSON.")
    if isinstance(claims, ValueError):
        # Raised outside of `except`: the variables of the frames below hold the token's text.
        raise claims
    if not isinstance(claims, dict):
        raise ValueError("This is not a JWT: its payload is not a JSON object.")  # noqa: TRY004 - the API promises it
    return cast("JwtPayload", claims)


def claims_of(id_token: str) -> JwtPayload:
    """Returns the claims of an id token, not verified; those that `check_claims` looks at are well-formed.

    Raises:
        MalformedTokenError: It is not a JWT, or such a claim is malformed (a PermissionError).
    """
    try:
        claims = decode_jwt_payload(id_token)
    except ValueError as error:
        raise MalformedTokenError(f"The id token cannot be read. {error}", "Sign in again.") from None
    check_claims(claims, "id")
    return claims


def check_claims(claims: Mapping[str, object], token_use: str, *, require_all: bool = False) -> None:
    """Checks the form of the claims that decide about a token: what it is, whose, from whom, for whom, and its times.

    JSON allows numbers that are no time (NaN, 1e400) and text that no file or terminal takes (half of a character).
    Other claims, such as a name, can be anything: who reads them leaves out what is no text.

    Args:
        claims: The claims, verified or not.
        token_use: "id" or "access", for the message.
        require_all: Whether each of them has to be there, as in new tokens; `auth_time` and `aud` need not be.

    Raises:
        MalformedTokenError: A claim is malformed, or is missing; the message shows no value (a PermissionError).
    """
    if require_all:
        for name in _REQUIRED_CLAIMS:
            if name not in claims:
                raise _malformed(token_use, f"it has no {name}")
    for name in _TIMES:
        if name in claims and not _is_time(claims[name]):
            raise _malformed(token_use, f"its {name} is no time")
    for name in _TEXTS:
        if name in claims and not _is_text(claims[name]):
            raise _malformed(token_use, f"its {name} is no text of one line")


def _malformed(token_use: str, reason: str) -> MalformedTokenError:
    return MalformedTokenError(
        f"The {token_use} token is malformed: {reason}.",
        "The tokens were discarded; sign in again, and show this message to your administrator if it happens again.",
    )


def _is_time(value: object) -> bool:
    # A comparison is false for NaN. A bool is an int to Python, but not to JSON.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _END_OF_TIME


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= _MAX_TEXT


def subject_of(claims: JwtPayload) -> Subject:
    """Returns the user that claims are about; its fields are empty if the claims do not say."""
    claimed_issuer = claims.get("iss", "")
    issuer = parse_issuer(claimed_issuer)
    return Subject(issuer.user_pool_id if issuer is not None else claimed_issuer, claims.get("sub", ""))


def subject_of_token(id_token: str) -> Subject:
    """Returns the user that an id token is about, not verified.

    Raises:
        MalformedTokenError: It is not a JWT, or such a claim is malformed (a PermissionError).
    """
    return subject_of(claims_of(id_token))
