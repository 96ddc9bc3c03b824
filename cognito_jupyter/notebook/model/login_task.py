"""A login on its way, and all that follows it, in a thread: nothing of it waits for the cell's next look."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ...credentials.remembered import load_manager, store_for
from ...errors import CognitoError, SignedOutError
from .sign_in import LoginRequest, LoginResult, SignIn, select_role

if TYPE_CHECKING:
    from ...credentials.manager import CognitoCredentialsManager
    from ...oauth.authenticator import CognitoOAuthAuthenticator
    from ...oauth.login import Login
    from ...oauth.tokens import CognitoTokens
    from ...settings import Settings

_CLOSE_TIMEOUT = 5.0
"""Seconds to wait for the thread of a login that is over; it may be in the middle of a request."""


class LoginTask:
    """One login from its listener to a session, in a daemon thread that ends with it.

    Args:
        request: What is asked for.
        authenticator: Where to sign in.
        previous_sign_in: A sign-in with the same settings that has ended: where the same person signs in again, its
            sessions
            go on.
        remember_choice: What the person has chosen about staying signed in on this computer by the time the login ends;
            None: nothing, so that the settings decide.

    Attributes:
        request: What is asked for.
        future: What came of it, or its error.
        on_progress: Told when the listener stands, and when it was answered; to be set before the start.
        failure: Why nothing came of it, once it is concluded.
        done: Set when what came of it has been kept.
        login: The login, as soon as its listener stands; None before.
        deadline: When nobody waits for it any more.
    """

    def __init__(
        self,
        request: LoginRequest,
        authenticator: CognitoOAuthAuthenticator,
        previous_sign_in: SignIn | None = None,
        remember_choice: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self.request = request
        self._previous_sign_in = previous_sign_in
        self._remember_choice = remember_choice
        self._restored = False
        self.on_progress: Callable[[], None] = lambda: None
        self.failure: BaseException | None = None
        self.done = threading.Event()
        self._authenticator = authenticator
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cognito-login", daemon=True)
        self.login: Login | None = None
        self.deadline = datetime.now(UTC)
        self.future: Future[LoginResult] = Future()

    def start(self) -> None:
        """Opens the listener and goes on from there; returns at once."""
        self._thread.start()

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants it any more."""
        return self._cancelled.is_set()

    def cancel(self, *, wait: bool = True) -> None:
        """Ends the login, whatever it has reached; tokens that arrive in spite of it are revoked.

        Args:
            wait: Whether to settle.
        """
        self._cancelled.set()
        if self.login is not None:
            self.login.cancel()
        self.future.add_done_callback(self._discard)
        if wait:
            self.join()

    def join(self) -> None:
        """Waits, for some seconds at most, until the login's listener and thread are gone."""
        until = time.monotonic() + _CLOSE_TIMEOUT
        while self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)

    def _run(self) -> None:
        try:
            result = self._restore()
            if result is not None:
                self.future.set_result(result)
                return
            with self._authenticator.begin_login(timeout=self.request.timeout) as login:
                # Inside: closing gives a browser's idle connections a second, for which nobody should wait.
                self.future.set_result(self._run_login(login))
        # Handed to the cell, where it is raised.
        except BaseException as error:  # noqa: BLE001
            self.future.set_exception(error)

    def _restore(self) -> LoginResult | None:
        """What comes of the sign-in that is kept on this computer; None: the person has to sign in."""
        if self.request.fresh or self._previous_sign_in is not None:
            return None
        manager = load_manager(self.request.settings, self._authenticator)
        if manager is None:
            return None
        manager.wait_for_sign_in = self.request.settings.wait_for_sign_in
        result = self._select_role(SignIn(self.request.settings, manager))
        if isinstance(result.role_error, SignedOutError):
            return None
        self._restored = True
        return result

    def _run_login(self, login: Login) -> LoginResult:
        self.deadline = datetime.now(UTC) + timedelta(seconds=login.seconds_left)
        self.login = login
        self.on_progress()
        if self._cancelled.is_set():
            login.cancel()
        manager = self._prewarm()
        while not login.finished.wait(login.seconds_left):
            login.poll()  # notices the deadline, and sets `finished`
        self.on_progress()
        tokens = login.tokens()
        sign_in = SignIn(self.request.settings, self._manager_of_same_user(tokens) or manager)
        sign_in.manager.wait_for_sign_in = self.request.settings.wait_for_sign_in
        sign_in.manager.adopt_tokens(tokens, store_for(self._store_settings(), tokens))
        return self._select_role(sign_in)

    def _store_settings(self) -> Settings:
        remember, settings = self._remember_choice(), self.request.settings
        if remember is None:
            return settings
        return replace(settings, remember=remember, sources={**settings.sources, "remember": "the panel"})

    def _manager_of_same_user(self, tokens: CognitoTokens) -> CognitoCredentialsManager | None:
        """The manager of an ended sign-in of the same person, whose sessions go on with these tokens."""
        from ...oauth.tokens import claims_of, subject_of

        if self._previous_sign_in is None:
            return None
        same = subject_of(claims_of(tokens["id_token"])) == subject_of(self._previous_sign_in.manager.claims)
        return self._previous_sign_in.manager if same else None

    def _prewarm(self) -> CognitoCredentialsManager:
        """All that takes time and needs no tokens, while the person types a password."""
        importlib.import_module("cognito_jupyter.oauth.verification")
        importlib.import_module("cognito_jupyter.credentials.store.store")
        from ...credentials.manager import CognitoCredentialsManager

        pools = self.request.settings.configuration
        manager = CognitoCredentialsManager(
            pools.identity_pool_id, pools.user_pool_id, pools.region, authenticator=self._authenticator
        )
        # After an ended sign-in it is nearly always the same person who comes back, to the manager of before.
        (self._previous_sign_in.manager if self._previous_sign_in is not None else manager).prewarm()
        self._authenticator.prewarm()
        return manager

    def _discard(self, future: Future[LoginResult]) -> None:
        # What was kept on this computer before stays so: it is the new sign-in that nobody wants any more.
        if future.exception() is None and not self._restored:
            # Nobody waits for the answer, and the tokens are forgotten here in any case.
            with contextlib.suppress(CognitoError):
                future.result().sign_in.manager.sign_out()

    def _select_role(self, sign_in: SignIn) -> LoginResult:
        """A role that cannot be had does not undo the sign-in: the next attempt needs no browser."""
        if self._cancelled.is_set():
            return LoginResult(sign_in, None, None)
        try:
            role = select_role(sign_in, self.request.role_suffix, self.request.settings.session_region)
        except CognitoError as error:
            return LoginResult(sign_in, None, error.with_traceback(None))
        return LoginResult(sign_in, role, None)
