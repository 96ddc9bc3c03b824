"""The user pool's issuer, in both forms, and its replicas.

Sources: the API reference's IssuerConfigurationType; the developer guide, "Multi-Region replication";
awslabs/aws-jwt-verify#239, #279, #282 and #285.
"""

from __future__ import annotations

import socket
import ssl

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


def documents(cognito: LocalCognito, host: str, pool_id: str | None = None) -> requests.Response:
    """The pool's keys, from a host of AWS that a proxy would have connected to this server."""
    url = f"{cognito.endpoint}/{pool_id or cognito.user_pool_id}/.well-known/jwks.json"
    return requests.get(url, headers={"Host": host}, timeout=10)


def test_the_host_of_the_updated_issuer_refuses_a_pool_that_has_not_switched(cognito: LocalCognito) -> None:
    """awslabs/aws-jwt-verify#279: HTTP 403."""
    original, updated = "cognito-idp.us-east-1.amazonaws.com", "issuer-cognito-idp.us-east-1.amazonaws.com"
    assert documents(cognito, original).status_code == 200
    assert documents(cognito, updated).status_code == 403
    cognito.knobs.issuer_type = "UPDATED"
    assert documents(cognito, updated).json() == cognito.pool.signer.jwks()


def test_a_region_without_a_replica_does_not_know_the_pool() -> None:
    """awslabs/aws-jwt-verify#282 and #285: each replica's Region serves the documents of the one pool id."""
    with LocalCognito(aws=False, region="eu-west-1", replica_regions=["us-east-1"]) as cognito:
        assert documents(cognito, "cognito-idp.us-east-1.amazonaws.com").status_code == 200
        assert documents(cognito, "cognito-idp.us-east-1.amazonaws.com", "us-east-1_Another00").status_code == 400
        # A Region of which this server plays no host.
        assert documents(cognito, "cognito-idp.us-west-2.amazonaws.com").status_code == 421


def test_the_issuer_can_be_this_server_so_that_every_url_can_be_followed(client: Client) -> None:
    """No fact: AWS has no such issuer. It lets clients in JavaScript discover everything on this machine."""
    cognito = client.cognito
    cognito.knobs.issuer_type = "LOCAL"
    issuer = f"{cognito.domain}/{cognito.user_pool_id}"
    document = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    assert document["issuer"] == issuer_of(client.log_in()["id_token"]) == issuer
    assert requests.get(document["jwks_uri"], timeout=10).json()["keys"]
    endpoints = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 6
    assert all(url.startswith(cognito.domain) for url in endpoints)


def test_a_custom_domain_is_served_with_a_certificate_of_its_name() -> None:
    """Developer guide, "Using your own domain": any host name, at the root of its path."""
    with LocalCognito(aws=False, tls=True, custom_domain="auth.example.org") as cognito:
        context = ssl.create_default_context(cafile=cognito.ca_file)
        with (
            socket.create_connection(("127.0.0.1", cognito.port)) as connection,
            context.wrap_socket(connection, server_hostname="auth.example.org") as tls,
        ):
            tls.sendall(b"GET /login HTTP/1.1\r\nHost: auth.example.org\r\nConnection: close\r\n\r\n")
            assert b"Required+parameters+missing" in b"".join(iter(lambda: tls.recv(4096), b""))
        url = f"{cognito.endpoint}/{cognito.user_pool_id}/.well-known/openid-configuration"
        document = requests.get(url, verify=cognito.ca_file, timeout=10).json()
        assert document["token_endpoint"] == "https://auth.example.org/oauth2/token"
        assert cognito.environment["COGNITO_DOMAIN"] == "https://auth.example.org"


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
