"""An app client of a user pool: the flow of a login, the token endpoint, revocation and logout.

The notebook, the commands and `get_authenticated_cognito_manager` make an authenticator from the settings. Only
`authenticate` prints or opens a browser; nothing here stores tokens. What only a login or a request needs is imported
there: a kernel that restores a stored sign-in makes neither.

Sources: RFC 6749, RFC 7009, RFC 7636, RFC 8252;
https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlencode

from .._printable import printable
from .._util.durations import duration_in_words
from .._util.importing import import_large
from .._util.redaction import Secret, SecretText, redacted
from .._util.terminal import print_text
from .._util.timeouts import DEFAULT_TIMEOUTS, Timeouts
from ..errors import CognitoError, RefusedError, SettingError, UnavailableError, suggest_doctor
from ..settings import Settings, parsers
from .discovery import JwksCache, override_notice, require_replica
from .issuer import Issuer, require_issuer
from .token_errors import require_tokens, token_error
from .tokens import CognitoTokenRefreshResponse, CognitoTokens, claims_of

if TYPE_CHECKING:
    from .._util.http.cancellable import CancellableRequests
    from .callback.server import OAuthCallbackServer
    from .login import Login
    from .pkce import LoginSecrets
    from .redirect_uri import RedirectUri
    from .transport import Transport

_CLOSE_TIMEOUT = 5.0
"""Seconds to wait for the preparations of a login that has failed; they may be looking up a host."""
_DISCARD_TIMEOUTS = Timeouts(connect=2.0, read=2.0, total=4.0, retry_delays=())
"""For revoking tokens that were not accepted: the user waits for an error message meanwhile."""


class CognitoOAuthAuthenticator:
    """OAuth with PKCE at a Cognito domain, for a public app client or one with a secret.

    Args:
        cognito_domain: "your-app.auth.us-east-1.amazoncognito.com"; http:// only for loopback.
        client_id: The app client's id.
        redirect_uri: One or more registered redirect URIs, separated by white space; the first whose port is free
            serves a login.
        region: The user pool's region.
        scopes: The requested scopes, separated by spaces; the id token requires openid.
        user_pool_id: The pool that must issue the tokens; None: any pool of the region may.
        timeout: Seconds that a login waits for the user.
        prompt: Called by `authenticate` with the text that shows the URL.
        open_browser: Whether `authenticate` opens the browser.
        identity_provider: The identity provider that signs the user in; Cognito then shows no choice of providers.
        idp_identifier: An identifier of that provider, such as an organisation's e-mail domain, in place of its name.
        login_hint: The user name or e-mail address that the sign-in page is to show already filled in.
        client_secret: The app client's secret, which authenticates the requests for tokens; None: it has none.
        now: Returns seconds since the epoch, by the clock that is compared with Cognito's.
        timeouts: The timeouts of requests to Cognito.

    Attributes:
        authorization_endpoint: The URL of the endpoint that the browser opens.
        token_endpoint: The URL of the endpoint that exchanges codes and refresh tokens.

    Raises:
        SettingError: The domain or the redirect URI is malformed, or plain http to another machine (a ValueError).
    """

    def __init__(  # noqa: PLR0913 - the API promises the first four; the others are keywords
        self,
        cognito_domain: str,
        client_id: str,
        redirect_uri: str = "http://localhost:3000",
        region: str = "us-east-1",
        *,
        scopes: str = "openid email",
        user_pool_id: str | None = None,
        timeout: float = 300.0,
        prompt: Callable[[str], None] = print_text,
        open_browser: bool = True,
        identity_provider: str | None = None,
        idp_identifier: str | None = None,
        login_hint: str | None = None,
        client_secret: Secret | str | None = None,
        now: Callable[[], float] = time.time,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        # First of all, because `__repr__` shows them, and may be called for an argument that is malformed.
        self.cognito_domain = cognito_domain
        self.client_id = client_id
        self._origin = parsers.origin(cognito_domain)
        parsers.redirect_uris(redirect_uri, registrable=False)  # refused here, and split where a login needs that
        self.redirect_uri = redirect_uri
        self.region = region
        self.scopes = scopes
        self.user_pool_id = user_pool_id
        self.timeout = timeout
        self._hints = {
            "identity_provider": identity_provider,
            "idp_identifier": idp_identifier,
            "login_hint": login_hint,
        }
        self.authorization_endpoint = f"{self._origin}/oauth2/authorize"
        self.token_endpoint = f"{self._origin}/oauth2/token"
        self._client_secret = Secret(client_secret) if isinstance(client_secret, str) else client_secret
        self._prompt = prompt
        self._open_browser = open_browser
        self._now = now
        self._timeouts = timeouts
        self._made_transports: dict[str, Transport] = {}
        self._jwks = JwksCache()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Returns the authenticator for resolved settings, with their user pool pinned."""
        pools = settings.configuration
        return cls(
            pools.domain,
            pools.client_id,
            pools.redirect_uri,
            pools.region,
            scopes=settings.scopes,
            user_pool_id=pools.user_pool_id,
            timeout=settings.timeout,
            identity_provider=settings.identity_provider,
            idp_identifier=settings.idp_identifier,
            login_hint=settings.login_hint,
            client_secret=settings.client_secret,
        )

    def __repr__(self) -> str:
        return f"<CognitoOAuthAuthenticator: {self.cognito_domain}, client {self.client_id}>"

    @property
    def clock_skew(self) -> timedelta:
        """Cognito's clock minus this machine's, by the last response's Date header; zero within two seconds."""
        transport = self._made_transports.get("")
        return transport.clock_skew if transport is not None else timedelta(0)

    @property
    def _redirect_uris(self) -> tuple[RedirectUri, ...]:
        from .redirect_uri import parse_redirect_uris

        return parse_redirect_uris(self.redirect_uri)

    @property
    def _transport(self) -> Transport:
        """The connections to Cognito; made at the first request, since it takes long to import requests."""
        transport = self._made_transports.get("")
        if transport is None:
            from .transport import Transport

            # setdefault is atomic: two threads that are here at once get the same one.
            transport = self._made_transports.setdefault("", Transport(self._now, self._timeouts))
        return transport

    # -- the whole flow

    def authenticate(self, *, prepare: Callable[[], object] | None = None) -> CognitoTokens:
        """Runs a whole login: opens the browser, waits for the redirect, exchanges the code, verifies the tokens.

        While the user signs in, a thread prepares what comes after it (`prewarm`).

        Args:
            prepare: Called in that thread, to prepare more; what it raises is ignored.

        Returns:
            The verified tokens.

        Raises:
            ListenerError: The port of no registered redirect URI is free (a ConnectionError).
            LoginError: The user did not finish, or Cognito sent an error (a ConnectionError).
            RefusedError: Cognito refused the code, or the tokens are not this login's (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        from .._util.http.cancellable import CancellableRequests
        from .._util.threads.waiting import join_in_slices
        from .browser import open_sign_in

        with suggest_doctor(), self.begin_login() as login:
            if login.listener_error is not None:
                raise login.listener_error
            override = override_notice()
            self._prompt(
                f"To sign in, open this address in your browser:\n\n    {login.authorization_url}\n\n"
                f"Waiting for the sign-in at {login.redirect_uri}, for {duration_in_words(self.timeout)}."
                + (f"\n{printable(override)}" if override else "")
            )
            if self._open_browser:
                open_sign_in(login)
            requests = CancellableRequests()
            preparing = threading.Thread(
                target=self._prepare, args=(prepare, requests), name="cognito-prewarm", daemon=True
            )
            preparing.start()
            try:
                while not login.wait(1.0):
                    pass
                return login.tokens()
            except BaseException:
                requests.cancel()
                join_in_slices(preparing, _CLOSE_TIMEOUT)
                raise

    def _prepare(self, prepare: Callable[[], object] | None, requests: CancellableRequests) -> None:
        # What fails here fails again where it is needed, and is raised to a caller there.
        with suppress(Exception), requests.running():
            self.prewarm()
            if prepare is not None and not requests.cancelled:
                prepare()

    def begin_login(self, *, listen: bool = True, timeout: float | None = None, prompt: str | None = None) -> Login:
        """Starts one attempt to sign in; prints nothing and opens no browser.

        Args:
            listen: Whether to listen for the callback; if not, the user can only paste the URL.
            timeout: Seconds that this login waits; None: the authenticator's timeout.
            prompt: What Cognito asks even a user who is signed in there: "login" or "select_account" (OpenID Connect
                Core, section 3.1.2.1); None: nothing. Only managed login heeds it, not the classic hosted UI.

        Returns:
            The login. Open its `authorization_url`, and close the login or use it in a `with`.
        """
        from .login import Login

        return Login(
            self._redirect_uris,
            build_authorization_url=partial(self._authorization_url_for, prompt),
            exchange_code=self._exchange_and_verify,
            listen=listen,
            timeout=self.timeout if timeout is None else timeout,
        )

    def prewarm(self) -> None:
        """Connects to the token endpoint, fetches the pinned pool's keys and loads what verifies the tokens.

        Call it in a thread while the user types a password. It ignores errors: the later request that meets the same
        fault raises them.
        """
        import_large("cognito_jupyter.oauth.transport")
        import_large("cognito_jupyter.oauth.verification")
        with suppress(UnavailableError, SettingError):
            if self.user_pool_id is not None:
                issuer = Issuer(self.user_pool_id, parsers.pool_region(self.user_pool_id, self.region))
                self._jwks.get(issuer, self._transport)
        self._transport.preconnect(self.token_endpoint)

    def start_local_server(self, port: int = 3000) -> OAuthCallbackServer:
        """Listens for the callback on 127.0.0.1 and ::1, in a thread; `server.result` holds the response.

        The server knows no state: compare the result's state with the one you sent. Call `server_close` when done.

        Args:
            port: The port of a redirect URI that is registered with Cognito.

        Raises:
            ListenerError: The port is not free; the message says what to do (a ConnectionError).
        """
        from .callback.server import OAuthCallbackServer

        uri = next((each for each in self._redirect_uris if each.port == port), self._redirect_uris[0])
        server = OAuthCallbackServer(("localhost", port), path=uri.path, host=uri.host)
        server.start()
        return server

    # -- the authorization endpoint

    @staticmethod
    def generate_pkce_pair() -> tuple[str, str]:
        """Returns a new (code_verifier, code_challenge) by S256 (RFC 7636, sections 4.1 and 4.2)."""
        from .pkce import generate_pkce_pair

        return generate_pkce_pair()

    def get_authorization_url(
        self,
        code_challenge: str,
        state: str,
        *,
        nonce: str | None = None,
        redirect_uri: str | None = None,
        prompt: str | None = None,
    ) -> str:
        """Returns the URL that the browser opens (RFC 6749, section 4.1.1).

        Args:
            code_challenge: The S256 challenge.
            state: Comes back with the authorization response; compare it before anything else.
            nonce: Comes back in the id token.
            redirect_uri: The registered redirect URI to use; None: the first one of the setting.
            prompt: What Cognito asks even a user who is signed in there; see `begin_login`.
        """
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri or self._redirect_uris[0].text,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "state": state,
            "scope": self.scopes,
        }
        query |= {name: value for name, value in {"nonce": nonce, "prompt": prompt, **self._hints}.items() if value}
        return f"{self.authorization_endpoint}?{urlencode(query)}"

    def _authorization_url_for(self, prompt: str | None, secrets: LoginSecrets, redirect_uri: str) -> str:
        return self.get_authorization_url(
            secrets.code_challenge, secrets.state, nonce=secrets.nonce, redirect_uri=redirect_uri, prompt=prompt
        )

    # -- the token endpoint

    def exchange_code_for_tokens(
        self, authorization_code: str, code_verifier: str, *, redirect_uri: str | None = None
    ) -> CognitoTokens:
        """Exchanges a code for tokens (RFC 6749, section 4.1.3). The code is never sent twice: it works once.

        Args:
            authorization_code: The code from the callback.
            code_verifier: The verifier of the challenge in the authorization URL.
            redirect_uri: The redirect URI of the authorization URL; None: the first one of the setting.

        Returns:
            The tokens, not verified.

        Raises:
            RefusedError: Cognito refused, or one of the three tokens is missing or malformed (a PermissionError).
            UnavailableError: Cognito could not be reached, or its response was malformed (a ConnectionError).
        """
        authorization_code, code_verifier = SecretText(authorization_code), SecretText(code_verifier)
        form = redacted(
            {
                "grant_type": "authorization_code",
                "client_id": self.client_id,
                "code": authorization_code,
                "code_verifier": code_verifier,
                "redirect_uri": redirect_uri or self._redirect_uris[0].text,
            }
        )
        payload = self._post("exchange the sign-in's code", self.token_endpoint, form, idempotent=False)
        with self._revoke_on_error(payload):
            tokens = require_tokens(payload, ("id_token", "access_token", "refresh_token"))
        return redacted(cast("CognitoTokens", tokens))

    def refresh_tokens(self, refresh_token: str) -> CognitoTokenRefreshResponse:
        """Exchanges a refresh token for new tokens (RFC 6749, section 6).

        The request is retried on transient faults. If the app client rotates its refresh tokens and a response is lost,
        a retry within the grace period gets the new token.

        Args:
            refresh_token: The newest refresh token.

        Returns:
            New id and access tokens, and the refresh token to use next: a new one under rotation, else the same.

        Raises:
            SignedOutError: It has expired, or was revoked or rotated: sign in again (a PermissionError).
            RefusedError: Cognito refused for another reason (a PermissionError).
            UnavailableError: Cognito could not be reached; the refresh token stays valid (a ConnectionError).
        """
        refresh_token = SecretText(refresh_token)
        form = redacted({"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": refresh_token})
        payload = self._post("refresh the tokens", self.token_endpoint, form)
        tokens = {"refresh_token": refresh_token, **require_tokens(payload, ("id_token", "access_token"))}
        return redacted(cast("CognitoTokenRefreshResponse", tokens))

    def _post(
        self, action: str, url: str, form: Mapping[str, str], *, idempotent: bool = True, allow_empty: bool = False
    ) -> Mapping[str, object]:
        """Posts a form and returns the response's JSON; see `Transport.post_form` and `token_error`."""
        secret = self._client_secret
        response = self._transport.post_form(
            url, form, idempotent=idempotent, allow_empty=allow_empty, client_secret=secret
        )
        if response.status != HTTPStatus.OK:
            raise token_error(action, response, form, secret)
        return response.payload

    # -- signing out

    def revoke(self, refresh_token: str) -> None:
        """Revokes a refresh token and the access tokens made from it (RFC 7009).

        Id tokens and AWS credentials that were already issued stay valid until they expire.

        Raises:
            RefusedError: Cognito refused (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        refresh_token = SecretText(refresh_token)
        form = redacted({"token": refresh_token, "client_id": self.client_id})
        self._post("revoke the sign-in", f"{self._origin}/oauth2/revoke", form, allow_empty=True)

    def revoke_all(self, refresh_token: str | None, from_files: Iterable[str] = ()) -> None:
        """Revokes several refresh tokens; if one fails, the others are revoked all the same.

        Args:
            refresh_token: The token of the user who signs out.
            from_files: Tokens that were stored; one of a damaged file may be none that Cognito knows.

        Raises:
            RefusedError: Cognito refused the user's token (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        failure: CognitoError | None = None
        for token in dict.fromkeys((refresh_token, *from_files)):
            if not token:
                continue
            try:
                self.revoke(token)
            except RefusedError as error:
                failure = failure or (error if token == refresh_token else None)
            except CognitoError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def logout_url(self, logout_uri: str | None = None) -> str:
        """Returns the URL that ends the browser's Cognito session, so that the next sign-in requires the password.

        Source: https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html

        Args:
            logout_uri: The registered sign-out URL that the browser opens afterwards; None: the browser stays at
                Cognito's sign-in page.
        """
        query = {"client_id": self.client_id}
        if logout_uri is not None:
            query["logout_uri"] = logout_uri
        else:
            query |= {"response_type": "code", "redirect_uri": self._redirect_uris[0].text, "scope": self.scopes}
        return f"{self._origin}/logout?{urlencode(query)}"

    @contextmanager
    def _revoke_on_error(self, tokens: Mapping[str, object]) -> Iterator[None]:
        """Revokes the refresh token of a new login if the tokens are not accepted: nothing else knows it then.

        It is a best effort within a few seconds, and the error that follows is the original one.
        """
        try:
            yield
        except BaseException:
            if isinstance(token := tokens.get("refresh_token"), str) and token and token.isascii():
                form = redacted({"token": str(token), "client_id": self.client_id})
                from .transport import Transport

                transport = Transport(self._now, _DISCARD_TIMEOUTS)
                with suppress(CognitoError):
                    transport.post_form(
                        f"{self._origin}/oauth2/revoke",
                        form,
                        idempotent=True,
                        allow_empty=True,
                        client_secret=self._client_secret,
                    )
            raise

    # -- verification

    def _exchange_and_verify(self, code: str, secrets: LoginSecrets, redirect_uri: str) -> CognitoTokens:
        tokens = self.exchange_code_for_tokens(code, secrets.code_verifier, redirect_uri=redirect_uri)
        with self._revoke_on_error(tokens):
            self._verify(tokens, secrets)
        return tokens

    def _verify(self, tokens: CognitoTokens, secrets: LoginSecrets) -> None:
        # Imported late: cryptography is slow to load, and only a login needs it.
        from .verification import ExpectedClaims, UnknownKeyError, verify_tokens

        claimed_issuer = claims_of(tokens["id_token"]).get("iss")
        issuer = require_issuer(claimed_issuer, self.user_pool_id, self.region)
        if issuer.is_replica:
            require_replica(issuer, self._transport)
        keys = self._jwks.get(issuer, self._transport)
        # After the keys are fetched, because each response measures the clock skew again.
        expected = ExpectedClaims(self.client_id, issuer, secrets.nonce, self.clock_skew, self._now)
        try:
            verify_tokens(tokens, expected, keys)
        except UnknownKeyError:
            # The pool may have rotated its keys since they were fetched.
            verify_tokens(tokens, expected, self._jwks.get(issuer, self._transport, refresh=True))
