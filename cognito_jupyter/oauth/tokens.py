"""The shapes of tokens and of token responses, and the claims of an id token.

Everything that handles tokens imports them from here. Nothing here verifies a token; `verification` does.
"""

# Not `from __future__ import annotations`: TypedDict would not see NotRequired in them at runtime.
import base64
import binascii
import json
from dataclasses import dataclass
from typing import NotRequired, TypedDict, cast

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
    parts = jwt_token.split(".")
    if len(parts) != 3 or not all(parts):
        raise ValueError("This is not a JWT: a JWT has three parts joined by dots.")
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        # `from None`: the cause would hold the token's text.
        raise ValueError("This is not a JWT: its payload is not base64url-encoded JSON.") from None
    if not isinstance(claims, dict):
        raise ValueError("This is not a JWT: its payload is not a JSON object.")  # noqa: TRY004 - the API promises it
    return cast("JwtPayload", claims)


def claims_of(id_token: str) -> JwtPayload:
    """Returns the claims of an id token, not verified.

    Raises:
        VerificationError: It is not a JWT (a PermissionError).
    """
    try:
        return decode_jwt_payload(id_token)
    except ValueError as error:
        raise VerificationError(f"The id token cannot be read. {error}", "Sign in again.") from None


def subject_of(claims: JwtPayload) -> Subject:
    """Returns the user that claims are about; its fields are empty if the claims do not say."""
    claimed_issuer = claims.get("iss", "")
    issuer = parse_issuer(claimed_issuer)
    return Subject(issuer.user_pool_id if issuer is not None else claimed_issuer, claims.get("sub", ""))


def subject_of_token(id_token: str) -> Subject:
    """Returns the user that an id token is about, not verified.

    Raises:
        VerificationError: It is not a JWT (a PermissionError).
    """
    return subject_of(claims_of(id_token))
