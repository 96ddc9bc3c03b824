"""boto3's default session in this process, which has looked for credentials before the share, or under another role."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, ProfileNotFound

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from tests.sharing.conftest import BUCKET


@pytest.fixture(autouse=True)
def no_default_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts without a default session, and without the roles of the machine that runs the tests."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def caller() -> str:
    return str(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Arn"])


def test_boto3_is_served_although_it_was_tried_before(manager: CognitoCredentialsManager) -> None:
    with pytest.raises(NoCredentialsError):
        boto3.client("s3").list_objects_v2(Bucket=BUCKET)
    with sharing.share(manager, ["Analyst"]):
        assert "Analyst" in caller()


def test_boto3_uses_the_new_role_after_a_change(manager: CognitoCredentialsManager) -> None:
    with sharing.share(manager, ["Analyst"]) as share:
        assert "Analyst" in caller()
        share.select("Uploader")
        assert "Uploader" in caller()
        share.select("Uploader")
        assert boto3.DEFAULT_SESSION is not None


def test_boto3_has_no_credentials_after_the_end_and_those_of_a_later_share(manager: CognitoCredentialsManager) -> None:
    with sharing.share(manager, ["Analyst"]):
        assert "Analyst" in caller()
    with pytest.raises(NoCredentialsError):
        caller()
    with sharing.share(manager, ["Uploader"]):
        assert "Uploader" in caller()


def test_boto3_uses_the_share_in_place_of_keys_of_the_environment_and_they_return(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.ensure_credentials("Analyst")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASTALE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "stale")
    boto3.setup_default_session(region_name="eu-north-1")
    assert boto3.client("s3") is not None
    with sharing.share(manager):
        assert "Analyst" in caller()
        assert boto3.client("s3").meta.region_name == "eu-north-1"
    credentials = boto3.Session().get_credentials()
    default = boto3.DEFAULT_SESSION
    assert credentials is not None
    assert default is not None
    found = default.get_credentials()
    assert found is not None
    assert found.access_key == credentials.access_key == "AKIASTALE"


def test_a_share_ends_although_the_environment_names_a_profile_that_does_not_exist(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.ensure_credentials("Analyst")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with sharing.share(manager, ["Analyst"]):
        assert "Analyst" in caller()
    with pytest.raises(ProfileNotFound):
        caller()


def test_a_default_session_with_keys_of_its_own_stays(manager: CognitoCredentialsManager) -> None:
    boto3.setup_default_session(aws_access_key_id="AKIAMINE", aws_secret_access_key="mine")
    mine = boto3.DEFAULT_SESSION
    assert boto3.client("s3", region_name="us-east-1") is not None
    with sharing.share(manager, ["Analyst"]) as share:
        share.select("Uploader")
        assert boto3.DEFAULT_SESSION is mine
    assert boto3.DEFAULT_SESSION is mine
