"""Requests to Cognito through a SOCKS proxy, as an organisation with a jump host has one."""

from __future__ import annotations

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import as_tokens
from tests.support.proxies import SocksProxy


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_every_request_goes_through_the_socks_proxy(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with (
        LocalCognito(aws=False, tls=True) as cognito,
        SocksProxy(("127.0.0.1", cognito.port)) as proxy,
    ):
        monkeypatch.setenv(variable, proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cognito.ca_file))
        authenticator = CognitoOAuthAuthenticator(
            cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region
        )
        tokens = as_tokens(cognito.issue_tokens())
        assert authenticator.refresh_tokens(tokens["refresh_token"])["id_token"]
        authenticator.revoke(tokens["refresh_token"])
        domain = cognito.domain.removeprefix("https://")
        assert {host.removesuffix(":443") for host in proxy.requested if "cognito-idp" not in host} == {domain}
