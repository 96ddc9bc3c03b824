"""The user pool's signing keys: one for id tokens and one for access tokens, new at every start.

The tokens are written as Cognito writes them: the header has `kid` before `alg` and no `typ`, and slashes are escaped,
as in the tokens of aws-amplify/amplify-js#3392 and aws-amplify/aws-sdk-ios#3070. PyJWT and joserfc write another form
of the same JSON.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

TOKEN_USES = ("id", "access")
_JWE_HEADER = {"cty": "JWT", "enc": "A256GCM", "alg": "RSA-OAEP"}
_JWE_PART_BYTES = (256, 12, 1000, 16)
"""Encrypted key, initialization vector, ciphertext and tag: about 1,780 characters in all."""


class Signer:
    """Signs and verifies tokens with RS256."""

    def __init__(self) -> None:
        self._keys = {use: rsa.generate_private_key(public_exponent=65537, key_size=2048) for use in TOKEN_USES}
        # Standard base64, with padding, unlike everything else in a token.
        self._kids = {use: base64.b64encode(secrets.token_bytes(32)).decode() for use in TOKEN_USES}

    def export_keys(self) -> dict[str, dict[str, str]]:
        """Returns the private keys, without encryption, and their ids."""
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {
            use: {"kid": self._kids[use], "pem": self._keys[use].private_bytes(*form).decode()} for use in TOKEN_USES
        }

    def import_keys(self, exported: Mapping[str, Mapping[str, str]]) -> None:
        """Replaces the keys by those that `export_keys` returned."""
        for use in TOKEN_USES:
            key = load_pem_private_key(exported[use]["pem"].encode(), None)
            if isinstance(key, rsa.RSAPrivateKey):
                self._keys[use], self._kids[use] = key, exported[use]["kid"]

    def sign_token(self, use: str, claims: Mapping[str, Any]) -> str:
        """Signs a token.

        Args:
            use: "id" or "access".
            claims: The token's claims.
        """
        parts = [base64url(_json(part)) for part in ({"kid": self._kids[use], "alg": "RS256"}, claims)]
        signature = self._keys[use].sign(".".join(parts).encode(), padding.PKCS1v15(), SHA256())
        return ".".join([*parts, base64url(signature)])

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
            key = {"alg": "RS256", "e": numbers["e"], "kid": self._kids[use], "kty": "RSA", "n": numbers["n"]}
            keys.append(key | {"use": "sig"})
        return {"keys": keys}


def new_refresh_token() -> str:
    """Returns a refresh token in the shape of Cognito's: a JWE in compact form (RFC 7516), which only it can read."""
    random_parts = [base64url(secrets.token_bytes(size)) for size in _JWE_PART_BYTES]
    return ".".join([base64url(_json(_JWE_HEADER)), *random_parts])


def base64url(data: bytes) -> str:
    """Returns bytes in base64url without padding, as JOSE writes them (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()
