"""A sign-in that ends in the middle of work, and the threads that wait for the user to sign in again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError, SignedOutError
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens
from tests.support.polling import wait_until


class Workers:
    """Threads that each make one S3 request, and record the result or the error."""

    def __init__(self, manager: CognitoCredentialsManager, cognito: LocalCognito, size: int) -> None:
        self.results: list[str] = []
        self._client = manager.make_refreshing_session("Analyst").client("s3")
        self._bucket = cognito.bucket
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(size)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> list[str]:
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)
        return self.results

    def _work(self) -> None:
        try:
            self._client.list_objects_v2(Bucket=self._bucket)
        except CognitoError as error:
            self.results.append(str(error))
        else:
            self.results.append("done")


@pytest.fixture
def workers(cognito: LocalCognito, manager: CognitoCredentialsManager) -> Iterator[Workers]:
    """Eight workers whose sign-in the user pool has ended, and whose credentials have expired."""
    tokens = manager.refresh_user_pool_tokens()
    cognito.knobs.credentials_seconds = 1
    workers = Workers(manager, cognito, 8)
    assert manager.authenticator is not None
    manager.authenticator.revoke(str(tokens["refresh_token"]))
    with pytest.raises(SignedOutError):
        manager.refresh_user_pool_tokens()
    role = next(iter(manager._role_credentials.values()))
    wait_until(lambda: role.cached_if_usable() is None)
    cognito.knobs.credentials_seconds = 3600
    yield workers
    manager.auth_tokens = None
    workers.join()


def test_threads_get_an_error_at_once_by_default(workers: Workers) -> None:
    workers.start()
    assert len(set(workers.join())) == 1
    assert "has ended" in workers.results[0]


def test_threads_wait_for_the_user_to_sign_in_again_and_continue(
    workers: Workers, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    manager.wait_for_sign_in = 60
    workers.start()
    threading.Event().wait(0.5)
    assert workers.results == []
    before = cognito.counts[LocalCognito.EXCHANGE]
    manager.auth_tokens = as_tokens(cognito.issue_tokens("demo"))
    assert workers.join() == ["done"] * 8
    assert cognito.counts[LocalCognito.EXCHANGE] == before + 1


def test_threads_get_the_error_when_the_wait_times_out(workers: Workers, manager: CognitoCredentialsManager) -> None:
    manager.wait_for_sign_in = 0.4
    workers.start()
    assert len(workers.join()) == 8
    assert "has ended" in workers.results[0]


def test_another_users_sign_in_does_not_end_the_wait(
    workers: Workers, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    cognito.add_user("other", "other-password", ["Analyst"])
    manager.wait_for_sign_in = 60
    workers.start()
    manager.auth_tokens = as_tokens(cognito.issue_tokens("other"))
    threading.Event().wait(0.5)
    assert workers.results == []
    manager.auth_tokens = as_tokens(cognito.issue_tokens("demo"))
    assert workers.join() == ["done"] * 8


def test_signing_out_ends_the_wait(workers: Workers, manager: CognitoCredentialsManager) -> None:
    manager.wait_for_sign_in = 60
    workers.start()
    manager.sign_out()
    results = workers.join()
    assert len(results) == 8
    assert "done" not in results


def test_explicit_calls_do_not_wait(workers: Workers, manager: CognitoCredentialsManager) -> None:
    manager.wait_for_sign_in = 60
    for call in (manager.ensure_credentials, manager.refresh_user_pool_tokens, manager.make_refreshing_session):
        with pytest.raises(SignedOutError, match="has ended"):
            call()
    assert workers.results == []
    assert manager.warning is not None
    assert "has ended" in str(manager.warning)


def test_a_sign_in_during_a_refused_refresh_is_not_marked_as_ended(
    manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    """The old refresh token is refused a moment after the new tokens have come."""
    old = manager.auth_tokens
    assert old is not None
    assert manager.authenticator is not None
    manager.authenticator.revoke(str(old["refresh_token"]))
    cognito.knobs.latency[LocalCognito.REFRESH] = 0.5
    before = cognito.counts[LocalCognito.REFRESH]
    errors: list[BaseException] = []

    def refresh() -> None:
        try:
            manager.refresh_user_pool_tokens()
        except PermissionError as error:
            errors.append(error)

    refreshing = threading.Thread(target=refresh)
    refreshing.start()
    wait_until(lambda: cognito.counts[LocalCognito.REFRESH] > before)
    manager.auth_tokens = new = as_tokens(cognito.issue_tokens("demo"))
    refreshing.join()
    assert not manager.ended
    assert manager.auth_tokens == new
    assert manager.ensure_credentials("Analyst")
