"""Many threads that call the manager explicitly at the same moment: one of them refreshes, for all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.support.held_requests import hold, waiting_for_an_attempt
from tests.support.polling import wait_until

EXCHANGE, REFRESH = LocalCognito.EXCHANGE, LocalCognito.REFRESH
THREADS = 10
EXPIRED = '{"__type":"NotAuthorizedException","message":"Invalid login token. Token expired: 1 >= 0"}'


def all_at_once(*calls: Callable[[], object]) -> None:
    """Calls each in a thread of its own, at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        for future in [threads.submit(run, call) for call in calls]:
            future.result()


def hold_the_refresh_until_all_wait(cognito: LocalCognito) -> None:
    """A thread that came after the response would rightly make a refresh of its own."""
    hold(cognito, REFRESH, lambda: waiting_for_an_attempt() == THREADS - 1)


@pytest.mark.parametrize("rotation", [False, True])
@pytest.mark.parametrize("margin", [timedelta(minutes=50), timedelta(hours=5)])
def test_ten_threads_whose_tokens_are_within_the_margin_make_one_refresh(
    cognito: LocalCognito, manager: CognitoCredentialsManager, rotation: bool, margin: timedelta
) -> None:
    """Also with a margin that no id token fulfils: Cognito's shortest id token lasts as long as the default margin."""
    cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = 600, 600
    manager.refresh_user_pool_tokens()
    manager.get_credentials(role_suffix="Analyst")
    cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = 3600, 3600
    cognito.knobs.rotation = rotation
    hold_the_refresh_until_all_wait(cognito)
    before = cognito.counts.copy()
    all_at_once(*[lambda: manager.ensure_credentials("Analyst", margin)] * THREADS)
    assert [cognito.counts[name] - before[name] for name in (REFRESH, EXCHANGE)] == [1, 1]
    if margin < timedelta(hours=1):
        manager.ensure_credentials("Analyst", margin)
        assert [cognito.counts[name] - before[name] for name in (REFRESH, EXCHANGE)] == [1, 1]


def test_a_thread_that_is_late_after_its_refresh_of_the_tokens_uses_the_credentials_that_another_has_fetched(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """A callback may take its time, in the thread that has refreshed, while the others already fetch credentials."""
    manager.get_credentials(role_suffix="Analyst")
    (role,) = manager._roles_of_user()
    hold(cognito, REFRESH, lambda: waiting_for_an_attempt() == 1)
    before, fetched = cognito.counts[EXCHANGE], role.single_flight.successes
    called = threading.Event()

    def slow() -> None:
        if not called.is_set():
            called.set()
            wait_until(lambda: role.single_flight.successes > fetched)

    manager.on_change(slow)
    all_at_once(*[lambda: manager.ensure_credentials("Analyst", timedelta(hours=5))] * 2)
    assert cognito.counts[EXCHANGE] == before + 1


def test_ten_threads_that_refresh_the_tokens_share_one_refresh_and_a_later_call_makes_another(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    hold_the_refresh_until_all_wait(cognito)
    before = cognito.counts[REFRESH]
    all_at_once(*[manager.refresh_user_pool_tokens] * THREADS)
    assert cognito.counts[REFRESH] == before + 1
    cognito.knobs.latency = {}
    manager.refresh_user_pool_tokens()
    assert cognito.counts[REFRESH] == before + 2


def test_two_roles_that_are_refused_the_same_id_token_refresh_it_once(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """The second role is refused after the first one has refreshed the token already."""
    for role_suffix in ("Analyst", "Uploader"):
        manager.get_credentials(role_suffix=role_suffix)
    roles = list(manager._role_credentials.values())
    old_token = manager.auth_tokens
    assert old_token is not None
    cognito.knobs.fail(EXCHANGE, status=400, body=EXPIRED, content_type="application/x-amz-json-1.1", times=4)
    before, exchanges = cognito.counts[REFRESH], cognito.counts[EXCHANGE]
    hold(cognito, REFRESH, lambda: cognito.counts[EXCHANGE] == exchanges + 4 and waiting_for_an_attempt() == 1)
    all_at_once(*[role._refresh for role in roles])
    assert cognito.counts[REFRESH] == before + 1


def test_a_storm_while_cognito_is_unreachable_is_one_attempt_and_one_error(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    hold_the_refresh_until_all_wait(cognito)
    cognito.knobs.fail(REFRESH, status=400, body='{"error":"invalid_request"}', times=None)
    before = cognito.counts[REFRESH]
    errors = []

    def ensure() -> None:
        try:
            manager.ensure_credentials("Analyst", timedelta(hours=5))
        except PermissionError as error:
            errors.append(str(error))

    all_at_once(*[ensure] * THREADS)
    assert cognito.counts[REFRESH] == before + 1
    assert len(errors) == THREADS
    assert len(set(errors)) == 1
