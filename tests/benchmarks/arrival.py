"""Times logins from the browser's redirect to a usable session, by each implementation's own code path."""

from __future__ import annotations

import http.client
import queue
import threading
import time
import webbrowser
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from cognito_jupyter.notebook.model.login_requests import LoginRequest
from cognito_jupyter.notebook.model.login_task import LoginTask
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import Settings
from cognito_jupyter.signin.service import SignIn

from .implementations import API, make_authenticator
from .stage import Stage

TIMEOUT = 60.0
"""Seconds."""
_PREWARM_ROUND_TRIPS = 15


class RedirectBenchmark:
    """Logins of this package as its notebook makes them, and of the reference as its entry point does.

    Args:
        stage: The Cognito.
        round_trip: The round-trip time to it in milliseconds.
    """

    def __init__(self, stage: Stage, round_trip: int) -> None:
        self._stage = stage
        self._port = stage.port_at(round_trip)
        self._idle_seconds = idle_seconds(round_trip)
        self._login_count = 0

    def time_login(self, previous: SignIn | None = None) -> tuple[float, SignIn]:
        """Times one login of this package.

        Args:
            previous: An ended sign-in of the same user, whose identity id is known.

        Returns:
            Seconds from the redirect to a session with credentials, and the sign-in.
        """
        settings, authenticator = self._settings()
        login_task = LoginTask(LoginRequest(settings, open_browser=False), authenticator, previous)
        listening = threading.Event()
        login_task.on_progress = listening.set
        login_task.link_shown.set()
        login_task.start()
        if not listening.wait(TIMEOUT) or login_task.login is None:
            raise RuntimeError("The login did not start.")
        redirect_url = self._stage.sign_in(login_task.login.authorization_url)
        time.sleep(self._idle_seconds)
        began = time.perf_counter()
        browser = RedirectedBrowser(redirect_url)
        result = login_task.future.result(TIMEOUT)
        if result.role is None:
            raise RuntimeError(f"The login brought no role: {result.role_error}")
        load_credentials(result.role.session)
        elapsed = time.perf_counter() - began
        browser.close()
        login_task.join()
        return elapsed, result.sign_in

    def time_reference_login(self, api: API) -> float:
        """Returns the seconds of one login of the reference, from the redirect to a session with credentials."""
        self._login_count += 1
        opened_browser = CapturingBrowser()
        webbrowser.register("benchmark", None, opened_browser, preferred=True)
        authenticator = make_authenticator(api, self._stage, self._port, self._login_count)
        finished: queue.Queue[float | BaseException] = queue.Queue()
        thread = threading.Thread(target=self._run_reference_login, args=(api, authenticator, finished), daemon=True)
        thread.start()
        redirect_url = self._stage.sign_in(opened_browser.urls.get(timeout=TIMEOUT))
        time.sleep(self._idle_seconds)
        began = time.perf_counter()
        browser = RedirectedBrowser(redirect_url)
        end = finished.get(timeout=TIMEOUT)
        browser.close()
        thread.join()
        if isinstance(end, BaseException):
            raise end
        return end - began

    def _run_reference_login(self, api: API, authenticator: Any, finished: queue.Queue[float | BaseException]) -> None:
        settings = self._stage.configuration(self._port)
        try:
            tokens = authenticator.authenticate()
            manager = api.CognitoCredentialsManager(
                settings.identity_pool_id, settings.user_pool_id, settings.region, tokens, authenticator
            )
            load_credentials(manager.make_refreshing_session())
            finished.put(time.perf_counter())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that measures
            finished.put(error)

    def _settings(self) -> tuple[Settings, CognitoOAuthAuthenticator]:
        self._login_count += 1
        settings = Settings(self._stage.configuration(self._port, self._login_count))
        return settings, CognitoOAuthAuthenticator.from_settings(settings)


def idle_seconds(round_trip: int) -> float:
    """Returns the seconds that the user takes to type, enough to finish the prewarming; real users take longer."""
    return 1.0 + _PREWARM_ROUND_TRIPS * round_trip / 1e3


def time_refresh(manager: Any) -> float:
    """Returns the seconds of a refresh of both layers, tokens and credentials."""
    began = time.perf_counter()
    manager.ensure_credentials(refresh_margin=timedelta(hours=2))
    return time.perf_counter() - began


def load_credentials(session: Any) -> str:
    """Gets the credentials that every request to AWS needs first; returns the access key id."""
    return cast("str", session.get_credentials().get_frozen_credentials().access_key)


class RedirectedBrowser:
    """Acts as the browser that follows the redirect, reads the page and closes the connection, in a thread.

    Args:
        address: The redirect URI with its code.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT)
        self._connection.request("GET", f"{parts.path or '/'}?{parts.query}")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self._connection.getresponse().read()
        self._connection.close()

    def close(self) -> None:
        """Waits until it has closed the connection."""
        self._thread.join()


class CapturingBrowser(webbrowser.BaseBrowser):
    """Captures the authorization URL that the reference opens, but not the page on loopback that this package opens.

    Attributes:
        urls: The captured URLs.
    """

    def __init__(self) -> None:
        super().__init__("benchmark")
        self.urls: queue.Queue[str] = queue.Queue()

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        if "/oauth2/authorize?" in url:
            self.urls.put(url)
        return True
