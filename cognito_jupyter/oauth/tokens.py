"""The shapes of what Cognito sends, as TypedDicts, and the decoder for its JWTs."""

# Not `from __future__ import annotations`: TypedDict would not see NotRequired in them at runtime.
import base64
import binascii
import json
from typing import NotRequired, TypedDict, cast

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
    """What a code exchange answers (RFC 6749, section 5.1); `expires_in` is in seconds."""

    id_token: str
    access_token: str
    refresh_token: str
    expires_in: NotRequired[int]
    token_type: NotRequired[str]
    scope: NotRequired[str]


class CognitoTokenRefreshResponse(TypedDict, total=False):
    """What a refresh answers (RFC 6749, section 6); a new refresh token only under rotation."""

    id_token: str
    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str
    scope: str


def decode_jwt_payload(jwt_token: str) -> JwtPayload:
    """Decodes a Cognito JWT's claims without verifying anything (RFC 7519, section 7.2).

    Args:
        jwt_token: Three base64url parts joined by dots.

    Returns:
        The claims.

    Raises:
        ValueError: It is not a JWT; the message shows nothing of it.
    """
    parts = jwt_token.split(".")
    if len(parts) != 3 or not all(parts):
        raise ValueError("This is not a JWT: a JWT has three parts joined by dots.")
    try:
        payload = base64.b64decode(_add_padding(parts[1]), altchars=b"-_", validate=True)
        claims = json.loads(payload)
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        # `from None`: the cause would carry the token's text.
        raise ValueError("This is not a JWT: its payload is not base64url-encoded JSON.") from None
    if not isinstance(claims, dict):
        raise ValueError("This is not a JWT: its payload is not a JSON object.")  # noqa: TRY004 - as promised
    return cast("JwtPayload", claims)


def _add_padding(part: str) -> str:
    return part + "=" * (-len(part) % 4)
