"""Refreshed tokens that cannot take the place of the current ones: refused, and the work goes on with those."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError, VerificationError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.conftest import as_tokens, manager_for
from tests.support.clock import FakeClock

MINUTE = 60
MISSING = None
NO_TIMES: list[Any] = [math.nan, math.inf, -math.inf, "soon", True, [], {}, -1, 10**18, 10**400]
NO_TEXTS: list[Any] = [5, True, [], {}, "", "\ud800", "a\nb", "\u202eann", "\0"]
ODD_CLAIMS: list[tuple[str, Any]] = [
    *((name, odd) for name in ("exp", "iat", "auth_time") for odd in NO_TIMES),
    *((name, odd) for name in ("sub", "iss", "aud", "token_use") for odd in NO_TEXTS),
    *((name, MISSING) for name in ("exp", "iat", "sub", "iss", "token_use")),
]
WRONG_CLAIMS: list[tuple[str, Any]] = [
    ("sub", "another-user"),
    ("iss", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_another"),
    ("aud", "another-client"),
    ("token_use", "access"),
]


def issue_tokens(cognito: LocalCognito, claims: Mapping[str, Any]) -> dict[str, str]:
    return cognito.issue_tokens("demo", **claims)


def respond_to_refreshes(cognito: LocalCognito, claims: Mapping[str, Any]) -> None:
    """Has every refresh respond with a new id token that has these claims; None removes one."""
    issued = issue_tokens(cognito, claims)
    tokens = {name: issued[name] for name in ("id_token", "access_token")}
    cognito.knobs.fail(cognito.REFRESH, times=None, status=200, body=json.dumps(tokens))


@pytest.mark.parametrize(("name", "odd"), ODD_CLAIMS + WRONG_CLAIMS, ids=lambda value: ascii(value)[:20])
def test_odd_or_wrong_claims_never_replace_good_tokens(
    cognito: LocalCognito, manager: CognitoCredentialsManager, name: str, odd: object
) -> None:
    before = manager.auth_tokens
    respond_to_refreshes(cognito, {name: odd})
    with pytest.raises(VerificationError) as raised:
        manager.refresh_user_pool_tokens()
    assert raised.value.remedy
    assert manager.auth_tokens == before
    cognito.knobs.faults.clear()
    manager.refresh_user_pool_tokens()
    assert manager.auth_tokens != before


def test_work_goes_on_after_a_refresh_with_malformed_claims(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """As after a response that is no JSON: the id token is good for three minutes more, and buys credentials."""
    clock = FakeClock()
    manager = manager_for(cognito, authenticator, clock=clock.clock)
    clock.advance(57 * MINUTE)
    before = manager.auth_tokens
    respond_to_refreshes(cognito, {"exp": math.nan})
    credentials = manager.make_refreshing_session("Analyst").get_credentials()
    assert credentials is not None
    assert credentials.access_key.startswith("ASIA")
    assert manager.auth_tokens == before
    assert "could not be renewed yet; the next attempt follows. The id token is malformed" in str(manager.warning)


@pytest.mark.parametrize("value", NO_TIMES, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize("name", ["exp", "iat", "auth_time"])
def test_a_program_that_sets_malformed_tokens_gets_an_error_of_ours(
    cognito: LocalCognito, manager: CognitoCredentialsManager, name: str, value: object
) -> None:
    """The promised API takes tokens from its caller."""
    good = manager.auth_tokens
    assert good is not None
    malformed = {**good, "id_token": issue_tokens(cognito, {name: value})["id_token"]}
    with pytest.raises(CognitoError, match=f"malformed: its {name} is no time"):
        manager.auth_tokens = cast("CognitoTokens", malformed)
    assert manager.auth_tokens == good
    assert manager.ensure_credentials("Analyst")["access_key_id"]


@pytest.mark.parametrize("name", ["exp", "iat", "auth_time", "sub"])
def test_a_manager_that_is_made_with_malformed_tokens_raises_an_error_of_ours_at_each_use(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, name: str
) -> None:
    tokens = as_tokens(issue_tokens(cognito, {name: math.nan}))
    manager = CognitoCredentialsManager(
        cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens, authenticator
    )
    uses: list[Callable[[], object]] = [
        lambda: manager.ensure_credentials("Analyst"),
        lambda: manager.get_credentials(role_suffix="Analyst"),
        lambda: manager.make_refreshing_session("Analyst"),
        lambda: manager.claims,
        manager.refresh_user_pool_tokens,
    ]
    for use in uses:
        with pytest.raises(VerificationError, match=f"malformed: its {name} is no"):
            use()
    assert "signed in" in repr(manager)
    manager.sign_out()
    assert manager.auth_tokens is None


def test_refreshed_claims_that_only_name_the_user_otherwise_are_accepted(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """A name that is no text, half a character in an e-mail address: shown as far as it can be."""
    roles = [7, "\ud800", *manager.claims["cognito:roles"]]
    respond_to_refreshes(cognito, {"email": "ann\ud83d@example.org", "name": 5, "cognito:roles": roles})
    manager.refresh_user_pool_tokens()
    assert manager.ensure_credentials("Analyst")["access_key_id"]
