"""Sign-ins at pools of other regions and partitions, from three settings to the session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.sign_in import StoredSignIn, StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import CredentialsError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.settings import CognitoConfiguration
from cognito_jupyter.settings.resolve import resolve
from cognito_jupyter.signin.request import SignInRequest, discover_domain, domain_finder
from cognito_jupyter.signin.service import LoginResult, LoginService
from tests.conftest import as_tokens

PLACES = [
    ("us-east-1", "eu-west-1"),
    ("eu-central-1", "eu-central-1"),
    ("us-gov-west-1", "us-gov-east-1"),
    ("eusc-de-east-1", "eusc-de-east-1"),
    ("us-iso-east-1", "us-iso-east-1"),
]


@pytest.fixture
def pools(
    request: pytest.FixtureRequest, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalCognito]:
    """A Cognito with a user pool and an identity pool in these regions, and the three settings that are enough."""
    region, identity_pool_region = request.param
    with LocalCognito(aws=False, region=region, identity_pool_region=identity_pool_region) as cognito:
        for name, value in cognito.environment.items():
            if name not in {"COGNITO_REGION", "COGNITO_DOMAIN"}:
                monkeypatch.setenv(name, value)
        yield cognito


def sign_in(cognito: LocalCognito, **overrides: str) -> LoginResult:
    settings = resolve({"timeout": 60, **overrides}, discover_domain=discover_domain)
    user = cognito.demo_user

    def wait_for_user(login: Login) -> None:
        submit_login(login.authorization_url, user.username, user.password)
        assert login.wait(60)

    service = LoginService(SignInRequest(settings, "Analyst"), CognitoOAuthAuthenticator.from_settings(settings))
    with service.sign_in(wait_for_user) as result:
        return result


@pytest.mark.parametrize("pools", PLACES, indirect=True)
def test_a_user_signs_in_at_pools_of_any_region_and_partition(pools: LocalCognito) -> None:
    result = sign_in(pools)
    assert result.role is not None
    assert result.role.session.region_name == pools.region
    assert result.sign_in.manager.claims["iss"] == pools.pool.issuer
    assert result.sign_in.manager.get_credentials()["access_key_id"]


@pytest.mark.parametrize("pools", [("us-east-1", "eu-west-1")], indirect=True)
def test_the_region_setting_is_the_sessions_and_moves_no_pool(pools: LocalCognito) -> None:
    result = sign_in(pools, region="ap-southeast-2")
    assert result.role is not None
    assert result.role.session.region_name == "ap-southeast-2"
    manager = result.sign_in.manager
    manager.refresh_user_pool_tokens()
    assert manager.get_credentials()["access_key_id"]


@pytest.mark.parametrize("pools", [("us-east-1", "eu-west-1")], indirect=True)
def test_an_error_of_the_identity_pool_names_the_identity_pools_region(pools: LocalCognito) -> None:
    manager = sign_in(pools).sign_in.manager
    body = json.dumps({"__type": "ResourceNotFoundException", "message": "IdentityPool not found."})
    pools.knobs.fail(pools.EXCHANGE, status=400, body=body, times=5)
    with pytest.raises((CredentialsError, UnavailableError), match="no such identity pool in eu-west-1"):
        manager.get_credentials()


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ("login.observatory.example", "login.observatory.example"),
        ("a.auth.us-east-1.amazoncognito.com", "a.auth.us-east-1.amazoncognito.com"),
        ("a.auth.eu-west-1.amazoncognito.com", "discovered.example"),
    ],
)
def test_the_domain_of_a_stored_sign_in_is_found_again_unless_it_is_a_replicas(
    cognito: LocalCognito, own_environment: Path, stored: str, found: str
) -> None:
    """A replica is used only where the settings name it: its domain is not the pool's own."""
    pools = CognitoConfiguration(stored, "1client", "", "", "us-east-1_Pool", "us-east-1:x")
    tokens = as_tokens(cognito.issue_tokens())
    Store(StoreKey.from_configuration(pools)).save_new(StoredSignIn(tokens, None, {}))
    find_domain = domain_finder(fresh=False, discover=lambda *_: "discovered.example")
    assert find_domain("us-east-1_Pool", "us-east-1") == found
