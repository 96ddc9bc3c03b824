"""The user pool's OAuth 2.0 endpoints, as one app client uses them.

Sources: RFC 6749, RFC 7009, RFC 7636, RFC 8252;
https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlencode

from .._util.redaction import redacted
from .._util.timeouts import DEFAULT_TIMEOUTS, Timeouts
from ..errors import SettingError, UnavailableError, VerificationError
from .browser import open_in_browser
from .callback_server import OAuthCallbackServer
from .discovery import JwksCache, endpoint_override, pool_id_from_issuer
from .login import Login
from .pkce import LoginSecrets, generate_pkce_pair
from .redirect_uri import parse_domain, parse_redirect_uris
from .token_errors import require_tokens, sign_in_expired, token_error
from .tokens import CognitoTokenRefreshResponse, CognitoTokens, decode_jwt_payload
from .transport import Transport

if TYPE_CHECKING:
    from ..settings import Settings


class CognitoOAuthAuthenticator:
    """OAuth with PKCE at a Cognito domain, for a public app client.

    Args:
        cognito_domain: "your-app.auth.us-east-1.amazoncognito.com"; http:// for loopback alone.
        client_id: The app client's id.
        redirect_uri: One or more registered redirect URIs, separated by white space; the first whose port is free
            serves a login.
        region: The user pool's region.
        scopes: What to ask for, separated by spaces; openid is needed for the id token.
        user_pool_id: The pool that must issue the tokens; without it, any pool of the region.
        timeout: Seconds that a login waits for the person.
        prompt: Told the URL to open by `authenticate`.
        open_browser: Whether `authenticate` opens the browser by itself.
        now: Seconds since the epoch, by the clock that is compared with Cognito's.
        timeouts: How long Cognito is waited for.

    Attributes:
        authorization_endpoint: Where the browser goes.
        token_endpoint: Where codes and refresh tokens are exchanged.

    Raises:
        SettingError: The domain or the redirect URI is malformed, or plain http to another machine (a ValueError).
    """

    def __init__(  # noqa: PLR0913 - the class says it; four of them are promised, the rest are keywords
        self,
        cognito_domain: str,
        client_id: str,
        redirect_uri: str = "http://localhost:3000",
        region: str = "us-east-1",
        *,
        scopes: str = "openid email",
        user_pool_id: str | None = None,
        timeout: float = 300.0,
        prompt: Callable[[str], None] = print,
        open_browser: bool = True,
        now: Callable[[], float] = time.time,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._origin = parse_domain(cognito_domain)
        self._redirect_uris = parse_redirect_uris(redirect_uri)
        self.cognito_domain = cognito_domain
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self.region = region
        self.scopes = scopes
        self.user_pool_id = user_pool_id
        self.timeout = timeout
        self.authorization_endpoint = f"{self._origin}/oauth2/authorize"
        self.token_endpoint = f"{self._origin}/oauth2/token"
        self._prompt = prompt
        self._open_browser = open_browser
        self._now = now
        self._transport = Transport(now, timeouts)
        self._jwks = JwksCache(region, self._transport)

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
        )

    def __repr__(self) -> str:
        return f"<CognitoOAuthAuthenticator: {self.cognito_domain}, client {self.client_id}>"

    @property
    def clock_skew(self) -> timedelta:
        """Cognito's clock minus this machine's, by the last answer's Date header; zero within two seconds."""
        return self._transport.clock_skew

    # -- the whole flow

    def authenticate(self) -> CognitoTokens:
        """Signs a person in: opens the browser, waits for the redirect, exchanges the code, verifies the tokens.

        Returns:
            The verified tokens.

        Raises:
            ListenerError: No registered redirect URI can be listened on (a ConnectionError).
            LoginError: The person did not finish, or Cognito sent an error (a ConnectionError).
            RefusedError: Cognito refused the code, or the tokens are not what was asked for (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        with self.begin_login() as login:
            if login.listener_error is not None:
                raise login.listener_error
            self._prompt(self._prompt_text(login))
            page = open_in_browser(login.authorization_url) if self._open_browser else None
            with page or nullcontext():
                while not login.wait(1.0):
                    pass
            return login.tokens()

    def _prompt_text(self, login: Login) -> str:
        override = endpoint_override()
        override_note = f"\n(The user pool's keys come from {override}, by AWS_ENDPOINT_URL*.)" if override else ""
        return (
            f"To sign in, open this address in your browser:\n\n    {login.authorization_url}\n\n"
            f"Waiting for the answer at {login.redirect_uri}, for {self.timeout:.0f} seconds.{override_note}"
        )

    def begin_login(self, *, listen: bool = True, timeout: float | None = None) -> Login:
        """Starts one attempt to sign in; nothing is printed or opened.

        Args:
            listen: Whether to listen for the callback; without it the answer can only be pasted.
            timeout: Seconds that this login waits; the authenticator's own where None.

        Returns:
            The login, whose `authorization_url` is to be opened. Close it, or use it in a `with`.
        """
        return Login(
            self._redirect_uris,
            build_authorization_url=self._authorization_url_for,
            exchange_code=self._exchange_and_verify,
            listen=listen,
            timeout=self.timeout if timeout is None else timeout,
        )

    def prewarm(self) -> None:
        """Opens the connection to the token endpoint and fetches the pinned pool's keys, ahead of a login's end.

        To be called in a thread while the person types a password. Faults are left to the request that needs the
        answer, which says what to do.
        """
        with suppress(UnavailableError, SettingError):
            if self.user_pool_id is not None:
                self._jwks.get(self.user_pool_id)
        self._transport.preconnect(self.token_endpoint)

    def start_local_server(self, port: int = 3000) -> OAuthCallbackServer:
        """Listens for the callback on loopback, 127.0.0.1 and ::1 both, in a thread; `server.result` holds the answer.

        It knows no state: compare the result's with the one you sent. Call `server_close` when done.

        Args:
            port: The port registered with Cognito.

        Raises:
            ListenerError: The port cannot be listened on; the message says what to do (a ConnectionError).
        """
        uri = self._redirect_uris[0]
        server = OAuthCallbackServer(("localhost", port), path=uri.path, host=uri.host)
        server.start()
        return server

    # -- the authorization endpoint

    @staticmethod
    def generate_pkce_pair() -> tuple[str, str]:
        """A fresh (code_verifier, code_challenge) by S256 (RFC 7636, sections 4.1 and 4.2)."""
        return generate_pkce_pair()

    def get_authorization_url(
        self, code_challenge: str, state: str, *, nonce: str | None = None, redirect_uri: str | None = None
    ) -> str:
        """The URL that the browser opens (RFC 6749, section 4.1.1).

        Args:
            code_challenge: The S256 challenge.
            state: Comes back with the answer; compare it before anything else.
            nonce: Comes back in the id token.
            redirect_uri: The registered one to come back to; the first of the setting where None.
        """
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri or self._redirect_uris[0].text,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "state": state,
            "scope": self.scopes,
            **({"nonce": nonce} if nonce else {}),
        }
        return f"{self.authorization_endpoint}?{urlencode(query)}"

    def _authorization_url_for(self, secrets: LoginSecrets, redirect_uri: str) -> str:
        return self.get_authorization_url(
            secrets.code_challenge, secrets.state, nonce=secrets.nonce, redirect_uri=redirect_uri
        )

    # -- the token endpoint

    def exchange_code_for_tokens(
        self, authorization_code: str, code_verifier: str, *, redirect_uri: str | None = None
    ) -> CognitoTokens:
        """Exchanges a code for tokens (RFC 6749, section 4.1.3); never sent twice, since a code works once.

        Args:
            authorization_code: From the callback.
            code_verifier: The one whose challenge the browser carried.
            redirect_uri: The one that the browser came back to; the first of the setting where None.

        Returns:
            The tokens, not verified.

        Raises:
            RefusedError: Cognito refused, or one of the three tokens is missing (a PermissionError).
            UnavailableError: Cognito could not be reached or answered nonsense (a ConnectionError).
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": authorization_code,
            "code_verifier": code_verifier,
            "redirect_uri": redirect_uri or self._redirect_uris[0].text,
        }
        response = self._transport.post_form(self.token_endpoint, form, idempotent=False)
        if response.status != HTTPStatus.OK:
            raise token_error("exchange the sign-in's code", response, form)
        require_tokens(response.payload, ("id_token", "access_token", "refresh_token"))
        return redacted(cast("CognitoTokens", response.payload))

    def refresh_tokens(self, refresh_token: str) -> CognitoTokenRefreshResponse:
        """Exchanges a refresh token for new tokens (RFC 6749, section 6).

        Repeated on passing faults: where the client rotates its refresh tokens, a repetition within the grace period
        is how a lost answer is made good, and without one nothing more can be lost.

        Args:
            refresh_token: The newest one held.

        Returns:
            New id and access token, and the refresh token to keep: under rotation a new one, else the same.

        Raises:
            SignedOutError: It has expired, was revoked or rotated away: sign in again (a PermissionError).
            RefusedError: Cognito refused for another reason (a PermissionError).
            UnavailableError: Cognito could not be reached; the refresh token is still good (a ConnectionError).
        """
        form = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": refresh_token}
        response = self._transport.post_form(self.token_endpoint, form, idempotent=True)
        if response.status != HTTPStatus.OK:
            raise (
                sign_in_expired()
                if response.payload.get("error") == "invalid_grant"
                else token_error("refresh the tokens", response, form)
            )
        require_tokens(response.payload, ("id_token", "access_token"))
        return redacted(cast("CognitoTokenRefreshResponse", {"refresh_token": refresh_token, **response.payload}))

    # -- the end of a session

    def revoke(self, refresh_token: str) -> None:
        """Revokes a refresh token and the access tokens made from it (RFC 7009).

        Id tokens and AWS credentials already handed out stay good until they expire.

        Raises:
            RefusedError: Cognito refused (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        form = {"token": refresh_token, "client_id": self.client_id}
        response = self._transport.post_form(f"{self._origin}/oauth2/revoke", form, idempotent=True, allow_empty=True)
        if response.status != HTTPStatus.OK:
            raise token_error("revoke the sign-in", response, form)

    def logout_url(self, logout_uri: str | None = None) -> str:
        """The URL that ends the browser's own Cognito session, so that the next sign-in asks for the password.

        Source: https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html

        Args:
            logout_uri: A sign-out URL registered with the app client, where the browser goes afterwards; None: it
                stays at Cognito's sign-in page.
        """
        query = {"client_id": self.client_id}
        if logout_uri is not None:
            query["logout_uri"] = logout_uri
        else:
            query |= {"response_type": "code", "redirect_uri": self._redirect_uris[0].text, "scope": self.scopes}
        return f"{self._origin}/logout?{urlencode(query)}"

    # -- verification

    def _exchange_and_verify(self, code: str, secrets: LoginSecrets, redirect_uri: str) -> CognitoTokens:
        tokens = self.exchange_code_for_tokens(code, secrets.code_verifier, redirect_uri=redirect_uri)
        # Late: cryptography is heavy, and only a login needs it.
        from .verification import ExpectedClaims, UnknownKeyError, verify_tokens

        pool_id = self._issuing_pool_id(tokens)
        keys = self._jwks.get(pool_id)
        # After that: to fetch the keys measures the clock anew.
        expected = ExpectedClaims(self.client_id, pool_id, self.region, secrets.nonce, self.clock_skew, self._now)
        try:
            verify_tokens(tokens, expected, keys)
        except UnknownKeyError:
            # The pool may have changed its keys since they were fetched.
            verify_tokens(tokens, expected, self._jwks.get(pool_id, refresh=True))
        return tokens

    def _issuing_pool_id(self, tokens: CognitoTokens) -> str:
        """The pinned pool, else the one that the id token names, if it is one of this region."""
        if self.user_pool_id is not None:
            return self.user_pool_id
        try:
            claimed_issuer = decode_jwt_payload(tokens["id_token"]).get("iss")
        except ValueError:
            claimed_issuer = None
        pool_id = pool_id_from_issuer(claimed_issuer, self.region)
        if pool_id is None:
            raise VerificationError(
                f"The id token was not issued by a user pool of {self.region}.",
                "Check region and domain, then sign in again.",
            )
        return pool_id
