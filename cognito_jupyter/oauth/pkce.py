"""The random values that tie an authorization response to its login: PKCE verifier and challenge, state, nonce."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass

from .._util.redaction import SecretText


@dataclass(frozen=True, repr=False)
class LoginSecrets:
    """The random values of one login.

    Attributes:
        code_verifier: Sent only to the token endpoint (RFC 7636, section 4.1).
        code_challenge: The verifier's S256 hash, which the browser may see (RFC 7636, section 4.2).
        state: Comes back with the authorization response and shows that it belongs to this login (RFC 6749, section
            10.12). On a JupyterHub it also names the server that the response has to reach.
        nonce: Comes back inside the id token (OpenID Connect Core, section 3.1.2.1).
    """

    code_verifier: str
    code_challenge: str
    state: str
    nonce: str

    @classmethod
    def new(cls, server_name: str = "") -> LoginSecrets:
        """Returns new values of 256 random bits each.

        Args:
            server_name: The name of the JupyterHub server that the response has to reach; empty for the default server.
        """
        verifier, challenge = generate_pkce_pair()
        return cls(verifier, challenge, state=new_state(server_name), nonce=new_secret())


def generate_pkce_pair() -> tuple[str, str]:
    """Returns a new code verifier of 43 characters and its S256 challenge."""
    code_verifier = new_secret()
    return code_verifier, s256(code_verifier)


def new_secret() -> SecretText:
    """Returns 256 random bits in 43 characters of base64url."""
    return SecretText(secrets.token_urlsafe(32))


def new_state(server_name: str = "") -> SecretText:
    """Returns 256 random bits, and after a dot the server's name in base64url if it has one.

    The hub reads the name (`server_extension/hub.py`); the login compares the whole state.
    """
    name = base64url(server_name.encode(errors="replace"))
    return SecretText(f"{new_secret()}.{name}") if name else new_secret()


def s256(code_verifier: str) -> str:
    """Returns the S256 code challenge of a verifier (RFC 7636, section 4.2)."""
    return base64url(hashlib.sha256(code_verifier.encode("ascii")).digest())


def base64url(raw: bytes) -> str:
    """Encodes bytes as base64url without padding (RFC 7636, appendix A)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
