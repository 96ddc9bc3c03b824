"""One login of a notebook in a thread of its own, so that no step of it waits for the cell's next poll.

`Controller` starts and cancels it; `LoginService` does the work. It displays nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...errors import CognitoError
from ...signin.service import LoginResult, LoginService, SignIn
from .login_requests import LoginRequest

if TYPE_CHECKING:
    from ...oauth.authenticator import CognitoOAuthAuthenticator
    from ...oauth.login import Login

_CLOSE_TIMEOUT = 5.0
"""Seconds to wait for the thread of a login that has ended; it may be in the middle of a request."""
_LINK_TIMEOUT = 0.5
"""Seconds after which the preparations begin at the latest."""
_POLL_INTERVAL = 0.02


class LoginTask:
    """One login, from its listener to a session, in a daemon thread that ends with it.

    Args:
        request: What the login is for.
        authenticator: Makes the login.
        previous_sign_in: A sign-in with the same settings that has ended. If the same user signs in again, its sessions
            continue.
        remember_choice: Returns whether the user chose, by the end of the login, to stay signed in on this computer;
            None: no choice was made, and the settings decide.

    Attributes:
        request: What the login is for.
        on_progress: Called when the listener listens, and when it has received the response; to be set before `start`.
        login: The login, as soon as its listener listens; None before.
        link_shown: Set when a cell shows the link. The preparations begin only then: they would compete with it for
            Python's interpreter.
        deadline: When the login times out.
        future: The result, or the error.
        failure: Why the login failed, once it is done.
        cancelled: Whether the login was cancelled.
        awaited_by: The cell that waits for the login, as `Frontend.cell_id` names it; None: no cell does.
        abandoned: Whether the only coroutine that waited for it was cancelled.
        done: Set when the result has been accepted by the notebook's state.
    """

    def __init__(
        self,
        request: LoginRequest,
        authenticator: CognitoOAuthAuthenticator,
        previous_sign_in: SignIn | None = None,
        remember_choice: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self.request = request
        self.on_progress: Callable[[], None] = lambda: None
        self.login: Login | None = None
        self.link_shown = threading.Event()
        self.deadline = datetime.now(UTC)
        self.future: Future[LoginResult] = Future()
        self.failure: BaseException | None = None
        self.done = threading.Event()
        self.cancelled = self.abandoned = False
        self.awaited_by: object = None
        from ..._util.http.cancellable import CancellableRequests  # late: a restored sign-in makes no login

        self._pid = os.getpid()
        self._preparations = CancellableRequests()
        self._service = LoginService(request, authenticator, previous_sign_in, remember_choice, lambda: self.cancelled)
        self._thread = threading.Thread(target=self._run, name="cognito-login", daemon=True)

    def start(self) -> None:
        """Starts the thread, which opens the listener; returns at once."""
        self._thread.start()

    def cancel(self, *, wait: bool = True) -> None:
        """Ends the login at whatever step it is; tokens that still arrive are revoked.

        Args:
            wait: Whether to join the thread.
        """
        if os.getpid() != self._pid:
            return  # a forked child's copy: the login, its thread and its listener are the parent's
        self.cancelled = True
        if self.login is not None:
            self.login.cancel()
        self._preparations.cancel()
        self.future.add_done_callback(self._discard)
        if wait:
            self.join()

    def join(self) -> None:
        """Waits a few seconds at most until the login's listener and thread have ended."""
        until = time.monotonic() + _CLOSE_TIMEOUT
        # Short sleeps: the stop button may leave `Thread.join` with an error of its own.
        while self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)

    def _run(self) -> None:
        try:
            with self._service.sign_in(self._wait_for_user) as result:
                self.future.set_result(result)
        except BaseException as error:  # noqa: BLE001 - the cell raises it again
            self.future.set_exception(error)

    def _wait_for_user(self, login: Login) -> None:
        self.deadline = datetime.now(UTC) + timedelta(seconds=login.seconds_left)
        self.login = login
        self.on_progress()
        if self.cancelled:
            login.cancel()
        self._wait_for_link(login)
        with self._preparations.running():
            self._service.prewarm()
        while not login.finished.wait(login.seconds_left):
            login.poll()  # times out, and sets `finished`
        self.on_progress()

    def _wait_for_link(self, login: Login) -> None:
        until = time.monotonic() + _LINK_TIMEOUT
        while not self.link_shown.is_set() and time.monotonic() < until:
            if login.finished.wait(_POLL_INTERVAL):
                return

    def _discard(self, future: Future[LoginResult]) -> None:
        # A sign-in that was remembered before stays so; only a new one is revoked.
        if future.exception() is None and not self._service.restored:
            # No caller waits for the result, and the tokens are forgotten here in any case.
            with contextlib.suppress(CognitoError):
                future.result().sign_in.manager.sign_out()
