"""A refresh that is refused although the sign-in has not ended: the work goes on while the id token is valid."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError, SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws_responses import oauth_error
from tests.conftest import manager_for
from tests.support.clock import FakeClock

MINUTE = 60
RESPONSES: dict[str, dict[str, Any]] = {
    "a firewall's page": {"like": "firewall-page"},
    "a firewall's JSON": {"like": "firewall-json"},
    "throttled with HTTP 400": {"like": "throttled"},
    "throttled with HTTP 429": {"like": "throttled-429"},
    "HTTP 503": {"status": 503, "body": "{}"},
    "a Lambda function that failed": {"like": "lambda-failed"},
    "a Lambda function that failed, as invalid_grant": oauth_error(
        "invalid_grant", "PreTokenGeneration failed with error the directory does not respond."
    ),
    "an error that OAuth does not know": oauth_error("server_error"),
    "JSON without an error": {"status": 400, "body": '{"message": "Something failed."}'},
    "a client that was changed": {"like": "invalid-client"},
    "a grant that was switched off": {"like": "unauthorized-client"},
    "a response without tokens": {"status": 200, "body": "{}"},
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def manager(cognito: LocalCognito, clock: FakeClock) -> CognitoCredentialsManager:
    """A user whose id token will be valid for three minutes more: it is refreshed before it is exchanged."""
    timeouts = Timeouts(retry_delays=(), throttling=0.0)
    authenticator = CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, timeouts=timeouts
    )
    manager = manager_for(cognito, authenticator, clock=clock.clock)
    clock.advance(57 * MINUTE)
    return manager


@pytest.mark.parametrize("response", RESPONSES)
def test_work_goes_on_while_the_id_token_is_valid(
    cognito: LocalCognito, manager: CognitoCredentialsManager, clock: FakeClock, response: str
) -> None:
    """As with a 503: the credentials are bought with the id token that is there, and the next attempt may succeed."""
    old = manager.auth_tokens
    cognito.knobs.fail(cognito.REFRESH, times=None, **RESPONSES[response])
    session = manager.make_refreshing_session("Analyst")
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key
    clock.advance(1)
    with pytest.raises(CognitoError) as raised:
        manager.refresh_user_pool_tokens()
    assert not isinstance(raised.value, SignedOutError)
    assert raised.value.remedy
    assert (manager.auth_tokens, manager.ended) == (old, False)
    assert manager.warning is not None
    assert "still valid, but could not be renewed yet" in str(manager.warning)
    cognito.knobs.faults.clear()
    clock.advance(1)
    manager.refresh_user_pool_tokens()
    assert manager.auth_tokens != old


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"like": "firewall-page"}, r"A firewall refused the request to \S+ \(HTTP 403\)\. Ask the administrator"),
        ({"like": "firewall-json"}, r"A firewall refused the request to \S+ \(HTTP 403\)\. Ask the administrator"),
        ({"like": "firewall-page", "status": 405, "headers": {"x-amzn-waf-action": "captcha"}}, "A firewall refused"),
        ({"like": "throttled"}, "is throttling: too many requests at once"),
        (
            {"like": "lambda-failed"},
            r"could not refresh the tokens \(invalid_request: PreTokenGeneration failed .*\)\. Try again in a minute",
        ),
        ({"status": 400, "body": '{"message": "Oh."}'}, r"could not refresh the tokens \(HTTP 400: Oh\)\. Try again"),
    ],
)
def test_the_message_says_who_refused_the_refresh(
    cognito: LocalCognito, manager: CognitoCredentialsManager, fields: dict[str, Any], sentence: str
) -> None:
    cognito.knobs.fail(cognito.REFRESH, **fields)
    with pytest.raises(UnavailableError, match=sentence):
        manager.refresh_user_pool_tokens()


def test_a_refused_refresh_token_ends_the_sign_in_with_cognitos_own_words(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.fail(cognito.REFRESH, **oauth_error("invalid_grant", "Refresh Token has been revoked"))
    with pytest.raises(SignedOutError, match=r"invalid_grant: Refresh Token has been revoked\)\. Sign in again"):
        manager.make_refreshing_session("Analyst")
    assert manager.ended


def test_an_expired_id_token_lets_the_error_through(
    cognito: LocalCognito, manager: CognitoCredentialsManager, clock: FakeClock
) -> None:
    cognito.knobs.fail(cognito.REFRESH, times=None, like="lambda-failed")
    clock.advance(4 * MINUTE)
    with pytest.raises(UnavailableError, match="PreTokenGeneration failed"):
        manager.make_refreshing_session("Analyst")
