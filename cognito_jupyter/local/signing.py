"""The pool's keys: one for id tokens, one for access tokens, new at every start.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN_USES = ("id", "access")


class Signer:
    """Signs and verifies tokens by RS256."""

    def __init__(self) -> None:
        self._keys = {use: rsa.generate_private_key(public_exponent=65537, key_size=2048) for use in TOKEN_USES}
        self._kids = {use: secrets.token_urlsafe(32) for use in TOKEN_USES}

    def sign_token(self, use: str, claims: Mapping[str, Any]) -> str:
        """A token of this use, "id" or "access"."""
        return jwt.encode(dict(claims), self._keys[use], "RS256", {"kid": self._kids[use]})

    def verified_claims(self, token: str, use: str) -> dict[str, Any] | None:
        """The claims of a token that this pool signed, whatever its times; None for any other."""
        try:
            return jwt.decode(
                token,
                self._keys[use].public_key(),
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            return None

    def jwks(self) -> dict[str, Any]:
        """The public keys, as the pool publishes them."""
        return {"keys": [self._public_jwk(use) for use in TOKEN_USES]}

    def _public_jwk(self, use: str) -> dict[str, Any]:
        numbers = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._keys[use].public_key()))
        return {
            "alg": "RS256",
            "e": numbers["e"],
            "kid": self._kids[use],
            "kty": "RSA",
            "n": numbers["n"],
            "use": "sig",
        }
