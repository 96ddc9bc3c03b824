"""The HTTP of the user pool and the identity pool, as Amazon Cognito's.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..model import AppClient
from .identity_pool import IdentityPool
from .user_pool import Grant, OAuthError, Session, UserPool

SESSION_COOKIE, CSRF_COOKIE = "cognito", "XSRF-TOKEN"
_JSON_TYPE = "application/json;charset=UTF-8"
_WRONG_PASSWORD = "Incorrect username or password."  # noqa: S105 - a message


def make_app(
    pool: UserPool, identity_pool: IdentityPool, domain_url: Callable[[], str], on_secrets: Callable[..., None]
) -> Flask:
    """Makes the WSGI application of one Cognito.

    Args:
        pool: The user pool.
        identity_pool: The identity pool.
        domain_url: Returns the URL of the Cognito domain.
        on_secrets: Called with the secrets that are received and issued, of which some are empty, for tests that search
            for them.
    """
    app = Flask(__name__, static_folder=None)
    endpoints = _UserPoolEndpoints(pool, on_secrets)
    for path, view, methods in (
        ("/oauth2/authorize", endpoints.authorize, ["GET"]),
        ("/login", endpoints.login, ["GET", "POST"]),
        ("/logout", endpoints.logout, ["GET"]),
        ("/error", endpoints.error, ["GET"]),
        ("/oauth2/token", endpoints.token, ["POST"]),
        ("/oauth2/revoke", endpoints.revoke, ["POST"]),
        ("/oauth2/userInfo", endpoints.user_info, ["GET", "POST"]),
    ):
        app.add_url_rule(path, path, view, methods=methods)
    app.register_error_handler(OAuthError, _error_response)

    @app.get(f"/{pool.pool_id}/.well-known/jwks.json")
    def _jwks() -> AnyResponse:
        return _json_response(pool.signer.jwks())

    @app.get(f"/{pool.pool_id}/.well-known/openid-configuration")
    def _configuration() -> AnyResponse:
        return _json_response(_openid_configuration(pool, domain_url()))

    @app.get("/<unknown>/.well-known/<document>")
    def _unknown_pool(unknown: str, **_document: str) -> AnyResponse:
        # Cognito's own text is not known.
        return _json_response({"message": f"User pool {unknown} does not exist."}, 400)

    @app.post("/")
    def _identity_pool_action() -> AnyResponse:
        """Runs an action of the identity pool (AWS JSON 1.1)."""
        action = request.headers.get("X-Amz-Target", "").removeprefix("AWSCognitoIdentityService.")
        body = request.get_json(force=True, silent=True) if request.get_data() else {}
        if isinstance(body, dict):
            status, payload = identity_pool.handle_action(action, body)
        else:
            status, payload = 400, {"__type": "SerializationException", "message": ""}
        credentials = payload.get("Credentials", {})
        on_secrets(credentials.get("SecretKey"), credentials.get("SessionToken"))
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        if "__type" in payload:
            headers["x-amzn-ErrorType"] = str(payload["__type"])
        return Response(json.dumps(payload), status, headers, content_type="application/x-amz-json-1.1")

    return app


class _UserPoolEndpoints:
    """The user pool's pages for the browser, and its endpoints for programs."""

    def __init__(self, pool: UserPool, on_secrets: Callable[..., None]) -> None:
        self._pool = pool
        self._on_secrets = on_secrets

    # -- pages

    def authorize(self) -> AnyResponse:
        """GET /oauth2/authorize."""
        query = request.args
        client = self._find_client(query)
        if client is None:
            return _redirect_mismatch()
        error = _authorize_error(query, client)
        if error is not None:
            return _redirect_to_client(query, **error)
        prompt = query.get("prompt")
        session = None if prompt == "login" else self._pool.find_session(request.cookies.get(SESSION_COOKIE))
        if session is not None:
            return self._redirect_with_code(query, session)
        if prompt == "none":
            return _redirect_to_client(query, error="login_required")
        return redirect(f"/login?{request.query_string.decode('latin-1')}")

    def login(self) -> AnyResponse:
        """GET and POST /login: the form, and the user name and password from it."""
        client = self._find_client(request.args)
        if client is None or _authorize_error(request.args, client) is not None:
            return _redirect_mismatch()
        if request.method == "GET":
            return self._login_form(client, username=request.args.get("login_hint", ""))
        if not _secrets_equal(request.form.get("_csrf"), request.cookies.get(CSRF_COOKIE)):
            text = "Go back to your notebook and open the link again."
            return Response(render_template("page.html", title="This form has expired", text=text), 403)
        username = request.form.get("username", "")
        login = self._pool.create_session(username, request.form.get("password", ""))
        if login is None:
            return self._login_form(client, username=username, error=_WRONG_PASSWORD)
        cookie, session = login
        self._on_secrets(cookie)
        response = self._redirect_with_code(request.args, session)
        _set_cookie(response, SESSION_COOKIE, cookie, int(self._pool.knobs.cookie_seconds))
        return response

    def logout(self) -> AnyResponse:
        """GET /logout: deletes the login cookie, and redirects to a registered sign-out URL or to the sign-in."""
        query = request.args
        client = self._pool.clients.get(query.get("client_id", ""))
        target = query.get("logout_uri", "")
        if "logout_uri" not in query and self._find_client(query) is not None and "response_type" in query:
            target = f"/oauth2/authorize?{request.query_string.decode('latin-1')}"
        elif client is None or target not in client.logout_uris:
            return _redirect_mismatch()
        self._pool.end_session(request.cookies.get(SESSION_COOKIE))
        response = redirect(target)
        response.delete_cookie(SESSION_COOKIE)
        return response

    def error(self) -> AnyResponse:
        """GET /error: the page for an unknown client or an unregistered redirect URI."""
        title = "An error was encountered with the requested page"
        text = "The app client is unknown, or this redirect URI is not registered with it, character for character."
        return Response(render_template("page.html", title=title, text=text), 400)

    def _find_client(self, query: Mapping[str, str]) -> AppClient | None:
        client = self._pool.clients.get(query.get("client_id", ""))
        return client if client is not None and query.get("redirect_uri", "") in client.redirect_uris else None

    def _login_form(self, client: AppClient, *, username: str, error: str = "") -> AnyResponse:
        csrf = secrets.token_urlsafe(32)
        action = f"/login?{request.query_string.decode('latin-1')}"
        page = render_template(
            "login.html", client_id=client.client_id, action=action, csrf=csrf, username=username, error=error
        )
        response = Response(page)
        _set_cookie(response, CSRF_COOKIE, csrf, 600)
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
        response.headers.update(headers)
        return response

    def _redirect_with_code(self, query: Mapping[str, str], session: Session) -> AnyResponse:
        scope = query.get("scope") or "openid"
        grant = Grant(
            session, query["client_id"], scope, query["redirect_uri"], query.get("code_challenge"), query.get("nonce")
        )
        code = self._pool.issue_code(grant)
        self._on_secrets(code)
        return _redirect_to_client(query, code=code)

    # -- endpoints for programs

    def token(self) -> AnyResponse:
        """POST /oauth2/token (RFC 6749, sections 4.1.3 and 6)."""
        form = request.form
        self._on_secrets(form.get("code_verifier"), form.get("code"), form.get("refresh_token"))
        tokens = self._issue_tokens(self._authenticate_client(), form)
        self._on_secrets(tokens["id_token"], tokens["access_token"], tokens.get("refresh_token"))
        return _json_response(tokens, headers={"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"})

    def _issue_tokens(self, client: AppClient, form: Mapping[str, str]) -> dict[str, Any]:
        match form.get("grant_type"):
            case "authorization_code" if client.code_grant:
                if not form.get("code") or not form.get("redirect_uri"):
                    raise OAuthError("invalid_request")
                return self._pool.redeem_code(client, form["code"], form["redirect_uri"], form.get("code_verifier", ""))
            case "authorization_code":
                raise OAuthError("unauthorized_client")
            case "refresh_token":
                if not form.get("refresh_token"):
                    raise OAuthError("invalid_request")
                return self._pool.redeem_refresh_token(client, form["refresh_token"])
            case None | "":
                raise OAuthError("invalid_request")
            case _:
                raise OAuthError("unsupported_grant_type")

    def revoke(self) -> AnyResponse:
        """POST /oauth2/revoke (RFC 7009)."""
        self._authenticate_client(error_status=401)
        token = request.form.get("token")
        if not token:
            raise OAuthError("invalid_request")
        if token.count(".") == 2 and token.startswith("eyJ"):
            raise OAuthError("unsupported_token_type")
        self._pool.revoke_family(token)
        return Response("", 200)

    def user_info(self) -> AnyResponse:
        """GET and POST /oauth2/userInfo."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._pool.signer.verified_claims(token, "access") if scheme == "Bearer" else None
        if claims is None or claims["exp"] <= self._pool.knobs.now() or "openid" not in claims["scope"].split():
            error, description = "invalid_token", "Access token is not valid"
            headers = {"WWW-Authenticate": f'Bearer error="{error}", error_description="{description}"'}
            return _json_response({"error": error, "error_description": description}, 401, headers)
        user = self._pool.users[claims["username"]]
        return _json_response(
            {"sub": user.sub, "email": user.email, "email_verified": "true", "username": user.username}
        )

    def _authenticate_client(self, error_status: int = 400) -> AppClient:
        basic = request.authorization
        if basic is not None and basic.type == "basic":
            client_id, secret = basic.username or "", basic.password
        else:
            client_id, secret = request.form.get("client_id", ""), request.form.get("client_secret")
        client = self._pool.clients.get(client_id)
        if client is None or (client.secret is None and secret):
            raise OAuthError("invalid_client", status=error_status)
        if client.secret is not None and not _secrets_equal(secret, client.secret):
            raise OAuthError("invalid_client", "invalid_client_secret", error_status)
        return client


def _authorize_error(query: Mapping[str, str], client: AppClient) -> dict[str, str] | None:
    """Returns the error of an authorization request whose client and redirect URI are valid; None if it has none."""
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
    if not query.get("response_type") or bool(challenge) != bool(method) or (method and method != "S256"):
        return {"error": "invalid_request"}
    if query["response_type"] != "code" or not client.code_grant:
        return {"error": "unauthorized_client"}
    if not set(query.get("scope", "").split()) <= set(client.scopes):
        # The guide says invalid_scope; this is what was seen live: mlops-club/awscdk-minecraft#40.
        return {"error": "invalid_request", "error_description": "invalid_scope"}
    return None


def _redirect_mismatch() -> AnyResponse:
    query = urlencode({"error": "redirect_mismatch", "client_id": request.args.get("client_id", "")})
    return redirect(f"/error?{query}")


def _redirect_to_client(query: Mapping[str, str], **parameters: str) -> AnyResponse:
    """Redirects to the client's redirect URI, with the state that it sent."""
    if "state" in query:
        parameters["state"] = query["state"]
    target = query["redirect_uri"]
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(parameters)}")


def _openid_configuration(pool: UserPool, domain_url: str) -> dict[str, Any]:
    return {
        "authorization_endpoint": f"{domain_url}/oauth2/authorize",
        "end_session_endpoint": f"{domain_url}/logout",
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": pool.issuer,
        "jwks_uri": f"{pool.issuer}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "revocation_endpoint": f"{domain_url}/oauth2/revoke",
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": f"{domain_url}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "userinfo_endpoint": f"{domain_url}/oauth2/userInfo",
    }


def _error_response(error: OAuthError) -> AnyResponse:
    body = {"error": error.error} | ({"error_description": error.description} if error.description else {})
    return _json_response(body, error.status, {"Access-Control-Allow-Origin": "*"})


def _json_response(
    payload: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> AnyResponse:
    return Response(json.dumps(payload), status, dict(headers or {}), content_type=_JSON_TYPE)


def _secrets_equal(given: str | None, expected: str | None) -> bool:
    return bool(given and expected) and hmac.compare_digest(str(given).encode(), str(expected).encode())


def _set_cookie(response: AnyResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", secure=request.is_secure)
