"""Verifies that the tokens of a login are valid and belong to it.

Only `CognitoOAuthAuthenticator` calls this, once for each login. It is imported late, because cryptography is slow to
load. It fetches nothing: the caller passes the pool's keys in.

Sources: OpenID Connect Core, section 3.1.3.7; https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import jwt

from .._util.durations import duration_in_words
from ..errors import VerificationError
from .issuer import Issuer
from .pkce import base64url
from .tokens import CognitoTokens, JwtPayload, check_claims

LEEWAY = timedelta(seconds=60)
"""How far two clocks may differ beyond the measured skew."""
_REMEDY = "The tokens were discarded; sign in again, and show this message to your administrator if it happens again."
_CLOCK_REMEDY = "Correct this machine's clock (NTP), then sign in again."


class UnknownKeyError(VerificationError):
    """A token is signed with a key that is not among the given ones."""


@dataclass(frozen=True, repr=False)
class ExpectedClaims:
    """What the tokens of a login must say.

    Attributes:
        client_id: The app client.
        issuer: The user pool that must have issued them, in the form that the id token names.
        nonce: The login's nonce.
        clock_skew: The server's clock minus this machine's.
        now: Returns seconds since the epoch, by this machine's clock.
    """

    client_id: str
    issuer: Issuer
    nonce: str
    clock_skew: timedelta = timedelta(0)
    now: Callable[[], float] = time.time


def verify_tokens(tokens: CognitoTokens, expected: ExpectedClaims, keys: Sequence[Mapping[str, object]]) -> JwtPayload:
    """Verifies signature, issuer, audience, token_use, nonce, at_hash and expiry of a login's tokens.

    Args:
        tokens: The response to the code exchange.
        expected: What the tokens must say.
        keys: The pool's JWKS.

    Returns:
        The id token's claims.

    Raises:
        UnknownKeyError: No given key fits; they may be out of date.
        VerificationError: A token is not valid or not this login's; the message shows no token.
    """
    claims = _verify_token(tokens["id_token"], "id", keys, expected)
    _require_equal(claims.get("aud"), expected.client_id, "The id token is for another app client.")
    _require_equal(claims.get("nonce"), expected.nonce, "The id token belongs to another login (its nonce differs).")
    # Optional in this flow (OpenID Connect Core, section 3.1.3.6).
    if "at_hash" in claims:
        _require_equal(
            claims["at_hash"], _at_hash(tokens["access_token"]), "Id and access token do not belong together (at_hash)."
        )
    access = _verify_token(tokens["access_token"], "access", keys, expected)
    _require_equal(access.get("client_id"), expected.client_id, "The access token is for another app client.")
    _require_equal(access.get("sub"), claims["sub"], "Id and access token belong to different users.")
    return cast("JwtPayload", claims)


def _verify_token(
    token: str, token_use: str, keys: Sequence[Mapping[str, object]], expected: ExpectedClaims
) -> dict[str, Any]:
    claims = _decode(token, token_use, keys)
    if isinstance(claims, VerificationError):
        raise claims
    check_claims(claims, token_use, require_all=True)
    # Not left to PyJWT: what its releases take for the issuer differs (2.10.0 took a part of it, CVE-2024-53861).
    issuer = expected.issuer
    another_pool = f"The {token_use} token was issued by another user pool than {issuer.user_pool_id}."
    _require_equal(claims["iss"], issuer.url, another_pool)
    _require_equal(claims["token_use"], token_use, f"The {token_use} token is of another kind.")
    _require_current(claims, token_use, expected.now() + expected.clock_skew.total_seconds())
    return claims


def _decode(token: str, token_use: str, keys: Sequence[Mapping[str, object]]) -> dict[str, Any] | VerificationError:
    """Returns the claims, of which only the signature is verified.

    It returns errors, to be raised outside of `except`: PyJWT's exceptions may quote the token.
    """
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in keys if key.get("kid") == kid and key.get("kty") == "RSA"), None)
        if key is None:
            return UnknownKeyError(
                f"The {token_use} token is signed with a key that the user pool does not publish.", _REMEDY
            )
        return jwt.decode(
            token,
            jwt.PyJWK(dict(key), algorithm="RS256"),
            algorithms=["RS256"],
            # `_verify_token` looks at the claims: the times by the server's clock, which PyJWT does not know.
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidSignatureError:
        what = f"The {token_use} token's signature is wrong."
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        what = f"The {token_use} token is malformed."
    return VerificationError(what, _REMEDY)


def _require_current(claims: Mapping[str, Any], token_use: str, now: float) -> None:
    issued_at, expires_at = claims["iat"], claims["exp"]
    if expires_at <= now - LEEWAY.total_seconds():
        raise VerificationError(f"The {token_use} token has already expired.", _CLOCK_REMEDY)
    if issued_at > now + LEEWAY.total_seconds():
        behind = duration_in_words(issued_at - now)
        raise VerificationError(
            f"The {token_use} token was issued in the future: this machine's clock is {behind} behind.", _CLOCK_REMEDY
        )


def _require_equal(actual: object, expected: str, message: str) -> None:
    if not isinstance(actual, str) or not hmac.compare_digest(actual.encode(errors="surrogatepass"), expected.encode()):
        raise VerificationError(message, _REMEDY)


def _at_hash(access_token: str) -> str:
    """Returns the left half of the access token's SHA-256 (OpenID Connect Core, section 3.1.3.6)."""
    return base64url(hashlib.sha256(access_token.encode("ascii", errors="replace")).digest()[:16])
