"""The way from the browser's redirect to a session that can be used, by each implementation's own code path."""

from __future__ import annotations

import http.client
import queue
import threading
import time
import webbrowser
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from cognito_jupyter.config import Settings
from cognito_jupyter.notebook.attempt import Attempt
from cognito_jupyter.notebook.signin import LoginRequest, SignIn
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator

from .implementations import API, authenticator_of
from .stage import Stage

_PATIENCE = 60.0
_WARMING_TRIPS = 15


class Arrival:
    """Logins of this package as its notebook makes them, and of the reference as its entry point does.

    Args:
        stage: Where the Cognito is.
        round_trip: Milliseconds to it.
    """

    def __init__(self, stage: Stage, round_trip: int) -> None:
        self._stage = stage
        self._port = stage.port_at(round_trip)
        self._idle = idle_at(round_trip)
        self._turn = 0

    def here(self, previous: SignIn | None = None) -> tuple[float, SignIn]:
        """One login of this package.

        Args:
            previous: An ended sign-in of the same person, whose identity id is known.

        Returns:
            Seconds from the redirect to a session with credentials, and the sign-in.
        """
        settings, authenticator = self._settings()
        attempt = Attempt(
            LoginRequest(settings, "session", "cognito", None, _PATIENCE, False, False), authenticator, previous
        )
        listening = threading.Event()
        attempt.on_ready = listening.set
        attempt.start()
        if not listening.wait(_PATIENCE) or attempt.login is None:
            raise RuntimeError("The login did not start.")
        answer = self._stage.sign_in(attempt.login.authorization_url)
        time.sleep(self._idle)
        began = time.perf_counter()
        browser = _Redirected(answer)
        outcome = attempt.outcome.result(_PATIENCE)
        if outcome.role is None:
            raise RuntimeError(f"The login brought no role: {outcome.problem}")
        sign_with(outcome.role.session)
        took = time.perf_counter() - began
        browser.close()
        attempt.settle()
        return took, outcome.sign_in

    def reference(self, api: API) -> float:
        """Seconds of one login of the reference, from the redirect to a session with credentials."""
        self._turn += 1
        opened = _Browser()
        webbrowser.register("benchmark", None, opened, preferred=True)
        authenticator = authenticator_of(api, self._stage, self._port, self._turn)
        arrived: queue.Queue[float | BaseException] = queue.Queue()
        thread = threading.Thread(target=self._follow, args=(api, authenticator, arrived), daemon=True)
        thread.start()
        answer = self._stage.sign_in(opened.urls.get(timeout=_PATIENCE))
        time.sleep(self._idle)
        began = time.perf_counter()
        browser = _Redirected(answer)
        end = arrived.get(timeout=_PATIENCE)
        browser.close()
        thread.join()
        if isinstance(end, BaseException):
            raise end
        return end - began

    def _follow(self, api: API, authenticator: Any, arrived: queue.Queue[float | BaseException]) -> None:
        settings = self._stage.configuration(self._port)
        try:
            tokens = authenticator.authenticate()
            manager = api.CognitoCredentialsManager(
                settings.identity_pool_id, settings.user_pool_id, settings.region, tokens, authenticator
            )
            sign_with(manager.make_refreshing_session())
            arrived.put(time.perf_counter())
        # Handed to the thread that measures.
        except BaseException as error:  # noqa: BLE001
            arrived.put(error)

    def _settings(self) -> tuple[Settings, CognitoOAuthAuthenticator]:
        self._turn += 1
        settings = Settings(self._stage.configuration(self._port, self._turn))
        pools = settings.configuration
        authenticator = CognitoOAuthAuthenticator(
            pools.domain,
            pools.client_id,
            pools.redirect_uri,
            pools.region,
            user_pool_id=pools.user_pool_id,
            open_browser=False,
        )
        return settings, authenticator


def idle_at(round_trip: int) -> float:
    """Seconds that the person takes at least, so that all has been warmed; a real person takes longer."""
    return 1.0 + _WARMING_TRIPS * round_trip / 1e3


def renewal(manager: Any) -> float:
    """Seconds in which both layers are renewed."""
    began = time.perf_counter()
    manager.ensure_credentials(refresh_margin=timedelta(hours=2))
    return time.perf_counter() - began


def sign_with(session: Any) -> str:
    """What every request asks of a session first; returns the access key id."""
    return cast("str", session.get_credentials().get_frozen_credentials().access_key)


class _Redirected:
    """The browser that follows the redirect, and reads the page at its leisure."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE)
        self._connection.request("GET", f"{parts.path or '/'}?{parts.query}")

    def close(self) -> None:
        self._connection.getresponse().read()
        self._connection.close()


class _Browser(webbrowser.BaseBrowser):
    """Takes the address that the reference opens."""

    def __init__(self) -> None:
        super().__init__("benchmark")
        self.urls: queue.Queue[str] = queue.Queue()

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.urls.put(url)
        return True
