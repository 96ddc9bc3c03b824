"""Many threads that sign while credentials are refreshed, cannot be refreshed, or have expired."""

from __future__ import annotations

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.laptop import SimulatedLaptop
from tests.support.signing_threads import SigningThreads

SLOW_EXCHANGE_SECONDS = 8.0
"""Seconds that an exchange takes here: a thread that waited for it would take at least as long, on any machine."""
REFUSED = '{"__type":"NotAuthorizedException","message":"Refused by the test."}'


def refuse_exchanges(cognito: LocalCognito) -> None:
    cognito.knobs.fail(
        LocalCognito.EXCHANGE, status=400, body=REFUSED, content_type="application/x-amz-json-1.1", times=None
    )
    cognito.knobs.fail(cognito.GET_ID, status=400, body=REFUSED, content_type="application/x-amz-json-1.1", times=None)


def test_thirty_two_threads_keep_signing_during_a_slow_refresh(
    laptop: SimulatedLaptop,
) -> None:
    cognito = laptop.cognito
    session = laptop.manager.make_refreshing_session("Analyst")
    first = session.get_credentials().get_frozen_credentials().access_key  # type: ignore[union-attr]
    cognito.knobs.latency[LocalCognito.EXCHANGE] = SLOW_EXCHANGE_SECONDS
    before = cognito.counts[LocalCognito.EXCHANGE]
    laptop.advance(2_500)
    outcome = SigningThreads(session, 32).run(60, lambda keys: not keys & {first, ""})
    assert outcome.errors == 0
    assert outcome.slowest < SLOW_EXCHANGE_SECONDS / 2
    assert cognito.counts[LocalCognito.EXCHANGE] == before + 1


def test_thirty_two_threads_keep_signing_while_refreshes_fail(
    laptop: SimulatedLaptop,
) -> None:
    session = laptop.manager.make_refreshing_session("Analyst")
    refuse_exchanges(laptop.cognito)
    laptop.cognito.knobs.latency[LocalCognito.EXCHANGE] = SLOW_EXCHANGE_SECONDS
    laptop.advance(2_500)
    outcome = SigningThreads(session, 32).run(60, lambda keys: "" not in keys and laptop.manager.warning is not None)
    assert outcome.errors == 0
    assert outcome.slowest < SLOW_EXCHANGE_SECONDS / 2
    assert laptop.manager.warning is not None


def test_after_expiry_one_failed_refresh_counts_for_all_threads_until_the_backoff_ends(
    laptop: SimulatedLaptop,
) -> None:
    cognito = laptop.cognito
    session = laptop.manager.make_refreshing_session("Analyst")
    refuse_exchanges(cognito)
    # Without the refresher, which would fail first. The clock stands still after the expiry, and so does the backoff.
    laptop.manager.close()
    laptop.advance(3_601)
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


def test_a_session_outlives_many_rotated_refresh_tokens(short_lived: SimulatedLaptop) -> None:
    manager, cognito = short_lived.manager, short_lived.cognito
    cognito.knobs.rotation = True
    refresh_tokens = {str(manager.auth_tokens["refresh_token"])}  # type: ignore[index]
    client = manager.make_refreshing_session("Analyst").client("s3")
    for _ in range(14):
        short_lived.advance_when_idle(60)
        client.list_objects_v2(Bucket=cognito.bucket)
        refresh_tokens.add(str(manager.auth_tokens["refresh_token"]))  # type: ignore[index]
    assert len(refresh_tokens) >= 3
    assert manager.warning is None
