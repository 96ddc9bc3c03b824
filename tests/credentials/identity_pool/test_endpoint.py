"""Where the id token is sent to: the endpoint of the identity pool, however it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognito_jupyter.credentials.identity_pool.client import IdentityPool
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SettingError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.discovery import endpoint_override, override_notice
from tests.oauth.scripted_server import ScriptedServer, json_response

VARIABLES = ("AWS_ENDPOINT_URL_COGNITO_IDENTITY", "AWS_ENDPOINT_URL")
CONFIG_FILES = {
    "services section": ("[default]\nservices = bank\n[services bank]\ncognito_identity =\n  endpoint_url = {url}\n"),
    "endpoint_url": "[default]\nendpoint_url = {url}\n",
    "profile": "[profile work]\nservices = bank\n[services bank]\ncognito_identity =\n  endpoint_url = {url}\n",
}
INSECURE = (
    *("http://cognito.example", "http://10.0.0.1:8080", "http://localhost.example", "http://127.0.0.1.example"),
    "http://localhost@cognito.example",
)


@pytest.fixture
def plain_environment(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> LocalCognito:
    for name in (*VARIABLES, "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    return cognito


def identity_pool(cognito: LocalCognito) -> IdentityPool:
    return IdentityPool(cognito.identity_pool_id, cognito.user_pool_id, cognito.region)


@pytest.mark.parametrize("url", INSECURE)
@pytest.mark.parametrize("variable", VARIABLES)
def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(
    variable: str, url: str, plain_environment: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before the browser opens: the notice is part of each login."""
    monkeypatch.setenv(variable, url)
    pool, token = identity_pool(plain_environment), plain_environment.issue_tokens()["id_token"]
    for call in (pool.preconnect, lambda: pool.fetch_identity_id(token), override_notice):
        with pytest.raises(SettingError, match=f"{variable}.* is plain http to another machine"):
            call()


@pytest.mark.parametrize("form", CONFIG_FILES)
def test_plain_http_in_the_aws_config_file_is_refused_too(
    form: str, plain_environment: LocalCognito, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_environment / "aws_config_file").write_text(CONFIG_FILES[form].format(url="http://cognito.example"))
    if form == "profile":
        monkeypatch.setenv("AWS_PROFILE", "work")
    with pytest.raises(SettingError, match="is plain http to another machine"):
        identity_pool(plain_environment).fetch_identity_id(plain_environment.issue_tokens()["id_token"])


@pytest.mark.parametrize("form", CONFIG_FILES)
def test_a_loopback_endpoint_in_the_aws_config_file_is_used(
    form: str, cognito: LocalCognito, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = cognito.environment["AWS_ENDPOINT_URL_COGNITO_IDENTITY"]
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    (own_environment / "aws_config_file").write_text(CONFIG_FILES[form].format(url=endpoint))
    if form == "profile":
        monkeypatch.setenv("AWS_PROFILE", "work")
    assert identity_pool(cognito).fetch_identity_id(cognito.issue_tokens()["id_token"])


@pytest.mark.parametrize("url", ["ftp://cognito.example", "cognito.example", "https://", "https://[::1", "https://a:b"])
@pytest.mark.parametrize("variable", VARIABLES)
def test_what_is_no_url_of_an_endpoint_is_one_sentence(
    variable: str, url: str, plain_environment: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)
    for call in (identity_pool(plain_environment).preconnect, override_notice):
        with pytest.raises(SettingError, match=f"{variable}.* is not the URL of an endpoint"):
            call()


@pytest.mark.parametrize("variable", [*VARIABLES, "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"])
@pytest.mark.parametrize("url", ["https://joe:hunter2@cognito.example", "https://hunter2@cognito.example:8443/"])
def test_the_notice_shows_where_an_endpoint_is_and_no_password(
    variable: str, url: str, plain_environment: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)
    notice = override_notice()
    assert notice is not None
    assert "https://cognito.example" in notice
    assert "hunter2" not in f"{notice} {endpoint_override()}"


def test_two_endpoints_are_both_shown(plain_environment: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "https://one.example")
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", "https://two.example")
    assert override_notice() == (
        "Test setup: Cognito is at https://one.example, and its identity pools are at https://two.example"
        " (AWS_ENDPOINT_URL)."
    )


def test_an_error_shows_no_password_of_an_endpoint(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an endpoint that cannot be reached nor one that botocore refuses: in the message, the chain, the log."""
    caplog.set_level("DEBUG")
    assert manager.auth_tokens is not None
    token = manager.auth_tokens["id_token"]
    for url in ("https://joe:hunter2@127.0.0.1:1", "https://joe:hunter2@-"):
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        pool = IdentityPool(manager.identity_pool_id, manager.user_pool_id, manager.region)
        with pytest.raises((SettingError, ConnectionError)) as raised:
            pool.fetch_identity_id(token)
        assert "hunter2" not in f"{raised.value} {raised.value!r} {raised.value.__cause__!r}"
    assert "hunter2" not in caplog.text


def test_the_identity_pool_sees_who_calls_it(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer([json_response({"IdentityId": "us-east-1:1"})]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", server.origin)
        pool = identity_pool(cognito)
        pool.preconnect()
        pool.fetch_identity_id(cognito.issue_tokens()["id_token"])
    assert len(server.requests) == 2
    for request in server.requests:
        (line,) = (each for each in request.decode().splitlines() if each.lower().startswith("user-agent:"))
        assert "cognito-jupyter/" in line
