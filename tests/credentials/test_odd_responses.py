"""Responses of the token endpoint and of the identity pool that hold values of other types: refused or left out."""

from __future__ import annotations

import json

import pytest

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.sign_in import StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.local import LocalCognito
from tests.conftest import manager_for

NO_TOKENS = ["5", "[]", "{}", "true", '"\\ud800"', '"a\\nb"', '"\\u00e9"', '"\\u0000"']
NOTHING = ["null", '""']
ODD_MEMBERS = [
    *(("expires_in", odd) for odd in ("NaN", "1e400", '"soon"', "true", "null", "[]", "-1", '"\\ud800"')),
    *((name, odd) for name in ("token_type", "scope") for odd in ("5", "null", "[]", '"\\ud800"', '"a\\nb"')),
]


def response(cognito: LocalCognito, **texts: str) -> str:
    """Returns a token response whose members have these JSON texts."""
    issued = cognito.issue_tokens()
    members = {name: json.dumps(issued[name]) for name in ("id_token", "access_token", "refresh_token")} | texts
    return "{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}"


@pytest.mark.parametrize("text", NO_TOKENS)
@pytest.mark.parametrize("name", ["id_token", "access_token", "refresh_token"])
def test_a_token_of_another_form_never_replaces_a_good_one(
    cognito: LocalCognito, manager: CognitoCredentialsManager, name: str, text: str
) -> None:
    """It would fail at its next use, with an error of an HTTP library."""
    before = manager.auth_tokens
    cognito.knobs.fail(cognito.REFRESH, status=200, body=response(cognito, **{name: text}))
    with pytest.raises(CognitoError) as raised:
        manager.refresh_user_pool_tokens()
    assert isinstance(raised.value, PermissionError)
    assert manager.auth_tokens == before
    manager.refresh_user_pool_tokens()


@pytest.mark.parametrize("text", NO_TOKENS + NOTHING)
@pytest.mark.parametrize("name", ["id_token", "access_token", "refresh_token"])
def test_a_token_of_another_form_is_refused_at_a_login(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, name: str, text: str
) -> None:
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=200, body=response(cognito, **{name: text}))
    with pytest.raises(CognitoError, match=f"no {name}") as raised:
        authenticator.exchange_code_for_tokens("code", "v" * 43)
    assert isinstance(raised.value, PermissionError)


@pytest.mark.parametrize("text", NOTHING)
def test_a_refresh_token_of_nothing_is_none(
    cognito: LocalCognito, manager: CognitoCredentialsManager, text: str
) -> None:
    """The one before stays in use."""
    assert manager.auth_tokens is not None
    before = manager.auth_tokens["refresh_token"]
    cognito.knobs.fail(cognito.REFRESH, status=200, body=response(cognito, refresh_token=text))
    assert manager.refresh_user_pool_tokens()["refresh_token"] == before
    manager.refresh_user_pool_tokens()


@pytest.mark.parametrize(("name", "text"), ODD_MEMBERS)
def test_other_members_of_another_type_are_left_out(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, name: str, text: str
) -> None:
    """Nothing depends on them, and the sign-in can be stored."""
    store = Store(StoreKey(cognito.domain, cognito.client_id, cognito.user_pool_id, cognito.identity_pool_id))
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=200, body=response(cognito, **{name: text}))
    tokens = authenticator.exchange_code_for_tokens("code", "v" * 43)
    assert name not in tokens
    manager = manager_for(cognito, authenticator)
    manager.adopt_tokens(tokens, store)
    assert manager.shared_sign_in.warning is None
    cognito.knobs.fail(cognito.REFRESH, status=200, body=response(cognito, **{name: text}))
    assert name not in manager.refresh_user_pool_tokens()
    assert store.read_sign_in() is not None


GOOD = {"AccessKeyId": '"ASIA1"', "SecretKey": '"s"', "SessionToken": '"t"', "Expiration": "1.9E9"}
ODD_CREDENTIALS = [
    *(("Expiration", odd) for odd in ("NaN", "1e400", "-1e400", '"soon"', "[]", "{}", "1e18", "null")),
    *(
        (name, odd)
        for name in ("AccessKeyId", "SecretKey", "SessionToken")
        for odd in ("5", "[]", '"\\ud800"', '"a\\nb"')
    ),
]


@pytest.mark.parametrize(("name", "text"), ODD_CREDENTIALS)
def test_odd_credentials_never_replace_good_ones(
    cognito: LocalCognito, manager: CognitoCredentialsManager, name: str, text: str
) -> None:
    before = manager.ensure_credentials("Analyst")
    members = ", ".join(f'"{each}": {value}' for each, value in (GOOD | {name: text}).items())
    body = f'{{"IdentityId": "{manager.identity_id}", "Credentials": {{{members}}}}}'
    content_type = "application/x-amz-json-1.1"
    cognito.knobs.fail(cognito.EXCHANGE, times=None, status=200, body=body, content_type=content_type)
    with pytest.raises(CognitoError) as raised:
        manager.get_credentials(role_suffix="Analyst")
    assert isinstance(raised.value, ConnectionError)
    assert manager.credentials == before
    cognito.knobs.faults.clear()
    manager.get_credentials(role_suffix="Analyst")


@pytest.mark.parametrize("text", ["5", "[]", '"\\ud800"', '"a\\nb"', "null", '""'])
def test_an_odd_identity_id_is_refused(cognito: LocalCognito, manager: CognitoCredentialsManager, text: str) -> None:
    body = f'{{"IdentityId": {text}}}'
    cognito.knobs.fail(cognito.GET_ID, status=200, body=body, content_type="application/x-amz-json-1.1")
    with pytest.raises(CognitoError, match="IdentityId"):
        manager.get_credentials(role_suffix="Analyst")
    assert manager.get_credentials(role_suffix="Analyst")["access_key_id"]
