"""Sessions that renew their own credentials."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.credentials.identity_pool.client import IdentityPoolCredentials, IdentityPoolCredentialsResponse
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.role_credentials import CachedCredentials, RoleCredentials
from cognito_jupyter.errors import CognitoError, SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from tests.support.clock import FakeClock

EXCHANGE = "GetCredentialsForIdentity"


def cached_credentials(now: float, lifetime: float, name: str = "ASIA1") -> CachedCredentials:
    keys = IdentityPoolCredentials(
        AccessKeyId=name, SecretKey="s", SessionToken="t", Expiration=datetime.fromtimestamp(now + lifetime, UTC)
    )
    return CachedCredentials.from_response(IdentityPoolCredentialsResponse(IdentityId="i", Credentials=keys), now, 0.0)


@pytest.mark.parametrize(
    ("lifetime", "renew_after", "useless_after"), [(3600, 2400, 3570), (43200, 42000, 43170), (60, 40, 57), (6, 4, 5.7)]
)
def test_credentials_are_refreshed_with_twenty_minutes_left_and_short_ones_with_a_third_left(
    lifetime: float, renew_after: float, useless_after: float
) -> None:
    taken = cached_credentials(0.0, lifetime)
    assert [taken.advisory_refresh_at, taken.mandatory_refresh_at] == pytest.approx([renew_after, useless_after])


def test_without_the_refresher_one_thread_refreshes_and_the_others_do_not_wait() -> None:
    """Nobody waits while the old credentials are good; the reference blocks all threads."""
    clock, started, go = FakeClock(), threading.Event(), threading.Event()
    calls: list[str] = []

    def exchange() -> CachedCredentials:
        calls.append("call")
        if len(calls) > 1:
            started.set()
            go.wait(5)
        return cached_credentials(clock.now, 3600, f"ASIA{len(calls)}")

    slot = RoleCredentials("role", exchange, clock.clock)
    slot.for_signing()
    clock.now += 2800
    renewing = threading.Thread(target=slot.for_signing)
    renewing.start()
    assert started.wait(5)
    assert [slot.for_signing().frozen.access_key for _ in range(5)] == ["ASIA1"] * 5
    go.set()
    renewing.join()
    assert slot.for_signing().frozen.access_key == "ASIA2"
    assert len(calls) == 2


def test_a_second_refresh_right_after_the_first_makes_no_call() -> None:
    clock = FakeClock()
    calls: list[str] = []

    def exchange() -> CachedCredentials:
        calls.append("call")
        return cached_credentials(clock.now, 3600)

    slot = RoleCredentials("role", exchange, clock.clock)
    slot.for_signing()
    clock.now += 2800
    slot.refresh_if_due()
    slot.refresh_if_due()
    assert len(calls) == 2


def test_a_failed_refresh_is_ignored_while_the_old_credentials_are_valid() -> None:
    clock = FakeClock()
    answers: list[CachedCredentials | CognitoError] = [cached_credentials(clock.now, 3600)]

    def exchange() -> CachedCredentials:
        answer = answers.pop(0) if answers else UnavailableError("Cognito is away.", "Wait.")
        if isinstance(answer, CognitoError):
            raise answer
        return answer

    slot = RoleCredentials("role", exchange, clock.clock)
    first = slot.for_signing()
    clock.now += 3000
    assert slot.for_signing() is first
    clock.now += 580
    with pytest.raises(UnavailableError, match="Cognito is away"):
        slot.for_signing()
    with pytest.raises(UnavailableError, match="Cognito is away"):
        slot.get_valid_for(60)
    assert slot.cached is first


def test_a_client_works_past_many_expiries(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    cognito.knobs.credentials_seconds, cognito.knobs.id_token_seconds = 2, 4
    client = manager.make_refreshing_session("Analyst").client("s3")
    before = cognito.counts[EXCHANGE]
    until = time.monotonic() + 7
    while time.monotonic() < until:
        client.list_objects_v2(Bucket=cognito.bucket)
        time.sleep(0.2)
    assert cognito.counts[EXCHANGE] - before >= 3


def test_a_static_session_is_never_refreshed(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_session("Analyst")
    session.client("s3").list_objects_v2(Bucket=cognito.bucket)
    cognito.knobs.clock_offset = 3601
    with pytest.raises(ClientError, match="ExpiredToken"):
        session.client("s3").list_objects_v2(Bucket=cognito.bucket)


def test_many_threads_at_an_expiry_make_one_call(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_refreshing_session("Analyst")
    keys = session.get_credentials()
    assert keys is not None
    manager._role_credentials[next(iter(manager._role_credentials))].cached = None
    cognito.knobs.latency[EXCHANGE] = 0.3
    before = cognito.counts[EXCHANGE]
    got: list[str | None] = []
    threads = [threading.Thread(target=lambda: got.append(keys.get_frozen_credentials().access_key)) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 64
    assert len(set(got)) == 1
    assert cognito.counts[EXCHANGE] - before == 1


def test_when_the_sign_in_has_ended_a_session_says_so(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.credentials_seconds, cognito.knobs.id_token_seconds = 2, 3
    manager.refresh_user_pool_tokens()
    session = manager.make_refreshing_session("Analyst")
    assert manager.authenticator is not None
    manager.authenticator.revoke(dict(manager.auth_tokens or {})["refresh_token"])  # type: ignore[arg-type]
    time.sleep(3.1)
    with pytest.raises(SignedOutError, match="has ended"):
        session.client("s3").list_objects_v2(Bucket=cognito.bucket)


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
    """A profile that exists: its region is not taken, since the manager's is asked for; its retries are."""
    own_environment.joinpath("aws_config_file").write_text("[profile work]\nregion = eu-west-1\nmax_attempts = 7\n")
    monkeypatch.setenv("AWS_PROFILE", "work")
    session = manager.make_refreshing_session("Analyst")
    assert session.region_name == "us-east-1"
    assert session.profile_name == "work"
    assert session.client("s3").meta.config.retries["total_max_attempts"] == 7
    assert manager.make_refreshing_session("Analyst", region_name="eu-west-1").region_name == "eu-west-1"


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
    keys = manager.make_refreshing_session("Analyst").get_credentials()
    assert keys is not None
    assert keys.method == "cognito"
    assert keys.role_arn == cognito.roles["Analyst"]  # type: ignore[attr-defined]
    assert repr(keys) == f"<RefreshingCredentials of {cognito.roles['Analyst']}>"
