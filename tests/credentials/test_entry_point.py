"""What `get_authenticated_cognito_manager` prepares while the user signs in, so that nothing is waited for after it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from cognito_jupyter import get_authenticated_cognito_manager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.support.keep_alive_proxy import KeepAliveProxy
from tests.support.latency_proxy import LatencyProxy
from tests.support.polling import wait_until
from tests.support.printed_login import AUTHORIZE_URL
from tests.support.shared_kernels import configuration_from_environment


class SlowUser:
    """A user who reads the printed link, and signs in there only once something else has happened.

    Args:
        cognito: The Cognito.
        capsys: Reads what is printed.
        awaited: What the user waits for.
    """

    def __init__(self, cognito: LocalCognito, capsys: pytest.CaptureFixture[str], awaited: Callable[[], bool]) -> None:
        self._cognito, self._capsys, self._awaited = cognito, capsys, awaited
        self._thread = threading.Thread(target=self._sign_in, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)

    def _sign_in(self) -> None:
        printed = ""
        while (found := AUTHORIZE_URL.search(printed)) is None:
            time.sleep(0.01)
            printed += self._capsys.readouterr().out
        wait_until(self._awaited)
        user = self._cognito.demo_user
        submit_login(found[0], user.username, user.password)


def test_keys_and_both_connections_are_there_before_the_user_has_signed_in(
    cognito: LocalCognito, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Counter(cognito.counts)
    with KeepAliveProxy(cognito.port) as front, LatencyProxy(front.port, 0) as path:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{path.port}")
        with SlowUser(cognito, capsys, lambda: set(Counter(cognito.counts) - before) >= {"jwks", "token", "/"}):
            manager = get_authenticated_cognito_manager(configuration_from_environment(cognito.environment))
        assert manager.make_refreshing_session("Analyst").client("sts").get_caller_identity()
        assert path.connections == 1
    requests = Counter(cognito.counts) - before
    assert requests["jwks"] == requests["GetId"] == requests["GetCredentialsForIdentity"] == 1


def test_preparations_that_fail_disturb_no_sign_in(
    cognito: LocalCognito,
    authenticator: CognitoOAuthAuthenticator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor is their traceback printed into the user's terminal."""
    ended: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: ended.append(str(arguments)))
    prepared = threading.Event()

    def prepare() -> None:
        prepared.set()
        raise RuntimeError("A fault.")

    with SlowUser(cognito, capsys, prepared.is_set):
        assert authenticator.authenticate(prepare=prepare)["id_token"]
    assert not ended
