"""The host names at which a user pool's documents are looked for: a proxy leads all of them to the local Cognito."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter.errors import SettingError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.discovery import JwksCache, discover_domain
from cognito_jupyter.oauth.issuer import Issuer
from cognito_jupyter.oauth.tokens import CognitoTokens
from cognito_jupyter.oauth.transport import Transport
from tests.support.proxies import HttpProxy

ORIGINAL, UPDATED = "cognito-idp.us-east-1.amazonaws.com", "issuer-cognito-idp.us-east-1.amazonaws.com"
StartAws = Callable[..., AbstractContextManager[tuple[LocalCognito, HttpProxy]]]


@pytest.fixture
def start_aws(monkeypatch: pytest.MonkeyPatch) -> StartAws:
    """Starts a Cognito that answers under AWS's own names, and the proxy that leads there; no endpoint is set."""

    @contextmanager
    def start(**options: object) -> Iterator[tuple[LocalCognito, HttpProxy]]:
        with (
            LocalCognito(aws=False, tls=True, **options) as cognito,  # type: ignore[arg-type]
            HttpProxy(connect_to=("127.0.0.1", cognito.port)) as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cognito.ca_file))
            yield cognito, proxy

    return start


def requested_hosts(proxy: HttpProxy) -> list[str]:
    """Returns the hosts of AWS that were asked for documents, without the Cognito domain's."""
    return [host.removesuffix(":443") for host in proxy.requested if "cognito-idp" in host]


def log_in(cognito: LocalCognito, *, pinned: bool = False, region: str | None = None) -> CognitoTokens:
    """Returns the tokens of a login whose URL was pasted."""
    authenticator = CognitoOAuthAuthenticator(
        cognito.domain,
        cognito.client_id,
        cognito.redirect_uri,
        region or cognito.region,
        user_pool_id=cognito.user_pool_id if pinned else None,
    )
    with authenticator.begin_login(listen=False) as login:
        # The browser of this user goes to this machine without a proxy.
        url, user = login.authorization_url.replace(cognito.domain, cognito.endpoint), cognito.demo_user
        verify = str(cognito.ca_file)
        login.handle_pasted_url(submit_login(url, user.username, user.password, verify=verify, follow_callback=False))
        return login.tokens()


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize(("issuer_type", "host"), [("ORIGINAL", ORIGINAL), ("UPDATED", UPDATED)])
def test_the_keys_come_from_the_host_of_the_issuer(
    start_aws: StartAws, issuer_type: str, host: str, pinned: bool
) -> None:
    with start_aws() as (cognito, proxy):
        cognito.knobs.issuer_type = issuer_type  # type: ignore[assignment]
        assert log_in(cognito, pinned=pinned)["id_token"]
        assert requested_hosts(proxy) == [host]


def test_the_keys_come_from_the_other_host_where_the_issuers_returns_403(start_aws: StartAws) -> None:
    """A pool that was switched back: an UPDATED token is still valid, but its host refuses the pool."""
    with start_aws() as (cognito, proxy):
        assert JwksCache().get(Issuer(cognito.user_pool_id, "us-east-1", "UPDATED"), Transport())
        assert requested_hosts(proxy) == [UPDATED, ORIGINAL]


def test_the_domain_is_discovered_at_the_updated_host_where_the_original_returns_403(start_aws: StartAws) -> None:
    with start_aws() as (cognito, proxy):
        cognito.knobs.issuer_type = "UPDATED"
        cognito.knobs.fail("openid-configuration", like="firewall-page")
        assert f"https://{discover_domain(cognito.user_pool_id, 'us-east-1')}" == cognito.domain
        assert requested_hosts(proxy) == [ORIGINAL, UPDATED]


def test_a_403_of_both_hosts_is_named_as_a_firewalls(start_aws: StartAws) -> None:
    """Such as that of an organisation that lets nothing of AWS through."""
    with start_aws() as (cognito, proxy):
        cognito.knobs.fail("jwks", like="firewall-page", times=None)
        with pytest.raises(UnavailableError, match=r"A firewall refused the request to \S+ \(HTTP 403\)"):
            log_in(cognito)
        assert sorted(requested_hosts(proxy)) == [ORIGINAL, UPDATED]


def test_the_documents_of_a_replica_come_from_its_own_region(start_aws: StartAws) -> None:
    with start_aws(region="eu-west-1", replica_regions=["eu-central-1"]) as (cognito, proxy):
        cognito.knobs.issuing_region = "eu-central-1"
        assert log_in(cognito, pinned=True)["id_token"]
        assert set(requested_hosts(proxy)) == {"cognito-idp.eu-central-1.amazonaws.com"}


def test_a_region_without_a_replica_does_not_know_the_pool(start_aws: StartAws) -> None:
    with start_aws(region="eu-west-1", replica_regions=["eu-central-1"]) as (cognito, _):
        with pytest.raises(UnavailableError, match="certificate"):
            JwksCache().get(Issuer(cognito.user_pool_id, "us-west-2"), Transport())
        with pytest.raises(SettingError, match="There is no user pool"):
            JwksCache().get(Issuer("eu-west-1_another", "eu-central-1"), Transport())


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-gov-west-1", "cognito-idp.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "cognito-idp.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "cognito-idp.us-iso-east-1.c2s.ic.gov"),
    ],
)
def test_a_user_signs_in_in_every_partition(start_aws: StartAws, region: str, host: str) -> None:
    with start_aws(region=region) as (cognito, proxy):
        assert log_in(cognito, pinned=True)["id_token"]
        assert requested_hosts(proxy) == [host]


def test_a_user_signs_in_at_a_custom_domain(start_aws: StartAws) -> None:
    with start_aws(custom_domain="auth.example.org") as (cognito, proxy):
        assert discover_domain(cognito.user_pool_id, "us-east-1") == "auth.example.org"
        assert log_in(cognito, pinned=True)["id_token"]
        assert "auth.example.org:443" in proxy.requested


@pytest.mark.parametrize("issuer_type", ["ORIGINAL", "UPDATED"])
def test_with_fips_only_the_fips_endpoint_is_called(
    start_aws: StartAws, monkeypatch: pytest.MonkeyPatch, issuer_type: str
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    with start_aws() as (cognito, proxy):
        cognito.knobs.issuer_type = issuer_type  # type: ignore[assignment]
        assert log_in(cognito, pinned=True)["id_token"]
        assert set(requested_hosts(proxy)) == {"cognito-idp-fips.us-east-1.amazonaws.com"}
