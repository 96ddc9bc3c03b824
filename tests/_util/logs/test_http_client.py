"""What http.client prints at its debug level, over real sockets."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter._util.logs.http_client import RedactingPrint
from cognito_jupyter._util.logs.redaction import install_redaction, suppress_debug_logs
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.local import LocalCognito


@pytest.fixture(autouse=True)
def debug_level(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    had = vars(http.client).pop("print", None)
    yield
    vars(http.client).pop("print", None)
    if had is not None:
        vars(http.client)["print"] = had


def test_the_search_below_finds_what_http_client_prints_without_redaction(
    cognito: LocalCognito, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise the tests below could not fail."""
    requests.post(f"{cognito.domain}/oauth2/revoke", data={"token": "a-refresh-token"}, timeout=5)
    assert "a-refresh-token" in capsys.readouterr().out


@pytest.mark.parametrize("code", ["a-code-1234", "code/with+signs"])
def test_a_code_exchange_a_refresh_and_a_revocation_print_no_secret(
    authenticator: CognitoOAuthAuthenticator, cognito: LocalCognito, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    refresh_token = cognito.issue_tokens()["refresh_token"]
    install_redaction()
    with pytest.raises(CognitoError):
        authenticator.exchange_code_for_tokens(code, "the-code-verifier-of-this-login")
    authenticator.refresh_tokens(refresh_token)
    printed = capsys.readouterr().out
    assert "POST /oauth2/token" in printed
    assert "grant_type=refresh_token" in printed
    for secret in (
        code,
        quote(code, safe=""),
        "the-code-verifier-of-this-login",
        refresh_token,
    ):
        assert secret not in printed


def test_credentials_and_signed_requests_print_no_secret(
    manager: CognitoCredentialsManager, cognito: LocalCognito, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the id token at the identity pool nor the session token of each session's requests."""
    sessions = [manager.make_session("Analyst"), manager.make_refreshing_session("Analyst")]
    tokens = [str(manager.credentials["session_token"])] if manager.credentials is not None else []
    for session in sessions:
        session.client("s3").list_objects_v2(Bucket=cognito.bucket)
    printed = capsys.readouterr().out
    assert "X-Amz-Security-Token: ..." in printed
    assert "AWSCognitoIdentityService" not in printed
    assert tokens
    for secret in (*tokens, *manager._secrets()):
        assert secret not in printed


def test_an_application_that_leads_the_output_into_its_log_gets_the_redacted_text(
    authenticator: CognitoOAuthAuthenticator, cognito: LocalCognito
) -> None:
    """The usual recipe sets `http.client.print`, before or after this package is used."""
    lines: list[str] = []
    vars(http.client)["print"] = lambda *values: lines.append(" ".join(values))
    authenticator.refresh_tokens(refresh_token := cognito.issue_tokens()["refresh_token"])
    text = "\n".join(lines)
    assert "POST /oauth2/token" in text
    assert refresh_token not in text


def test_a_second_installation_wraps_nothing_twice() -> None:
    install_redaction()
    first = vars(http.client)["print"]
    install_redaction()
    with suppress_debug_logs():
        assert vars(http.client)["print"] is first
    assert isinstance(first, RedactingPrint)
