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

from ..credentials.kept import restored, store_for
from ..errors import CognitoError, SignedOutError
from .signin import LoginRequest, Outcome, SignIn, take_role

if TYPE_CHECKING:
    from ..config import Settings
    from ..credentials.manager import CognitoCredentialsManager
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.login import Login
    from ..oauth.tokens import CognitoTokens

_GOODBYE = 5.0
"""Seconds to wait for the thread of a login that is over; it may be in the middle of a request."""


class Attempt:
    """One login from its listener to a session, in a daemon thread that ends with it.

    Args:
        request: What is asked for.
        authenticator: Where to sign in.
        previous: A sign-in with the same settings that has ended: where the same person signs in again, its sessions
            go on.
        chosen_to_stay: What the person has chosen about staying signed in on this computer by the time the login ends;
            None: nothing, so that the settings decide.

    Attributes:
        request: What is asked for.
        outcome: What came of it, or its error.
        on_ready: Told when the listener stands, and when it was answered; to be set before the start.
        failure: Why nothing came of it, once it is concluded.
        concluded: Set when what came of it has been kept.
        login: The login, as soon as its listener stands; None before.
        ends_at: When nobody waits for it any more.
    """

    def __init__(
        self,
        request: LoginRequest,
        authenticator: CognitoOAuthAuthenticator,
        previous: SignIn | None = None,
        chosen_to_stay: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self.request = request
        self._previous = previous
        self._chosen_to_stay = chosen_to_stay
        self._took_kept = False
        self.on_ready: Callable[[], None] = lambda: None
        self.failure: BaseException | None = None
        self.concluded = threading.Event()
        self._authenticator = authenticator
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="cognito-login", daemon=True)
        self.login: Login | None = None
        self.ends_at = datetime.now(UTC)
        self.outcome: Future[Outcome] = Future()

    def start(self) -> None:
        """Opens the listener and goes on from there; returns at once."""
        self._thread.start()

    @property
    def given_up(self) -> bool:
        """Whether nobody wants it any more."""
        return self._given_up.is_set()

    def give_up(self, *, wait: bool = True) -> None:
        """Ends the login, whatever it has reached; tokens that arrive in spite of it are revoked.

        Args:
            wait: Whether to settle.
        """
        self._given_up.set()
        if self.login is not None:
            self.login.cancel()
        self.outcome.add_done_callback(self._undo)
        if wait:
            self.settle()

    def settle(self) -> None:
        """Waits, for some seconds at most, until the login's listener and thread are gone."""
        until = time.monotonic() + _GOODBYE
        while self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)

    def _work(self) -> None:
        try:
            kept = self._kept()
            if kept is not None:
                self.outcome.set_result(kept)
                return
            with self._authenticator.begin_login(timeout=self.request.timeout) as login:
                # Inside: closing gives a browser's idle connections a second, for which nobody should wait.
                self.outcome.set_result(self._follow(login))
        # Handed to the cell, where it is raised.
        except BaseException as error:  # noqa: BLE001
            self.outcome.set_exception(error)

    def _kept(self) -> Outcome | None:
        """What comes of the sign-in that is kept on this computer; None: the person has to sign in."""
        if self.request.fresh or self._previous is not None:
            return None
        manager = restored(self.request.settings, self._authenticator)
        if manager is None:
            return None
        manager.wait_for_sign_in = self.request.settings.wait_for_sign_in
        outcome = self._with_role(SignIn(self.request.settings, manager))
        if isinstance(outcome.problem, SignedOutError):
            return None
        self._took_kept = True
        return outcome

    def _follow(self, login: Login) -> Outcome:
        self.ends_at = datetime.now(UTC) + timedelta(seconds=login.seconds_left)
        self.login = login
        self.on_ready()
        if self._given_up.is_set():
            login.cancel()
        manager = self._warmed()
        while not login.finished.wait(login.seconds_left):
            _ = login.state  # notices the deadline, and sets `finished`
        self.on_ready()
        tokens = login.tokens()
        sign_in = SignIn(self.request.settings, self._same_persons(tokens) or manager)
        sign_in.manager.wait_for_sign_in = self.request.settings.wait_for_sign_in
        sign_in.manager.sign_in(tokens, store_for(self._settings(), tokens))
        return self._with_role(sign_in)

    def _settings(self) -> Settings:
        stays, settings = self._chosen_to_stay(), self.request.settings
        if stays is None:
            return settings
        return replace(settings, remember=stays, sources={**settings.sources, "remember": "the panel"})

    def _same_persons(self, tokens: CognitoTokens) -> CognitoCredentialsManager | None:
        """The manager of an ended sign-in of the same person, whose sessions go on with these tokens."""
        from ..credentials.user_pool import claims_of, subject_of

        if self._previous is None:
            return None
        same = subject_of(claims_of(tokens["id_token"])) == subject_of(self._previous.manager.claims)
        return self._previous.manager if same else None

    def _warmed(self) -> CognitoCredentialsManager:
        """All that takes time and needs no tokens, while the person types a password."""
        importlib.import_module("cognito_jupyter.oauth.verification")
        importlib.import_module("cognito_jupyter.credentials.store")
        from ..credentials.manager import CognitoCredentialsManager

        pools = self.request.settings.configuration
        manager = CognitoCredentialsManager(
            pools.identity_pool_id, pools.user_pool_id, pools.region, authenticator=self._authenticator
        )
        # After an ended sign-in it is nearly always the same person who comes back, to the manager of before.
        (self._previous.manager if self._previous is not None else manager).warm()
        self._authenticator.warm()
        return manager

    def _undo(self, outcome: Future[Outcome]) -> None:
        # What was kept on this computer before stays so: it is the new sign-in that nobody wants any more.
        if outcome.exception() is None and not self._took_kept:
            # Nobody waits for the answer, and the tokens are forgotten here in any case.
            with contextlib.suppress(CognitoError):
                outcome.result().sign_in.manager.sign_out()

    def _with_role(self, sign_in: SignIn) -> Outcome:
        """A role that cannot be had does not undo the sign-in: the next attempt needs no browser."""
        if self._given_up.is_set():
            return Outcome(sign_in, None, None)
        try:
            role = take_role(sign_in, self.request.role_suffix, self.request.settings.session_region)
        except CognitoError as problem:
            return Outcome(sign_in, None, problem.with_traceback(None))
        return Outcome(sign_in, role, None)
