"""The cached credentials of a role: how long they are used, and how threads refresh them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from cognito_jupyter.credentials.identity_pool.client import IdentityPoolCredentials, IdentityPoolCredentialsResponse
from cognito_jupyter.credentials.role_credentials import CachedCredentials, RoleCredentials
from cognito_jupyter.errors import CognitoError, UnavailableError
from tests.support.clock import FakeClock


def cached_credentials(now: float, lifetime: float, name: str = "ASIA1") -> CachedCredentials:
    credentials = IdentityPoolCredentials(
        AccessKeyId=name, SecretKey="s", SessionToken="t", Expiration=datetime.fromtimestamp(now + lifetime, UTC)
    )
    return CachedCredentials.from_response(
        IdentityPoolCredentialsResponse(IdentityId="i", Credentials=credentials), now, 0.0
    )


@pytest.mark.parametrize(
    ("lifetime", "advisory", "mandatory"), [(3600, 2400, 3570), (43200, 42000, 43170), (60, 40, 57), (6, 4, 5.7)]
)
def test_credentials_are_refreshed_with_twenty_minutes_left_and_short_ones_with_a_third_left(
    lifetime: float, advisory: float, mandatory: float
) -> None:
    cached = cached_credentials(0.0, lifetime)
    assert [cached.advisory_refresh_at, cached.mandatory_refresh_at] == pytest.approx([advisory, mandatory])


def test_without_the_refresher_one_thread_refreshes_and_the_others_do_not_wait() -> None:
    """No thread waits while the old credentials are valid; the reference blocks all threads."""
    clock, started, go = FakeClock(), threading.Event(), threading.Event()
    calls: list[str] = []

    def exchange() -> CachedCredentials:
        calls.append("call")
        if len(calls) > 1:
            started.set()
            go.wait(5)
        return cached_credentials(clock.now, 3600, f"ASIA{len(calls)}")

    role = RoleCredentials("role", exchange, clock.clock)
    role.for_signing()
    clock.now += 2800
    refreshing = threading.Thread(target=role.for_signing)
    refreshing.start()
    assert started.wait(5)
    assert [role.for_signing().frozen.access_key for _ in range(5)] == ["ASIA1"] * 5
    go.set()
    refreshing.join()
    assert role.for_signing().frozen.access_key == "ASIA2"
    assert len(calls) == 2


def test_a_second_refresh_right_after_the_first_makes_no_call() -> None:
    clock = FakeClock()
    calls: list[str] = []

    def exchange() -> CachedCredentials:
        calls.append("call")
        return cached_credentials(clock.now, 3600)

    role = RoleCredentials("role", exchange, clock.clock)
    role.for_signing()
    clock.now += 2800
    role.refresh_if_due()
    role.refresh_if_due()
    assert len(calls) == 2


def test_a_failed_refresh_is_ignored_while_the_old_credentials_are_valid() -> None:
    clock = FakeClock()
    responses: list[CachedCredentials | CognitoError] = [cached_credentials(clock.now, 3600)]

    def exchange() -> CachedCredentials:
        response = responses.pop(0) if responses else UnavailableError("Cognito is away.", "Wait.")
        if isinstance(response, CognitoError):
            raise response
        return response

    role = RoleCredentials("role", exchange, clock.clock)
    first = role.for_signing()
    clock.now += 3000
    assert role.for_signing() is first
    clock.now += 580
    with pytest.raises(UnavailableError, match="Cognito is away"):
        role.for_signing()
    with pytest.raises(UnavailableError, match="Cognito is away"):
        role.get_valid_for(60)
    assert role.cached is first
