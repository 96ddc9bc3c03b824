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
from tests.credentials.test_renewal import eventually
from tests.support.clock import FakeClock

EXCHANGE, REFRESH = "GetCredentialsForIdentity", "token:refresh_token"
MINUTE, HOUR = 60.0, 3600.0


class SimulatedLaptop:
    """A Cognito and a laptop, whose clocks go together."""

    def __init__(self, cognito: LocalCognito) -> None:
        self.cognito = cognito
        self.hands = FakeClock()
        self.manager = self.new_manager("demo")

    def new_manager(self, username: str) -> CognitoCredentialsManager:
        cognito = self.cognito
        authenticator = CognitoOAuthAuthenticator(
            cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, now=lambda: self.hands.now
        )
        return manager_for(cognito, authenticator, username, clock=self.hands.clock)

    def advance(self, seconds: float) -> None:
        """Time passes, and everybody is awake."""
        self.cognito.knobs.clock_offset += seconds
        self.hands.advance(seconds)
        if self.running:
            # It may just have looked, and be about to rest by the clock as it is now.
            self.manager._refresher.ensure_running(run_now=True)

    def suspend(self, seconds: float) -> None:
        """The laptop sleeps, and wakes up again."""
        self.cognito.knobs.clock_offset += seconds
        self.hands.suspend(seconds)

    def count(self, endpoint: str) -> int:
        return self.cognito.counts[endpoint]

    @property
    def running(self) -> bool:
        return self.manager._refresher.running

    def refresher_ran(self) -> bool:
        """Lets the thread look once more; whether it did."""
        seen = self.manager._refresh_plan._last_seen_clocks
        self.advance(1)
        return eventually(lambda: self.manager._refresh_plan._last_seen_clocks != seen or not self.running)


@pytest.fixture
def world(cognito: LocalCognito) -> Iterator[SimulatedLaptop]:
    world = SimulatedLaptop(cognito)
    cognito.knobs.id_token_seconds = 86_400
    world.manager.refresh_user_pool_tokens()
    yield world
    world.manager.auth_tokens = None
    world.hands.advance(60)
    assert eventually(lambda: not world.running)


def access_key_of(session: boto3.Session) -> str:
    keys = session.get_credentials()
    assert keys is not None
    return str(keys.get_frozen_credentials().access_key)


def test_no_thread_runs_while_nothing_needs_a_refresh(world: SimulatedLaptop) -> None:
    """Neither for a manager alone, nor for credentials that were asked for without a session, nor for static ones."""
    assert not world.running
    world.manager.ensure_credentials("Analyst")
    static = world.manager.make_session("Analyst")
    assert not world.running
    session = world.manager.make_refreshing_session("Analyst")
    assert world.running
    assert access_key_of(static) == access_key_of(session)


def test_credentials_are_refreshed_with_about_twenty_minutes_left_without_any_call(world: SimulatedLaptop) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    first, before = access_key_of(session), world.count(EXCHANGE)
    world.advance(37 * MINUTE)
    assert world.refresher_ran()
    assert world.count(EXCHANGE) == before
    world.advance(3 * MINUTE)
    assert eventually(lambda: world.count(EXCHANGE) == before + 1)
    assert eventually(lambda: access_key_of(session) != first)


def test_shared_credentials_always_have_at_least_sixteen_minutes_left(world: SimulatedLaptop) -> None:
    """Below that, those who are handed them ask again at every call."""
    credentials = world.manager.refreshing_credentials("Analyst")
    for _ in range(5 * 60):
        held = credentials.get_cached_credentials()
        left = held.expires_at - world.hands.now
        assert left >= 16 * MINUTE
        world.advance(MINUTE)
        if left - MINUTE <= 21 * MINUTE:
            assert eventually(
                lambda held=held: (  # type: ignore[misc]
                    credentials.get_cached_credentials() is not held or held.advisory_refresh_at > world.hands.now
                )
            )


def test_after_a_suspend_everything_is_refreshed_within_half_a_minute(world: SimulatedLaptop) -> None:
    """What was used before it slept was used a moment ago, however many hours have passed."""
    session = world.manager.make_refreshing_session("Analyst")
    keys = session.get_credentials()
    assert keys is not None
    held = world.manager.refreshing_credentials("Analyst").get_cached_credentials()
    assert world.refresher_ran()
    before = world.count(EXCHANGE)
    world.suspend(8 * HOUR)
    world.advance(30.5)
    assert eventually(lambda: world.count(EXCHANGE) == before + 1)
    assert eventually(lambda: world.manager.refreshing_credentials("Analyst").get_cached_credentials() is not held)
    assert (
        world.manager.refreshing_credentials("Analyst").get_cached_credentials().expires_at
        > world.hands.now + 50 * MINUTE
    )


def test_after_the_clock_is_set_back_everything_is_refreshed(world: SimulatedLaptop) -> None:
    """Every end that we know was measured by the clock of before: keys would be used for an hour after theirs."""
    session = world.manager.make_refreshing_session("Analyst")
    first = access_key_of(session)
    assert world.refresher_ran()
    exchanges, refreshes = world.count(EXCHANGE), world.count(REFRESH)
    world.hands.step(-HOUR)
    world.advance(31)
    assert eventually(lambda: world.count(EXCHANGE) == exchanges + 1)
    assert world.count(REFRESH) == refreshes + 1
    assert eventually(lambda: access_key_of(session) != first)
    snapshot = world.manager.refreshing_credentials("Analyst").get_cached_credentials()
    assert 58 * MINUTE < snapshot.expires_at - world.hands.now < 62 * MINUTE


def test_tokens_are_refreshed_before_credentials(world: SimulatedLaptop) -> None:
    knobs, calls = world.cognito.knobs, world.cognito.counts
    knobs.id_token_seconds = HOUR
    world.manager.refresh_user_pool_tokens()
    session = world.manager.make_refreshing_session("Analyst")
    first, refreshes, exchanges = access_key_of(session), calls[REFRESH], calls[EXCHANGE]
    knobs.latency[REFRESH] = 0.3
    world.advance(41 * MINUTE)
    assert eventually(lambda: calls[REFRESH] == refreshes + 1)
    assert calls[EXCHANGE] == exchanges
    assert eventually(lambda: calls[EXCHANGE] == exchanges + 1)
    assert eventually(lambda: access_key_of(session) != first)


def test_tokens_are_refreshed_with_a_third_of_their_life_left_while_a_session_is_in_use(world: SimulatedLaptop) -> None:
    """Whoever shortens them to end sign-ins sooner gets that: each refresh asks whether the sign-in still stands."""
    world.cognito.knobs.id_token_seconds = 5 * MINUTE
    world.manager.refresh_user_pool_tokens()
    world.advance(4 * MINUTE)
    before = world.count(REFRESH)
    session = world.manager.make_refreshing_session("Analyst")
    assert eventually(lambda: world.count(REFRESH) == before + 1)
    world.advance(4 * MINUTE)
    assert eventually(lambda: world.count(REFRESH) == before + 2)
    assert world.count(EXCHANGE)
    assert access_key_of(session)


def test_a_role_unused_for_an_hour_is_not_refreshed_until_it_is_used(world: SimulatedLaptop) -> None:
    used, unused = (world.manager.make_refreshing_session(suffix) for suffix in ("Analyst", "Uploader"))
    keys, idle = access_key_of(used), access_key_of(unused)
    for _ in range(9):
        world.advance(10 * MINUTE)
        assert access_key_of(used)
        assert world.refresher_ran()
    assert eventually(lambda: access_key_of(used) != keys)
    slots = {slot.role_arn: slot for slot in world.manager._role_credentials.values()}
    left_alone = slots[world.cognito.roles["Uploader"]]
    assert left_alone.idle
    snapshot = left_alone.cached
    assert snapshot is not None
    assert snapshot.advisory_refresh_at < world.hands.now < snapshot.mandatory_refresh_at
    assert access_key_of(unused) == str(snapshot.frozen.access_key) != idle
    assert eventually(lambda: left_alone.cached is not snapshot)


def test_the_thread_ends_with_no_role_in_use_and_the_next_use_starts_it_again(world: SimulatedLaptop) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    access_key_of(session)
    for _ in range(5):
        world.advance(25 * MINUTE)
        assert world.refresher_ran()
    assert eventually(lambda: not world.running)
    before = world.count(EXCHANGE)
    world.advance(3 * HOUR)
    assert world.count(EXCHANGE) == before
    access_key_of(session)
    assert world.count(EXCHANGE) == before + 1
    assert world.running


def test_a_collected_session_is_not_refreshed_and_the_thread_ends(world: SimulatedLaptop) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    client = session.client("s3")
    access_key_of(session)
    del session
    gc.collect()
    assert world.refresher_ran()
    assert world.running, "its client is still there"
    del client
    gc.collect()
    before = world.count(EXCHANGE)
    assert world.refresher_ran()
    assert eventually(lambda: not world.running)
    world.advance(50 * MINUTE)
    assert world.count(EXCHANGE) == before


def test_the_thread_ends_when_the_manager_and_its_sessions_are_collected(world: SimulatedLaptop) -> None:
    manager = world.new_manager("demo")
    session = manager.make_refreshing_session("Analyst")
    renewal, gone = manager._refresher, weakref.ref(manager)
    assert renewal.running
    del manager
    gc.collect()
    assert renewal.running, "its session is still there, and goes on being renewed"
    del session
    gc.collect()
    assert gone() is None
    assert eventually(lambda: not renewal.running)


def test_signing_out_ends_the_thread_at_once(world: SimulatedLaptop) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    assert world.running
    world.manager.sign_out()
    assert eventually(lambda: not world.running)
    with pytest.raises(SignedOutError):
        access_key_of(session)
    assert not world.running


def test_a_failure_with_valid_credentials_only_reaches_the_log_and_the_callbacks(
    world: SimulatedLaptop, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str | None] = []
    session = world.manager.make_refreshing_session("Analyst")
    first = access_key_of(session)
    world.manager.on_change(lambda: told.append(world.manager.warning))
    fault = world.cognito.knobs.fail(EXCHANGE, status=400, body="{}", times=None)
    with caplog.at_level(logging.DEBUG, "cognito_jupyter"):
        world.advance(41 * MINUTE)
        for failures in (1, 2, 3):
            assert eventually(lambda: len(told) >= failures)  # noqa: B023 - called at once
            assert access_key_of(session) == first
            world.advance(40)
    assert world.manager.warning is not None
    assert told[0] == world.manager.warning
    records = [record for record in caplog.records if record.name.startswith("cognito_jupyter")]
    assert [record.levelname for record in records if record.levelno >= logging.WARNING] == ["WARNING"]
    assert world.cognito.roles["Analyst"] in records[0].getMessage()
    assert not [secret for secret in world.cognito.secrets if secret in caplog.text]
    fault.times = 1
    world.cognito.knobs.faults.clear()
    world.advance(31)
    assert eventually(lambda: world.manager.warning is None)
    assert access_key_of(session) != first
    assert told[-1] is None


def test_an_ended_sign_in_is_requested_and_logged_once(
    world: SimulatedLaptop, caplog: pytest.LogCaptureFixture
) -> None:
    world.cognito.knobs.id_token_seconds = HOUR
    tokens = world.manager.refresh_user_pool_tokens()
    session = world.manager.make_refreshing_session("Analyst")
    first, told = access_key_of(session), list[bool]()
    world.manager.on_change(lambda: told.append(world.manager.ended))
    assert world.manager.authenticator is not None
    world.manager.authenticator.revoke(str(tokens["refresh_token"]))
    before = world.count(REFRESH)
    world.advance(42 * MINUTE)
    assert eventually(lambda: world.manager.ended and not world.running)
    assert access_key_of(session) == first, "good keys stay good"
    world.advance(20 * MINUTE)
    for _ in range(5):
        with pytest.raises(SignedOutError, match="has ended"):
            access_key_of(session)
        world.advance(MINUTE)
    with pytest.raises(SignedOutError, match="has ended"):
        world.manager.ensure_credentials("Analyst")
    assert world.count(REFRESH) == before + 1
    assert len([record for record in caplog.records if "not renewed any more" in record.getMessage()]) == 1
    assert told[0]
    assert not world.running


def test_a_throttled_identity_pool_is_not_called_before_its_retry_after(world: SimulatedLaptop) -> None:
    session = world.manager.make_refreshing_session("Analyst")
    access_key_of(session)
    throttled = '{"__type":"TooManyRequestsException","message":"Rate exceeded"}'
    world.cognito.knobs.fail(
        EXCHANGE, status=400, body=throttled, content_type="application/x-amz-json-1.1", headers={"Retry-After": "120"}
    )
    before = world.count(EXCHANGE)
    world.advance(42 * MINUTE)
    assert eventually(lambda: world.manager.warning is not None)
    after = world.count(EXCHANGE)
    assert after == before + 1
    for _ in range(3):
        world.advance(35)
        assert access_key_of(session)
    assert world.count(EXCHANGE) == after
    world.advance(35)
    assert eventually(lambda: world.manager.warning is None)


def test_an_unreachable_identity_pool_is_called_for_one_role_at_a_time(world: SimulatedLaptop) -> None:
    sessions = [world.manager.make_refreshing_session(suffix) for suffix in ("Analyst", "Uploader")]
    before = world.count(EXCHANGE)
    world.cognito.knobs.fail(EXCHANGE, status=200, body="not json", times=None)
    world.advance(42 * MINUTE)
    assert eventually(lambda: world.manager.warning is not None)
    assert world.count(EXCHANGE) == before + 1
    assert all(access_key_of(session) for session in sessions)


def test_an_explicit_call_raises_although_credentials_are_valid(world: SimulatedLaptop) -> None:
    world.manager.make_refreshing_session("Analyst")
    world.cognito.knobs.fail(EXCHANGE, status=200, body="not json", times=None)
    with pytest.raises(UnavailableError):
        world.manager.get_credentials()
    world.advance(58 * MINUTE)
    with pytest.raises(UnavailableError):
        world.manager.ensure_credentials()


def test_another_users_sign_in_stops_the_refresh_of_the_first_users_credentials(world: SimulatedLaptop) -> None:
    world.cognito.add_user("other", "other-password", ["Analyst"])
    session = world.manager.make_refreshing_session("Analyst")
    first, before = access_key_of(session), world.count(EXCHANGE)
    world.manager.auth_tokens = as_tokens(world.cognito.issue_tokens("other"))
    world.advance(41 * MINUTE)
    assert world.refresher_ran()
    assert world.count(EXCHANGE) == before
    assert access_key_of(session) == first
