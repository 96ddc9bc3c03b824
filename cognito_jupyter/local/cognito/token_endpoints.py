"""The user pool's endpoints for programs: token, revoke and userInfo.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from ..model import AppClient
from .responses import CSRF_COOKIE, OAuthError, json_response, secrets_equal
from .tokens.user_claims import attribute_claims
from .user_pool import UserPool

_INVALID_ACCESS_TOKEN = "Access token is expired, disabled, or deleted, or the user has globally signed out."  # noqa: S105 - a message


class TokenEndpoints:
    """The user pool's endpoints for programs.

    Args:
        pool: The user pool.
        on_secrets: Called with the secrets that are received and issued.
    """

    def __init__(self, pool: UserPool, on_secrets: Callable[..., None]) -> None:
        self._pool = pool
        self._on_secrets = on_secrets

    def add_to(self, app: Flask) -> None:
        """Adds the endpoints to an application."""
        for path, view, methods in (
            ("/oauth2/token", self.token, ["POST"]),
            ("/oauth2/revoke", self.revoke, ["POST"]),
            ("/oauth2/userInfo", self.user_info, ["GET", "POST"]),
        ):
            app.add_url_rule(path, path, view, methods=methods)
        app.register_error_handler(MethodNotAllowed, _method_not_allowed)

    def token(self) -> AnyResponse:
        """POST /oauth2/token (RFC 6749, sections 4.1.3 and 6)."""
        _require_form()
        form = request.form
        self._on_secrets(form.get("code_verifier"), form.get("code"), form.get("refresh_token"))
        tokens = self._issue_tokens(self._authenticate_client(), form)
        self._on_secrets(tokens.get("id_token"), tokens["access_token"], tokens.get("refresh_token"))
        return json_response(tokens, headers={"Cache-Control": "no-store"})

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
        _require_form()
        client = self._authenticate_client(error_status=401)
        token = request.form.get("token")
        if not token or not client.revocation:
            raise OAuthError("invalid_request")
        if token.count(".") == 2 and token.startswith("eyJ"):
            raise OAuthError("unsupported_token_type")
        self._pool.revoke_family(token)
        return _empty_response(200)

    def user_info(self) -> AnyResponse:
        """GET and POST /oauth2/userInfo."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return _user_info_error(400, "invalid_request", "Bad OAuth2 request at UserInfo Endpoint")
        claims = self._pool.signer.verified_claims(token, "access")
        user = self._pool.current_user(claims) if claims is not None else None
        if claims is None or user is None or "openid" not in claims["scope"].split():
            return _user_info_error(401, "invalid_token", _INVALID_ACCESS_TOKEN)
        attributes = attribute_claims(user, claims["scope"].split())
        # A flag is a string here and a boolean in the id token.
        payload = {name: str(value).lower() if isinstance(value, bool) else value for name, value in attributes.items()}
        payload |= {"sub": user.sub, "username": claims["username"]}
        return json_response(payload)

    def _authenticate_client(self, error_status: int = 400) -> AppClient:
        basic = request.authorization
        if basic is not None and basic.type == "basic":
            client_id, secret = basic.username or "", basic.password
        else:
            client_id, secret = request.form.get("client_id", ""), request.form.get("client_secret")
        if not client_id:
            raise OAuthError("invalid_request")
        client = self._pool.clients.get(client_id)
        if client is None or (client.secret is None and secret):
            raise OAuthError("invalid_client", status=error_status)
        if client.secret is not None and not secrets_equal(secret, client.secret):
            raise OAuthError("invalid_client", "invalid_client_secret", error_status)
        return client


def _require_form() -> None:
    """Checks the Content-Type: Cognito finds no method for another one, or for one that it cannot read."""
    if request.mimetype != "application/x-www-form-urlencoded":
        raise MethodNotAllowed(["POST"])


def _method_not_allowed(error: MethodNotAllowed) -> AnyResponse:
    """Returns the empty response to a method that a path does not have; it sets the cookie of the login form."""
    response = _empty_response(405)
    response.headers["Allow"] = ", ".join(error.valid_methods or ())
    response.set_cookie(CSRF_COOKIE, str(uuid.uuid4()), httponly=True, secure=request.is_secure)
    return response


def _empty_response(status: int) -> AnyResponse:
    """Returns a response without a body, which has no Content-Type either: Flask would say text/html."""
    response = Response("", status)
    del response.headers["Content-Type"]
    return response


def _user_info_error(status: int, error: str, description: str) -> AnyResponse:
    # The guide writes the header without a scheme; RFC 6750, section 3, requires it.
    headers = {"WWW-Authenticate": f'Bearer error="{error}", error_description="{description}"'}
    return json_response({"error": error, "error_description": description}, status, headers)
