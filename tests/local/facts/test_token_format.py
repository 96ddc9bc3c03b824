"""How tokens and keys are written.

Sources: tatums/markdown-auth (a JWKS); aws-amplify/amplify-js#3392, aws-amplify/aws-sdk-ios#3070 and
rollthecloudinc/hedge#238 (tokens); authts/oidc-client-ts#2107; the developer guide, "Using the ID token".
"""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import requests

from tests.local.conftest import Client


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(decoded(token.split(".")[1]))
    return payload


def jwks(client: Client) -> list[dict[str, str]]:
    url = f"{client.cognito.domain}/{client.cognito.user_pool_id}/.well-known/jwks.json"
    keys: list[dict[str, str]] = requests.get(url, timeout=10).json()["keys"]
    return keys


def test_a_key_id_is_standard_base64_of_32_bytes(client: Client) -> None:
    """tatums/markdown-auth: 44 characters, padding, and the alphabet with plus and slash."""
    keys = jwks(client)
    assert len(keys) == 2
    for key in keys:
        assert len(key["kid"]) == 44
        assert len(base64.b64decode(key["kid"], validate=True)) == 32
        assert (key["alg"], key["kty"], key["use"], key["e"]) == ("RS256", "RSA", "sig", "AQAB")


def test_the_header_of_a_token_has_kid_and_alg_and_no_type(client: Client) -> None:
    """aws-amplify/amplify-js#3392, rollthecloudinc/hedge#238: every token begins with eyJraWQiOi."""
    tokens = client.log_in()
    kids = {key["kid"] for key in jwks(client)}
    for name in ("id_token", "access_token"):
        assert tokens[name].startswith("eyJraWQiOi")
        header = json.loads(decoded(tokens[name].split(".")[0]))
        assert list(header) == ["kid", "alg"]
        assert header["kid"] in kids


def test_slashes_in_a_token_are_escaped(client: Client) -> None:
    """aws-amplify/aws-sdk-ios#3070."""
    payload = decoded(client.log_in()["id_token"].split(".")[1])
    assert rb'"iss":"https:\/\/cognito-idp.' in payload
    assert b"://" not in payload


def test_a_refresh_token_has_the_shape_of_a_jwe(client: Client) -> None:
    """A recorded sign-in of 2018: five parts, about 1,780 characters, JWT inside RSA-OAEP and A256GCM."""
    token = client.log_in()["refresh_token"]
    header, *others = token.split(".")
    assert len(others) == 4
    assert 1_700 < len(token) < 1_850
    assert json.loads(decoded(header)) == {"cty": "JWT", "enc": "A256GCM", "alg": "RSA-OAEP"}
    assert token.startswith("eyJjdHkiOiJKV1QiLCJlbmMiOi")


def test_the_claims_of_an_id_token_have_their_types(client: Client) -> None:
    """rollthecloudinc/hedge#238: a boolean, numbers and an array."""
    token = claims(client.log_in()["id_token"])
    assert token["email_verified"] is True
    assert all(isinstance(token[name], int) for name in ("auth_time", "iat", "exp"))
    assert isinstance(token["cognito:roles"], list)


def test_users_are_named_by_sub_in_pools_that_sign_in_by_address(client: Client) -> None:
    """aws-amplify/aws-sdk-ios#3070, rollthecloudinc/hedge#238."""
    client.cognito.knobs.username_is_sub = True
    tokens = client.log_in()
    assert claims(tokens["id_token"])["cognito:username"] == client.cognito.demo_user.sub
    assert claims(tokens["access_token"])["username"] == client.cognito.demo_user.sub


def test_a_preferred_role_may_be_absent(client: Client) -> None:
    """rollthecloudinc/hedge#238: absent though there is a role."""
    client.cognito.knobs.preferred_role = False
    token = claims(client.log_in()["id_token"])
    assert "cognito:preferred_role" not in token
    assert token["cognito:roles"]


def test_auth_time_and_origin_stay_on_refresh(client: Client) -> None:
    """Developer guide; aws-amplify/aws-sdk-ios#3070."""
    tokens = client.log_in()
    client.cognito.knobs.clock_offset = 100
    first, second = claims(tokens["id_token"]), claims(client.refresh(tokens["refresh_token"]).json()["id_token"])
    assert [first[name] for name in ("auth_time", "origin_jti")] == [
        second[name] for name in ("auth_time", "origin_jti")
    ]


def test_auth_time_may_move_under_rotation(client: Client) -> None:
    """authts/oidc-client-ts#2107: a fault that AWS has confirmed; here by a knob."""
    knobs = client.cognito.knobs
    knobs.rotation, knobs.rotation_moves_auth_time = True, True
    tokens = client.log_in()
    knobs.clock_offset = 100
    refreshed = claims(client.refresh(tokens["refresh_token"]).json()["id_token"])
    assert refreshed["auth_time"] >= claims(tokens["id_token"])["auth_time"] + 99
    assert refreshed["origin_jti"] == claims(tokens["id_token"])["origin_jti"]


def test_the_authentication_context_may_be_in_the_tokens(client: Client) -> None:
    """Developer guide, "Step-up authentication" (2026): `acr` is a string and `amr` an array."""
    assert not {"acr", "amr"} & claims(client.log_in()["id_token"]).keys()
    client.cognito.knobs.acr, client.cognito.knobs.amr = "urn:example:mfa", ("pwd", "otp")
    tokens = client.log_in()
    for name in ("id_token", "access_token"):
        token = claims(tokens[name])
        assert (token["acr"], token["amr"]) == ("urn:example:mfa", ["pwd", "otp"])


def test_the_signatures_hold_for_a_library_that_did_not_write_them(client: Client) -> None:
    keys = jwt.PyJWKSet.from_dict({"keys": jwks(client)})
    token = client.log_in()["id_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    issuer = client.cognito.pool.issuer
    assert jwt.decode(token, key, algorithms=["RS256"], audience=client.client_id, issuer=issuer)["token_use"] == "id"
