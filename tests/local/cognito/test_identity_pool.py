"""GetId and GetCredentialsForIdentity.

Sources: Amazon Cognito Federated Identities API reference; developer guide, "Role-based access control"; the error
texts as seen in public reports.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.identity_pool import MappingRule, RoleMapping
from tests.local.identity import error_of, get_credentials, identity_client, logins, s3_client

NO_PREFERENCE: dict[str, Any] = {"cognito:preferred_role": None}


# -- identities


def test_the_identity_id_is_the_same_each_time(pool: LocalCognito) -> None:
    client = identity_client(pool)
    ids = {
        client.get_id(IdentityPoolId=pool.identity_pool_id, Logins=logins(pool, pool.issue_tokens()["id_token"]))[
            "IdentityId"
        ]
        for _ in range(2)
    }
    assert len(ids) == 1
    assert ids.pop().startswith("us-east-1:")


def test_an_unknown_pool_or_identity_is_not_found(pool: LocalCognito) -> None:
    client, proof = identity_client(pool), logins(pool, pool.issue_tokens()["id_token"])
    unknown = "us-east-1:00000000-0000-0000-0000-000000000000"
    for call, name in ((client.get_id, "IdentityPoolId"), (client.get_credentials_for_identity, "IdentityId")):
        with pytest.raises(ClientError) as raised:
            call(**{name: unknown, "Logins": proof})
        assert error_of(raised)[0] == "ResourceNotFoundException"


# -- roles


def signing_role(cognito: LocalCognito, keys: dict[str, Any]) -> str | None:
    s3_client(cognito, keys).list_objects_v2(Bucket=cognito.bucket)
    return cognito.aws.proxy.requests[-1].role_arn


def test_a_role_of_the_token_can_be_requested(pool: LocalCognito) -> None:
    assert signing_role(pool, get_credentials(pool, pool.roles["Uploader"])) == pool.roles["Uploader"]


def test_a_role_that_is_not_in_the_token_is_refused(pool: LocalCognito) -> None:
    with pytest.raises(ClientError) as raised:
        get_credentials(pool, pool.roles["Admin"])
    assert error_of(raised)[0] == "NotAuthorizedException"


def test_the_preferred_role_is_the_default(pool: LocalCognito) -> None:
    assert signing_role(pool, get_credentials(pool)) == pool.roles["Analyst"]


def test_an_ambiguous_token_gets_the_authenticated_role_or_nothing(pool: LocalCognito) -> None:
    """AmbiguousRoleResolution."""
    token = pool.issue_tokens(**NO_PREFERENCE)["id_token"]
    pool.identity_pool.authenticated_role = pool.roles["Uploader"]
    assert signing_role(pool, get_credentials(pool, token=token)) == pool.roles["Uploader"]
    pool.identity_pool.mapping = RoleMapping(ambiguous="Deny")
    with pytest.raises(ClientError, match=r"The ambiguous role mapping rules for: .* denied this request"):
        get_credentials(pool, token=token)


def test_a_pool_without_any_role_is_misconfigured(pool: LocalCognito) -> None:
    token = pool.issue_tokens(**NO_PREFERENCE)["id_token"]
    with pytest.raises(ClientError, match="Check assigned IAM roles for this pool") as raised:
        get_credentials(pool, token=token)
    assert error_of(raised)[0] == "InvalidIdentityPoolConfigurationException"


@pytest.mark.parametrize(
    ("rule", "role"),
    [
        (MappingRule("email", "Equals", "demo@example.org", "Uploader"), "Uploader"),
        (MappingRule("email", "StartsWith", "demo@", "Uploader"), "Uploader"),
        (MappingRule("cognito:groups", "Contains", "Analyst", "Uploader"), "Uploader"),
        (MappingRule("email", "NotEqual", "other@example.org", "Uploader"), "Uploader"),
        (MappingRule("email", "Equals", "other@example.org", "Uploader"), "Analyst"),
    ],
)
def test_the_first_matching_rule_decides(pool: LocalCognito, rule: MappingRule, role: str) -> None:
    rules = [
        MappingRule(rule.claim, rule.match, rule.value, pool.roles[rule.role_arn]),
        MappingRule("email", "Contains", "@", pool.roles["Analyst"]),
    ]
    pool.identity_pool.mapping = RoleMapping(rules)
    assert signing_role(pool, get_credentials(pool)) == pool.roles[role]


def test_credentials_are_valid_for_an_hour(pool: LocalCognito) -> None:
    """The enhanced flow; developer guide, "Authentication flow"."""
    before = pool.knobs.now()
    end = get_credentials(pool)["Expiration"].timestamp()
    assert 3598 <= end - before <= 3610
