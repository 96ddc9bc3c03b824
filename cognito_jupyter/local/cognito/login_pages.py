"""The user pool's pages for the browser: authorize, login, logout and the error page.

Sources: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html,
https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoint-idp-responses.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..model import AppClient, IdentityProvider, User
from .login_challenges import LoginChallenges
from .responses import CSRF_COOKIE, secrets_equal, set_cookie
from .tokens.grants import Grant, Session
from .tokens.user_claims import ATTRIBUTE_SCOPES
from .user_pool import UserPool

PROVIDER_PATH = "/identity-provider"
"""The sign-in page of every external identity provider; in truth it is on the provider's host."""
SESSION_COOKIE = "cognito"
_EXPIRED_SESSION = "Invalid session for the user, session is expired."
_WRONG_PASSWORD = "Incorrect username or password."  # noqa: S105 - a message


class LoginPages:
    """The user pool's pages for the browser.

    Args:
        pool: The user pool.
        on_secrets: Called with the secrets that are received and issued.
    """

    def __init__(self, pool: UserPool, on_secrets: Callable[..., None]) -> None:
        self._pool = pool
        self._on_secrets = on_secrets
        self._challenges = LoginChallenges(pool, on_secrets)

    def add_to(self, app: Flask) -> None:
        """Adds the pages to an application."""
        for path, view, methods in (
            ("/oauth2/authorize", self.authorize, ["GET"]),
            ("/login", self.login, ["GET", "POST"]),
            (PROVIDER_PATH, self.provider_login, ["GET", "POST"]),
            ("/logout", self.logout, ["GET"]),
            ("/error", self.error, ["GET"]),
        ):
            app.add_url_rule(path, path, view, methods=methods)

    def authorize(self) -> AnyResponse:
        """GET /oauth2/authorize."""
        query = request.args
        client = self._find_client(query)
        if client is None:
            return _redirect_to_error_page(query)
        error = _authorize_error(query, client)
        if error is not None:
            return _redirect_to_client(query, **error)
        prompt = query.get("prompt")
        provider = self._find_provider(query)
        session = self._pool.find_session(request.cookies.get(SESSION_COOKIE))
        # Cognito passes `select_account` and `consent` on to external providers; they have no effect at its own login.
        ignores_session = prompt == "login" or (provider is not None and prompt in {"select_account", "consent"})
        if session is not None and not ignores_session and (provider is None or session.provider == provider.name):
            return self._redirect_with_code(client, query, session)
        if prompt == "none":
            return _redirect_to_client(query, error="login_required")
        path = "/login" if provider is None else PROVIDER_PATH
        return redirect(f"{path}?{request.query_string.decode('latin-1')}")

    def login(self) -> AnyResponse:
        """GET and POST /login: the form, and the user name and password from it."""
        return self._sign_in(None)

    def provider_login(self) -> AnyResponse:
        """GET and POST of the sign-in page of the external identity provider that the query names."""
        return self._sign_in(self._find_provider(request.args))

    def _sign_in(  # noqa: PLR0911 - one for each end of a form
        self, provider: IdentityProvider | None
    ) -> AnyResponse:
        client = self._find_client(request.args)
        if client is None or _authorize_error(request.args, client) is not None:
            return _redirect_to_error_page(request.args)
        if request.method == "GET":
            return self._login_form(client, provider, username=request.args.get("login_hint", ""))
        if not secrets_equal(request.form.get("_csrf"), request.cookies.get(CSRF_COOKIE)):
            text = "Go back to your notebook and open the link again."
            return Response(render_template("page.html", title="This form has expired", text=text), 403)
        username = request.form.get("username", "")
        checked = self._check_form(provider)
        if checked is None:
            message = _EXPIRED_SESSION if "session" in request.form else _WRONG_PASSWORD
            return self._login_form(client, provider, username=username, error=message)
        if isinstance(checked, Response):
            return _no_store(checked)
        if self._pool.knobs.login_error:
            error = {"error_description": self._pool.knobs.login_error, "error": "server_error"}
            return _redirect_to_client({"redirect_uri": request.args["redirect_uri"]}, **error)
        cookie, session = self._pool.create_session(checked)
        self._on_secrets(cookie)
        response = self._redirect_with_code(client, request.args, session)
        set_cookie(response, SESSION_COOKIE, cookie, int(self._pool.knobs.cookie_seconds))
        return response

    def _check_form(self, provider: IdentityProvider | None) -> User | Response | None:
        """Returns the user, or the page that wants more of the user, or None if the form is wrong."""
        if "session" in request.form:
            return self._challenges.go_on()
        user = self._pool.check_password(request.form.get("username", ""), request.form.get("password", ""), provider)
        return None if user is None else self._challenges.start(user) or user

    def logout(self) -> AnyResponse:
        """GET /logout: deletes the login cookie, and redirects to a registered sign-out URL or to the sign-in."""
        query = request.args
        client = self._pool.clients.get(query.get("client_id", ""))
        target = query.get("logout_uri", "")
        if "logout_uri" not in query and self._find_client(query) is not None and "response_type" in query:
            target = f"/oauth2/authorize?{request.query_string.decode('latin-1')}"
        elif client is None or target not in client.logout_uris:
            return _redirect_mismatch(query)
        self._pool.end_session(request.cookies.get(SESSION_COOKIE))
        response = redirect(target)
        response.delete_cookie(SESSION_COOKIE)
        return response

    def error(self) -> AnyResponse:
        """GET /error: the page for an unknown client, an unregistered redirect URI, or a missing parameter."""
        title = "An error was encountered with the requested page"
        text = "The app client is unknown, or this redirect URI is not registered with it, character for character."
        if request.args.get("error") != "redirect_mismatch":
            text = request.args.get("error", "")
        return Response(render_template("page.html", title=title, text=text), 400)

    def _find_client(self, query: Mapping[str, str]) -> AppClient | None:
        client = self._pool.clients.get(query.get("client_id", ""))
        return client if client is not None and query.get("redirect_uri", "") in client.redirect_uris else None

    def _find_provider(self, query: Mapping[str, str]) -> IdentityProvider | None:
        return self._pool.find_provider(query.get("identity_provider"), query.get("idp_identifier"))

    def _login_form(
        self, client: AppClient, provider: IdentityProvider | None, *, username: str, error: str = ""
    ) -> AnyResponse:
        if not self._pool.knobs.login_style and provider is None:
            # The text is that of public reports, such as minorun365/html-share#3; the status is not known.
            return Response(render_template("page.html", title="Login pages unavailable", text=""), 400)
        csrf = secrets.token_urlsafe(32)
        query = {name: value for name, value in request.args.items() if name != "identity_provider"}
        choices = {
            name: f"/oauth2/authorize?{urlencode(query | {'identity_provider': name})}"
            for name in list(self._pool.providers)
            if provider is None
        }
        page = render_template(
            "login.html",
            client_id=client.client_id,
            place=provider.name if provider is not None else "",
            choices=choices,
            action=f"{request.path}?{request.query_string.decode('latin-1')}",
            csrf=csrf,
            username=username,
            error=error,
        )
        response = Response(page)
        set_cookie(response, CSRF_COOKIE, csrf, 600)
        return _no_store(response)

    def _redirect_with_code(self, client: AppClient, query: Mapping[str, str], session: Session) -> AnyResponse:
        # Cognito sends a nonce to an external provider, and leaves it in the id token: nextauthjs/next-auth#3544.
        nonce = query.get("nonce") or (secrets.token_urlsafe(48) if session.provider is not None else None)
        grant = Grant(
            session,
            client.client_id,
            query.get("scope") or " ".join(client.scopes),
            query["redirect_uri"],
            query.get("code_challenge"),
            nonce,
            query.get("resource"),
        )
        code = self._pool.issue_code(grant)
        self._on_secrets(code)
        return _redirect_to_client(query, code=code)


def _no_store(response: Response) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
    response.headers.update(headers)
    return response


def _authorize_error(query: Mapping[str, str], client: AppClient) -> dict[str, str] | None:
    """Returns the error of an authorization request whose client and redirect URI are valid; None if it has none."""
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
    if not query.get("response_type") or bool(challenge) != bool(method) or (method and method != "S256"):
        return {"error": "invalid_request"}
    if query["response_type"] != "code" or not client.code_grant:
        return {"error": "unauthorized_client"}
    scopes = set(query.get("scope", "").split())
    if not scopes <= set(client.scopes) or (ATTRIBUTE_SCOPES & scopes and "openid" not in scopes):
        # The guide says invalid_scope; this is what was seen live: mlops-club/awscdk-minecraft#40.
        return {"error": "invalid_request", "error_description": "invalid_scope"}
    return None


def _redirect_to_error_page(query: Mapping[str, str]) -> AnyResponse:
    """Redirects to the error page, since the query does not name a client and one of its redirect URIs."""
    if not query.get("client_id") or not query.get("redirect_uri"):
        return redirect(f"/error?{urlencode({'error': 'Required parameters missing'})}")
    return _redirect_mismatch(query)


def _redirect_mismatch(query: Mapping[str, str]) -> AnyResponse:
    parameters = {"error": "redirect_mismatch", "client_id": query.get("client_id", "")}
    return redirect(f"/error?{urlencode(parameters)}")


def _redirect_to_client(query: Mapping[str, str], **parameters: str) -> AnyResponse:
    """Redirects to the client's redirect URI, with the state that it sent."""
    if "state" in query:
        parameters["state"] = query["state"]
    target = query["redirect_uri"]
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(parameters)}")
