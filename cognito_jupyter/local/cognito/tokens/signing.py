"""The user pool's signing keys: one for id tokens and one for access tokens, new at every start.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN_USES = ("id", "access")


class Signer:
    """Signs and verifies tokens with RS256."""

    def __init__(self) -> None:
        self._keys = {use: rsa.generate_private_key(public_exponent=65537, key_size=2048) for use in TOKEN_USES}
        self._kids = {use: secrets.token_urlsafe(32) for use in TOKEN_USES}

    def sign_token(self, use: str, claims: Mapping[str, Any]) -> str:
        """Signs a token.

        Args:
            use: "id" or "access".
            claims: The token's claims.
        """
        return jwt.encode(dict(claims), self._keys[use], "RS256", {"kid": self._kids[use]})

    def verified_claims(self, token: str, use: str) -> dict[str, Any] | None:
        """Verifies the signature of a token, but not its times.

        Args:
            token: The token.
            use: "id" or "access".

        Returns:
            Its claims; None if this pool did not sign it for this use.
        """
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
        """Returns the public keys as a JSON Web Key Set."""
        keys = []
        for use in TOKEN_USES:
            numbers = jwt.algorithms.RSAAlgorithm.to_jwk(self._keys[use].public_key(), as_dict=True)
            key = {name: numbers[name] for name in ("kty", "n", "e")}
            keys.append(key | {"alg": "RS256", "kid": self._kids[use], "use": "sig"})
        return {"keys": keys}
