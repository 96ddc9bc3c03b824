"""One attempt to sign in. A redirect, a pasted URL, a cancellation or the deadline ends it, whichever comes first.

`CognitoOAuthAuthenticator.begin_login` starts a login. It prints nothing, opens no browser and stores nothing.
"""

from __future__ import annotations

import enum
import hmac
import os
import threading
import time
import weakref
from collections.abc import Callable

from .._util.closing import Closeable
from .._util.durations import duration_in_words
from .._util.redaction import SecretText
from ..errors import ListenerError, LoginCancelledError, LoginDeniedError, LoginError, LoginTimeoutError, PastedUrlError
from .authorization_response import (
    AuthorizationResponse,
    CallbackOutcome,
    parse_pasted_url,
    parse_query,
    remedy_for_error,
)
from .callback.server import OAuthCallbackServer
from .pkce import LoginSecrets
from .redirect_uri import RedirectUri
from .relay.listener import Relay, RelayListener
from .tokens import CognitoTokens

_POLL_INTERVAL = 0.1
"""Seconds after which a wait looks at the deadline again, and on Windows at Ctrl-C, which ends no wait for a lock."""

BuildAuthorizationUrl = Callable[[LoginSecrets, str], str]
"""From a login's secrets and its redirect URI to the URL that the browser opens."""
ExchangeCode = Callable[[str, LoginSecrets, str], CognitoTokens]
"""From a code, the login's secrets and its redirect URI to verified tokens."""


class LoginState(enum.Enum):
    """The state of a login: pending, then exactly one of the others, which is final."""

    PENDING = "pending"
    COMPLETED = "completed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


class CallbackRoute(enum.Enum):
    """How the redirect comes back to a login; the user can paste the URL in any case."""

    LISTENER = "listener"
    RELAY = "relay"
    UNCONFIRMED_RELAY = "unconfirmed relay"
    PASTE = "paste"


class Login(Closeable):
    """One attempt to sign in: a small state machine without a thread of its own.

    The callback server listens before the authorization URL exists, so no redirect can come too early. A login is a
    context manager: leaving it ends the login and frees the port. So does dropping the last reference to it.

    Args:
        uris: The registered redirect URIs; one serves the whole login, exchange included: the first one that leads to
            this kernel's Jupyter server if that has the relay, else the first one whose port is free.
        build_authorization_url: Builds the URL that the browser opens.
        exchange_code: Exchanges the code for verified tokens.
        listen: Whether to listen for the callback; if not, the user can only paste the URL.
        timeout: Seconds from now until the login times out.

    Attributes:
        authorization_url: The URL that the browser must open. It holds state and nonce: show it, never log it.
        redirect_uri: The redirect URI of this login.
        route: How the redirect comes back. RELAY: also from a browser on another computer. UNCONFIRMED_RELAY: if the
            redirect URI leads to this kernel's Jupyter server, which is not known.
        listener_error: Why nothing waits for the redirect; None if something does.
        state: The state of the login; `poll` applies the deadline to it.
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
        # A hub's relay sends the browser to the server that the state names (`server_extension/hub.py`).
        relay = any(uri.relay for uri in uris)
        self._secrets = LoginSecrets.new(os.environ.get("JUPYTERHUB_SERVER_NAME", "") if relay else "")
        self._exchange_code = exchange_code
        self._lock = threading.Lock()
        # Locked while the login is pending, for `wait`: an interrupt ends a wait for it cleanly, but may leave an Event
        # with an error of its own.
        self._pending = threading.Lock()
        self._pending.acquire()
        self.state = LoginState.PENDING
        self._response = AuthorizationResponse()
        self._error_without_state: AuthorizationResponse | None = None
        self._tokens: CognitoTokens | None = None
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self.finished = threading.Event()
        self.listener_error: ListenerError | None = None
        self.route = CallbackRoute.PASTE
        self._start_server: OAuthCallbackServer | None = None
        self._server, uri = self._listen(uris) if listen else (None, uris[0])
        self.redirect_uri = uri.text
        if self._server is not None:
            # A login that is dropped without being closed stops listening.
            weakref.finalize(self, self._server.stop).atexit = False
        try:
            self.authorization_url = build_authorization_url(self._secrets, uri.text)
        except BaseException:
            self.close()
            raise
        if self._server is not None:
            self._server.start()

    def _listen(self, uris: tuple[RedirectUri, ...]) -> tuple[OAuthCallbackServer | RelayListener | None, RedirectUri]:
        relay = Relay.find() if any(uri.relay for uri in uris) else None
        routes = [(CallbackRoute.RELAY, uri) for uri in uris if uri.relay and relay and relay.receives(uri)]
        listeners = [(CallbackRoute.LISTENER, uri) for uri in uris if uri.loopback]
        unconfirmed = [(CallbackRoute.UNCONFIRMED_RELAY, uri) for uri in uris if uri.relay and relay]
        routes += unconfirmed + listeners if relay and relay.hub else listeners + unconfirmed
        errors: list[ListenerError] = []
        handler = _weak_handler(self)
        for route, uri in routes:
            try:
                if route is CallbackRoute.LISTENER:
                    address = ("localhost", uri.port)
                    server = OAuthCallbackServer(address, on_response=handler, path=uri.path, host=uri.host)
                    self.route = route
                    return server, uri
                if relay is not None:
                    listener = RelayListener(relay.folder, self._secrets.state, handler)
                    self.route = route
                    return listener, uri
            except ListenerError as error:
                errors.append(error.with_traceback(None))  # its frames would keep a dropped login alive
        # A port in use is an error only if no other one is free.
        self.listener_error = _why_nothing_listens(uris, errors)
        return None, uris[0]

    # -- the state

    def __repr__(self) -> str:
        return f"<Login: {self.state.value}, {self.redirect_uri}>"

    @property
    def listening(self) -> bool:
        """Whether the callback server, or the relay's listener, waits for the redirect."""
        return self._server is not None and self.state is LoginState.PENDING

    @property
    def browser_returns(self) -> bool:
        """Whether a browser, on whichever computer, has reached this login at the address that it is sent back to."""
        return isinstance(self._server, OAuthCallbackServer) and self._server.browser_returns

    @property
    def seconds_left(self) -> float:
        """Seconds until the login times out; never below 0."""
        return max(0.0, self._deadline - time.monotonic())

    @property
    def completed(self) -> bool:
        """Whether the response with the code has arrived."""
        return self.state is LoginState.COMPLETED

    def poll(self) -> LoginState:
        """Times the login out if its deadline has passed, and returns the state."""
        with self._lock:
            if self.state is LoginState.PENDING and self.seconds_left <= 0:
                self._finish(LoginState.TIMED_OUT)
            return self.state

    def wait(self, seconds: float) -> bool:
        """Waits until the login ends; it returns at that moment, and KeyboardInterrupt ends it cleanly.

        Args:
            seconds: How long to wait at most.

        Returns:
            Whether the login has left PENDING.
        """
        deadline = time.monotonic() + seconds
        while self.poll() is LoginState.PENDING:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            if self._pending.acquire(timeout=min(_POLL_INTERVAL, remaining)):
                self._pending.release()
        return True

    def start_url(self) -> str:
        """Returns the address of a page on loopback that takes the browser to `authorization_url`, once.

        It goes into a browser's arguments, which other users can read: the authorization URL must not. The callback
        server serves it; a login without one starts a server for it, until the login ends.

        Raises:
            ListenerError: No server can be started.
        """
        server = self._server
        if not isinstance(server, OAuthCallbackServer):
            server = OAuthCallbackServer(("localhost", 0), on_response=_weak_handler(self))
            weakref.finalize(self, server.stop).atexit = False
            server.start()
            with self._lock:
                self._start_server, previous = server, self._start_server
            if previous is not None:
                previous.server_close()
            if self.state is not LoginState.PENDING:
                server.server_close()  # `close` may have been called before it was known
        return server.add_start_page(self.authorization_url, returns_here=server is self._server)

    # -- ending the login

    def handle_response(self, response: AuthorizationResponse) -> CallbackOutcome:
        """Ends the login if the response carries its state; a response without it changes nothing.

        Called from the threads of the callback server or of the relay, and by `handle_pasted_url`; the first genuine
        response counts.

        Returns:
            What the response meant; ALREADY_FINISHED if it is genuine and the login had ended before.
        """
        # In constant time, and before any other part of the response is read (RFC 9700, section 4.7).
        if not hmac.compare_digest((response.state or "").encode(errors="replace"), self._secrets.state.encode()):
            if response.error and not response.state:
                # It may be this login's or not: the login goes on, and names the error only if it times out.
                self._error_without_state = response
            return CallbackOutcome.STATE_MISMATCH
        with self._lock:
            if self.state is not LoginState.PENDING or self.seconds_left <= 0:
                return CallbackOutcome.ALREADY_FINISHED
            self._response = response
            self._finish(LoginState.DENIED if response.error else LoginState.COMPLETED)
        return CallbackOutcome.ERROR if response.error else CallbackOutcome.ACCEPTED

    def handle_pasted_url(self, text: str) -> None:
        """Ends the login with the URL that the user copied from the browser.

        Args:
            text: The whole URL or its query; it is not stored and appears in no message.

        Raises:
            PastedUrlError: It is not the authorization response to this login, which stays pending.
        """
        text = SecretText(text)
        outcome = self.handle_response(parse_pasted_url(text, self.redirect_uri))
        if outcome is CallbackOutcome.STATE_MISMATCH:
            raise PastedUrlError(
                "That address belongs to another sign-in.",
                "Open the link shown here, sign in, and paste the address that the browser then shows.",
            )
        if outcome is CallbackOutcome.ALREADY_FINISHED:
            raise PastedUrlError("This sign-in has already ended.", "Start a new one.")

    def handle_relayed_url(self, url: str) -> CallbackOutcome:
        """Ends the login if a URL that a page of the relay hands to every login is this one's.

        Args:
            url: The whole URL; it is not stored and appears in no message.

        Returns:
            What it meant; STATE_MISMATCH for whatever is not the response to this login.
        """
        response = parse_query(SecretText(url).partition("?")[2].partition("#")[0])
        if response is None or not response.state:
            return CallbackOutcome.STATE_MISMATCH
        return self.handle_response(response)

    def cancel(self) -> None:
        """Cancels the login; does nothing if it has ended."""
        with self._lock:
            if self.state is LoginState.PENDING:
                self._finish(LoginState.CANCELLED)

    def _finish(self, state: LoginState) -> None:
        self.state = state
        self.finished.set()
        self._pending.release()

    # -- the result

    def tokens(self) -> CognitoTokens:
        """Exchanges the code at the first call, and returns the verified tokens.

        Raises:
            LoginDeniedError: Cognito sent an error.
            LoginCancelledError: The login was cancelled.
            LoginTimeoutError: No response came before the deadline.
            LoginError: The login is still pending, or its code was used before.
            RefusedError: Cognito refused the code.
            VerificationError: The tokens do not belong to this login.
            UnavailableError: The token endpoint could not be reached.
        """
        if self._tokens is None:
            if self.poll() is not LoginState.COMPLETED:
                raise self._error_for_state()
            with self._lock:
                # Cognito accepts a code once, so it is forgotten before the exchange, even if that fails.
                code, self._response = self._response.authorization_code, AuthorizationResponse()
            if code is None:
                raise LoginError("The code of this sign-in was used before.", "Sign in again.")
            self._tokens = self._exchange_code(code, self._secrets, self.redirect_uri)
        return self._tokens

    def _error_for_state(self) -> LoginError:
        match self.state:
            case LoginState.DENIED:
                return LoginDeniedError(
                    f"Cognito ended the sign-in with an error ({self._response.reason}).",
                    remedy_for_error(self._response, self.redirect_uri),
                )
            case LoginState.CANCELLED:
                return LoginCancelledError("The sign-in was cancelled.", "Nothing has changed; you can sign in again.")
            case LoginState.TIMED_OUT if self._error_without_state is not None:
                return LoginTimeoutError(
                    f"The sign-in timed out after {duration_in_words(self._timeout)}; before that, the browser came "
                    f"back with an error ({self._error_without_state.reason}).",
                    remedy_for_error(self._error_without_state, self.redirect_uri),
                )
            case LoginState.TIMED_OUT:
                return LoginTimeoutError(
                    f"The sign-in timed out after {duration_in_words(self._timeout)}.",
                    "Sign in again; if the browser showed an error page, check that exactly this redirect URI is "
                    f"registered with the app client: {self.redirect_uri}",
                )
            case _:
                return LoginError("The sign-in is not finished yet.", "Finish it in the browser.")

    def close(self) -> None:
        """Ends the login if it is pending, and frees the port; a second call does nothing."""
        self.cancel()
        for server in (self._server, self._start_server):
            if server is not None:
                server.server_close()


def _why_nothing_listens(uris: tuple[RedirectUri, ...], errors: list[ListenerError]) -> ListenerError:
    """Returns why nothing waits for the redirect, naming all ports that were tried."""
    ports = dict.fromkeys(str(uri.port) for uri in uris if uri.loopback)
    if not errors:
        return _no_listener_error(uris[0])
    if len(ports) < 2:
        return errors[0]
    return ListenerError(
        f"None of the registered ports ({', '.join(ports)}) is free, so the browser cannot return to this login. "
        f"{errors[0].what}",
        errors[0].remedy,
    )


def _no_listener_error(uri: RedirectUri) -> ListenerError:
    """Returns why nothing can wait for the redirect to a redirect URI."""
    if uri.relay:
        return ListenerError(
            f"This kernel's Jupyter server has no relay for the redirect URI {uri.text}.",
            "Paste the address that the browser shows after the sign-in; or install cognito_jupyter where the Jupyter "
            "server runs, and start that again.",
        )
    return ListenerError(
        f"The redirect URI {uri.text} does not lead to this machine, so this login cannot listen for it.",
        "Paste the address that the browser shows after the sign-in.",
    )


def _weak_handler(login: Login) -> Callable[[AuthorizationResponse], CallbackOutcome]:
    """Returns what hands responses to a login; it does not keep the login alive, as the server's thread would."""
    reference = weakref.WeakMethod(login.handle_response)

    def handle(response: AuthorizationResponse) -> CallbackOutcome:
        handle_response = reference()
        return handle_response(response) if handle_response is not None else CallbackOutcome.STATE_MISMATCH

    return handle
