"""Five tests of a project that knows only the installed package."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from star_archive import credentials_of, star_names

from cognito_jupyter import CognitoCredentialsManager, CognitoOAuthAuthenticator
from cognito_jupyter.local import LocalCognito


def manager_of(cognito: LocalCognito) -> CognitoCredentialsManager:
    """Returns a manager of the demo user, without a browser."""
    authenticator = CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region)
    tokens = cognito.issue_tokens("demo")
    return CognitoCredentialsManager(
        cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens, authenticator
    )


def test_stars_are_read(local_cognito_environment: LocalCognito) -> None:
    cognito = local_cognito_environment
    session = manager_of(cognito).make_refreshing_session("Analyst")
    assert len(star_names(session, cognito.bucket, cognito.data_key)) == 12


@pytest.mark.cognito(rotation=True, credentials_seconds=6)
def test_stars_are_read_across_expiries(local_cognito_environment: LocalCognito) -> None:
    cognito = local_cognito_environment
    session = manager_of(cognito).make_refreshing_session("Analyst")
    deadline = time.monotonic() + 60
    while cognito.counts[cognito.EXCHANGE] < 3:
        assert star_names(session, cognito.bucket, cognito.data_key)
        assert time.monotonic() < deadline


def test_a_reader_cannot_write(local_cognito_environment: LocalCognito) -> None:
    cognito = local_cognito_environment
    client = manager_of(cognito).make_session("Analyst").client("s3")
    with pytest.raises(ClientError) as raised:
        client.put_object(Bucket=cognito.bucket, Key="stars/mine.csv", Body=b"star\n")
    assert raised.value.response["Error"]["Code"] == "AccessDenied"


def test_a_user_whom_an_administrator_adds_reads_until_disabled(local_cognito_environment: LocalCognito) -> None:
    """By boto3's own calls, as the project's administration makes them."""
    cognito = local_cognito_environment
    admin = boto3.client("cognito-idp", region_name=cognito.region, aws_access_key_id="a", aws_secret_access_key="s")
    user = {"UserPoolId": cognito.user_pool_id, "Username": "ada"}
    admin.admin_create_user(**user, MessageAction="SUPPRESS")
    admin.admin_set_user_password(**user, Password="Correct-horse-7", Permanent=True)
    admin.admin_add_user_to_group(**user, GroupName="Analyst")
    login = {"USERNAME": "ada", "PASSWORD": "Correct-horse-7"}
    flow = {"ClientId": cognito.client_id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": login}
    tokens = admin.initiate_auth(**flow)["AuthenticationResult"]
    keys = credentials_of(cognito.identity_pool_id, cognito.pool.issuer, tokens["IdToken"])
    assert star_names(boto3.Session(**keys, region_name=cognito.region), cognito.bucket, cognito.data_key)
    admin.admin_disable_user(**user)
    with pytest.raises(ClientError) as raised:
        admin.initiate_auth(**flow)
    assert raised.value.response["Error"]["Code"] == "NotAuthorizedException"


def test_a_refresh_that_fails_for_a_moment_ends_no_work(isolated_cognito: LocalCognito, monkeypatch: Any) -> None:
    cognito = isolated_cognito
    for name, value in cognito.environment.items():
        monkeypatch.setenv(name, value)
    manager = manager_of(cognito)
    refresh_token = manager.auth_tokens["refresh_token"]
    cognito.knobs.fail(cognito.REFRESH, status=503, times=None)
    with pytest.raises(ConnectionError):
        manager.refresh_user_pool_tokens()
    assert star_names(manager.make_refreshing_session("Analyst"), cognito.bucket, cognito.data_key)
    cognito.knobs.reset()
    assert manager.refresh_user_pool_tokens()["refresh_token"] == refresh_token
