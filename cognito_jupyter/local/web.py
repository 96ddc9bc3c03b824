"""The user pool's and the identity pool's HTTP, as Amazon Cognito's.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import Flask, Request, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from .model import AppClient
from .pages import login_page, notice_page
from .userpool import Grant, Refused, Session, UserPool

COOKIE, CSRF_COOKIE = "cognito", "XSRF-TOKEN"
_JSON = "application/json;charset=UTF-8"
_WRONG = "Incorrect username or password."


class Identities(Protocol):
    """The identity pool behind POST /."""

    def handle(self, action: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer of one action."""


def make_app(
    pool: UserPool, identities: Identities, origin: Callable[[], str], remember: Callable[[str], None]
) -> Flask:
    """The WSGI application of one Cognito.

    Args:
        pool: The user pool.
        identities: The identity pool.
        origin: The domain's own origin.
        remember: Told every secret that passes, for tests that search for them.
    """
    app = Flask(__name__, static_folder=None)
    pages = _HostedPages(pool, remember)
    tokens = _TokenEndpoints(pool, remember)
    for path, view, methods in (
        ("/oauth2/authorize", pages.authorize, ["GET"]),
        ("/login", pages.login, ["GET", "POST"]),
        ("/logout", pages.logout, ["GET"]),
        ("/error", pages.error, ["GET"]),
        ("/oauth2/token", tokens.token, ["POST"]),
        ("/oauth2/revoke", tokens.revoke, ["POST"]),
        ("/oauth2/userInfo", tokens.user_info, ["GET", "POST"]),
    ):
        app.add_url_rule(path, path, view, methods=methods)
    known = f"/{pool.pool_id}/.well-known"
    app.add_url_rule(f"{known}/jwks.json", "jwks", lambda: _json(pool.signer.jwks()))
    app.add_url_rule(f"{known}/openid-configuration", "configuration", lambda: _json(_configuration(pool, origin())))
    app.add_url_rule("/<unknown>/.well-known/<document>", "unknown", _unknown_pool)
    app.add_url_rule("/", "identity", lambda: _identity(identities, remember), methods=["POST"])
    return app


class _HostedPages:
    """What the browser sees."""

    def __init__(self, pool: UserPool, remember: Callable[[str], None]) -> None:
        self._pool = pool
        self._remember = remember

    def authorize(self) -> AnyResponse:
        """GET /oauth2/authorize."""
        query = request.args
        client = self._client(query)
        if client is None:
            return redirect(
                f"/error?{urlencode({'error': 'redirect_mismatch', 'client_id': query.get('client_id', '')})}"
            )
        problem = _problem(query, client)
        if problem is not None:
            return _back(query, **problem)
        session = None if query.get("prompt") == "login" else self._pool.session_of(request.cookies.get(COOKIE))
        if session is not None:
            return self._with_code(query, session)
        if query.get("prompt") == "none":
            return _back(query, error="login_required")
        return redirect(f"/login?{request.query_string.decode('latin-1')}")

    def login(self) -> AnyResponse:
        """GET and POST /login: the form, and what a person put into it."""
        client = self._client(request.args)
        if client is None or _problem(request.args, client) is not None:
            return redirect(
                f"/error?{urlencode({'error': 'redirect_mismatch', 'client_id': request.args.get('client_id', '')})}"
            )
        if request.method == "GET":
            return self._form(client, username=request.args.get("login_hint", ""))
        if not _same(request.form.get("_csrf"), request.cookies.get(CSRF_COOKIE)):
            return Response(
                notice_page("This form is out of date", "Go back to your notebook and open the link again."), 403
            )
        username = request.form.get("username", "")
        signed_in = self._pool.sign_in(username, request.form.get("password", ""))
        if signed_in is None:
            return self._form(client, username=username, problem=_WRONG)
        cookie, session = signed_in
        self._remember(cookie)
        answer = self._with_code(request.args, session)
        _set_cookie(answer, COOKIE, cookie, int(self._pool.knobs.cookie_seconds))
        return answer

    def logout(self) -> AnyResponse:
        """GET /logout: ends the login cookie and goes to a registered sign-out URL, or back to the sign-in."""
        query = request.args
        client = self._pool.clients.get(query.get("client_id", ""))
        target = query.get("logout_uri", "")
        if "logout_uri" not in query and self._client(query) is not None and "response_type" in query:
            target = f"/oauth2/authorize?{request.query_string.decode('latin-1')}"
        elif client is None or target not in client.logout_uris:
            return redirect(
                f"/error?{urlencode({'error': 'redirect_mismatch', 'client_id': request.args.get('client_id', '')})}"
            )
        self._pool.sign_out(request.cookies.get(COOKIE))
        answer = redirect(target)
        answer.delete_cookie(COOKIE)
        return answer

    def error(self) -> AnyResponse:
        """GET /error: the end of the road for a redirect URI that is not registered."""
        text = "The app client is unknown, or this redirect URI is not registered with it to the character."
        return Response(notice_page("An error was encountered with the requested page", text), 400)

    def _client(self, query: Mapping[str, str]) -> AppClient | None:
        client = self._pool.clients.get(query.get("client_id", ""))
        return client if client is not None and query.get("redirect_uri", "") in client.redirect_uris else None

    def _form(self, client: AppClient, **how: str) -> AnyResponse:
        csrf = secrets.token_urlsafe(32)
        action = f"/login?{request.query_string.decode('latin-1')}"
        answer = Response(login_page(app=client.client_id, action=action, csrf=csrf, **how))
        _set_cookie(answer, CSRF_COOKIE, csrf, 600)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Frame-Options"] = "DENY"
        return answer

    def _with_code(self, query: Mapping[str, str], session: Session) -> AnyResponse:
        grant = Grant(
            session,
            query["client_id"],
            query.get("scope") or "openid",
            query["redirect_uri"],
            query.get("code_challenge"),
            query.get("nonce"),
        )
        code = self._pool.issue_code(grant)
        self._remember(code)
        return _back(query, code=code)


class _TokenEndpoints:
    """What programs ask."""

    def __init__(self, pool: UserPool, remember: Callable[[str], None]) -> None:
        self._pool = pool
        self._remember = remember

    def token(self) -> AnyResponse:
        """POST /oauth2/token (RFC 6749, sections 4.1.3 and 6)."""
        form = request.form
        for name in ("code_verifier", "code", "refresh_token"):
            self._remember(form.get(name, ""))
        try:
            client = self._authenticated(request)
            answer = self._granted(client, form)
        except Refused as refusal:
            return _refusal(refusal)
        for name in ("id_token", "access_token", "refresh_token"):
            self._remember(answer.get(name, ""))
        return _json(answer, headers={"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"})

    def _granted(self, client: AppClient, form: Mapping[str, str]) -> dict[str, Any]:
        match form.get("grant_type"):
            case "authorization_code" if client.code_grant:
                if not form.get("code") or not form.get("redirect_uri"):
                    raise Refused("invalid_request")
                return self._pool.redeem_code(client, form["code"], form["redirect_uri"], form.get("code_verifier", ""))
            case "authorization_code":
                raise Refused("unauthorized_client")
            case "refresh_token":
                if not form.get("refresh_token"):
                    raise Refused("invalid_request")
                return self._pool.refresh(client, form["refresh_token"])
            case None | "":
                raise Refused("invalid_request")
            case _:
                raise Refused("unsupported_grant_type")

    def revoke(self) -> AnyResponse:
        """POST /oauth2/revoke (RFC 7009)."""
        try:
            self._authenticated(request, status=401)
            token = request.form.get("token")
            if not token:
                raise Refused("invalid_request")
            if token.count(".") == 2 and token.startswith("eyJ"):
                raise Refused("unsupported_token_type")
            self._pool.revoke(token)
        except Refused as refusal:
            return _refusal(refusal)
        return Response("", 200)

    def user_info(self) -> AnyResponse:
        """GET and POST /oauth2/userInfo."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._pool.signer.claims(token, "access") if kind == "Bearer" else None
        if claims is None or claims["exp"] <= self._pool.knobs.now() or "openid" not in claims["scope"].split():
            headers = {
                "WWW-Authenticate": 'Bearer error="invalid_token", error_description="Access token is not valid"'
            }
            return _json({"error": "invalid_token", "error_description": "Access token is not valid"}, 401, headers)
        user = self._pool.users[claims["username"]]
        return _json({"sub": user.sub, "email": user.email, "email_verified": "true", "username": user.username})

    def _authenticated(self, asked: Request, status: int = 400) -> AppClient:
        basic = asked.authorization
        by_header = basic is not None and basic.type == "basic"
        client_id = (basic.username if basic and by_header else asked.form.get("client_id")) or ""
        secret = basic.password if basic and by_header else asked.form.get("client_secret")
        client = self._pool.clients.get(client_id)
        if client is None or (client.secret is None and secret):
            raise Refused("invalid_client", status=status)
        if client.secret is not None and not _same(secret, client.secret):
            raise Refused("invalid_client", "invalid_client_secret", status)
        return client


def _problem(query: Mapping[str, str], client: AppClient) -> dict[str, str] | None:
    """What is wrong with an authorize request whose client and redirect URI are good."""
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
    if not query.get("response_type") or bool(challenge) != bool(method) or (method and method != "S256"):
        return {"error": "invalid_request"}
    if query["response_type"] != "code" or not client.code_grant:
        return {"error": "unauthorized_client"}
    if not set(query.get("scope", "").split()) <= set(client.scopes):
        # The guide says invalid_scope; seen live as this: mlops-club/awscdk-minecraft#40.
        return {"error": "invalid_request", "error_description": "invalid_scope"}
    return None


def _back(query: Mapping[str, str], **answer: str) -> AnyResponse:
    """To the callback, with the state that came."""
    state = {"state": query["state"]} if "state" in query else {}
    target = query["redirect_uri"]
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode({**answer, **state})}")


def _configuration(pool: UserPool, origin: str) -> dict[str, Any]:
    return {
        "authorization_endpoint": f"{origin}/oauth2/authorize",
        "end_session_endpoint": f"{origin}/logout",
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": pool.issuer,
        "jwks_uri": f"{pool.issuer}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "revocation_endpoint": f"{origin}/oauth2/revoke",
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": f"{origin}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "userinfo_endpoint": f"{origin}/oauth2/userInfo",
    }


def _unknown_pool(unknown: str, document: str) -> AnyResponse:
    """The documents of a pool that there is not; the real text is not known."""
    del document
    return _json({"message": f"User pool {unknown} does not exist."}, 400)


def _identity(identities: Identities, remember: Callable[[str], None]) -> AnyResponse:
    """POST / of the identity pool, JSON 1.1."""
    action = request.headers.get("X-Amz-Target", "").removeprefix("AWSCognitoIdentityService.")
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        body = None
    if isinstance(body, dict):
        status, answer = identities.handle(action, body)
    else:
        status, answer = 400, {"__type": "SerializationException", "message": ""}
    credentials = answer.get("Credentials", {})
    remember(credentials.get("SecretKey", ""))
    remember(credentials.get("SessionToken", ""))
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    if "__type" in answer:
        headers["x-amzn-ErrorType"] = str(answer["__type"])
    return Response(json.dumps(answer), status, headers, content_type="application/x-amz-json-1.1")


def _refusal(refusal: Refused) -> AnyResponse:
    body = {"error": refusal.error} | ({"error_description": refusal.description} if refusal.description else {})
    return _json(body, refusal.status, {"Access-Control-Allow-Origin": "*"})


def _json(payload: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> AnyResponse:
    return Response(json.dumps(payload), status, dict(headers or {}), content_type=_JSON)


def _same(given: str | None, wanted: str | None) -> bool:
    return bool(given and wanted) and hmac.compare_digest(str(given).encode(), str(wanted).encode())


def _set_cookie(answer: AnyResponse, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", secure=request.is_secure)
