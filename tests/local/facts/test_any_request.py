"""Whatever a client sends, the endpoints for programs respond in their own form, and never by HTTP 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import requests
from hypothesis import HealthCheck, example, given, settings, strategies as st

from cognito_jupyter.local import LocalCognito

_EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_CONTROLS = st.characters(max_codepoint=0x9F)
_VALUES = st.none() | st.integers() | st.text(max_size=60) | st.text(_CONTROLS, max_size=5) | st.just("us-east-1:0a")
_LOGINS = _VALUES | st.dictionaries(st.text(max_size=20), _VALUES, max_size=3)
_BODIES = st.fixed_dictionaries(
    {}, optional={"IdentityPoolId": _VALUES, "IdentityId": _VALUES, "Logins": _LOGINS, "CustomRoleArn": _VALUES}
)
_NAMES = st.sampled_from(
    ["grant_type", "code", "client_id", "client_secret", "refresh_token", "redirect_uri", "code_verifier", "token"]
)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["authorization_code", "refresh_token"])


@_EXAMPLES
@given(action=st.sampled_from(["GetId", "GetCredentialsForIdentity", "Unknown", ""]), body=_BODIES | _VALUES)
@example(action="GetId", body={"IdentityPoolId": "us-east-1:0a", "Logins": {"provider": None}})
def test_the_identity_pool_refuses_any_request_with_a_type_and_a_message(
    pool: LocalCognito, action: str, body: Any
) -> None:
    headers = {"X-Amz-Target": f"AWSCognitoIdentityService.{action}"}
    response = requests.post(pool.endpoint, data=json.dumps(body), headers=headers, timeout=10)
    assert response.status_code == 400
    assert response.headers["x-amzn-ErrorType"] == f"{response.json()['__type']}:"
    assert response.headers["x-amzn-ErrorMessage"].isprintable()


@_EXAMPLES
@given(path=st.sampled_from(["/oauth2/token", "/oauth2/revoke"]), form=st.dictionaries(_NAMES, _TEXTS))
def test_the_token_endpoints_refuse_any_form_with_an_oauth_error(
    pool: LocalCognito, path: str, form: dict[str, str]
) -> None:
    form.setdefault("client_id", pool.client_id)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = requests.post(f"{pool.domain}{path}", data=urlencode(form), headers=headers, timeout=10)
    if path == "/oauth2/revoke" and response.status_code == 200:
        # An unknown token is no error (RFC 7009, section 2.2).
        assert form["token"]
        return
    assert response.status_code in {400, 401}
    assert set(response.json()) <= {"error", "error_description"}


@_EXAMPLES
@given(authorization=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_user_info_refuses_any_authorization(pool: LocalCognito, authorization: str) -> None:
    for value in (authorization, f"Bearer {authorization}", f"Bearer eyJhbGciOiJSUzI1NiJ9.{authorization}"):
        response = requests.get(f"{pool.domain}/oauth2/userInfo", headers={"Authorization": value}, timeout=10)
        assert response.status_code in {400, 401}
        assert 'error="inv' in response.headers["WWW-Authenticate"]
