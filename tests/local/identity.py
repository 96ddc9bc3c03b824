"""A client of the local identity pool and of S3, for the tests of both."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.tokens.issuer import dns_suffix

NO_RETRIES = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})


def identity_client(cognito: LocalCognito) -> Any:
    return boto3.client(
        "cognito-identity", region_name=cognito.region, endpoint_url=cognito.endpoint, config=NO_RETRIES
    )


def logins(cognito: LocalCognito, token: str, pool_id: str | None = None) -> dict[str, str]:
    host = f"cognito-idp.{cognito.region}.{dns_suffix(cognito.region)}"
    return {f"{host}/{pool_id or cognito.user_pool_id}": token}


def get_credentials(cognito: LocalCognito, role: str | None = None, token: str | None = None) -> dict[str, Any]:
    token = token or cognito.issue_tokens()["id_token"]
    client, token_logins = identity_client(cognito), logins(cognito, token)
    identity_id = client.get_id(IdentityPoolId=cognito.identity_pool_id, Logins=token_logins)["IdentityId"]
    custom = {"CustomRoleArn": role} if role else {}
    keys: dict[str, Any] = client.get_credentials_for_identity(IdentityId=identity_id, Logins=token_logins, **custom)[
        "Credentials"
    ]
    return keys


def s3_client(cognito: LocalCognito, keys: dict[str, Any], **config: Any) -> Any:
    return boto3.client(
        "s3",
        region_name=cognito.region,
        endpoint_url=cognito.aws_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def error_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]
