"""Sessions that renew their own credentials."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.credentials.identity_pool import IdentityPoolCredentials, IdentityPoolCredentialsResponse
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.slot import Slot
from cognito_jupyter.credentials.snapshot import Snapshot
from cognito_jupyter.errors import CognitoError, SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from tests.credentials.hands import Hands

EXCHANGE = "GetCredentialsForIdentity"


def snapshot(now: float, lifetime: float, name: str = "ASIA1") -> Snapshot:
    keys = IdentityPoolCredentials(
        AccessKeyId=name, SecretKey="s", SessionToken="t", Expiration=datetime.fromtimestamp(now + lifetime, UTC)
    )
    return Snapshot.taken(IdentityPoolCredentialsResponse(IdentityId="i", Credentials=keys), now, 0.0)


@pytest.mark.parametrize(
    ("lifetime", "renew_after", "useless_after"), [(3600, 2400, 3570), (43200, 42000, 43170), (60, 40, 57), (6, 4, 5.7)]
)
def test_an_hours_credentials_are_renewed_with_twenty_minutes_left_and_shorter_ones_with_a_third(
    lifetime: float, renew_after: float, useless_after: float
) -> None:
    taken = snapshot(0.0, lifetime)
    assert [taken.renew_at, taken.useless_at] == pytest.approx([renew_after, useless_after])


def test_without_a_renewing_thread_one_renews_and_the_others_go_on() -> None:
    """Nobody waits while the old credentials are good; the reference blocks all threads."""
    clock, started, go = Hands(), threading.Event(), threading.Event()
    calls: list[str] = []

    def exchange() -> Snapshot:
        calls.append("call")
        if len(calls) > 1:
            started.set()
            go.wait(5)
        return snapshot(clock.now, 3600, f"ASIA{len(calls)}")

    slot = Slot("role", exchange, clock.clock)
    slot.read()
    clock.now += 2800
    renewing = threading.Thread(target=slot.read)
    renewing.start()
    assert started.wait(5)
    assert [slot.read().frozen.access_key for _ in range(5)] == ["ASIA1"] * 5
    go.set()
    renewing.join()
    assert slot.read().frozen.access_key == "ASIA2"
    assert len(calls) == 2


def test_whoever_looked_just_before_a_renewal_ended_does_not_renew_once_more() -> None:
    clock = Hands()
    calls: list[str] = []

    def exchange() -> Snapshot:
        calls.append("call")
        return snapshot(clock.now, 3600)

    slot = Slot("role", exchange, clock.clock)
    slot.read()
    clock.now += 2800
    slot.renew_early()
    slot.renew_early()
    assert len(calls) == 2


def test_a_renewal_that_fails_is_no_matter_while_the_old_ones_are_good() -> None:
    clock = Hands()
    answers: list[Snapshot | CognitoError] = [snapshot(clock.now, 3600)]

    def exchange() -> Snapshot:
        answer = answers.pop(0) if answers else UnavailableError("Cognito is away.", "Wait.")
        if isinstance(answer, CognitoError):
            raise answer
        return answer

    slot = Slot("role", exchange, clock.clock)
    first = slot.read()
    clock.now += 3000
    assert slot.read() is first
    clock.now += 580
    with pytest.raises(UnavailableError, match="Cognito is away"):
        slot.read()
    with pytest.raises(UnavailableError, match="Cognito is away"):
        slot.lasting(60)
    assert slot.snapshot is first


def test_a_client_made_once_goes_on_past_many_expiries(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.credentials_seconds, cognito.knobs.id_token_seconds = 2, 4
    client = manager.make_refreshing_session("Analyst").client("s3")
    before = cognito.counts[EXCHANGE]
    until = time.monotonic() + 7
    while time.monotonic() < until:
        client.list_objects_v2(Bucket=cognito.bucket)
        time.sleep(0.2)
    assert cognito.counts[EXCHANGE] - before >= 3


def test_a_static_session_stays_what_it_was(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_session("Analyst")
    session.client("s3").list_objects_v2(Bucket=cognito.bucket)
    cognito.knobs.clock_offset = 3601
    with pytest.raises(ClientError, match="ExpiredToken"):
        session.client("s3").list_objects_v2(Bucket=cognito.bucket)


def test_many_threads_at_an_expiry_make_one_call(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_refreshing_session("Analyst")
    keys = session.get_credentials()
    assert keys is not None
    manager._slots[next(iter(manager._slots))].snapshot = None
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


def test_other_keys_in_the_environment_are_not_used(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    manager.make_refreshing_session("Analyst").client("s3").list_objects_v2(Bucket=cognito.bucket)
    assert cognito.aws.gate.requests[-1].role_arn == cognito.roles["Analyst"]


def test_the_machines_configuration_holds(
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


def test_after_a_fork_the_child_renews_for_itself(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    session = manager.make_refreshing_session("Analyst")
    client = session.client("s3")
    manager._slots[next(iter(manager._slots))].snapshot = None
    child = os.fork()
    if child == 0:
        try:
            client.list_objects_v2(Bucket=cognito.bucket)
        finally:
            os._exit(0 if session.get_credentials() else 1)
    assert os.waitpid(child, 0)[1] == 0
    client.list_objects_v2(Bucket=cognito.bucket)


def test_the_credentials_say_what_they_are(manager: CognitoCredentialsManager, cognito: LocalCognito) -> None:
    keys = manager.make_refreshing_session("Analyst").get_credentials()
    assert keys is not None
    assert keys.method == "cognito"
    assert keys.role_arn == cognito.roles["Analyst"]  # type: ignore[attr-defined]
    assert repr(keys) == f"<SlotCredentials of {cognito.roles['Analyst']}>"
