"""Quotas of the local Cognito: what exceeds one is throttled as AWS does it."""

from __future__ import annotations

import pytest
import requests
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.quotas import AWS_QUOTAS, PER_ADDRESS, QuotaEnforcer
from tests.local.identity import error_of, identity_client, logins
from tests.support.clock import FakeClock


def admitted(quotas: QuotaEnforcer, count: int, endpoint: str = "GetId", address: str = "127.0.0.1") -> int:
    return sum(quotas.admit(endpoint, address, AWS_QUOTAS) for _ in range(count))


def test_a_second_admits_as_many_requests_as_the_quota_says() -> None:
    clock = FakeClock()
    quotas = QuotaEnforcer(lambda: clock.monotonic)
    assert admitted(quotas, 60) == 25
    clock.advance(0.2)
    assert admitted(quotas, 60) == 5
    clock.advance(3600)
    assert admitted(quotas, 60) == 25, "what was not used is not saved up"


def test_both_grants_share_the_token_endpoints_quota() -> None:
    clock = FakeClock()
    quotas = QuotaEnforcer(lambda: clock.monotonic)
    assert admitted(quotas, 100, "token:authorization_code") == 100
    assert admitted(quotas, 100, "token:refresh_token") == 20
    assert admitted(quotas, 300, "GetCredentialsForIdentity") == 200, "another operation has a quota of its own"


def test_each_address_has_a_quota_of_its_own() -> None:
    quotas = QuotaEnforcer(lambda: 0.0)
    only_per_address = {PER_ADDRESS: 2.0}
    first = [quotas.admit("token", "192.0.2.1", only_per_address) for _ in range(3)]
    assert first == [True, True, False]
    assert quotas.admit("token", "192.0.2.2", only_per_address)


def test_without_a_quota_nothing_is_throttled() -> None:
    quotas = QuotaEnforcer(lambda: 0.0)
    assert all(quotas.admit("GetId", "127.0.0.1", {}) for _ in range(1_000))


def test_the_identity_pool_throttles_by_http_400(pool: LocalCognito) -> None:
    """TooManyRequestsException, "Rate exceeded": igvteam/igv#1311, aws/aws-sdk-java#2301."""
    pool.knobs.quotas["GetId"] = 0.5
    token_logins, client = logins(pool, pool.issue_tokens()["id_token"]), identity_client(pool)
    before = pool.counts["GetId throttled"]
    with pytest.raises(ClientError) as raised:
        client.get_id(IdentityPoolId=pool.identity_pool_id, Logins=token_logins)
    assert error_of(raised) == ("TooManyRequestsException", "Rate exceeded")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert pool.counts["GetId throttled"] == before + 1


@pytest.mark.parametrize(("like", "status"), [("throttled", 400), ("throttled-429", 429)])
def test_the_token_endpoint_throttles_by_the_status_that_the_test_chooses(
    pool: LocalCognito, like: str, status: int
) -> None:
    """The status of AWS is not known."""
    pool.knobs.quotas["token"] = 0.5
    pool.knobs.throttled_like = like
    response = requests.post(f"{pool.domain}/oauth2/token", {"grant_type": "refresh_token"}, timeout=10)
    assert response.status_code == status
