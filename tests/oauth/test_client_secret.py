"""An app client with a secret: sent as Basic authentication, and shown nowhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import pytest

from cognito_jupyter import CognitoConfiguration, CognitoOAuthAuthenticator, get_authenticated_cognito_manager
from cognito_jupyter._util.redaction import Secret
from cognito_jupyter.errors import CognitoError, RefusedError, SignedOutError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.oauth.scripted_server import ScriptedServer, http_response, json_response
from tests.support.printed_login import sign_in_at_printed_url

SECRET = "s3cret-of-the-app-client-0123456789abcdefghijklmnop"
BASIC = b64encode(f"the-client:{SECRET}".encode())
TOKENS = {"id_token": "aaa.bbb.ccc", "access_token": "ddd.eee.fff", "refresh_token": "ggg"}


@pytest.fixture
def confidential(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCognito]:
    """A Cognito whose app client has a secret."""
    with LocalCognito(aws=False, client_secret=True) as cognito:
        for name, value in cognito.environment.items():
            monkeypatch.setenv(name, value)
        yield cognito


def authenticator_for(cognito: LocalCognito, client_secret: str | None) -> CognitoOAuthAuthenticator:
    return CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, client_secret=client_secret, open_browser=False
    )


def log_in(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> CognitoTokens:
    """Returns the tokens of a login whose URL was pasted."""
    with authenticator.begin_login(listen=False) as login:
        user = cognito.demo_user
        login.handle_pasted_url(
            submit_login(login.authorization_url, user.username, user.password, follow_callback=False)
        )
        return login.tokens()


def test_a_login_a_refresh_and_a_logout_work_with_the_secret(confidential: LocalCognito) -> None:
    authenticator = authenticator_for(confidential, confidential.client_secret)
    token = log_in(confidential, authenticator)["refresh_token"]
    assert authenticator.refresh_tokens(token)["id_token"]
    authenticator.revoke(token)
    with pytest.raises(SignedOutError):
        authenticator.refresh_tokens(token)


def test_the_entry_point_takes_the_secret_from_the_environment(
    confidential: LocalCognito, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", "true")
    pools = CognitoConfiguration(
        confidential.domain,
        confidential.client_id,
        confidential.redirect_uri,
        confidential.region,
        confidential.user_pool_id,
        confidential.identity_pool_id,
    )
    with sign_in_at_printed_url(confidential, capsys) as printed:
        manager = get_authenticated_cognito_manager(pools)
    assert manager.ensure_credentials("Analyst")["access_key_id"].startswith("ASIA")
    assert str(confidential.client_secret) not in "".join(printed)


@pytest.mark.parametrize(
    ("client_secret", "remedy"),
    [
        (None, "This app client has a secret: set COGNITO_CLIENT_SECRET, or client_secret in your own settings file"),
        ("another", "Check the client secret and the client id"),
    ],
)
def test_a_missing_and_a_wrong_secret_have_a_sentence_each(
    confidential: LocalCognito, client_secret: str | None, remedy: str
) -> None:
    with pytest.raises(RefusedError, match=remedy):
        log_in(confidential, authenticator_for(confidential, client_secret))


@pytest.mark.parametrize("call", ["exchange", "refresh", "revoke"])
def test_the_secret_is_sent_as_basic_authentication_and_not_in_the_body(call: str) -> None:
    """RFC 6749, section 2.3.1: a secret should not be in the body; Cognito's guide shows the same header."""
    response = http_response("200 OK", "") if call == "revoke" else json_response(TOKENS)
    with ScriptedServer([response]) as server:
        client = CognitoOAuthAuthenticator(server.origin, "the-client", client_secret=Secret(SECRET))
        if call == "exchange":
            client.exchange_code_for_tokens("code", "verifier")
        elif call == "refresh":
            client.refresh_tokens("token")
        else:
            client.revoke("token")
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"authorization: basic " + BASIC.lower() in head.lower()
    assert b"client_id=the-client" in body
    assert SECRET.encode() not in body


def test_the_tokens_of_a_login_that_is_not_accepted_are_revoked_with_the_secret() -> None:
    """Without it Cognito would refuse to revoke them."""
    with ScriptedServer([json_response(TOKENS), http_response("200 OK", "")]) as server:
        client = CognitoOAuthAuthenticator(server.origin, "the-client", client_secret=SECRET)
        with client.begin_login(listen=False) as login:
            state = login.authorization_url.partition("state=")[2].partition("&")[0]
            login.handle_pasted_url(f"{login.redirect_uri}?code=c&state={state}")
            with pytest.raises(CognitoError):
                login.tokens()
        assert server.requests[1].startswith(b"POST /oauth2/revoke ")
        assert BASIC in server.requests[1]


def test_no_repr_and_no_error_shows_the_secret() -> None:
    """Not even if the server sends it back."""
    echo = http_response("400 Bad Request", f'{{"error": "invalid_client", "error_description": "Bad {SECRET}"}}')
    with ScriptedServer([echo]) as server:
        client = CognitoOAuthAuthenticator(server.origin, "the-client", client_secret=SECRET)
        with pytest.raises(RefusedError) as raised:
            client.refresh_tokens("token")
    assert SECRET not in str(raised.value)
    assert SECRET not in repr(client) + repr(vars(client))
    # The first frame is this test's own, which holds the server's response.
    frames = [repr(entry.frame.f_locals) for entry in raised.traceback[1:]]
    assert not [frame for frame in frames if SECRET in frame or BASIC.decode() in frame]
