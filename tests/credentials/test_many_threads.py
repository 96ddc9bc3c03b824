"""Many threads that sign while credentials are refreshed, cannot be refreshed, or have expired."""

from __future__ import annotations

import time

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.support.laptop import SimulatedLaptop
from tests.support.polling import wait_until
from tests.support.signing_threads import SigningThreads

SLOW_EXCHANGE_SECONDS = 2.0
"""Seconds that an exchange takes here: a thread that waited for it would take at least as long, on any machine."""
REFUSED = '{"__type":"NotAuthorizedException","message":"Refused by the test."}'


def refuse_exchanges(cognito: LocalCognito) -> None:
    cognito.knobs.fail(
        LocalCognito.EXCHANGE, status=400, body=REFUSED, content_type="application/x-amz-json-1.1", times=None
    )
    cognito.knobs.fail(cognito.GET_ID, status=400, body=REFUSED, content_type="application/x-amz-json-1.1", times=None)


def test_thirty_two_threads_keep_signing_during_a_slow_refresh(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.credentials_seconds = 12
    session = manager.make_refreshing_session("Analyst")
    first = session.get_credentials().get_frozen_credentials().access_key  # type: ignore[union-attr]
    cognito.knobs.credentials_seconds, cognito.knobs.latency[LocalCognito.EXCHANGE] = 3600, SLOW_EXCHANGE_SECONDS
    before = cognito.counts[LocalCognito.EXCHANGE]
    outcome = SigningThreads(session, 32).run(60, lambda keys: not keys & {first, ""})
    assert outcome.errors == 0
    assert outcome.slowest < SLOW_EXCHANGE_SECONDS / 2
    assert cognito.counts[LocalCognito.EXCHANGE] == before + 1


def test_thirty_two_threads_keep_signing_while_refreshes_fail(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.credentials_seconds = 12
    session = manager.make_refreshing_session("Analyst")
    refuse_exchanges(cognito)
    cognito.knobs.latency[LocalCognito.EXCHANGE] = SLOW_EXCHANGE_SECONDS
    outcome = SigningThreads(session, 32).run(10)
    assert outcome.errors == 0
    assert outcome.slowest < SLOW_EXCHANGE_SECONDS / 2
    assert manager.warning is not None


def test_after_expiry_one_failed_refresh_counts_for_all_threads_until_the_backoff_ends(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.credentials_seconds = 1
    session = manager.make_refreshing_session("Analyst")
    refuse_exchanges(cognito)
    role = next(iter(manager._role_credentials.values()))
    # Without the refresher, which might fail once more between this check and the crowd.
    manager.close()
    wait_until(lambda: role.cached_if_usable() is None and role.single_flight.backoff_remaining == 0)
    cognito.knobs.latency[LocalCognito.EXCHANGE] = SLOW_EXCHANGE_SECONDS
    before = cognito.counts[LocalCognito.EXCHANGE]
    for _ in range(2):
        outcome = SigningThreads(session, 32).run(0)
        assert outcome.errors == 32
        assert cognito.counts[LocalCognito.EXCHANGE] == before + 1
    assert outcome.total < SLOW_EXCHANGE_SECONDS / 2


@pytest.mark.parametrize("rotation", [False, True])
def test_256_threads_at_one_expiry_make_one_call_of_each_kind(laptop: SimulatedLaptop, rotation: bool) -> None:
    cognito = laptop.cognito
    cognito.knobs.id_token_seconds = cognito.knobs.credentials_seconds = 3600
    laptop.manager.refresh_user_pool_tokens()
    session = laptop.manager.make_refreshing_session("Analyst")
    # Without the refresher, which would refresh first.
    laptop.manager.close()
    laptop.advance(3601)
    cognito.knobs.rotation, cognito.knobs.latency["*"] = rotation, 0.3
    before = cognito.counts.copy()
    assert SigningThreads(session, 256).run(0).errors == 0
    assert [cognito.counts[name] - before[name] for name in (LocalCognito.REFRESH, LocalCognito.EXCHANGE)] == [1, 1]


def test_a_session_outlives_many_rotated_refresh_tokens(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.rotation = True
    cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = 3, 2
    manager.refresh_user_pool_tokens()
    refresh_tokens = {str(manager.auth_tokens["refresh_token"])}  # type: ignore[index]
    client = manager.make_refreshing_session("Analyst").client("s3")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        client.list_objects_v2(Bucket=cognito.bucket)
        refresh_tokens.add(str(manager.auth_tokens["refresh_token"]))  # type: ignore[index]
        time.sleep(0.05)
    assert len(refresh_tokens) >= 3
    assert manager.warning is None
