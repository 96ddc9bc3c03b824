"""What a manager does ahead, while the person types a password."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.sessions import SpareSession
from cognito_jupyter.local import LocalCognito
from tests.benchmarks.distance import Distance
from tests.benchmarks.front import Front


@pytest.fixture
def path(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> Iterator[Distance]:
    """The way to the identity pool, over connections that stay open and are counted."""
    with Front(cognito.port) as front, Distance(front.port, 0) as distance:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{distance.port}")
        yield distance


def test_warming_opens_the_connection_that_the_first_exchange_uses(
    path: Distance, manager: CognitoCredentialsManager
) -> None:
    manager.warm()
    assert path.connections == 1
    manager.get_credentials()
    assert path.connections == 1


def test_warming_buys_nothing(path: Distance, manager: CognitoCredentialsManager, cognito: LocalCognito) -> None:
    before = cognito.counts.copy()
    manager.warm()
    assert set(cognito.counts - before) == {"/"}


def test_warming_without_a_network_is_no_fault(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        # Bound and not listening: connections are refused, and nobody else takes the port.
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        manager.warm()


def test_each_session_is_its_own_though_one_was_prepared(manager: CognitoCredentialsManager) -> None:
    manager.warm()
    sessions = [manager.make_refreshing_session("Analyst"), manager.make_refreshing_session("Uploader")]
    keys = {session.get_credentials().get_frozen_credentials().access_key for session in sessions}  # type: ignore[union-attr]
    assert len(keys) == 2


def test_a_spare_session_is_given_once() -> None:
    spare = SpareSession()
    spare.prepare()
    spare.prepare()
    assert len({id(session) for session in [spare.take(), spare.take()]}) == 2
