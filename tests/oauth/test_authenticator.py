"""The whole flow against a Cognito on this machine."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from cognito_jupyter._util.timeouts import DEFAULT_TIMEOUTS, Timeouts
from cognito_jupyter.errors import (
    DOCTOR,
    ListenerError,
    LoginDeniedError,
    LoginTimeoutError,
    PastedUrlError,
    RefusedError,
    SettingError,
    SignedOutError,
    UnavailableError,
    VerificationError,
)
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.local.model import AppClient
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.discovery import discover_domain
from cognito_jupyter.oauth.tokens import decode_jwt_payload
from cognito_jupyter.settings import Settings
from tests.support.polling import wait_until
from tests.support.ports import free_port
from tests.support.printed_login import sign_in_at_printed_url
from tests.support.shared_kernels import configuration_from_environment


def tokens_of_pasted_login(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> dict[str, object]:
    """Returns the tokens of a login whose URL was pasted."""
    with authenticator.begin_login(listen=False) as login:
        user = cognito.demo_user
        login.handle_pasted_url(
            submit_login(login.authorization_url, user.username, user.password, follow_callback=False)
        )
        return dict(login.tokens())


def test_authenticate_signs_in_with_the_url_that_it_prints(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    with sign_in_at_printed_url(cognito, capsys) as printed:
        tokens = authenticator.authenticate()
    assert set(tokens) >= {"id_token", "access_token", "refresh_token"}
    assert "...'" in repr(tokens)
    assert "To sign in, open this address" in "".join(printed)
    assert "Test setup: Cognito is at" in "".join(printed)
    # The thread of a connection that the browser leaves open takes a moment to end.
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_the_prompt_can_be_replaced(cognito: LocalCognito) -> None:
    prompts: list[str] = []

    def prompt(text: str) -> None:
        prompts.append(text)
        url = next(word for word in text.split() if "/oauth2/authorize" in word)
        user = (url, cognito.demo_user.username, cognito.demo_user.password)
        threading.Thread(target=submit_login, args=user).start()

    CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, prompt=prompt, open_browser=False
    ).authenticate()
    assert len(prompts) == 1


def test_the_authorization_url_holds_the_parameters_of_rfc_6749_and_7636(
    authenticator: CognitoOAuthAuthenticator,
) -> None:
    url = urlsplit(authenticator.get_authorization_url("the-challenge", "the-state", nonce="the-nonce"))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url._replace(query="").geturl() == authenticator.authorization_endpoint
    assert query == {
        "client_id": authenticator.client_id,
        "response_type": "code",
        "redirect_uri": authenticator.redirect_uri.split()[0],
        "code_challenge": "the-challenge",
        "code_challenge_method": "S256",
        "state": "the-state",
        "scope": "openid email",
        "nonce": "the-nonce",
    }


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("identity_provider", "Corporate SAML"), ("idp_identifier", "lab.example"), ("login_hint", "ann+1@lab.example")],
)
def test_a_setting_that_helps_the_sign_in_page_is_in_the_authorization_url(
    cognito: LocalCognito, keyword: str, value: str
) -> None:
    """The provider skips Cognito's choice of providers, and the hint fills in the user name."""
    settings = Settings(configuration_from_environment(cognito.environment), **{keyword: value})  # type: ignore[arg-type] # each takes a text
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    with authenticator.begin_login(listen=False) as login:
        query = parse_qs(urlsplit(login.authorization_url).query)
    assert query[keyword] == [value]
    assert not {"identity_provider", "idp_identifier", "login_hint", "prompt"} - {keyword} & set(query)


def test_a_federated_user_signs_in_after_an_error_that_came_without_a_state(cognito: LocalCognito) -> None:
    """The same link works again, in the same browser; the error came at the first try of it."""
    cognito.add_identity_provider("University")
    cognito.add_user("ada", "lovelace-1843", ["Analyst"], "ada@uni.example", provider="University")
    settings = Settings(configuration_from_environment(cognito.environment), identity_provider="University")
    with CognitoOAuthAuthenticator.from_settings(settings).begin_login() as login:
        cognito.knobs.login_error = "Invalid samlResponse or relayState from identity provider"
        address = submit_login(login.authorization_url, "ada", "lovelace-1843")
        with pytest.raises(PastedUrlError, match="Invalid samlResponse or relayState"):
            login.handle_pasted_url(address)
        assert not login.finished.is_set()
        cognito.knobs.login_error = ""
        submit_login(login.authorization_url, "ada", "lovelace-1843")
        assert login.wait(5)
        assert decode_jwt_payload(login.tokens()["id_token"])["cognito:username"] == "University_ada"


def test_the_address_of_cognitos_own_error_page_can_be_pasted(cognito: LocalCognito) -> None:
    """For an unregistered redirect URI, an unknown app client, and a link that was cut off: no redirect ever comes."""
    uri = f"http://localhost:{free_port()}"
    for client_id, redirect_uri, cut_off, sentence in (
        (cognito.client_id, uri, False, rf"redirect URI for this app client.*client_id.*{uri}$"),
        ("unknown", cognito.redirect_uri.split()[0], False, "redirect URI for this app client.*Check client_id"),
        (cognito.client_id, uri, True, "link was not complete"),
    ):
        with CognitoOAuthAuthenticator(cognito.domain, client_id, redirect_uri).begin_login() as login:
            url = login.authorization_url.partition("&redirect_uri")[0] if cut_off else login.authorization_url
            page = requests.get(url, timeout=5)
            assert page.status_code == 400
            with pytest.raises(PastedUrlError, match=sentence):
                login.handle_pasted_url(page.url)
            assert not login.finished.is_set()


def test_prompt_asks_for_the_password_of_a_user_who_is_signed_in_at_cognito(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """Cognito's cookie would otherwise sign the previous user in again."""
    user, cookies = cognito.demo_user, requests.cookies.RequestsCookieJar()
    with authenticator.begin_login(listen=False) as login:
        submit_login(login.authorization_url, user.username, user.password, follow_callback=False, cookies=cookies)
    targets = []
    for prompt in (None, "login"):
        with authenticator.begin_login(listen=False, prompt=prompt) as login:
            response = requests.get(login.authorization_url, cookies=cookies, allow_redirects=False, timeout=5)
            targets.append(response.headers["Location"].partition("?")[0])
    assert targets == [login.redirect_uri, "/login"]


def test_a_custom_domain_is_the_origin_of_every_page_of_the_login() -> None:
    authenticator = CognitoOAuthAuthenticator("sign-in.lab.example", "client")
    assert authenticator.get_authorization_url("c", "s").startswith("https://sign-in.lab.example/oauth2/authorize?")
    assert authenticator.logout_url().startswith("https://sign-in.lab.example/logout?")


def test_two_notebooks_sign_in_at_the_same_time_on_two_registered_ports(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """The first redirect URI whose port is free serves the whole login, exchange included."""
    user = cognito.demo_user
    with authenticator.begin_login() as first, authenticator.begin_login() as second:
        assert first.redirect_uri != second.redirect_uri
        for login in (second, first):
            submit_login(login.authorization_url, user.username, user.password)
            assert login.wait(5)
            assert login.tokens()["id_token"]


def test_authenticate_names_the_port_when_every_port_is_in_use(cognito: LocalCognito) -> None:
    uri = cognito.redirect_uri.split()[0]
    port = int(uri.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ListenerError, match=str(port)) as raised:
        CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, uri, open_browser=False).authenticate()
    assert isinstance(raised.value, ConnectionError)


def test_authenticate_says_nothing_of_a_port_in_use_when_the_next_one_is_free(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, capsys: pytest.CaptureFixture[str]
) -> None:
    port = int(cognito.redirect_uri.split()[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), sign_in_at_printed_url(cognito, capsys) as printed:
        assert authenticator.authenticate()["id_token"]
    assert "in use" not in "".join(printed)


def test_an_error_from_cognito_ends_the_login(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> None:
    """The message shows Cognito's reason, here a scope that the app client does not allow."""
    authenticator.scopes = "openid aws.cognito.signin.user.admin"
    with authenticator.begin_login() as login:
        response = requests.get(login.authorization_url, timeout=5)
        assert response.status_code < 500
        with pytest.raises(LoginDeniedError, match="invalid_scope"):
            login.tokens()
    del cognito


def test_the_error_of_a_login_names_the_doctor_and_a_traceback_shows_it(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, capsys: pytest.CaptureFixture[str]
) -> None:
    cognito.knobs.fail(cognito.CODE_EXCHANGE, like="invalid-client", times=None)
    with sign_in_at_printed_url(cognito, capsys), pytest.raises(PermissionError) as caught:
        authenticator.authenticate()
    assert traceback.format_exception_only(caught.value)[-1].strip() == DOCTOR
    assert DOCTOR not in str(caught.value)


def test_a_login_that_is_not_finished_times_out(authenticator: CognitoOAuthAuthenticator) -> None:
    authenticator.timeout = 0.2
    with pytest.raises(LoginTimeoutError, match="timed out after"):
        authenticator.authenticate()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [({"aud": "another"}, "another"), ({"token_use": "access"}, "id token"), ({"at_hash": "x"}, "nonce")],
)
def test_tokens_with_unexpected_claims_are_rejected(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, claims: dict[str, object], reason: str
) -> None:
    tokens = cognito.issue_tokens(**claims)  # type: ignore[arg-type]
    response = {name: tokens[name] for name in ("id_token", "access_token", "refresh_token")}
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=200, body=str(response).replace("'", '"'))
    with pytest.raises(VerificationError, match=reason) as raised:
        tokens_of_pasted_login(cognito, authenticator)
    assert isinstance(raised.value, PermissionError)
    assert not [token for token in response.values() if token in str(raised.value)]


def test_tokens_of_another_pool_are_rejected_when_the_pool_is_pinned(cognito: LocalCognito) -> None:
    with LocalCognito(aws=False) as other:
        other.add_client(AppClient(cognito.client_id, tuple(cognito.redirect_uri.split())))
        pinned = CognitoOAuthAuthenticator(
            other.domain, cognito.client_id, cognito.redirect_uri, user_pool_id=cognito.user_pool_id
        )
        with pytest.raises(VerificationError):
            tokens_of_pasted_login(other, pinned)


def test_tokens_from_another_region_are_rejected(cognito: LocalCognito) -> None:
    elsewhere = CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, cognito.redirect_uri, "eu-west-1")
    with pytest.raises(VerificationError, match="not issued by a user pool of eu-west-1"):
        tokens_of_pasted_login(cognito, elsewhere)


def tokens_that_are_not_accepted(cognito: LocalCognito, missing: str | None = None, **claims: object) -> dict[str, str]:
    """Returns what the next code exchange responds: tokens with these claims, without the missing one."""
    issued = cognito.issue_tokens(**claims)  # type: ignore[arg-type] # any claims
    tokens = {name: issued[name] for name in ("id_token", "access_token", "refresh_token") if name != missing}
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=200, body=json.dumps(tokens))
    return tokens


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        pytest.param({"aud": "another"}, {}, id="tokens of another client"),
        pytest.param({"nonce": "another"}, {}, id="tokens of another login"),
        pytest.param({}, {"status": 503, "times": None}, id="keys that cannot be fetched"),
        pytest.param({}, {"status": 200, "body": "<html>"}, id="a web page in place of the keys"),
        pytest.param({"missing": "id_token"}, {}, id="no id token"),
        pytest.param({"missing": "access_token"}, {}, id="no access token"),
    ],
)
def test_the_refresh_token_of_a_login_that_is_not_accepted_is_revoked(
    cognito: LocalCognito, changes: dict[str, Any], keys: dict[str, Any]
) -> None:
    """Nothing else could use or end it."""
    tokens = tokens_that_are_not_accepted(cognito, **changes)
    if keys:
        cognito.knobs.fail(cognito.JWKS, **keys)
    authenticator = CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, timeouts=Timeouts(retry_delays=())
    )
    with pytest.raises((RefusedError, UnavailableError)):
        tokens_of_pasted_login(cognito, authenticator)
    with pytest.raises(SignedOutError):
        authenticator.refresh_tokens(tokens["refresh_token"])


@pytest.mark.parametrize("fault", [{"kind": "stall", "seconds": 30}, {"status": 500}, {"kind": "drop"}])
def test_a_revocation_that_fails_neither_delays_nor_replaces_the_error_of_the_login(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, fault: dict[str, Any]
) -> None:
    tokens_that_are_not_accepted(cognito, aud="another")
    cognito.knobs.fail(cognito.REVOKE, **fault)
    before, started = cognito.counts[cognito.REVOKE], time.monotonic()
    with pytest.raises(VerificationError, match="another"):
        tokens_of_pasted_login(cognito, authenticator)
    assert time.monotonic() - started < DEFAULT_TIMEOUTS.read, "as long as for other requests"
    wait_until(lambda: cognito.counts[cognito.REVOKE] > before)


def test_a_refresh_returns_the_old_refresh_token_when_cognito_sends_none(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    token = str(tokens_of_pasted_login(cognito, authenticator)["refresh_token"])
    assert authenticator.refresh_tokens(token)["refresh_token"] == token
    cognito.knobs.rotation = True
    assert authenticator.refresh_tokens(token)["refresh_token"] != token


def test_a_lost_refresh_response_is_recovered_within_the_grace_period(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """The response with the rotated token is lost; the retry gets another one."""
    cognito.knobs.rotation, cognito.knobs.grace = True, 30
    token = str(tokens_of_pasted_login(cognito, authenticator)["refresh_token"])
    cognito.knobs.fail(cognito.REFRESH, kind="truncate")
    rotated = authenticator.refresh_tokens(token)["refresh_token"]
    cognito.knobs.clock_offset = 31
    assert authenticator.refresh_tokens(rotated)["id_token"]


def test_a_revoked_refresh_token_is_a_signed_out_error(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    token = str(tokens_of_pasted_login(cognito, authenticator)["refresh_token"])
    authenticator.revoke(token)
    authenticator.revoke(token)
    with pytest.raises(SignedOutError, match="has ended") as raised:
        authenticator.refresh_tokens(token)
    assert isinstance(raised.value, PermissionError)
    assert token not in str(raised.value)


def test_a_rejected_code_is_a_refused_error_that_does_not_show_the_code(
    authenticator: CognitoOAuthAuthenticator,
) -> None:
    with pytest.raises(RefusedError, match="invalid_grant") as raised:
        authenticator.exchange_code_for_tokens("an-unknown-code", "a-verifier")
    assert "an-unknown-code" not in str(raised.value)


def test_a_code_is_never_sent_twice(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> None:
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=503)
    before = cognito.counts[cognito.CODE_EXCHANGE]
    with pytest.raises(UnavailableError):
        authenticator.exchange_code_for_tokens("code", "verifier")
    assert cognito.counts[cognito.CODE_EXCHANGE] == before + 1


def test_both_forms_of_the_logout_url_end_the_browsers_session(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    assert cognito.logout_uri is not None
    for url in (authenticator.logout_url(cognito.logout_uri), authenticator.logout_url()):
        assert requests.get(url, allow_redirects=False, timeout=5).status_code == 302


def test_the_domain_is_discovered_from_the_user_pool(cognito: LocalCognito) -> None:
    assert discover_domain(cognito.user_pool_id, cognito.region) == cognito.domain
    with pytest.raises(SettingError, match="There is no user pool us-east-1_Unknown"):
        discover_domain("us-east-1_Unknown", cognito.region)


def test_an_endpoint_override_must_be_https_or_loopback(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise an attacker on the network could supply other keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://example.com")
    with pytest.raises(SettingError, match="plain http to another machine"):
        discover_domain(cognito.user_pool_id, cognito.region)


def test_the_whole_flow_works_over_tls_with_a_ca_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE serves the token endpoint, AWS_CA_BUNDLE serves AWS; without either the request fails."""
    from cognito_jupyter.credentials.manager import CognitoCredentialsManager

    with LocalCognito(tls=True) as cognito:
        for name, value in cognito.environment.items():
            monkeypatch.setenv(name, value)
        authenticator = CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, cognito.redirect_uri)
        user = cognito.demo_user
        with authenticator.begin_login(listen=False) as login:
            url = login.authorization_url
            login.handle_pasted_url(
                submit_login(url, user.username, user.password, verify=str(cognito.ca_file), follow_callback=False)
            )
            tokens = login.tokens()
        manager = CognitoCredentialsManager(
            cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens, authenticator
        )
        session = manager.make_refreshing_session("Analyst")
        assert session.client("s3").list_objects_v2(Bucket=cognito.bucket)["KeyCount"] >= 2
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        monkeypatch.delenv("AWS_CA_BUNDLE")
        bare = CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, cognito.redirect_uri)
        with pytest.raises(UnavailableError, match="certificate"):
            bare.refresh_tokens(tokens["refresh_token"])


def test_an_app_client_with_a_secret_is_refused(cognito: LocalCognito) -> None:
    uri = cognito.redirect_uri.split()[0]
    client = cognito.add_client(AppClient("confidential", (uri,), secret="s3cr3t"))
    assert dataclasses.is_dataclass(client)
    authenticator = CognitoOAuthAuthenticator(cognito.domain, "confidential", uri)
    with pytest.raises(RefusedError, match="This app client has a secret: set COGNITO_CLIENT_SECRET"):
        tokens_of_pasted_login(cognito, authenticator)
