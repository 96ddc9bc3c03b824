"""The endpoint of the identity pool and of the API of the user pool: AWS JSON 1.1 over HTTP.

Source: https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.wrappers import Response as AnyResponse

from ..aws_responses import AWS_JSON_TYPE, aws_error
from ..faults import is_loopback_host
from .api.operations import UserPoolApi
from .identity_pool import IdentityPool

_USER_POOL_TARGET = "AWSCognitoIdentityProviderService."
_TIMES = "Expiration|UserCreateDate|UserLastModifiedDate|CreationDate|LastModifiedDate"
_SECRETS = frozenset({
    "SecretKey", "SessionToken", "AccessToken", "IdToken", "RefreshToken", "Token", "Session", "Password",
    "TemporaryPassword", "ClientSecret", "PASSWORD", "NEW_PASSWORD", "REFRESH_TOKEN", "SECRET_HASH",
})  # fmt: skip


def add_aws_endpoint(
    app: Flask, identity_pool: IdentityPool, user_pool_api: UserPoolApi, on_secrets: Callable[..., None]
) -> None:
    """Adds the endpoint of the identity pool and of the API of the user pool to an application.

    Args:
        app: The application.
        identity_pool: The identity pool.
        user_pool_api: The API of the user pool.
        on_secrets: Called with the secrets that are received and issued.
    """

    @app.post("/")
    def _action() -> AnyResponse:
        """Runs an operation (AWS JSON 1.1)."""
        target = request.headers.get("X-Amz-Target", "")
        body = request.get_json(force=True, silent=True) if request.get_data() else {}
        if not isinstance(body, dict):
            status, payload = 400, {"__type": "SerializationException", "message": ""}
        elif target.startswith(_USER_POOL_TARGET):
            action, origin = target.removeprefix(_USER_POOL_TARGET), request.headers.get("Origin")
            authorization = request.headers.get("Authorization", "")
            foreign = origin is not None and not is_loopback_host(origin.partition("://")[2])
            status, payload = user_pool_api.handle_action(action, body, authorization, from_foreign_page=foreign)
            on_secrets(*_find_secrets(body))
        else:
            status, payload = identity_pool.handle_action(target.removeprefix("AWSCognitoIdentityService."), body)
        on_secrets(*_find_secrets(payload))
        request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
        if "__type" in payload:
            error = aws_error(payload["__type"], payload["message"], status)
            return Response(error["body"], status, error["headers"] | request_id, content_type=AWS_JSON_TYPE)
        return Response(_aws_json(payload), status, request_id, content_type=AWS_JSON_TYPE)


def _find_secrets(value: object) -> list[str]:
    """Returns the secrets in a request or a response."""
    if not isinstance(value, dict):
        return []
    own = [item for name, item in value.items() if name in _SECRETS and isinstance(item, str)]
    return own + [secret for item in value.values() for secret in _find_secrets(item)]


def _aws_json(payload: Mapping[str, Any]) -> str:
    """Returns JSON as AWS's Java writes it: a time is a number such as 1.515115602E9 (a sign-in recorded in 2018)."""

    def in_java(number: re.Match[str]) -> str:
        whole = number[2]
        digits = f"{whole}{(number[3] or '')[1:4]}".rstrip("0")
        return f"{number[1]}{digits[0]}.{digits[1:] or '0'}E{len(whole) - 1}"

    return re.sub(rf'("(?:{_TIMES})": )(\d+)(\.\d+)?', in_java, json.dumps(payload))
