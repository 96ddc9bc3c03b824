"""Verification of tokens that do not belong to the login or are not valid."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from cognito_jupyter.errors import VerificationError
from cognito_jupyter.oauth.issuer import Issuer
from cognito_jupyter.oauth.tokens import CognitoTokens
from cognito_jupyter.oauth.verification import ExpectedClaims, _at_hash, verify_tokens

POOL, CLIENT, NONCE = "us-east-1_AbCdEfGhI", "the-client", "the-nonce"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"
EXPECTED = ExpectedClaims(CLIENT, Issuer(POOL, "us-east-1"), NONCE)
ID_KEY, ACCESS_KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, object]:
    return {
        **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())),
        "kid": kid,
        "alg": "RS256",
        "use": "sig",
    }


KEYS = [jwk(ID_KEY, "id-key"), jwk(ACCESS_KEY, "access-key")]


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    return {"sub": "ann", "iss": ISSUER, "iat": now, "exp": now + 3600} | changes


def tokens(
    *,
    id_key: rsa.RSAPrivateKey = ID_KEY,
    kid: str = "id-key",
    access: dict[str, object] | None = None,
    **changes: object,
) -> CognitoTokens:
    """Returns valid tokens except for the changes."""
    access_claims = claims(token_use="access", client_id=CLIENT) | (access or {})
    access_token = jwt.encode(access_claims, ACCESS_KEY, "RS256", {"kid": "access-key"})
    id_claims = claims(token_use="id", aud=CLIENT, nonce=NONCE, at_hash=_at_hash(access_token)) | changes
    present = {name: value for name, value in id_claims.items() if value is not None}
    id_token = jwt.encode(present, id_key, "RS256", {"kid": kid})
    return {"id_token": id_token, "access_token": access_token, "refresh_token": "r"}


def unsigned(pair: CognitoTokens) -> CognitoTokens:
    body = jwt.decode(pair["id_token"], options={"verify_signature": False})
    return pair | {"id_token": jwt.encode(body, "", "none", {"kid": "id-key"})}


def signed_with_the_public_key(pair: CognitoTokens) -> CognitoTokens:
    """The classic algorithm confusion: HS256 with the public key as its secret."""
    body = jwt.decode(pair["id_token"], options={"verify_signature": False})
    return pair | {"id_token": jwt.encode(body, str(KEYS[0]["n"]), "HS256", {"kid": "id-key"})}


def test_valid_tokens_pass() -> None:
    assert verify_tokens(tokens(), EXPECTED, KEYS)["sub"] == "ann"


def test_a_token_without_at_hash_passes() -> None:
    """OpenID Connect makes at_hash optional in this flow."""
    verify_tokens(tokens(at_hash=None), EXPECTED, KEYS)


LONG_AGO = int(time.time()) - 7200
WRONG_TOKENS: dict[str, tuple[Callable[[], CognitoTokens], str]] = {
    "another nonce": (lambda: tokens(nonce="x"), "another login"),
    "no nonce": (lambda: tokens(nonce=None), "another login"),
    "another audience": (lambda: tokens(aud="x"), "another app client"),
    "another pool": (lambda: tokens(iss=ISSUER[:-1] + "X"), "another user pool"),
    "another region": (lambda: tokens(iss=ISSUER.replace("us-east-1", "eu-west-1")), "another user pool"),
    "the other form of issuer": (lambda: tokens(iss=ISSUER.replace("//", "//issuer-")), "another user pool"),
    "access from the other form": (lambda: tokens(access={"iss": ISSUER.replace("//", "//issuer-")}), "another user"),
    "an access token as id token": (lambda: tokens(token_use="access"), "another kind"),
    "an id token as access token": (lambda: tokens(access={"token_use": "id"}), "another kind"),
    "another access token": (lambda: tokens(at_hash="x"), "at_hash"),
    "access of another client": (lambda: tokens(access={"client_id": "x"}), "another app client"),
    "access of another user": (lambda: tokens(access={"sub": "bob"}), "different users"),
    "expired": (lambda: tokens(iat=LONG_AGO, exp=LONG_AGO + 3600), "already expired"),
    "from the future": (
        lambda: tokens(iat=int(time.time()) + 7200, exp=int(time.time()) + 9000),
        r"clock is (2 hours|120 minutes) behind",
    ),
    "strange times": (lambda: tokens(exp="soon"), "malformed"),
    "another key": (lambda: tokens(id_key=OTHER_KEY), "signature is wrong"),
    "an unknown kid": (lambda: tokens(kid="other"), "does not publish"),
    "the other token's key": (lambda: tokens(kid="access-key"), "signature is wrong"),
    "no signature": (lambda: unsigned(tokens()), "malformed"),
    "a public key as secret": (lambda: signed_with_the_public_key(tokens()), "malformed"),
    "no token": (lambda: tokens() | {"id_token": "a.b.c"}, "malformed"),
    "no sub": (lambda: tokens(sub=None), "malformed"),
}


@pytest.mark.parametrize("case", WRONG_TOKENS)
def test_wrong_tokens_are_a_verification_error_that_shows_no_token(case: str) -> None:
    """No exception in the context quotes a token either."""
    make, sentence = WRONG_TOKENS[case]
    pair = make()
    with pytest.raises(VerificationError, match=sentence) as raised:
        verify_tokens(pair, EXPECTED, KEYS)
    assert isinstance(raised.value, PermissionError)
    assert raised.value.__context__ is None
    assert pair["id_token"] not in str(raised.value)


def test_the_measured_clock_skew_is_applied() -> None:
    """A machine's clock may be two hours behind."""
    ahead = int(time.time()) + 7200
    pair = tokens(iat=ahead, exp=ahead + 3600, access={"iat": ahead, "exp": ahead + 3600})
    verify_tokens(pair, ExpectedClaims(CLIENT, Issuer(POOL, "us-east-1"), NONCE, clock_skew=timedelta(hours=2)), KEYS)
