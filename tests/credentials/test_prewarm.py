"""What a manager prepares while the user types a password."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.credentials import Credentials
from botocore.loaders import JSONFileLoader

from cognito_jupyter.credentials.boto_sessions import PrebuiltSession
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.support.keep_alive_proxy import KeepAliveProxy
from tests.support.latency_proxy import LatencyProxy
from tests.support.polling import wait_until


@pytest.fixture
def path(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> Iterator[LatencyProxy]:
    """A proxy to the identity pool that keeps connections open and counts them."""
    with KeepAliveProxy(cognito.port) as front, LatencyProxy(front.port, 0) as counted:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{counted.port}")
        yield counted


def test_prewarm_opens_the_connection_that_the_first_exchange_uses(
    path: LatencyProxy, manager: CognitoCredentialsManager
) -> None:
    manager.prewarm()
    assert path.connections == 1
    manager.get_credentials()
    assert path.connections == 1


def test_prewarm_makes_no_identity_pool_call(
    path: LatencyProxy, manager: CognitoCredentialsManager, cognito: LocalCognito
) -> None:
    before = cognito.counts.copy()
    manager.prewarm()
    assert set(cognito.counts - before) == {"/"}


def test_prewarm_without_a_network_raises_nothing(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        # Bound and not listening: connections are refused, and no other process gets the port.
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        manager.prewarm()


def test_sessions_are_independent_after_a_prewarm(manager: CognitoCredentialsManager) -> None:
    manager.prewarm()
    sessions = [manager.make_refreshing_session("Analyst"), manager.make_refreshing_session("Uploader")]
    access_keys = {session.get_credentials().get_frozen_credentials().access_key for session in sessions}  # type: ignore[union-attr]
    assert len(access_keys) == 2


def test_a_prebuilt_session_is_given_out_once() -> None:
    prebuilt, credentials = PrebuiltSession(), Credentials("key", "secret")
    prebuilt.prebuild()
    prebuilt.prebuild()
    first, second = (prebuilt.pop_or_build(credentials, region) for region in ("us-east-1", "eu-west-1"))
    assert first._session is not second._session
    assert (first.region_name, second.region_name) == ("us-east-1", "eu-west-1")
    assert first.get_credentials() is second.get_credentials() is credentials


def test_all_sessions_of_a_manager_read_the_list_of_endpoints_once(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 8 MB of memory for each session that reads it by itself."""
    read: list[str] = []
    load_file = JSONFileLoader.load_file

    def record_and_load(self: JSONFileLoader, file_path: str) -> Any:
        read.append(file_path)
        return load_file(self, file_path)

    monkeypatch.setattr(JSONFileLoader, "load_file", record_and_load)
    for role in ("Analyst", "Uploader", "Analyst"):
        session = manager.make_refreshing_session(role)
        session.client("s3")
    assert len([path for path in read if path.endswith("endpoints")]) == 1
    search_paths = session._session.get_component("data_loader").search_paths
    assert len(search_paths) <= len(set(search_paths)) + 1


def test_the_next_session_is_there_before_the_role_is_changed(manager: CognitoCredentialsManager) -> None:
    manager.make_refreshing_session("Analyst")
    assert not manager._prebuilt_session._prebuilt
    manager.prebuild_session()
    wait_until(lambda: manager._prebuilt_session._prebuilt)
    ((_, prebuilt),) = manager._prebuilt_session._prebuilt
    assert manager.make_refreshing_session("Uploader") is prebuilt


def test_credentials_are_refreshed_although_the_next_session_cannot_be_prepared(
    manager: CognitoCredentialsManager,
) -> None:
    attempted = threading.Event()

    def make_session() -> botocore.session.Session:
        attempted.set()
        raise OSError("The folder of botocore's files is gone.")

    session = manager.make_refreshing_session("Analyst")
    prebuilt = PrebuiltSession(make_session)
    manager._refresher._prepare = prebuilt.prebuild
    manager.prebuild_session()
    assert attempted.wait(60)
    attempted.clear()
    manager.prebuild_session()
    assert attempted.wait(60)
    assert manager._refresher.loop.running
    assert session.get_credentials() is not None
