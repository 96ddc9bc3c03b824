"""Foreign clients agree with each kind of pool that the stand-in can be, and our client with what they agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cognito_jupyter.local import Knobs, LocalCognito

from .conftest import Run
from .stand_in import StandIn, new_redirect_uri

pytestmark = [pytest.mark.long]

NewPool = Callable[..., StandIn]


@pytest.fixture
def new_pool() -> Iterator[NewPool]:
    """Starts stand-ins without AWS, with the options of `LocalCognito`; they stop after the test."""
    with ExitStack() as running:

        def start(**options: Any) -> StandIn:
            uris = (new_redirect_uri(),)
            return StandIn.from_local(
                running.enter_context(LocalCognito(tls=True, aws=False, redirect_uris=uris, **options))
            )

        yield start


POOLS: dict[str, dict[str, Any]] = {
    "the UPDATED issuer": {"knobs": Knobs(issuer_type="UPDATED")},
    "the LOCAL issuer": {"knobs": Knobs(issuer_type="LOCAL")},
    "a replica in another Region": {"replica_regions": ("eu-west-1",), "knobs": Knobs(issuing_region="eu-west-1")},
    "a Region of another partition": {"region": "eusc-de-east-1"},
    "rotation": {"knobs": Knobs(rotation=True)},
    "users named by sub": {"knobs": Knobs(username_is_sub=True)},
}


@pytest.mark.parametrize("kind", POOLS)
def test_openid_client_agrees_with_a_pool_with(kind: str, new_pool: NewPool, run_javascript: Run) -> None:
    """Discovery under the issuer, signature, nonce, userInfo of the same user, refresh, revocation."""
    pool = new_pool(**POOLS[kind])
    result = run_javascript("openid_client", pool)
    assert result["issuer"] == result["claims"]["iss"] == pool.environment["FOREIGN_ISSUER"]
    assert result["userInfo"]["sub"] == result["refreshedClaims"]["sub"] == result["claims"]["sub"]
    assert result["rotated"] == (kind == "rotation")
    assert result["rotatedTwice"] == ("invalid_grant" if kind == "rotation" else False)
    assert result["refreshAfterRevocation"] == "invalid_grant"


@pytest.mark.parametrize("kind", POOLS)
def test_oidc_client_ts_agrees_with_a_pool_with(kind: str, new_pool: NewPool, run_javascript: Run) -> None:
    """As a single-page application does."""
    pool = new_pool(**POOLS[kind])
    result = run_javascript("oidc_client_ts", pool)
    assert result["profile"]["iss"] == pool.environment["FOREIGN_ISSUER"]
    assert result["refreshed"]
    assert result["rotated"] == (kind == "rotation")
    assert result["refreshAfterRevocation"] == "invalid_grant"


@pytest.mark.parametrize("kind", POOLS)
def test_authlib_agrees_with_a_pool_with(kind: str, new_pool: NewPool, run_python: Run) -> None:
    """With nonce and at_hash."""
    pool = new_pool(**POOLS[kind])
    result = run_python("authlib_client", pool)
    assert result["claims"]["iss"] == pool.environment["FOREIGN_ISSUER"]
    assert result["refresh_after_revocation"] == "invalid_grant"


def test_aws_jwt_verify_fetches_the_keys_of_an_updated_issuer_from_its_host(
    new_pool: NewPool, run_javascript: Run
) -> None:
    """AWS's own verifier knows both forms of a pool's issuer: awslabs/aws-jwt-verify#239."""
    pool = new_pool(knobs=Knobs(issuer_type="UPDATED"))
    result = run_javascript("aws_jwt_verify", pool)
    assert result["idClaims"]["iss"] == result["accessClaims"]["iss"] == pool.environment["FOREIGN_ISSUER"]
    assert result["fetched"] == [f"{pool.environment['FOREIGN_ISSUER']}/.well-known/jwks.json"]
    assert "//issuer-cognito-idp." in pool.environment["FOREIGN_ISSUER"]


@pytest.mark.parametrize("authentication", ["basic", "post"])
def test_openid_client_sends_the_secret_of_an_app_client(
    authentication: str, new_pool: NewPool, run_javascript: Run
) -> None:
    """In the Authorization header or in the body, at the token endpoint and at the revocation."""
    pool = new_pool(client_secret=True)
    result = run_javascript("openid_client", pool, FOREIGN_AUTHENTICATION=authentication)
    assert result["refreshAfterRevocation"] == "invalid_grant"


def test_authlib_and_oidc_client_ts_send_the_secret_of_an_app_client(
    new_pool: NewPool, run_javascript: Run, run_python: Run
) -> None:
    """Authlib in the Authorization header, oidc-client-ts in the body."""
    pool = new_pool(client_secret=True)
    assert run_python("authlib_client", pool)["refresh_after_revocation"] == "invalid_grant"
    assert run_javascript("oidc_client_ts", pool)["refreshAfterRevocation"] == "invalid_grant"


def test_a_wrong_secret_is_an_invalid_client(new_pool: NewPool, run_javascript: Run) -> None:
    """The client reports the error code that Cognito sends."""
    pool = new_pool(client_secret=True)
    with pytest.raises(AssertionError, match="invalid_client_secret"):
        run_javascript("openid_client", pool, FOREIGN_AUTHENTICATION="basic", FOREIGN_CLIENT_SECRET="wrong")


@pytest.fixture
def federated_pool() -> Iterator[StandIn]:
    """A pool whose user signs in at the provider of an organisation."""
    with LocalCognito(tls=True, aws=False, redirect_uris=(new_redirect_uri(),)) as cognito:
        cognito.add_identity_provider("Campus")
        name = "ada@example.org"
        user = cognito.add_user(name, "a password of the campus", provider="Campus")
        settings = StandIn.from_local(cognito)
        yield StandIn({**settings.environment, "FOREIGN_PROVIDER": "Campus"}, name, user.password)


def test_openid_client_gets_its_own_nonce_back_from_a_federated_sign_in(
    federated_pool: StandIn, run_javascript: Run
) -> None:
    """And sees which provider the user signed in at."""
    claims = run_javascript("openid_client", federated_pool)["claims"]
    assert [identity["providerName"] for identity in claims["identities"]] == ["Campus"]


def test_openid_client_refuses_the_nonce_of_a_federated_sign_in_that_it_did_not_send(
    federated_pool: StandIn, run_javascript: Run
) -> None:
    """As seen at Cognito with the same library: photoprism/photoprism#5695, panva/oauth4webapi#188."""
    with pytest.raises(AssertionError, match='unexpected ID Token "nonce" claim value'):
        run_javascript("openid_client", federated_pool, FOREIGN_NO_NONCE="yes")


def test_every_url_of_the_local_issuer_can_be_followed(local_stand_in: StandIn, run_javascript: Run) -> None:
    """So JavaScript clients need no route of ours: each fetches what the openid-configuration names."""
    result = run_javascript("local_discovery", local_stand_in)
    assert result["origins"] == [result["domain"]]
    assert result["issuer"] == result["verifiedIssuer"] == local_stand_in.environment["FOREIGN_ISSUER"]


def test_the_aws_sdk_uses_the_identity_pool_with_the_local_issuer(local_stand_in: StandIn, run_javascript: Run) -> None:
    """The key of Logins is the issuer without its scheme, as with AWS's issuers."""
    result = run_javascript("aws_sdk", local_stand_in)
    assert result["analystReads"] == "star,day,magnitude,error"
    assert result["analystWrites"]["name"] == "AccessDenied"
