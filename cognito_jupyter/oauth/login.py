"""One attempt to sign in, finished once: by the listener, by a pasted address, by giving up or by the clock."""

from __future__ import annotations

import enum
import hmac
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ..errors import (
    ListenerError,
    LoginCancelledError,
    LoginDeniedError,
    LoginError,
    LoginTimeoutError,
    PastedUrlError,
)
from .authorization_response import AuthorizationResponse, parse_pasted_url
from .callback_server import CallbackOutcome, OAuthCallbackServer
from .pkce import LoginSecrets
from .redirect_uri import RedirectUri
from .tokens import CognitoTokens

_POLL_INTERVAL = 0.01
"""Seconds between two looks at a login: short beside a token request, and nothing beside a processor."""

BuildAuthorizationUrl = Callable[[LoginSecrets, str], str]
"""From a login's secrets and its redirect URI to the URL that the browser opens."""
ExchangeCode = Callable[[str, LoginSecrets, str], CognitoTokens]
"""From a code, the login's secrets and its redirect URI to verified tokens."""


class LoginState(enum.Enum):
    """Where a login stands: pending, then exactly one of the others, for good."""

    PENDING = "pending"
    COMPLETED = "completed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


class Login:
    """One attempt to sign in: a small state machine without a thread of its own.

    The listener is bound before the URL is known to anybody, so no redirect can come too early. A context manager:
    leaving it ends the login, frees the port and forgets the secrets.

    Args:
        uris: The registered redirect URIs; the first whose port is free serves the whole login, exchange included.
        authorization_url: Makes the URL that the browser opens.
        exchange_code: Buys the tokens.
        listen: Whether to listen at all; without it the answer can only be pasted.
        timeout: Seconds from now after which the login has timed out.

    Attributes:
        authorization_url: What the browser must open. It holds state and nonce: show it, never log it.
        redirect_uri: The one that this login uses.
        listening: Whether the listener waits for the callback.
        listener_error: Why it does not, as the error that says what to do.
        finished: Set when the login has left PENDING.
    """

    def __init__(
        self,
        uris: tuple[RedirectUri, ...],
        *,
        build_authorization_url: BuildAuthorizationUrl,
        exchange_code: ExchangeCode,
        listen: bool = True,
        timeout: float = 300.0,
    ) -> None:
        self._secrets = LoginSecrets.new()
        self._exchange_code = exchange_code
        self._lock = threading.Lock()
        self._state = LoginState.PENDING
        self._response = AuthorizationResponse()
        self._tokens: CognitoTokens | None = None
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self.finished = threading.Event()
        self.listener_error: ListenerError | None = None
        self._server, uri = self._listen(uris) if listen else (None, uris[0])
        self.redirect_uri = uri.text
        self.authorization_url = build_authorization_url(self._secrets, uri.text)
        if self._server is not None:
            self._server.start()

    def _listen(self, uris: tuple[RedirectUri, ...]) -> tuple[OAuthCallbackServer | None, RedirectUri]:
        for uri in uris:
            if not uri.loopback:
                continue
            try:
                address = ("localhost", uri.port)
                return OAuthCallbackServer(address, on_response=self.handle_response, path=uri.path, host=uri.host), uri
            except ListenerError as error:
                self.listener_error = self.listener_error or error
        self.listener_error = self.listener_error or ListenerError(
            f"The redirect URI {uris[0].text} does not lead to this machine, so nothing can listen for the answer.",
            "Paste the address that the browser shows after the sign-in.",
        )
        return None, uris[0]

    # -- how it stands

    def __repr__(self) -> str:
        return f"<Login: {self.state.value}, {self.redirect_uri}>"

    @property
    def listening(self) -> bool:
        """Whether the listener waits for the callback."""
        return self._server is not None and self.state is LoginState.PENDING

    @property
    def state(self) -> LoginState:
        """Where the login stands; a deadline that has passed is noticed here."""
        with self._lock:
            if self._state is LoginState.PENDING and self.seconds_left <= 0:
                self._finish(LoginState.TIMED_OUT)
            return self._state

    @property
    def seconds_left(self) -> float:
        """Seconds until the login times out; never below 0."""
        return max(0.0, self._deadline - time.monotonic())

    def wait(self, seconds: float) -> bool:
        """Waits up to so many seconds, in short sleeps, which the stop button ends cleanly.

        Returns:
            Whether the login has left PENDING.
        """
        deadline = time.monotonic() + seconds
        while self.state is LoginState.PENDING:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            time.sleep(min(_POLL_INTERVAL, remaining))
        return True

    # -- what ends it

    def handle_response(self, response: AuthorizationResponse) -> CallbackOutcome:
        """Judges an answer; the first one that carries this login's state ends it, and changes nothing after that.

        Returns:
            What the answer meant; LATE when it is genuine and the login was over before.
        """
        # In constant time, and before anything else of the answer is looked at (RFC 9700, section 4.7).
        if not hmac.compare_digest((response.state or "").encode(errors="replace"), self._secrets.state.encode()):
            return CallbackOutcome.STATE_MISMATCH
        state = LoginState.DENIED if response.error else LoginState.COMPLETED
        with self._lock:
            if self._state is not LoginState.PENDING or self.seconds_left <= 0:
                return CallbackOutcome.ALREADY_FINISHED
            self._response = response
            self._finish(state)
        return CallbackOutcome.ERROR if response.error else CallbackOutcome.ACCEPTED

    def handle_pasted_url(self, text: str) -> None:
        """Ends the login by the address that a person copied from the browser.

        Args:
            text: The whole address or its query; never kept, never echoed.

        Raises:
            PastedUrlError: It is not the answer to this login, which goes on.
        """
        outcome = self.handle_response(parse_pasted_url(text))
        if outcome is CallbackOutcome.STATE_MISMATCH:
            raise PastedUrlError(
                "That address belongs to another sign-in.",
                "Open the link shown here, sign in, and paste the address that the browser shows then.",
            )
        if outcome is CallbackOutcome.ALREADY_FINISHED:
            raise PastedUrlError("This sign-in is already over.", "Start a new one.")

    def cancel(self) -> None:
        """Gives the login up; does nothing when it is over."""
        with self._lock:
            if self._state is LoginState.PENDING:
                self._finish(LoginState.CANCELLED)

    def _finish(self, state: LoginState) -> None:
        self._state = state
        self.finished.set()

    # -- what comes of it

    def tokens(self) -> CognitoTokens:
        """The tokens that the login has earned: exchanges the code once and verifies what comes back.

        Raises:
            LoginDeniedError: Cognito sent an error.
            LoginCancelledError: It was given up.
            LoginTimeoutError: Nobody answered in time.
            LoginError: It is still pending, or its code was used before.
            RefusedError: Cognito refused the code.
            VerificationError: The tokens are not what this login asked for.
            UnavailableError: The token endpoint could not be reached.
        """
        if self._tokens is None:
            self._tokens = self._exchange_code(self._pop_code(), self._secrets, self.redirect_uri)
        return self._tokens

    def _pop_code(self) -> str:
        """The code, once: it works once at Cognito as well, and nobody needs it afterwards."""
        if self.state is not LoginState.COMPLETED:
            raise self._error_for_state()
        with self._lock:
            code, self._response = self._response.authorization_code, AuthorizationResponse()
        if code is None:
            raise LoginError("This sign-in's answer was used before.", "Sign in again.")
        return code

    def _error_for_state(self) -> LoginError:
        match self._state:
            case LoginState.DENIED:
                return _denied_error(self._response)
            case LoginState.CANCELLED:
                return LoginCancelledError(
                    "The sign-in was cancelled.", "Nothing has changed; sign in again when you like."
                )
            case LoginState.TIMED_OUT:
                return LoginTimeoutError(
                    f"Nobody finished the sign-in within {_duration(self._timeout)}.",
                    "Sign in again; if the browser showed an error page, check that this redirect URI is registered "
                    f"with the app client to the character: {self.redirect_uri}",
                )
            case _:
                return LoginError("The sign-in is not finished yet.", "Finish it in the browser.")

    def close(self) -> None:
        """Ends the login if it is pending, and frees the port; a second call does nothing."""
        self.cancel()
        if self._server is not None:
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _denied_error(response: AuthorizationResponse) -> LoginDeniedError:
    """Says what Cognito's error means; its codes: RFC 6749, section 4.1.2.1."""
    reason = f"{response.error}: {response.error_description}" if response.error_description else str(response.error)
    if "invalid_scope" in reason:
        remedy = "Set scopes to what the app client allows (openid is needed), or allow them there."
    elif response.error == "unauthorized_client":
        remedy = "Allow the authorization code grant for the app client."
    elif response.error == "access_denied":
        remedy = "Sign in again, or ask your administrator for access."
    else:
        remedy = "Sign in again; if it stays so, show this message to your administrator."
    return LoginDeniedError(f"Cognito ended the sign-in with an error ({reason}).", remedy)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
