"""Claims of another form than Cognito gives them, in tokens whose signatures are right: refused, with an error of ours.

JSON knows numbers that are no time, such as NaN and 1e400, and text that no file takes, such as half of a character.
"""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from packaging.requirements import Requirement

from cognito_jupyter.credentials.roles import roles_in
from cognito_jupyter.errors import VerificationError
from cognito_jupyter.oauth.tokens import CognitoTokens, MalformedTokenError, check_claims, claims_of, subject_of
from cognito_jupyter.oauth.verification import verify_tokens
from cognito_jupyter.signin.user_name import describe_user
from tests.oauth.test_verification import ACCESS_KEY, CLIENT, EXPECTED, ID_KEY, ISSUER, KEYS, NONCE, claims

NO_TIMES = [
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", '"soon"', '"1795600000"', "true", "null", "[]", "{}"),
    *("-1", "1e18", "1000000000000000000", "1" + "0" * 400, '"\\ud800"'),
]
NO_TEXTS = [
    *("5", "NaN", "true", "null", "[]", "{}"),
    *('""', '"\\ud800"', '"ann\\ud83d"', '"a\\nb"', '"\\u202eann"', '"\\u0000"'),
]
ODD_CLAIMS = [
    *((name, odd) for name in ("exp", "iat", "auth_time") for odd in NO_TIMES),
    *((name, odd) for name in ("sub", "iss", "token_use", "aud") for odd in NO_TEXTS),
    *((name, None) for name in ("exp", "iat", "sub", "iss", "token_use")),
    ("sub", json.dumps("a" * 5000)),
    ("aud", f'["{CLIENT}"]'),
    ("aud", f'["{CLIENT}", "another"]'),
]


def signed(token_use: str, body: str) -> str:
    """Returns a token with a claims text that no JSON library would write."""
    key, kid = (ID_KEY, "id-key") if token_use == "id" else (ACCESS_KEY, "access-key")
    return jwt.PyJWS().encode(body.encode(), key, "RS256", {"kid": kid})


def with_claim(token_use: str, name: str, text: str | None) -> CognitoTokens:
    """Returns good tokens, one of which has another text for a claim; None removes it."""
    bodies: dict[str, dict[str, object]] = {
        "id": claims(token_use="id", aud=CLIENT, nonce=NONCE, auth_time=int(time.time())),
        "access": claims(token_use="access", client_id=CLIENT),
    }
    members = {claim: json.dumps(value) for claim, value in bodies[token_use].items()}
    members = {claim: each for claim, each in (members | {name: text}).items() if each is not None}
    odd = "{" + ", ".join(f"{json.dumps(claim)}: {each}" for claim, each in members.items()) + "}"
    tokens = {use: signed(use, odd if use == token_use else json.dumps(body)) for use, body in bodies.items()}
    return {"id_token": tokens["id"], "access_token": tokens["access"], "refresh_token": "r"}


@pytest.mark.parametrize("token_use", ["id", "access"])
@pytest.mark.parametrize(("name", "text"), ODD_CLAIMS, ids=lambda value: str(value)[:20])
def test_odd_claims_are_refused_at_a_login_with_an_error_of_ours(token_use: str, name: str, text: str | None) -> None:
    with pytest.raises(VerificationError) as raised:
        verify_tokens(with_claim(token_use, name, text), EXPECTED, KEYS)
    assert raised.value.__context__ is None
    assert f"{token_use} token" in str(raised.value)


@pytest.mark.parametrize(("name", "text"), [claim for claim in ODD_CLAIMS if claim[1] is not None])
def test_odd_claims_are_refused_wherever_an_id_token_is_read(name: str, text: str) -> None:
    """A program may set a manager's tokens itself."""
    if name == "aud" and text.startswith('["'):
        text = "[]"
    with pytest.raises(MalformedTokenError, match=f"its {name} is no"):
        claims_of(with_claim("id", name, text)["id_token"])


@pytest.mark.parametrize("token_use", ["id", "access"])
@pytest.mark.parametrize("issuer", [ISSUER[:-1], ISSUER[1:], ISSUER[8:], "https://", "h", f"{ISSUER}/", f"{ISSUER} "])
def test_a_part_of_the_issuer_is_not_the_issuer(token_use: str, issuer: str) -> None:
    """Whatever PyJWT compares: 2.10.0 took each part of the issuer for the issuer (CVE-2024-53861)."""
    with pytest.raises(VerificationError, match="another user pool"):
        verify_tokens(with_claim(token_use, "iss", json.dumps(issuer)), EXPECTED, KEYS)


def test_the_pyjwt_that_takes_a_part_of_the_issuer_is_excluded() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    (pyjwt,) = [each for each in map(Requirement, project["dependencies"]) if each.name == "PyJWT"]
    assert not pyjwt.specifier.contains("2.10.0")
    assert pyjwt.specifier.contains("2.10.1")


def test_tokens_nested_a_thousand_times_are_malformed() -> None:
    """JSON parsers recurse."""
    deep = "[" * 100_000 + "]" * 100_000
    for token_use in ("id", "access"):
        with pytest.raises(VerificationError, match=f"{token_use} token is malformed"):
            verify_tokens(with_claim(token_use, "custom:deep", deep), EXPECTED, KEYS)


any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["sub", "iss", "aud", "token_use", "exp", "iat", "auth_time", "nonce", "at_hash", "client_id", "nbf", "jti"]
OTHER_NAMES = [
    *("email", "email_verified", "name", "preferred_username", "phone_number", "identities", "cognito:username"),
    *("cognito:groups", "cognito:roles", "cognito:preferred_role"),
]


@given(st.sampled_from(["id", "access"]), st.sampled_from(NAMES + OTHER_NAMES), any_json)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_claim_holds_a_login_gets_its_claims_or_an_error_of_ours(
    token_use: str, name: str, value: object
) -> None:
    """What is accepted can be read, by all that shows the user and the roles."""
    try:
        accepted = verify_tokens(with_claim(token_use, name, json.dumps(value)), EXPECTED, KEYS)
    except VerificationError:
        return
    check_claims(accepted, "id", require_all=True)
    assert subject_of(accepted).sub == "ann" or name == "sub"
    assert describe_user(accepted).encode("utf-8").isascii() or name in OTHER_NAMES
    assert all(role.isascii() and role.isprintable() for role in roles_in(accepted))
