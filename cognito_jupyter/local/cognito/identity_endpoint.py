"""The identity pool's endpoint: AWS JSON 1.1 over HTTP.

Source: https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.wrappers import Response as AnyResponse

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
        headers = {"x-amzn-RequestId": str(uuid.uuid4())}
        if "__type" in payload:
            headers["x-amzn-ErrorType"] = str(payload["__type"])
        return Response(json.dumps(payload), status, headers, content_type="application/x-amz-json-1.1")
