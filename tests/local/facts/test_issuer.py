"""The user pool's issuer, in both forms, and its replicas.

Sources: the API reference's IssuerConfigurationType; the developer guide, "Multi-Region replication";
awslabs/aws-jwt-verify#239, #279, #282 and #285.
"""

from __future__ import annotations

import jwt
import pytest
import requests

from cognito_jupyter.local import LocalCognito
from tests.local.conftest import Client
from tests.local.identity import get_credentials


def issuer_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["iss"])


def test_a_pool_can_switch_to_the_updated_issuer_while_users_are_signed_in(client: Client) -> None:
    """API reference, IssuerConfigurationType: the Region in an UPDATED issuer is the pool's primary one."""
    cognito = client.cognito
    tokens = client.log_in()
    assert issuer_of(tokens["id_token"]) == f"https://cognito-idp.us-east-1.amazonaws.com/{cognito.user_pool_id}"
    cognito.knobs.issuer_type = "UPDATED"
    updated = f"https://issuer-cognito-idp.us-east-1.amazonaws.com/{cognito.user_pool_id}"
    refreshed = client.refresh(tokens["refresh_token"]).json()
    assert issuer_of(refreshed["id_token"]) == issuer_of(refreshed["access_token"]) == updated == cognito.pool.issuer
    url = f"{cognito.domain}/{cognito.user_pool_id}/.well-known/openid-configuration"
    assert requests.get(url, timeout=10).json()["issuer"] == updated


def test_a_replica_issues_with_its_own_region_and_the_pools_id() -> None:
    """With the ORIGINAL issuer: awslabs/aws-jwt-verify#282; with UPDATED the primary Region stands in every token."""
    with LocalCognito(aws=False, region="eu-west-1", replica_regions=["us-east-1"]) as cognito:
        cognito.knobs.issuing_region = "us-east-1"
        pool_id = cognito.user_pool_id
        assert pool_id.startswith("eu-west-1_")
        replicas = f"https://cognito-idp.us-east-1.amazonaws.com/{pool_id}"
        assert issuer_of(cognito.issue_tokens()["id_token"]) == replicas
        cognito.knobs.issuer_type = "UPDATED"
        primary = f"https://issuer-cognito-idp.eu-west-1.amazonaws.com/{pool_id}"
        assert issuer_of(cognito.issue_tokens()["id_token"]) == primary
        assert {replicas, primary} < cognito.pool.issuers
        assert len(cognito.pool.issuers) == 4


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-gov-west-1", "amazonaws.com"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
    ],
)
def test_an_issuer_ends_in_the_domain_of_its_partition(region: str, suffix: str) -> None:
    """botocore's partitions."""
    cognito = LocalCognito(aws=False, region=region)
    assert cognito.pool.issuer == f"https://cognito-idp.{region}.{suffix}/{cognito.user_pool_id}"


def test_the_identity_pool_can_be_in_another_region() -> None:
    """The `Logins` key names the user pool's Region, the identity the identity pool's."""
    with LocalCognito(aws=False, region="us-east-1", identity_pool_region="eu-central-1") as cognito:
        assert cognito.identity_pool_id.startswith("eu-central-1:")
        assert get_credentials(cognito)["AccessKeyId"].startswith("ASIA")
        assert cognito.environment["COGNITO_REGION"] == "us-east-1"
