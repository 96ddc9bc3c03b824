"""GetId and GetCredentialsForIdentity, and S3 behind the gate.

Sources: Amazon Cognito Federated Identities API reference; developer guide, "Role-based access control"; the error
texts as seen in public reports.
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.identity_pool import MappingRule, RoleMapping

NO_PREFERENCE: dict[str, Any] = {"cognito:preferred_role": None}
NO_RETRIES = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalCognito:
    return cognito


def identity_client(cognito: LocalCognito) -> Any:
    return boto3.client("cognito-identity", region_name="us-east-1", endpoint_url=cognito.endpoint, config=NO_RETRIES)


def logins(cognito: LocalCognito, token: str, pool_id: str | None = None) -> dict[str, str]:
    return {f"cognito-idp.us-east-1.amazonaws.com/{pool_id or cognito.user_pool_id}": token}


def credentials(cognito: LocalCognito, role: str | None = None, token: str | None = None) -> dict[str, Any]:
    token = token or cognito.issue_tokens()["id_token"]
    client, proof = identity_client(cognito), logins(cognito, token)
    who = client.get_id(IdentityPoolId=cognito.identity_pool_id, Logins=proof)["IdentityId"]
    custom = {"CustomRoleArn": role} if role else {}
    keys: dict[str, Any] = client.get_credentials_for_identity(IdentityId=who, Logins=proof, **custom)["Credentials"]
    return keys


def s3(cognito: LocalCognito, keys: dict[str, Any], **config: Any) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=cognito.aws_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def error_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


# -- who


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


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": 1}, r"Invalid login token\. Token expired: \d+ >= 1"),
        ({"iss": "https://cognito-idp.us-east-1.amazonaws.com/x"}, "Issuer doesn't match providerName"),
        ({"aud": "another-client"}, "Token is not from a supported provider of this identity pool."),
    ],
)
def test_a_mismatched_token_is_refused_with_cognitos_error(
    pool: LocalCognito, claims: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError, match=text) as raised:
        credentials(pool, token=pool.issue_tokens(**claims)["id_token"])
    assert error_of(raised)[0] == "NotAuthorizedException"


@pytest.mark.parametrize("kind", ["nonsense", "access_token", "tampered"])
def test_a_token_with_a_wrong_signature_is_refused(pool: LocalCognito, kind: str) -> None:
    tokens = pool.issue_tokens()
    token = {"nonsense": "a.b.c", "tampered": tokens["id_token"][:-8] + "AAAAAAAA"}.get(kind) or tokens[kind]
    with pytest.raises(ClientError, match="Couldn't verify signed token"):
        credentials(pool, token=token)


def test_unauthenticated_access_is_refused(pool: LocalCognito) -> None:
    with pytest.raises(ClientError, match="Unauthenticated access is not supported for this identity pool"):
        identity_client(pool).get_id(IdentityPoolId=pool.identity_pool_id)


def test_another_pools_provider_name_is_not_supported(pool: LocalCognito) -> None:
    proof = logins(pool, pool.issue_tokens()["id_token"], "us-east-1_Other")
    with pytest.raises(ClientError, match="not from a supported provider"):
        identity_client(pool).get_id(IdentityPoolId=pool.identity_pool_id, Logins=proof)


def test_another_users_identity_is_forbidden(pool: LocalCognito) -> None:
    pool.add_user("other", "other-password", ["Analyst"])
    client, token = identity_client(pool), pool.issue_tokens("other")["id_token"]
    mine = logins(pool, pool.issue_tokens()["id_token"])
    who = client.get_id(IdentityPoolId=pool.identity_pool_id, Logins=mine)["IdentityId"]
    with pytest.raises(ClientError, match=f"Access to Identity '{who}' is forbidden"):
        client.get_credentials_for_identity(IdentityId=who, Logins=logins(pool, token))


def test_an_unknown_pool_or_identity_is_not_found(pool: LocalCognito) -> None:
    client, proof = identity_client(pool), logins(pool, pool.issue_tokens()["id_token"])
    unknown = "us-east-1:00000000-0000-0000-0000-000000000000"
    for call, name in ((client.get_id, "IdentityPoolId"), (client.get_credentials_for_identity, "IdentityId")):
        with pytest.raises(ClientError) as raised:
            call(**{name: unknown, "Logins": proof})
        assert error_of(raised)[0] == "ResourceNotFoundException"


def test_an_error_is_400_with_its_type_in_body_and_header(pool: LocalCognito) -> None:
    """JSON 1.1."""
    headers = {"X-Amz-Target": "AWSCognitoIdentityService.GetId", "Content-Type": "application/x-amz-json-1.1"}
    answer = requests.post(pool.endpoint, json={"IdentityPoolId": pool.identity_pool_id}, headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["__type"] == answer.headers["x-amzn-ErrorType"] == "NotAuthorizedException"


# -- which role


def signing_role(cognito: LocalCognito, keys: dict[str, Any]) -> str | None:
    s3(cognito, keys).list_objects_v2(Bucket=cognito.bucket)
    return cognito.aws.proxy.requests[-1].role_arn


def test_a_role_of_the_token_can_be_requested(pool: LocalCognito) -> None:
    assert signing_role(pool, credentials(pool, pool.roles["Uploader"])) == pool.roles["Uploader"]


def test_a_role_that_is_not_in_the_token_is_refused(pool: LocalCognito) -> None:
    with pytest.raises(ClientError) as raised:
        credentials(pool, pool.roles["Admin"])
    assert error_of(raised)[0] == "NotAuthorizedException"


def test_the_preferred_role_is_the_default(pool: LocalCognito) -> None:
    assert signing_role(pool, credentials(pool)) == pool.roles["Analyst"]


def test_an_ambiguous_token_gets_the_authenticated_role_or_nothing(pool: LocalCognito) -> None:
    """AmbiguousRoleResolution."""
    token = pool.issue_tokens(**NO_PREFERENCE)["id_token"]
    pool.identity_pool.authenticated_role = pool.roles["Uploader"]
    assert signing_role(pool, credentials(pool, token=token)) == pool.roles["Uploader"]
    pool.identity_pool.mapping = RoleMapping(ambiguous="Deny")
    with pytest.raises(ClientError, match=r"The ambiguous role mapping rules for: .* denied this request"):
        credentials(pool, token=token)


def test_a_pool_without_any_role_is_misconfigured(pool: LocalCognito) -> None:
    token = pool.issue_tokens(**NO_PREFERENCE)["id_token"]
    with pytest.raises(ClientError, match="Check assigned IAM roles for this pool") as raised:
        credentials(pool, token=token)
    assert error_of(raised)[0] == "InvalidIdentityPoolConfigurationException"


@pytest.mark.parametrize(
    ("rule", "role"),
    [
        (MappingRule("email", "Equals", "demo@example.org", "Uploader"), "Uploader"),
        (MappingRule("email", "StartsWith", "demo@", "Uploader"), "Uploader"),
        (MappingRule("cognito:groups", "Contains", "Analyst", "Uploader"), "Uploader"),
        (MappingRule("email", "NotEqual", "somebody@example.org", "Uploader"), "Uploader"),
        (MappingRule("email", "Equals", "somebody@example.org", "Uploader"), "Analyst"),
    ],
)
def test_the_first_matching_rule_decides(pool: LocalCognito, rule: MappingRule, role: str) -> None:
    rules = [
        MappingRule(rule.claim, rule.match, rule.value, pool.roles[rule.role_arn]),
        MappingRule("email", "Contains", "@", pool.roles["Analyst"]),
    ]
    pool.identity_pool.mapping = RoleMapping(rules)
    assert signing_role(pool, credentials(pool)) == pool.roles[role]


# -- the gate


def test_credentials_are_valid_for_an_hour(pool: LocalCognito) -> None:
    """The enhanced flow; developer guide, "Authentication flow"."""
    before = pool.knobs.now()
    end = credentials(pool)["Expiration"].timestamp()
    assert 3598 <= end - before <= 3610


def test_a_wrong_role_is_really_denied(pool: LocalCognito) -> None:
    """IAM is enforced: an Analyst reads, an Uploader writes too, neither makes a bucket."""
    reader, writer = (s3(pool, credentials(pool, pool.roles[name])) for name in ("Analyst", "Uploader"))
    assert reader.get_object(Bucket=pool.bucket, Key=pool.data_key)["Body"].read().startswith(b"star,day")
    writer.put_object(Bucket=pool.bucket, Key="new.txt", Body=b"new")
    for call, place in (
        (reader.put_object, {"Bucket": pool.bucket, "Key": "x"}),
        (writer.create_bucket, {"Bucket": "y"}),
    ):
        with pytest.raises(ClientError) as raised:
            call(**place)
        assert error_of(raised)[0] == "AccessDenied"


def test_expired_keys_are_refused_as_s3_does(pool: LocalCognito) -> None:
    client = s3(pool, credentials(pool))
    pool.knobs.clock_offset = 3601
    with pytest.raises(ClientError) as raised:
        client.list_objects_v2(Bucket=pool.bucket)
    assert error_of(raised) == ("ExpiredToken", "The provided token has expired.")


def test_unknown_keys_and_wrong_tokens_are_refused(pool: LocalCognito) -> None:
    keys = credentials(pool)
    cases = [
        ({**keys, "AccessKeyId": "ASIA0000000000000000"}, "InvalidAccessKeyId"),
        ({**keys, "SessionToken": "another"}, "InvalidToken"),
        ({**keys, "SecretKey": "another"}, "SignatureDoesNotMatch"),
    ]
    for case, code in cases:
        with pytest.raises(ClientError) as raised:
            s3(pool, case).list_objects_v2(Bucket=pool.bucket)
        assert error_of(raised)[0] == code


def test_a_request_with_a_skewed_clock_is_refused(pool: LocalCognito) -> None:
    client = s3(pool, credentials(pool))
    pool.knobs.clock_offset = 16 * 60
    with pytest.raises(ClientError) as raised:
        client.list_objects_v2(Bucket=pool.bucket)
    assert error_of(raised)[0] == "RequestTimeTooSkewed"


def test_an_unsigned_request_is_denied(pool: LocalCognito) -> None:
    answer = requests.get(f"{pool.aws_url}/{pool.bucket}/{pool.data_key}", timeout=10)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


def test_large_objects_can_be_transferred_in_parts_and_ranges(pool: LocalCognito) -> None:
    """Multipart and chunked uploads keep their signatures; a range is a range."""
    client = s3(pool, credentials(pool, pool.roles["Uploader"]))
    body = bytes(range(256)) * (6 * 4096)
    upload = client.create_multipart_upload(Bucket=pool.bucket, Key="large")["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(body), 5 << 20), 1):
        part = body[start : start + (5 << 20)]
        place = {"Bucket": pool.bucket, "Key": "large", "UploadId": upload, "PartNumber": number}
        parts.append({"ETag": client.upload_part(**place, Body=part)["ETag"], "PartNumber": number})
    client.complete_multipart_upload(Bucket=pool.bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    answer = client.get_object(Bucket=pool.bucket, Key="large", Range="bytes=1000-1999")
    assert answer["Body"].read() == body[1000:2000]
    assert client.get_object(Bucket=pool.bucket, Key="large")["Body"].read() == body


def test_sts_returns_the_role(pool: LocalCognito) -> None:
    keys = credentials(pool, pool.roles["Uploader"])
    client = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=pool.aws_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert "cognito-jupyter-Uploader" in client.get_caller_identity()["Arn"]
