"""What is refreshed ahead of time, against a Cognito on this machine, by a fake clock."""

from __future__ import annotations

import gc
import logging
import weakref
from itertools import count
from typing import Any

import boto3
import pytest

from cognito_jupyter._util.clock import Clock
from cognito_jupyter.credentials.role_credentials import REFRESH_JITTER, advisory_margin
from cognito_jupyter.credentials.user_pool_tokens import UserPoolTokens
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import as_tokens, credentials_of
from tests.support.laptop import SimulatedLaptop
from tests.support.polling import wait_until

MINUTE, HOUR = 60.0, 3600.0


def access_key_of(session: boto3.Session) -> str:
    credentials = session.get_credentials()
    assert credentials is not None
    return str(credentials.get_frozen_credentials().access_key)


def test_no_thread_runs_while_nothing_needs_a_refresh(laptop: SimulatedLaptop) -> None:
    """Not for a manager without sessions, for credentials without a session, or for a static session."""
    assert not laptop.running
    laptop.manager.ensure_credentials("Analyst")
    static = laptop.manager.make_session("Analyst")
    assert not laptop.running
    session = laptop.manager.make_refreshing_session("Analyst")
    assert laptop.running
    assert access_key_of(static) == access_key_of(session)


def test_credentials_are_refreshed_with_about_twenty_minutes_left_without_any_call(laptop: SimulatedLaptop) -> None:
    session = laptop.manager.make_refreshing_session("Analyst")
    first, before = access_key_of(session), laptop.count(LocalCognito.EXCHANGE)
    laptop.advance(37 * MINUTE)
    laptop.wait_for_refresher()
    assert laptop.count(LocalCognito.EXCHANGE) == before
    laptop.advance(3 * MINUTE)
    wait_until(lambda: laptop.count(LocalCognito.EXCHANGE) == before + 1)
    wait_until(lambda: access_key_of(session) != first)


def test_shared_credentials_always_have_at_least_sixteen_minutes_left(laptop: SimulatedLaptop) -> None:
    """With less time remaining, botocore in the receiving process would request new ones at every call."""
    credentials = credentials_of(laptop.manager, "Analyst")
    for _ in range(5 * 60):
        current = credentials.get_cached_credentials()
        remaining = current.expires_at - laptop.clock.now
        assert remaining >= 16 * MINUTE
        laptop.advance(MINUTE)
        if remaining - MINUTE <= 21 * MINUTE:
            wait_until(
                lambda current=current: (  # type: ignore[misc]
                    credentials.get_cached_credentials() is not current
                    or current.advisory_refresh_at > laptop.clock.now
                )
            )


def test_after_a_suspend_everything_is_refreshed_within_half_a_minute(laptop: SimulatedLaptop) -> None:
    """A role that was used just before the suspend counts as used just now, however many hours have passed."""
    session = laptop.manager.make_refreshing_session("Analyst")
    assert session.get_credentials() is not None
    current = credentials_of(laptop.manager, "Analyst").get_cached_credentials()
    laptop.wait_for_refresher()
    before = laptop.count(LocalCognito.EXCHANGE)
    laptop.suspend(8 * HOUR)
    laptop.advance(30.5)
    wait_until(lambda: laptop.count(LocalCognito.EXCHANGE) == before + 1)
    wait_until(lambda: credentials_of(laptop.manager, "Analyst").get_cached_credentials() is not current)
    assert (
        credentials_of(laptop.manager, "Analyst").get_cached_credentials().expires_at > laptop.clock.now + 50 * MINUTE
    )


def test_after_the_clock_is_set_back_everything_is_refreshed(laptop: SimulatedLaptop) -> None:
    """All known expiry times came from the earlier clock: credentials would be used for an hour after their expiry."""
    session = laptop.manager.make_refreshing_session("Analyst")
    first = access_key_of(session)
    laptop.wait_for_refresher()
    exchanges, refreshes = laptop.count(LocalCognito.EXCHANGE), laptop.count(LocalCognito.REFRESH)
    laptop.clock.step(-HOUR)
    laptop.advance(31)
    wait_until(lambda: laptop.count(LocalCognito.EXCHANGE) == exchanges + 1)
    assert laptop.count(LocalCognito.REFRESH) == refreshes + 1
    wait_until(lambda: access_key_of(session) != first)
    cached = credentials_of(laptop.manager, "Analyst").get_cached_credentials()
    assert 58 * MINUTE < cached.expires_at - laptop.clock.now < 62 * MINUTE


def test_tokens_are_refreshed_before_credentials(laptop: SimulatedLaptop) -> None:
    knobs, calls = laptop.cognito.knobs, laptop.cognito.counts
    knobs.id_token_seconds = HOUR
    laptop.manager.refresh_user_pool_tokens()
    session = laptop.manager.make_refreshing_session("Analyst")
    first, refreshes, exchanges = access_key_of(session), calls[LocalCognito.REFRESH], calls[LocalCognito.EXCHANGE]
    exchanges_at_refresh: list[int] = []

    def note_exchanges(event: Any, _: object) -> Any:
        exchanges_at_refresh.append(calls[LocalCognito.EXCHANGE])
        return event

    laptop.cognito.pool.pre_token = note_exchanges
    laptop.advance(41 * MINUTE)
    wait_until(lambda: calls[LocalCognito.EXCHANGE] == exchanges + 1)
    assert calls[LocalCognito.REFRESH] == refreshes + 1
    assert exchanges_at_refresh == [exchanges]
    wait_until(lambda: access_key_of(session) != first)


def test_tokens_are_refreshed_with_a_third_of_their_life_left_while_in_use(
    laptop: SimulatedLaptop,
) -> None:
    """An administrator who shortens them ends sign-ins sooner: each refresh checks that the sign-in has not ended."""
    laptop.cognito.knobs.id_token_seconds = 5 * MINUTE
    laptop.manager.refresh_user_pool_tokens()
    laptop.advance(4 * MINUTE)
    before = laptop.count(LocalCognito.REFRESH)
    session = laptop.manager.make_refreshing_session("Analyst")
    wait_until(lambda: laptop.count(LocalCognito.REFRESH) == before + 1)
    laptop.advance(4 * MINUTE)
    wait_until(lambda: laptop.count(LocalCognito.REFRESH) == before + 2)
    assert laptop.count(LocalCognito.EXCHANGE)
    assert access_key_of(session)


def test_tokens_are_not_due_earlier_on_a_computer_so_busy_that_time_passes_while_the_clock_is_read(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    readings = count()
    clock = Clock(now=lambda: 1e9 + next(readings) ** 2)
    tokens = UserPoolTokens(as_tokens(cognito.issue_tokens()), authenticator, clock)
    margin = advisory_margin(3600)
    latest = tokens.claims["exp"] - margin
    due = {tokens.refresh_due_at for _ in range(3)}
    assert len(due) == 1
    assert latest - REFRESH_JITTER * 3600 <= due.pop() <= latest


def test_a_role_unused_for_an_hour_is_not_refreshed_until_it_is_used(laptop: SimulatedLaptop) -> None:
    used, unused = (laptop.manager.make_refreshing_session(suffix) for suffix in ("Analyst", "Uploader"))
    first, idle = access_key_of(used), access_key_of(unused)
    for _ in range(9):
        laptop.advance(10 * MINUTE)
        assert access_key_of(used)
        laptop.wait_for_refresher()
    wait_until(lambda: access_key_of(used) != first)
    roles = {role.role_arn: role for role in laptop.manager._role_credentials.values()}
    unused_role = roles[laptop.cognito.roles["Uploader"]]
    assert unused_role.idle
    cached = unused_role.cached
    assert cached is not None
    assert cached.advisory_refresh_at < laptop.clock.now < cached.mandatory_refresh_at
    assert access_key_of(unused) == str(cached.frozen.access_key) != idle
    wait_until(lambda: unused_role.cached is not cached)


def test_the_thread_ends_with_no_role_in_use_and_the_next_use_starts_it_again(laptop: SimulatedLaptop) -> None:
    session = laptop.manager.make_refreshing_session("Analyst")
    access_key_of(session)
    for _ in range(5):
        laptop.advance(25 * MINUTE)
        laptop.wait_for_refresher()
    wait_until(lambda: not laptop.running)
    before = laptop.count(LocalCognito.EXCHANGE)
    laptop.advance(3 * HOUR)
    assert laptop.count(LocalCognito.EXCHANGE) == before
    access_key_of(session)
    assert laptop.count(LocalCognito.EXCHANGE) == before + 1
    assert laptop.running


def test_a_collected_session_is_not_refreshed_and_the_thread_ends(laptop: SimulatedLaptop) -> None:
    session = laptop.manager.make_refreshing_session("Analyst")
    client = session.client("s3")
    access_key_of(session)
    del session
    gc.collect()
    laptop.wait_for_refresher()
    assert laptop.running, "its client still exists"
    del client
    gc.collect()
    before = laptop.count(LocalCognito.EXCHANGE)
    laptop.wait_for_refresher()
    wait_until(lambda: not laptop.running)
    laptop.advance(50 * MINUTE)
    assert laptop.count(LocalCognito.EXCHANGE) == before


def test_the_thread_ends_when_the_manager_and_its_sessions_are_collected(laptop: SimulatedLaptop) -> None:
    manager = laptop.new_manager("demo")
    session = manager.make_refreshing_session("Analyst")
    loop, gone = manager._refresher.loop, weakref.ref(manager)
    assert loop.running
    del manager
    gc.collect()
    assert loop.running, "the session still exists, and is refreshed"
    del session
    gc.collect()
    assert gone() is None
    wait_until(lambda: not loop.running)


def test_signing_out_ends_the_thread_at_once(laptop: SimulatedLaptop) -> None:
    session = laptop.manager.make_refreshing_session("Analyst")
    assert laptop.running
    laptop.manager.sign_out()
    wait_until(lambda: not laptop.running)
    with pytest.raises(SignedOutError):
        access_key_of(session)
    assert not laptop.running


def test_a_failure_with_valid_credentials_only_reaches_the_log_and_the_callbacks(
    laptop: SimulatedLaptop, caplog: pytest.LogCaptureFixture
) -> None:
    warnings: list[str] = []
    session = laptop.manager.make_refreshing_session("Analyst")
    first = access_key_of(session)
    laptop.manager.on_change(lambda: warnings.append(str(laptop.manager.warning)))
    fault = laptop.cognito.knobs.fail(LocalCognito.EXCHANGE, status=400, body="{}", times=None)
    with caplog.at_level(logging.DEBUG, "cognito_jupyter"):
        laptop.advance(41 * MINUTE)
        for failures in (1, 2, 3):
            wait_until(lambda: len(warnings) >= failures)  # noqa: B023 - called at once
            assert access_key_of(session) == first
            laptop.advance(40)
    assert laptop.manager.warning is not None
    assert warnings[0] == str(laptop.manager.warning)
    records = [record for record in caplog.records if record.name.startswith("cognito_jupyter")]
    assert [record.levelname for record in records if record.levelno >= logging.WARNING] == ["WARNING"]
    assert laptop.cognito.roles["Analyst"] in records[0].getMessage()
    assert not [secret for secret in laptop.cognito.secrets if secret in caplog.text]
    fault.times = 1
    laptop.cognito.knobs.faults.clear()
    laptop.advance(31)
    wait_until(lambda: laptop.manager.warning is None)
    assert access_key_of(session) != first
    assert warnings[-1] == "None"


def test_an_ended_sign_in_is_requested_and_logged_once(
    laptop: SimulatedLaptop, caplog: pytest.LogCaptureFixture
) -> None:
    laptop.cognito.knobs.id_token_seconds = HOUR
    tokens = laptop.manager.refresh_user_pool_tokens()
    session = laptop.manager.make_refreshing_session("Analyst")
    first, ended = access_key_of(session), list[bool]()
    laptop.manager.on_change(lambda: ended.append(laptop.manager.ended))
    assert laptop.manager.authenticator is not None
    laptop.manager.authenticator.revoke(str(tokens["refresh_token"]))
    before = laptop.count(LocalCognito.REFRESH)
    laptop.advance(42 * MINUTE)
    wait_until(lambda: laptop.manager.ended and not laptop.running)
    assert access_key_of(session) == first, "valid credentials stay valid"
    laptop.advance(20 * MINUTE)
    for _ in range(5):
        with pytest.raises(SignedOutError, match="has ended"):
            access_key_of(session)
        laptop.advance(MINUTE)
    with pytest.raises(SignedOutError, match="has ended"):
        laptop.manager.ensure_credentials("Analyst")
    assert laptop.count(LocalCognito.REFRESH) == before + 1
    assert len([record for record in caplog.records if "not renewed any more" in record.getMessage()]) == 1
    assert ended[0]
    assert not laptop.running


def test_a_throttled_identity_pool_is_not_called_before_its_retry_after(laptop: SimulatedLaptop) -> None:
    session = laptop.manager.make_refreshing_session("Analyst")
    access_key_of(session)
    throttled = '{"__type":"TooManyRequestsException","message":"Rate exceeded"}'
    laptop.cognito.knobs.fail(
        LocalCognito.EXCHANGE,
        status=400,
        body=throttled,
        content_type="application/x-amz-json-1.1",
        headers={"Retry-After": "120"},
    )
    before = laptop.count(LocalCognito.EXCHANGE)
    laptop.advance(42 * MINUTE)
    wait_until(lambda: laptop.manager.warning is not None)
    after = laptop.count(LocalCognito.EXCHANGE)
    assert after == before + 1
    for _ in range(3):
        laptop.advance(35)
        assert access_key_of(session)
    assert laptop.count(LocalCognito.EXCHANGE) == after
    laptop.advance(35)
    wait_until(lambda: laptop.manager.warning is None)


def test_an_unreachable_identity_pool_is_called_for_one_role_at_a_time(laptop: SimulatedLaptop) -> None:
    sessions = [laptop.manager.make_refreshing_session(suffix) for suffix in ("Analyst", "Uploader")]
    before = laptop.count(LocalCognito.EXCHANGE)
    laptop.cognito.knobs.fail(LocalCognito.EXCHANGE, status=200, body="not json", times=None)
    laptop.advance(42 * MINUTE)
    wait_until(lambda: laptop.manager.warning is not None)
    assert laptop.count(LocalCognito.EXCHANGE) == before + 1
    assert all(access_key_of(session) for session in sessions)


def test_an_explicit_call_raises_although_credentials_are_valid(laptop: SimulatedLaptop) -> None:
    laptop.manager.make_refreshing_session("Analyst")
    laptop.cognito.knobs.fail(LocalCognito.EXCHANGE, status=200, body="not json", times=None)
    with pytest.raises(UnavailableError):
        laptop.manager.get_credentials()
    laptop.advance(58 * MINUTE)
    with pytest.raises(UnavailableError):
        laptop.manager.ensure_credentials()


def test_another_users_sign_in_stops_the_refresh_of_the_first_users_credentials(laptop: SimulatedLaptop) -> None:
    laptop.cognito.add_user("other", "other-password", ["Analyst"])
    session = laptop.manager.make_refreshing_session("Analyst")
    first, before = access_key_of(session), laptop.count(LocalCognito.EXCHANGE)
    laptop.manager.auth_tokens = as_tokens(laptop.cognito.issue_tokens("other"))
    laptop.advance(41 * MINUTE)
    laptop.wait_for_refresher()
    assert laptop.count(LocalCognito.EXCHANGE) == before
    assert access_key_of(session) == first
