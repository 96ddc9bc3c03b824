"""The identity pool's endpoint: AWS JSON 1.1 over HTTP.

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
from .identity_pool import IdentityPool


def add_identity_endpoint(app: Flask, identity_pool: IdentityPool, on_secrets: Callable[..., None]) -> None:
    """Adds the identity pool's endpoint to an application.

    Args:
        app: The application.
        identity_pool: The identity pool.
        on_secrets: Called with the secrets that are issued.
    """

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
        request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
        if "__type" in payload:
            error = aws_error(payload["__type"], payload["message"], status)
            return Response(error["body"], status, error["headers"] | request_id, content_type=AWS_JSON_TYPE)
        return Response(_aws_json(payload), status, request_id, content_type=AWS_JSON_TYPE)


def _aws_json(payload: Mapping[str, Any]) -> str:
    """Returns JSON as AWS's Java writes it: a time is a number such as 1.515115602E9 (a sign-in recorded in 2018)."""

    def in_java(number: re.Match[str]) -> str:
        digits = number[2].rstrip("0")
        return f"{number[1]}{digits[0]}.{digits[1:] or '0'}E{len(number[2]) - 1}"

    return re.sub(r'("Expiration": )(\d+)', in_java, json.dumps(payload))
