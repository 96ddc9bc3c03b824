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
    PastedAnswerError,
)
from .addresses import RedirectUri
from .answer import OAuthCallbackResult, parse_pasted
from .callback import OAuthCallbackServer, Verdict
from .pkce import LoginSecrets
from .tokens import CognitoTokens

_TICK = 0.01
"""Seconds between two looks at a login: short beside a token request, and nothing beside a processor."""

AuthorizationUrl = Callable[[LoginSecrets, str], str]
"""From a login's secrets and its redirect URI to the URL that the browser opens."""
Exchange = Callable[[str, LoginSecrets, str], CognitoTokens]
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
        exchange: Buys the tokens.
        listen: Whether to listen at all; without it the answer can only be pasted.
        timeout: Seconds from now after which the login has timed out.

    Attributes:
        authorization_url: What the browser must open. It holds state and nonce: show it, never log it.
        redirect_uri: The one that this login uses.
        listening: Whether the listener waits for the callback.
        listener_problem: Why it does not, as the error that says what to do.
        finished: Set when the login has left PENDING.
    """

    def __init__(
        self,
        uris: tuple[RedirectUri, ...],
        *,
        authorization_url: AuthorizationUrl,
        exchange: Exchange,
        listen: bool = True,
        timeout: float = 300.0,
    ) -> None:
        self._secrets = LoginSecrets.new()
        self._exchange = exchange
        self._lock = threading.Lock()
        self._state = LoginState.PENDING
        self._answer = OAuthCallbackResult()
        self._tokens: CognitoTokens | None = None
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self.finished = threading.Event()
        self.listener_problem: ListenerError | None = None
        self._server, uri = self._listen(uris) if listen else (None, uris[0])
        self.redirect_uri = uri.text
        self.authorization_url = authorization_url(self._secrets, uri.text)
        if self._server is not None:
            self._server.start()

    def _listen(self, uris: tuple[RedirectUri, ...]) -> tuple[OAuthCallbackServer | None, RedirectUri]:
        for uri in uris:
            if not uri.loopback:
                continue
            try:
                address = ("localhost", uri.port)
                return OAuthCallbackServer(address, judge=self.complete, path=uri.path, host=uri.host), uri
            except ListenerError as problem:
                self.listener_problem = self.listener_problem or problem
        self.listener_problem = self.listener_problem or ListenerError(
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
        until = time.monotonic() + seconds
        while self.state is LoginState.PENDING:
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_TICK, left))
        return True

    # -- what ends it

    def complete(self, answer: OAuthCallbackResult) -> Verdict:
        """Judges an answer; the first one that carries this login's state ends it, and changes nothing after that.

        Returns:
            What the answer meant; LATE when it is genuine and the login was over before.
        """
        # In constant time, and before anything else of the answer is looked at (RFC 9700, section 4.7).
        if not hmac.compare_digest((answer.state or "").encode(errors="replace"), self._secrets.state.encode()):
            return Verdict.STRANGER
        state = LoginState.DENIED if answer.error else LoginState.COMPLETED
        with self._lock:
            if self._state is not LoginState.PENDING or self.seconds_left <= 0:
                return Verdict.LATE
            self._answer = answer
            self._finish(state)
        return Verdict.DENIED if answer.error else Verdict.ACCEPTED

    def paste(self, text: str) -> None:
        """Ends the login by the address that a person copied from the browser.

        Args:
            text: The whole address or its query; never kept, never echoed.

        Raises:
            PastedAnswerError: It is not the answer to this login, which goes on.
        """
        verdict = self.complete(parse_pasted(text))
        if verdict is Verdict.STRANGER:
            raise PastedAnswerError(
                "That address belongs to another sign-in.",
                "Open the link shown here, sign in, and paste the address that the browser shows then.",
            )
        if verdict is Verdict.LATE:
            raise PastedAnswerError("This sign-in is already over.", "Start a new one.")

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
            self._tokens = self._exchange(self._take_code(), self._secrets, self.redirect_uri)
        return self._tokens

    def _take_code(self) -> str:
        """The code, once: it works once at Cognito as well, and nobody needs it afterwards."""
        if self.state is not LoginState.COMPLETED:
            raise self._why_not()
        with self._lock:
            code, self._answer = self._answer.authorization_code, OAuthCallbackResult()
        if code is None:
            raise LoginError("This sign-in's answer was used before.", "Sign in again.")
        return code

    def _why_not(self) -> LoginError:
        match self._state:
            case LoginState.DENIED:
                return _denied(self._answer)
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


def _denied(answer: OAuthCallbackResult) -> LoginDeniedError:
    """Says what Cognito's error means; its codes: RFC 6749, section 4.1.2.1."""
    said = f"{answer.error}: {answer.error_description}" if answer.error_description else str(answer.error)
    if "invalid_scope" in said:
        remedy = "Set scopes to what the app client allows (openid is needed), or allow them there."
    elif answer.error == "unauthorized_client":
        remedy = "Allow the authorization code grant for the app client."
    elif answer.error == "access_denied":
        remedy = "Sign in again, or ask your administrator for access."
    else:
        remedy = "Sign in again; if it stays so, show this message to your administrator."
    return LoginDeniedError(f"Cognito ended the sign-in with an error ({said}).", remedy)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
