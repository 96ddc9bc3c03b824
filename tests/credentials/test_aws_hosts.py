"""A sign-in and its credentials at the host names of AWS: a proxy connects each of them to the local Cognito."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.support.proxies import HttpProxy

CUSTOM_DOMAIN = "auth.example.org"


@contextmanager
def cognito_at_aws_hosts(
    monkeypatch: pytest.MonkeyPatch, knobs: Mapping[str, Any], **options: Any
) -> Iterator[tuple[LocalCognito, HttpProxy]]:
    """A pool with a custom domain, reached as on the internet: no variable names another endpoint."""
    with LocalCognito(aws=False, tls=True, custom_domain=CUSTOM_DOMAIN, **options) as cognito:
        for name, value in knobs.items():
            setattr(cognito.knobs, name, value)
        with HttpProxy(connect_to=("127.0.0.1", cognito.port)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
                monkeypatch.setenv(name, str(cognito.ca_file))
            yield cognito, proxy


def sign_in(cognito: LocalCognito) -> CognitoCredentialsManager:
    """Signs in at the custom domain and gets credentials for the first role."""
    authenticator = CognitoOAuthAuthenticator(
        CUSTOM_DOMAIN, cognito.client_id, cognito.redirect_uri, cognito.region, open_browser=False
    )
    user = cognito.demo_user
    with authenticator.begin_login() as login:
        # The browser has no proxy here.
        url = login.authorization_url.replace(cognito.domain, cognito.endpoint)
        submit_login(url, user.username, user.password, verify=str(cognito.ca_file))
        tokens = login.tokens()
    manager = CognitoCredentialsManager(
        cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens, authenticator
    )
    manager.get_credentials(role_suffix="Analyst")
    return manager


def hosts(proxy: HttpProxy) -> list[str]:
    """The hosts in the order in which they were first connected to."""
    return list(dict.fromkeys(target.removesuffix(":443") for target in proxy.requested))


@pytest.mark.parametrize(
    ("options", "knobs", "environment", "expected"),
    [
        (
            {"region": "us-east-2", "identity_pool_region": "eu-central-1"},
            {},
            {},
            ["cognito-idp.us-east-2.amazonaws.com", "cognito-identity.eu-central-1.amazonaws.com"],
        ),
        (
            {"region": "eusc-de-east-1"},
            {},
            {},
            ["cognito-idp.eusc-de-east-1.amazonaws.eu", "cognito-identity.eusc-de-east-1.amazonaws.eu"],
        ),
        (
            {"region": "us-gov-west-1"},
            {"issuer_type": "UPDATED"},
            {},
            ["issuer-cognito-idp.us-gov-west-1.amazonaws.com", "cognito-identity.us-gov-west-1.amazonaws.com"],
        ),
        (
            {},
            {},
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            ["cognito-idp-fips.us-east-1.amazonaws.com", "cognito-identity-fips.us-east-1.amazonaws.com"],
        ),
        (
            {"region": "us-gov-west-1"},
            {},
            {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
            ["cognito-idp.us-gov-west-1.api.aws", "cognito-identity.us-gov-west-1.api.aws"],
        ),
        (
            {"region": "us-iso-east-1"},
            {},
            {},
            ["cognito-idp.us-iso-east-1.c2s.ic.gov", "cognito-identity.us-iso-east-1.c2s.ic.gov"],
        ),
    ],
    ids=["two regions", "eusc", "govcloud", "fips", "dual stack", "isolated"],
)
def test_a_sign_in_at_a_custom_domain_connects_to_the_hosts_of_its_pools(
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    knobs: dict[str, Any],
    environment: dict[str, str],
    expected: list[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with cognito_at_aws_hosts(monkeypatch, knobs, **options) as (cognito, proxy):
        manager = sign_in(cognito)
        assert manager.credentials is not None
        assert hosts(proxy) == [CUSTOM_DOMAIN, *expected]
