"""boto3 sessions whose credentials are refreshed automatically."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SignedOutError
from cognito_jupyter.local import LocalCognito
from tests.support.laptop import SimulatedLaptop
from tests.support.systems import needs_fork


def test_a_client_works_past_many_expiries(short_lived: SimulatedLaptop) -> None:
    cognito = short_lived.cognito
    client = short_lived.manager.make_refreshing_session("Analyst").client("s3")
    before = cognito.counts[LocalCognito.EXCHANGE]
    for _ in range(14):
        client.list_objects_v2(Bucket=cognito.bucket)
        short_lived.advance_when_idle(60)
    client.list_objects_v2(Bucket=cognito.bucket)
    assert cognito.counts[LocalCognito.EXCHANGE] - before >= 4


def test_a_static_session_is_never_refreshed(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_session("Analyst")
    session.client("s3").list_objects_v2(Bucket=cognito.bucket)
    cognito.knobs.clock_offset = 3601
    with pytest.raises(ClientError, match="ExpiredToken"):
        session.client("s3").list_objects_v2(Bucket=cognito.bucket)


def test_many_threads_at_an_expiry_make_one_call(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_refreshing_session("Analyst")
    credentials = session.get_credentials()
    assert credentials is not None
    manager._role_credentials[next(iter(manager._role_credentials))].cached = None
    cognito.knobs.latency[LocalCognito.EXCHANGE] = 0.3
    before = cognito.counts[LocalCognito.EXCHANGE]
    got: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: got.append(credentials.get_frozen_credentials().access_key)) for _ in range(64)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 64
    assert len(set(got)) == 1
    assert cognito.counts[LocalCognito.EXCHANGE] - before == 1


def test_when_the_sign_in_has_ended_a_session_says_so(laptop: SimulatedLaptop) -> None:
    laptop.cognito.knobs.id_token_seconds = 3600
    tokens = laptop.manager.refresh_user_pool_tokens()
    session = laptop.manager.make_refreshing_session("Analyst")
    assert laptop.manager.authenticator is not None
    laptop.manager.authenticator.revoke(tokens["refresh_token"])
    laptop.advance(3601)
    with pytest.raises(SignedOutError, match="has ended"):
        session.client("s3").list_objects_v2(Bucket=laptop.cognito.bucket)


@pytest.mark.parametrize("profile", ["left-over", "default"])
def test_a_stale_aws_profile_breaks_nothing(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    monkeypatch.setenv("AWS_PROFILE", profile)
    for session in (manager.make_refreshing_session("Analyst"), manager.make_session("Analyst")):
        assert session.client("s3").list_objects_v2(Bucket=cognito.bucket)["KeyCount"] >= 2


def test_other_credentials_in_the_environment_are_not_used(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    manager.make_refreshing_session("Analyst").client("s3").list_objects_v2(Bucket=cognito.bucket)
    assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Analyst"]


def test_the_aws_configuration_of_the_machine_applies(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch, own_environment: Path
) -> None:
    """Of an existing profile the retries apply, and not the region, since the manager's is passed."""
    own_environment.joinpath("aws_config_file").write_text("[profile work]\nregion = eu-west-1\nmax_attempts = 7\n")
    monkeypatch.setenv("AWS_PROFILE", "work")
    session = manager.make_refreshing_session("Analyst")
    assert session.region_name == "us-east-1"
    assert session.profile_name == "work"
    assert session.client("s3").meta.config.retries["total_max_attempts"] == 7
    assert manager.make_refreshing_session("Analyst", region_name="eu-west-1").region_name == "eu-west-1"


@needs_fork
def test_a_forked_child_refreshes_its_own_credentials(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    session = manager.make_refreshing_session("Analyst")
    client = session.client("s3")
    manager._role_credentials[next(iter(manager._role_credentials))].cached = None
    child = os.fork()
    if child == 0:
        try:
            client.list_objects_v2(Bucket=cognito.bucket)
        finally:
            os._exit(0 if session.get_credentials() else 1)
    assert os.waitpid(child, 0)[1] == 0
    client.list_objects_v2(Bucket=cognito.bucket)


def test_the_credentials_name_their_method_and_role(manager: CognitoCredentialsManager, cognito: LocalCognito) -> None:
    credentials = manager.make_refreshing_session("Analyst").get_credentials()
    assert credentials is not None
    assert credentials.method == "cognito"
    assert credentials.role_arn == cognito.roles["Analyst"]  # type: ignore[attr-defined]
    assert repr(credentials) == f"<RefreshingCredentials of {cognito.roles['Analyst']}>"


def test_the_requests_of_each_session_name_this_package_beside_boto3(
    manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """CloudTrail shows it as userAgent."""
    for session in (manager.make_session("Analyst"), manager.make_refreshing_session("Analyst")):
        client = session.client("s3")
        agents: list[str] = []
        client.meta.events.register(
            "before-send.s3",
            lambda request, agents=agents, **_: agents.append(str(request.headers["User-Agent"])),
        )
        client.list_objects_v2(Bucket=cognito.bucket)
        assert "cognito-jupyter/" in agents[0]
        assert "Boto3/" in agents[0]
