"""What is renewed ahead of time, against a Cognito on this machine, by a clock that is turned by hand."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator

import boto3
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import as_tokens, manager_for
from tests.credentials.hands import Hands
from tests.credentials.test_renewal import eventually

EXCHANGE, REFRESH = "GetCredentialsForIdentity", "token:refresh_token"
MINUTE, HOUR = 60.0, 3600.0


class World:
    """A Cognito and a laptop, whose clocks go together."""

    def __init__(self, cognito: LocalCognito) -> None:
        self.cognito = cognito
        self.hands = Hands()
        self.manager = self.manager_of("demo")

    def manager_of(self, username: str) -> CognitoCredentialsManager:
        cognito = self.cognito
        authenticator = CognitoOAuthAuthenticator(
            cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, now=lambda: self.hands.now
        )
        return manager_for(cognito, authenticator, username, clock=self.hands.clock)

    def turn(self, seconds: float) -> None:
        """Time passes, and everybody is awake."""
        self.cognito.knobs.clock_offset += seconds
        self.hands.turn(seconds)
        if self.running:
            # It may just have looked, and be about to rest by the clock as it is now.
            self.manager._renewal.call(now=True)

    def sleep(self, seconds: float) -> None:
        """The laptop sleeps, and wakes up again."""
        self.cognito.knobs.clock_offset += seconds
        self.hands.sleep(seconds)

    def count(self, endpoint: str) -> int:
        return self.cognito.counts[endpoint]

    @property
    def running(self) -> bool:
        return self.manager._renewal.running

    def rounds_made(self) -> bool:
        """Lets the thread look once more; whether it did."""
        seen = self.manager._upkeep._seen
        self.turn(1)
        return eventually(lambda: self.manager._upkeep._seen != seen or not self.running)


@pytest.fixture
def world(cognito: LocalCognito) -> Iterator[World]:
    world = World(cognito)
    cognito.knobs.id_token_seconds = 86_400
    world.manager.refresh_user_pool_tokens()
    yield world
    world.manager.auth_tokens = None
    world.hands.turn(60)
    assert eventually(lambda: not world.running)


def key_of(session: boto3.Session) -> str:
    keys = session.get_credentials()
    assert keys is not None
    return str(keys.get_frozen_credentials().access_key)


def test_no_thread_runs_while_nothing_could_be_renewed(world: World) -> None:
    """Neither for a manager alone, nor for credentials that were asked for without a session, nor for static ones."""
    assert not world.running
    world.manager.ensure_credentials("Analyst")
    static = world.manager.make_session("Analyst")
    assert not world.running
    session = world.manager.make_refreshing_session("Analyst")
    assert world.running
    assert key_of(static) == key_of(session)


def test_credentials_are_renewed_with_about_twenty_minutes_left_and_nobody_asks(world: World) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    first, before = key_of(session), world.count(EXCHANGE)
    world.turn(37 * MINUTE)
    assert world.rounds_made()
    assert world.count(EXCHANGE) == before
    world.turn(3 * MINUTE)
    assert eventually(lambda: world.count(EXCHANGE) == before + 1)
    assert eventually(lambda: key_of(session) != first)


def test_credentials_handed_on_never_have_less_than_sixteen_minutes_left(world: World) -> None:
    """Below that, those who are handed them ask again at every call."""
    credentials = world.manager.live_credentials("Analyst")
    for _ in range(5 * 60):
        held = credentials.snapshot()
        left = held.expires_at - world.hands.now
        assert left >= 16 * MINUTE
        world.turn(MINUTE)
        if left - MINUTE <= 21 * MINUTE:
            assert eventually(lambda: credentials.snapshot() is not held or held.renew_at > world.hands.now)  # noqa: B023


def test_after_the_laptop_slept_everything_is_renewed_within_half_a_minute(world: World) -> None:
    """What was used before it slept was used a moment ago, however many hours have passed."""
    session = world.manager.make_refreshing_session("Analyst")
    keys = session.get_credentials()
    assert keys is not None
    held = world.manager.live_credentials("Analyst").snapshot()
    assert world.rounds_made()
    before = world.count(EXCHANGE)
    world.sleep(8 * HOUR)
    world.turn(30.5)
    assert eventually(lambda: world.count(EXCHANGE) == before + 1)
    assert eventually(lambda: world.manager.live_credentials("Analyst").snapshot() is not held)
    assert world.manager.live_credentials("Analyst").snapshot().expires_at > world.hands.now + 50 * MINUTE


def test_after_somebody_set_the_clock_back_everything_is_renewed(world: World) -> None:
    """Every end that we know was measured by the clock of before: keys would be used for an hour after theirs."""
    session = world.manager.make_refreshing_session("Analyst")
    first = key_of(session)
    assert world.rounds_made()
    exchanges, refreshes = world.count(EXCHANGE), world.count(REFRESH)
    world.hands.set(-HOUR)
    world.turn(31)
    assert eventually(lambda: world.count(EXCHANGE) == exchanges + 1)
    assert world.count(REFRESH) == refreshes + 1
    assert eventually(lambda: key_of(session) != first)
    snapshot = world.manager.live_credentials("Analyst").snapshot()
    assert 58 * MINUTE < snapshot.expires_at - world.hands.now < 62 * MINUTE


def test_tokens_are_refreshed_before_credentials_are_renewed(world: World) -> None:
    knobs, calls = world.cognito.knobs, world.cognito.counts
    knobs.id_token_seconds = HOUR
    world.manager.refresh_user_pool_tokens()
    session = world.manager.make_refreshing_session("Analyst")
    first, refreshes, exchanges = key_of(session), calls[REFRESH], calls[EXCHANGE]
    knobs.latency[REFRESH] = 0.3
    world.turn(41 * MINUTE)
    assert eventually(lambda: calls[REFRESH] == refreshes + 1)
    assert calls[EXCHANGE] == exchanges
    assert eventually(lambda: calls[EXCHANGE] == exchanges + 1)
    assert eventually(lambda: key_of(session) != first)


def test_tokens_are_refreshed_with_a_third_of_their_life_left_while_a_session_is_in_use(world: World) -> None:
    """Whoever shortens them to end sign-ins sooner gets that: each refresh asks whether the sign-in still stands."""
    world.cognito.knobs.id_token_seconds = 5 * MINUTE
    world.manager.refresh_user_pool_tokens()
    world.turn(4 * MINUTE)
    before = world.count(REFRESH)
    session = world.manager.make_refreshing_session("Analyst")
    assert eventually(lambda: world.count(REFRESH) == before + 1)
    world.turn(4 * MINUTE)
    assert eventually(lambda: world.count(REFRESH) == before + 2)
    assert world.count(EXCHANGE)
    assert key_of(session)


def test_a_role_that_nobody_has_used_for_an_hour_is_left_alone_until_it_is_used(world: World) -> None:
    used, unused = (world.manager.make_refreshing_session(suffix) for suffix in ("Analyst", "Uploader"))
    keys, idle = key_of(used), key_of(unused)
    for _ in range(9):
        world.turn(10 * MINUTE)
        assert key_of(used)
        assert world.rounds_made()
    assert eventually(lambda: key_of(used) != keys)
    slots = {slot.role_arn: slot for slot in world.manager._slots.values()}
    left_alone = slots[world.cognito.roles["Uploader"]]
    assert left_alone.idle
    snapshot = left_alone.snapshot
    assert snapshot is not None
    assert snapshot.renew_at < world.hands.now < snapshot.useless_at
    assert key_of(unused) == str(snapshot.frozen.access_key) != idle
    assert eventually(lambda: left_alone.snapshot is not snapshot)


def test_with_no_role_in_use_the_thread_ends_and_the_next_use_brings_it_back(world: World) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    key_of(session)
    for _ in range(5):
        world.turn(25 * MINUTE)
        assert world.rounds_made()
    assert eventually(lambda: not world.running)
    before = world.count(EXCHANGE)
    world.turn(3 * HOUR)
    assert world.count(EXCHANGE) == before
    key_of(session)
    assert world.count(EXCHANGE) == before + 1
    assert world.running


def test_a_session_that_is_gone_is_not_renewed_and_the_thread_ends(world: World) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    client = session.client("s3")
    key_of(session)
    del session
    gc.collect()
    assert world.rounds_made()
    assert world.running, "its client is still there"
    del client
    gc.collect()
    before = world.count(EXCHANGE)
    assert world.rounds_made()
    assert eventually(lambda: not world.running)
    world.turn(50 * MINUTE)
    assert world.count(EXCHANGE) == before


def test_when_the_manager_and_its_sessions_are_gone_the_thread_ends(world: World) -> None:
    manager = world.manager_of("demo")
    session = manager.make_refreshing_session("Analyst")
    renewal, gone = manager._renewal, weakref.ref(manager)
    assert renewal.running
    del manager
    gc.collect()
    assert renewal.running, "its session is still there, and goes on being renewed"
    del session
    gc.collect()
    assert gone() is None
    assert eventually(lambda: not renewal.running)


def test_signing_out_ends_the_thread_at_once(world: World) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    assert world.running
    world.manager.sign_out()
    assert eventually(lambda: not world.running)
    with pytest.raises(SignedOutError):
        key_of(session)
    assert not world.running


def test_while_the_keys_are_good_a_failure_is_told_to_the_log_and_the_listeners_alone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str | None] = []
    session = world.manager.make_refreshing_session("Analyst")
    first = key_of(session)
    world.manager.on_change(lambda: told.append(world.manager.problem))
    fault = world.cognito.knobs.fail(EXCHANGE, status=400, body="{}", times=None)
    with caplog.at_level(logging.DEBUG, "cognito_jupyter"):
        world.turn(41 * MINUTE)
        for failures in (1, 2, 3):
            assert eventually(lambda: len(told) >= failures)  # noqa: B023 - called at once
            assert key_of(session) == first
            world.turn(40)
    assert world.manager.problem is not None
    assert told[0] == world.manager.problem
    records = [record for record in caplog.records if record.name.startswith("cognito_jupyter")]
    assert [record.levelname for record in records if record.levelno >= logging.WARNING] == ["WARNING"]
    assert world.cognito.roles["Analyst"] in records[0].getMessage()
    assert not [secret for secret in world.cognito.secrets if secret in caplog.text]
    fault.times = 1
    world.cognito.knobs.faults.clear()
    world.turn(31)
    assert eventually(lambda: world.manager.problem is None)
    assert key_of(session) != first
    assert told[-1] is None


def test_an_ended_sign_in_is_asked_about_and_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.cognito.knobs.id_token_seconds = HOUR
    tokens = world.manager.refresh_user_pool_tokens()
    session = world.manager.make_refreshing_session("Analyst")
    first, told = key_of(session), list[bool]()
    world.manager.on_change(lambda: told.append(world.manager.ended))
    assert world.manager.authenticator is not None
    world.manager.authenticator.revoke(str(tokens["refresh_token"]))
    before = world.count(REFRESH)
    world.turn(42 * MINUTE)
    assert eventually(lambda: world.manager.ended and not world.running)
    assert key_of(session) == first, "good keys stay good"
    world.turn(20 * MINUTE)
    for _ in range(5):
        with pytest.raises(SignedOutError, match="has ended"):
            key_of(session)
        world.turn(MINUTE)
    with pytest.raises(SignedOutError, match="has ended"):
        world.manager.ensure_credentials("Analyst")
    assert world.count(REFRESH) == before + 1
    assert len([record for record in caplog.records if "not renewed any more" in record.getMessage()]) == 1
    assert told[0]
    assert not world.running


def test_a_throttled_identity_pool_is_left_alone_for_as_long_as_it_asks(world: World) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    key_of(session)
    throttled = '{"__type":"TooManyRequestsException","message":"Rate exceeded"}'
    world.cognito.knobs.fail(
        EXCHANGE, status=400, body=throttled, content_type="application/x-amz-json-1.1", headers={"Retry-After": "120"}
    )
    before = world.count(EXCHANGE)
    world.turn(42 * MINUTE)
    assert eventually(lambda: world.manager.problem is not None)
    after = world.count(EXCHANGE)
    assert after == before + 1
    for _ in range(3):
        world.turn(35)
        assert key_of(session)
    assert world.count(EXCHANGE) == after
    world.turn(35)
    assert eventually(lambda: world.manager.problem is None)


def test_an_unreachable_identity_pool_is_asked_for_one_role_at_a_time(world: World) -> None:
    sessions = [world.manager.make_refreshing_session(suffix) for suffix in ("Analyst", "Uploader")]
    before = world.count(EXCHANGE)
    world.cognito.knobs.fail(EXCHANGE, status=200, body="not json", times=None)
    world.turn(42 * MINUTE)
    assert eventually(lambda: world.manager.problem is not None)
    assert world.count(EXCHANGE) == before + 1
    assert all(key_of(session) for session in sessions)


def test_an_explicit_call_says_what_happened_whatever_is_held(world: World) -> None:
    world.manager.make_refreshing_session("Analyst")
    world.cognito.knobs.fail(EXCHANGE, status=200, body="not json", times=None)
    with pytest.raises(UnavailableError):
        world.manager.get_credentials()
    world.turn(58 * MINUTE)
    with pytest.raises(UnavailableError):
        world.manager.ensure_credentials()


def test_another_persons_sign_in_stops_the_renewals_of_the_first(world: World) -> None:
    world.cognito.add_user("other", "other-password", ["Analyst"])
    session = world.manager.make_refreshing_session("Analyst")
    first, before = key_of(session), world.count(EXCHANGE)
    world.manager.auth_tokens = as_tokens(world.cognito.issue_tokens("other"))
    world.turn(41 * MINUTE)
    assert world.rounds_made()
    assert world.count(EXCHANGE) == before
    assert key_of(session) == first
