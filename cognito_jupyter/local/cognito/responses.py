"""What the endpoints of one Cognito have in common: JSON responses, OAuth errors, cookies, and comparing secrets."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ..aws_responses import JSON_TYPE

CSRF_COOKIE = "XSRF-TOKEN"


class OAuthError(Exception):
    """An OAuth error response (RFC 6749, section 5.2).

    Args:
        error: The error code.
        description: The error description, if any.
        status: The HTTP status.
    """

    def __init__(self, error: str, description: str | None = None, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


def error_response(error: OAuthError) -> AnyResponse:
    """Returns an error as the token endpoint sends it."""
    body = {"error": error.error} | ({"error_description": error.description} if error.description else {})
    return json_response(body, error.status)


def json_response(
    payload: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> AnyResponse:
    """Returns a JSON response.

    Args:
        payload: The object.
        status: The HTTP status.
        headers: Further headers.
    """
    return Response(json.dumps(payload), status, dict(headers or {}), content_type=JSON_TYPE)


def secrets_equal(given: str | None, expected: str | None) -> bool:
    """Compares two secrets in constant time.

    Args:
        given: What was sent.
        expected: What it must be.

    Returns:
        Whether both are there and equal.
    """
    return bool(given and expected) and hmac.compare_digest(str(given).encode(), str(expected).encode())


def set_cookie(response: AnyResponse, name: str, value: str, seconds: int) -> None:
    """Sets a cookie that scripts cannot read.

    Args:
        response: The response that sets it.
        name: The cookie's name.
        value: Its value.
        seconds: Its lifetime.
    """
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", secure=request.is_secure)
